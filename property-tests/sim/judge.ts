/**
 * The verdict on a world that has healed: what `invariants.ts` says of its disks, its rows and what its clients were told.
 */
import type { Commit } from '../../crdt/commit.ts'
import type { EventId, RecordId, Ref } from '../../crdt/ids.ts'
import { outsAlso } from '../model/forks.ts'
import {
  acknowledgedIsThere,
  causalReads,
  commitsOn,
  digestsAsDocuments,
  equalDigests,
  forksKnown,
  heldByQuorum,
  historyOf,
  logsVerify,
  oneOfThoseThatMatch,
  nothingForged,
  onceOnly,
  receiptsVerify,
  rowsAsTheModel,
  sameOnEveryDisk,
  sameTexts,
  toldTheTruth,
  type Digests,
  type Violations,
} from '../invariants.ts'
import type { AskStep } from './clients.ts'
import { textsOf } from './log-view.ts'
import { WITHHOLDING, type World } from './world.ts'
import { documentsFromNothing } from '../model/documents-digest.ts'
import { countsAt, withoutForks, withRevoked } from '../model/forks.ts'
import { LIAR } from './liar.ts'
import { putInput } from './texts.ts'

const ANSWER_MS = 30_000

export const judge = async (world: World): Promise<Violations> => {
  const { founded, evidence, schedule, authority } = world
  // Nobody need agree with whom the mesh has taken out.
  const machines = world.machines.filter(({ member }) => !authority.isRevoked(member.peer))
  const disks = machines.map(({ disk }) => disk.lies())
  const forks = machines.map(({ process }) => process!.peer!.replica.forks.all())
  const all = commitsOn(disks[0]!)
  const forkAt = outsAlso(forks[0]!, disks.flatMap(commitsOn))
  const outFrom = withRevoked(all, forkAt)
  const commits = withoutForks(all, outFrom)
  const history = historyOf(
    commits,
    all.filter(({ chain, header }) => countsAt(forkAt, chain, header.seq)),
  )
  const isErased = (commit: Commit, ref: Ref): boolean =>
    commit.events.some(
      ({ event }) =>
        'record' in event &&
        history.erased.has(event.record) &&
        'set' in event &&
        [event.set.content, event.set.title, event.set.metadata, event.set.source].some((body) => body?.ref === ref),
    )
  const textOf = textsOf(disks.map(({ bodyByRef }) => bodyByRef))
  const digests: Digests[] = []
  for (const { process } of machines) digests.push(await world.settle(process!.peer!.node.digests(), ANSWER_MS))
  const verified = []
  if (isWorthVerifying(world))
    for (const { process } of machines) verified.push(await world.settle(process!.peer!.node.verify(), ANSWER_MS))
  await world.readEverywhere()
  const rows = machines[0]!.rows
  const spoiled = spoiledBy(world)
  const acknowledged = evidence.acknowledged.map((write) => ({ ...write, what: nameOf(write.step) }))
  const out = leftOutBy(world, all, commits)
  const told = evidence.told
    .filter((told) => typeof told.localCommitted === 'boolean' && !out.isOut(told))
    .map((each) => ({
      ...each,
      event: wasAskedAgain(evidence, each) ? null : each.event,
      peer: world.machines[each.machine]!.member.peer,
      what: nameOf(each.step),
    }))
  const keyed = [...evidence.keyed].map(([record, { value, attempts }]) => ({
    record,
    content: putInput(value).content,
    attempts: attempts.length,
  }))
  const documents = new Map<string, string>()
  const liars = new Set(founded.members.flatMap((member) => (member.honest ? [] : [member.peer])))
  const honest = new Set<string>([
    founded.mesh,
    ...founded.members.flatMap((member) => (member.honest ? [member.peer] : [])),
  ])
  const voters = new Set(founded.members.filter(({ role }) => role === 'voter').map(({ peer }) => peer))
  return [
    ...world.violations,
    ...sameOnEveryDisk(disks, forkAt),
    ...forksKnown(forks, disks, liars),
    ...sameTexts(disks, commits, (commit, ref) => isErased(commit, ref) || world.isWithheld(ref)),
    ...equalDigests(digests, forkAt.size > 0),
    ...machines.flatMap(({ process }, i) =>
      digestsAsDocuments(digests[i]!, documentsFromNothing(process!.peer!.replica, documents)),
    ),
    ...rowsAsTheModel(
      history,
      {
        memories: rows.memories(),
        links: rows.allLinks(),
        episodes: rows.allEpisodes().length,
        events: rows.allEvents(),
        conflicts: rows.allConflicts(),
      },
      textOf,
    ),
    ...acknowledgedIsThere(
      acknowledged.filter((write) => !out.isOut(write)),
      history,
      spoiled,
    ),
    ...heldByQuorum(acknowledged, spoiled, schedule.evil === 'voter' ? 1 : 0),
    ...receiptsVerify(acknowledged, founded.mesh, voters),
    ...onceOnly(keyed, history, textOf),
    ...causalReads(
      evidence.reads.filter(
        ({ event, machine }) => !out.events.has(event) && !authority.isRevoked(world.machines[machine]!.member.peer),
      ),
    ),
    ...toldTheTruth(told, history, spoiled),
    ...nothingForged(history, (peer, agent) => (agent === LIAR ? liars.has(peer) : honest.has(peer))),
    ...logsVerify(verified),
    ...oneOfThoseThatMatch(matchedBy(world), spoiled),
  ]
}

