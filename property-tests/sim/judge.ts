/**
 * The verdict on a world that has healed: what `invariants.ts` says of its disks, its rows and what its clients were told.
 */
import type { Commit } from '../../crdt/commit.ts'
import type { Ref } from '../../crdt/ids.ts'
import {
  acknowledgedIsThere, causalReads, commitsOn, equalDigests, forksKnown, heldByQuorum, historyOf, nothingForged, onceOnly, receiptsVerify, rowsAsTheModel, sameOnEveryDisk, sameTexts, toldTheTruth, type Violations,
} from '../invariants.ts'
import type { AskStep } from './clients.ts'
import type { World } from './world.ts'
import { withoutForks } from '../model/forks.ts'
import { LIAR } from './liar.ts'
import { putInput } from './texts.ts'

const ANSWER_MS = 30_000

export const judge = async (world: World): Promise<Violations> => {
  const { machines, founded, evidence, schedule } = world
  const disks = machines.map(({ disk }) => disk.lies())
  const forks = machines.map(({ process }) => process!.peer!.replica.forks.all())
  const forkAt = new Map(forks[0]!.map(({ chain, at }) => [chain, at]))
  const commits = withoutForks(commitsOn(disks[0]!), forkAt)
  const history = historyOf(commits)
  const erased = new Set(history.says.flatMap(({ event }) => (event.kind === 'memory.erase' ? [event.record] : [])))
  const isErased = (commit: Commit, ref: Ref): boolean =>
    commit.events.some(({ event }) => 'record' in event && erased.has(event.record) && 'set' in event && [event.set.content, event.set.title, event.set.metadata].some((body) => body?.ref === ref))
  const texts = new TextDecoder()
  const textOf = (ref: Ref): string | null => {
    const body = disks.map((disk) => disk.bodyByRef.get(ref)).find((found) => found !== undefined)
    return body === undefined ? null : texts.decode(body.text)
  }
  const digests = []
  for (const { process } of machines) digests.push(await world.settle(process!.peer!.node.digests(), ANSWER_MS))
  const rows = machines[0]!.rows
  const spoiled = spoiledBy(world)
  const acknowledged = evidence.acknowledged.map((write) => ({ ...write, what: nameOf(write.step) }))
  const told = evidence.told.filter(({ localCommitted }) => typeof localCommitted === 'boolean').map((each) => ({ ...each, what: nameOf(each.step) }))
  const keyed = [...evidence.keyed].map(([record, { value, attempts }]) => ({ record, content: putInput(value).content, attempts: attempts.length }))
  const liars = new Set(founded.members.flatMap((member) => (member.honest ? [] : [member.peer])))
  const honest = new Set<string>([founded.mesh, ...founded.members.flatMap((member) => (member.honest ? [member.peer] : []))])
  const voters = new Set(founded.members.filter(({ role }) => role === 'voter').map(({ peer }) => peer))
  return [
    ...world.violations,
    ...sameOnEveryDisk(disks, forkAt),
    ...forksKnown(forks, disks, liars),
    ...sameTexts(disks, commits, (commit, ref) => isErased(commit, ref) || world.isWithheld(ref)),
    ...equalDigests(digests, forkAt.size > 0),
    ...rowsAsTheModel(history, { memories: rows.memories(), links: rows.allLinks(), episodes: rows.allEpisodes().length, events: rows.allEvents(), conflicts: rows.allConflicts() }, textOf),
    ...acknowledgedIsThere(acknowledged, history, spoiled),
    ...heldByQuorum(acknowledged, spoiled, schedule.evil === 'voter' ? 1 : 0),
    ...receiptsVerify(acknowledged, founded.mesh, voters),
    ...onceOnly(keyed, history, textOf),
    ...causalReads(evidence.reads),
    ...toldTheTruth(told, history, spoiled),
    ...nothingForged(history, (peer, agent) => (agent === LIAR ? liars.has(peer) : honest.has(peer))),
  ]
}

/** Members whose disks were rolled back, damaged or cloned: what only they held may be lost. */
const spoiledBy = ({ schedule }: World): ReadonlySet<number> => new Set(schedule.steps.flatMap((step) => (step.do === 'rollback' || step.do === 'flip' || step.do === 'clone' ? [step.peer] : [])))

const nameOf = (step: AskStep): string => `${step.ask.op} at ${step.at} ms of client ${step.client}`
