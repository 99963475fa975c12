/**
 * A machine: a disk, a wall clock, the rows of a projection, and at most one process, which is the production peer
 * (`src/peer.ts`) on drivers of this world.
 *
 * A process dies at once and for good: from that moment its timers, sockets, flushes and answers do nothing, though its code
 * may run to the end of what it was in. A paused one finds all that was due when it goes on.
 */
import { isDeepStrictEqual } from 'node:util'
import { limits } from '../../crdt/limits.ts'
import { memoryCheckpointFiles } from '../../src/testing/checkpoint-files.ts'
import { logTo } from '../../src/testing/log.ts'
import { plainIndex } from '../../src/testing/plain-index.ts'
import { createPeer, type Peer } from '../../src/peer.ts'
import type { Timers } from '../../src/service/timing.ts'
import type { CheckpointFiles } from '../../src/ports/checkpoint.ts'
import type { Random } from '../../src/ports/clock.ts'
import type { Projection } from '../../src/ports/projection.ts'
import type { CommitStore, StoredCommit } from '../../src/ports/store.ts'
import type { Effect } from '../../src/replica/types.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { wholeIndex } from '../model/whole-index.ts'
import { createDumbProjection, type DumbProjection } from '../model/projection.ts'
import type { Disk } from './disk.ts'
import { identityOf, type Founded, type Member } from './founding.ts'
import type { Host, Network, Scheduler } from './network.ts'
import type { Stream } from './streams.ts'

export type Process = Host & {
  readonly random: Random
  readonly timers: Timers
  peer: Peer | null
  store: CommitStore | null
  /** Effects performed so far, by kind. */
  readonly effects: Map<Effect['kind'], number>
  die(): void
  pause(): void
  resume(): void
}

export type Machine = {
  readonly index: number
  readonly member: Member
  readonly disk: Disk
  readonly rows: DumbProjection
  /** What the wall clock is ahead of true time, ms. */
  clockAheadMs: number
  process: Process | null
  /** Somebody wants it to run; null while it is meant to be down. */
  wanted: boolean
  /** What its disk begins with; null while it is no member yet. */
  enrolled: readonly StoredCommit[] | null
}

export type MachineWorld = {
  readonly time: Scheduler & { now(): number }
  readonly network: Network
  readonly founded: Founded
  /** Addresses this member dials from the start. */
  readonly dials: (index: number) => readonly string[]
  readonly observe: (machine: Machine, process: Process, effect: Effect) => void
  /** Something happened that promises may wait for. */
  readonly stirred: () => void
  readonly projection: (machine: Machine) => Projection
  /** A start read a checkpoint. @param differs whether the log gives another index; null where it is damaged, so that nobody knows. */
  readonly resumed: (machine: Machine, differs: boolean | null) => void
}

const RESTART_MS = 1_000
/** Logs of worlds are short: a checkpoint is written after so few arrivals, and some come behind it. */
const CHECKPOINT_ARRIVALS = 3
/** The replica's tick (`src/peer.ts`) and the mesh's. */
const TICKS_MS: ReadonlySet<number> = new Set([25, limits.mesh_tick_ms])

export const createMachine = (
  index: number,
  member: Member,
  disk: Disk,
  clockAheadMs: number,
  enrolled: Machine['enrolled'],
): Machine => ({
  index,
  member,
  disk,
  rows: createDumbProjection(),
  clockAheadMs,
  process: null,
  wanted: true,
  enrolled,
})

export const createProcess = (world: MachineWorld, machine: Machine, random: Stream): Process => {
  let alive = true
  let paused = false
  const due: (() => void)[] = []
  const process: Process = {
    machine: machine.index,
    random,
    peer: null,
    store: null,
    effects: new Map(),
    isAlive: () => alive,
    isPaused: () => paused,
    timers: {
      now: () => Math.floor(world.time.now() + machine.clockAheadMs),
      after: (ms, call) => {
        let cancelled = false
        const cancel = world.time.after(ms, () => {
          if (!alive || cancelled) return
          // Ticks touch promises by effects alone, which `observe` tells; without this each would cost a turn of the event loop.
          if (!TICKS_MS.has(ms)) world.stirred()
          if (paused) due.push(() => cancelled || call())
          else call()
        })
        return () => {
          cancelled = true
          cancel()
        }
      },
    },
    die: () => {
      alive = false
      due.length = 0
    },
    pause: () => {
      paused = true
    },
    resume: () => {
      paused = false
      for (const call of due.splice(0)) call()
    },
  }
  return process
}