/**
 * What a revocation has left out for good: what the one taken out said beyond what it names, and what others said of memories that went
 * with it. Everything else that rested on such words is said again by whoever said it.
 */
const leftOutBy = ({ authority, machines }: World, all: readonly Commit[], counting: readonly Commit[]) => {
  const recordsIn = (commits: readonly Commit[]): ReadonlySet<RecordId> =>
    new Set(
      commits.flatMap(({ events }) =>
        events.flatMap(({ event }) => (event.kind === 'memory.put' || event.kind === 'link.put' ? [event.record] : [])),
      ),
    )
  const eventsIn = (commits: readonly Commit[]): readonly (readonly [EventId, RecordId | null])[] =>
    commits.flatMap(({ events }) =>
      events.map(({ event }) => [event.id, 'record' in event ? event.record : null] as const),
    )
  const [puts, left] = [recordsIn(all), recordsIn(counting)]
  const isGone = (record: RecordId | null): boolean => record !== null && puts.has(record) && !left.has(record)
  const counted = new Set(eventsIn(counting).map(([id]) => id))
  const ofRevoked = all.filter(({ header }) => authority.isRevoked(header.peer))
  const events = new Set(
    [...eventsIn(ofRevoked), ...eventsIn(all).filter(([, record]) => isGone(record))].flatMap(([id]) =>
      counted.has(id) ? [] : [id],
    ),
  )
  /** @param byOut answered by one that is out, which may have said what nobody heard. A request that was repeated elsewhere is answered by what was said first. */
  const isLeft = (said: readonly EventId[], byOut: boolean): boolean =>
    byOut ? said.every((event) => !counted.has(event)) : said.length > 0 && said.every((event) => events.has(event))
  return {
    events,
    /** A write that was answered by one that is out, or is of a memory that went with it. */
    isOut: ({
      machine,
      record,
      ...told
    }: {
      readonly machine: number
      readonly record: RecordId | null
      readonly event?: EventId | null
      readonly events?: readonly EventId[]
    }): boolean =>
      isGone(record) ||
      isLeft(
        [...(told.events ?? []), ...(told.event ? [told.event] : [])],
        authority.isRevoked(machines[machine]!.member.peer),
      ),
  }
}

/** What a fork or a revocation leaves out makes a memory again what it was before. */
const matchedBy = ({ evidence: { matched, acknowledged, told }, schedule }: World) => {
  const made = new Set<AskStep>([
    ...acknowledged.map(({ step }) => step),
    ...told.flatMap(({ step, localCommitted }) => (localCommitted === true ? [step] : [])),
  ])
  return schedule.evil !== null || schedule.steps.some((step) => step.do === 'revoke')
    ? []
    : matched.map(({ step, ...match }) => ({ ...match, isMade: made.has(step) }))
}

/** Where something is left out or erased: it takes as long as all else that is judged. A liar that withholds texts, or a disk that lost the one copy, leaves faults that are none of the mesh's. */
const isWorthVerifying = ({ schedule: { steps } }: World): boolean =>
  steps.some(
    (step) =>
      step.do === 'revoke' ||
      (step.do === 'evil' && step.act.startsWith('equivocate')) ||
      (step.do === 'ask' && step.ask.op === 'erase'),
  ) &&
  !steps.some(
    (step) =>
      (step.do === 'evil' && WITHHOLDING.has(step.act)) ||
      step.do === 'flip' ||
      step.do === 'rollback' ||
      step.do === 'clone',
  )

/** Members whose disks were rolled back, damaged or cloned: what only they held may be lost. */
const spoiledBy = ({ schedule }: World): ReadonlySet<number> =>
  new Set(
    schedule.steps.flatMap((step) =>
      step.do === 'rollback' || step.do === 'flip' || step.do === 'clone' ? [step.peer] : [],
    ),
  )

const nameOf = (step: AskStep): string => `${step.ask.op} at ${step.at} ms of client ${step.client}`

/** A request that a peer refused and that was made again, by its key, at the same peer: what is there then may be the later attempt's. */
const wasAskedAgain = (
  { asked }: World['evidence'],
  { step, machine }: { readonly step: AskStep; readonly machine: number },
): boolean => (asked.get(step) ?? []).filter((each) => each === machine).length > 1
