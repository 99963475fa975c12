/**
 * One schedule from beginning to verdict: weather, then healing within a limit of virtual time, so that a wedge fails, then a
 * write that needs every voter, then the invariants.
 */
import { bytesToHex } from '../../crdt/ids.ts'
import { agentOf, NS, type Evidence } from './clients.ts'
import { START_MS } from './founding.ts'
import { judge } from './judge.ts'
import { markWhatHappened } from './marks.ts'
import { endOf, type Schedule } from './schedule.ts'
import { createWorld, type World, type WorldOptions } from './world.ts'

/** The longest waits in the product: a silent link 25 s, reconnect 30 s, want again 60 s; some of them may follow one another. */
export const HEAL_MS_MAX = 240_000
const LOOK_EVERY_MS = 100
/** A peer that has only just met another brings it what it lacks first. */
const ALL_VOTERS_MS = 60_000
const ASK_AGAIN_MS = 500
/** What a store that could not write needs from room to writes at most, and a second for what its peer knows of free space. */
const ROOM_MS = 5_200

export type Verdict = {
  readonly violations: readonly string[]
  readonly wedged: boolean
  readonly simulatedMs: number
  /** From the beginning of healing until all were equal. */
  readonly healMs: number
  readonly acknowledged: number
  readonly evidence: Evidence
  readonly happened: ReadonlyMap<string, number>
  /** The same for the same schedule: frames sent, time, frontier. */
  readonly fingerprint: string
}

export const runSchedule = async (schedule: Schedule, options: WorldOptions = {}): Promise<Verdict> => {
  const world = createWorld(schedule, options)
  for (const step of schedule.steps) world.time.after(step.at, () => world.play(step))
  world.start()
  await world.until(() => false, endOf(schedule) + 1)
  const healedFromMs = world.time.now()
  world.heal()
  await world.scrub()
  let equal = await untilEqual(world)
  const healMs = world.time.now() - healedFromMs
  const refusal = equal ? await writeToAll(world) : null
  equal &&= await untilEqual(world)
  const wedged = !equal
    ? [`wedged: ${stateOf(world)}`]
    : refusal === null
      ? []
      : [`wedged: after healing, a write for every neighbour was answered ${refusal}`]
  const violations = equal ? [...wedged, ...(await judge(world))] : [...world.violations, ...wedged]
  markWhatHappened(world)
  options.onEnd?.(world)
  for (const machine of world.machines) machine.process?.die()
  return {
    violations,
    wedged: wedged.length > 0,
    simulatedMs: world.time.now() - START_MS,
    healMs,
    acknowledged: world.evidence.acknowledged.length,
    evidence: world.evidence,
    happened: world.happened,
    fingerprint: `${world.network.frames()} ${world.time.now() - START_MS} ${frontierOf(world)}`,
  }
}

/**
 * A write that every neighbour must have on its disk: whoever answers slower than that is wedged. Acks are not passed on, so in a
 * partial mesh nobody else can be waited for.
 *
 * @returns how it was refused, or null.
 */
const writeToAll = async (world: World): Promise<string | null> => {
  if (world.schedule.steps.some((step) => step.do === 'disk')) await world.until(() => false, ROOM_MS)
  const endMs = world.time.now() + ALL_VOTERS_MS
  for (;;) {
    const refusal = await writeToNeighbours(world)
    // Of a neighbour that lost its power the link may still stand, and is seen to be silent: it is answered at once, and so asked again.
    if (refusal === null || world.time.now() >= endMs) return refusal
    await world.until(() => false, ASK_AGAIN_MS)
  }
}

const writeToNeighbours = (world: World): Promise<string | null> => {
  const { node, mesh } = world.machines[0]!.process!.peer!
  const up = new Set(mesh.links().flatMap(({ state, peer }) => (state === 'up' ? [peer] : [])))
  const neighbours = world.founded.members.filter(
    ({ honest, role, peer }) => honest && role === 'voter' && up.has(peer),
  ).length
  const written = node.remember(
    NS,
    { content: 'after the weather' },
    { agent: agentOf(0), quorum: 1 + neighbours, timeout_ms: ALL_VOTERS_MS },
  )
  return world.settle(
    written.then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    ),
    2 * ALL_VOTERS_MS,
  )
}

const untilEqual = (world: World): Promise<boolean> => {
  let nextMs = 0
  return world.until(() => {
    if (world.time.now() < nextMs) return false
    nextMs = world.time.now() + LOOK_EVERY_MS
    world.time.after(LOOK_EVERY_MS, () => world.stirred())
    return isEqual(world)
  }, HEAL_MS_MAX)
}

/** Who was to join or to be taken out has, everybody runs, nothing waits, nobody talks to whom was taken out, all frontiers are the same, and the rows are up to them. */
const isEqual = ({ machines, authority, schedule, isWithheld }: World): boolean => {
  if (!authority.isDone()) return false
  // Within its sender's room may wait for ever: what a liar signs in another's name, and what rests on a commit of which a disk that
  // was put back had the only copy.
  const mayWait =
    schedule.evil !== null ||
    schedule.steps.some(
      (step) => step.do === 'rollback' || step.do === 'clone' || step.do === 'flip' || step.do === 'revoke',
    )
  const waits = (pending: number): boolean => pending > 0 && !mayWait
  for (const { process, rows, member } of machines) {
    if (authority.isRevoked(member.peer)) continue
    const replica = process?.peer?.replica
    if (
      replica === undefined ||
      process?.peer?.shell.isStopping() ||
      replica.flushing() ||
      waits(replica.intake.pending()) ||
      replica.missing.list(replica.missing.size).some((ref) => !isWithheld(ref)) ||
      replica.index.holes.size > 0 ||
      replica.index.setAside.size + replica.documentDigests.waiting > 0
    )
      return false
    if (
      process!
        .peer!.mesh.links()
        .some(({ state, peer }) => state === 'up' && peer !== null && authority.isRevoked(peer))
    )
      return false
    if (
      (rows.cursor()?.arrival ?? 0) !== replica.index.arrivals ||
      rows.cursor()?.revision !== replica.revision.current()
    )
      return false
  }
  // Last, for it takes longest.
  const digests = machines.flatMap(({ process, member }) =>
    authority.isRevoked(member.peer) ? [] : [bytesToHex(process!.peer!.replica.frontierDigest())],
  )
  return new Set(digests).size <= 1
}

const frontierOf = ({ machines }: World): string =>
  machines
    .map(({ process }) => (process?.peer ? bytesToHex(process.peer.replica.frontierDigest()).slice(0, 8) : 'down'))
    .join(' ')

const stateOf = (world: World): string =>
  world.machines
    .map(({ index, process, rows, disk }) => {
      const replica = process?.peer?.replica
      if (!replica) return `peer ${index} is ${process === null ? 'down' : 'starting or stopping'}`
      const links = process
        .peer!.mesh.links()
        .map(({ state, last_error }) => (state === 'up' ? state : `${state} (${last_error ?? ''})`))
      return `peer ${index}: ${replica.index.arrivals} arrivals (${disk.lies().arrivals.length} on disk), rows to ${rows.cursor()?.arrival ?? 0}, ${replica.intake.pending()} pending, ${replica.missing.size} texts missing, ${replica.index.holes.size} holes, ${replica.index.setAside.size} set aside, frontier ${bytesToHex(replica.frontierDigest()).slice(0, 8)}, links ${links.join(', ')}`
    })
    .join('; ')