/** Starts the peer; tries again as a supervisor does when its disk refuses. Resolves when it runs, or has died. */
export const startProcess = async (world: MachineWorld, machine: Machine, random: Stream): Promise<void> => {
  const process = createProcess(world, machine, random)
  machine.process = process
  const { member } = machine
  try {
    if (machine.disk.lies().arrivals.length === 0)
      await openMemoryStore({ random, disk: machine.disk.lies() }).write({ commits: machine.enrolled! })
    let hasResumed = false
    machine.disk.spoil(random.split('checkpoint'))
    const store = await machine.disk.open(process, random)
    process.store = store
    const peer = await createPeer({
      // A fault that is caught in production fails the world.
      fault: (_place, error) => {
        throw error
      },
      identity: identityOf(world.founded, member),
      store,
      checkpoints: {
        files: whileItRuns(process, machine.disk.checkpoints, () => (hasResumed = true)),
        growthMin: CHECKPOINT_ARRIVALS,
      },
      projection: whileAlive(process, world.projection(machine)),
      projectionKind: 'pglite',
      timers: process.timers,
      monotonic: world.time.now,
      random,
      dialer: world.network.dialer(process),
      compression: null,
      peers: world.dials(machine.index),
      quorum: null,
      quorumTimeoutMs: 5_000,
      version: '0.0.0',
      log: logTo(),
      live: () => ({}),
      observe: (effect) => {
        world.stirred()
        if (!process.isAlive()) return
        process.effects.set(effect.kind, (process.effects.get(effect.kind) ?? 0) + 1)
        world.observe(machine, process, effect)
      },
    })
    if (!process.isAlive()) return
    if (hasResumed) await compare(world, machine, peer, random.split('compare'))
    process.peer = peer
    world.network.listen(process, member.url, (socket) => peer.mesh.accept(socket))
    peer.start([member.url])
  } catch (error) {
    if (!process.isAlive()) return
    process.die()
    machine.process = null
    if (machine.disk.fault === null) throw error
    world.time.after(RESTART_MS, () => {
      if (machine.wanted && machine.process === null) void startProcess(world, machine, random.split('again'))
    })
  }
}

/** The index that a checkpoint gave, before anything new comes, and that of the whole log. */
const compare = async (world: MachineWorld, machine: Machine, peer: Peer, random: Random): Promise<void> => {
  const { mesh } = world.founded.log.state
  const { keys } = machine.member
  const whole = await wholeIndex({ mesh, keys, disk: machine.disk.lies(), random }, world.time.now())
  const [here, there] = [peer.replica, whole.replica].map(({ index }) => plainIndex(index, false))
  world.resumed(machine, whole.isSound ? !isDeepStrictEqual(here, there) : null)
}

const whileItRuns = (
  process: Process,
  files: Map<string, Uint8Array>,
  read: (name: string) => void,
): CheckpointFiles => {
  const all = memoryCheckpointFiles(files, read)
  const never = new Promise<never>(() => undefined)
  return {
    read: all.read,
    write: (pieces, nameOf) => (process.isAlive() ? all.write(pieces, nameOf) : never),
    keep: (name) => (process.isAlive() ? all.keep(name) : never),
  }
}

/** Rows of a dead process reach nobody; its calls never end. */
const whileAlive = (process: Process, projection: Projection): Projection => {
  const never = new Promise<never>(() => undefined)
  const alive =
    <Args extends readonly unknown[], T>(call: (...args: Args) => Promise<T>) =>
    (...args: Args): Promise<T> =>
      process.isAlive() ? call(...args) : never
  return {
    ...projection,
    apply: alive(projection.apply),
    reset: alive(projection.reset),
    begin: alive(projection.begin),
    applyNext: alive(projection.applyNext),
    takeOver: alive(projection.takeOver),
  }
}
