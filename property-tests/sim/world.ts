/**
 * The world that one schedule plays in: machines, network, time, and what each step does to them.
 */
import { textsOf } from '../../crdt/commit.ts'
import { bodyRefs } from '../../crdt/event.ts'
import type { CommitHash, RecordId, EventId, Ref } from '../../crdt/ids.ts'
import { createVirtualTime, type VirtualTime } from '../../transports/virtual-time.ts'
import type { Projection } from '../../src/ports/projection.ts'
import type { Effect } from '../../src/replica/types.ts'
import type { MemoryDisk } from '../../src/store/memory.ts'
import { decodedOnce } from '../model/decoded.ts'
import { ask, noEvidence, type ClientWorld, type Evidence } from './clients.ts'
import { createAuthority, type Authority } from './authority.ts'
import { createDisk } from './disk.ts'
import { createEvil } from './evil.ts'
import { found, START_MS, type Founded } from './founding.ts'
import { createMachine, startProcess, type Machine, type MachineWorld, type Process } from './machine.ts'
import { createNetwork, type Network } from './network.ts'
import { read, readEverything, type ReaderWorld } from './readers.ts'
import type { EvilAct, Moment, Schedule, Step, Topology } from './schedule.ts'
import { stream } from './streams.ts'
import './verify-once.ts'

export type World = {
  readonly schedule: Schedule
  readonly founded: Founded
  readonly time: VirtualTime
  readonly network: Network
  readonly machines: readonly Machine[]
  readonly authority: Authority
  readonly evidence: Evidence
  /** What really happened, by name: faults and rare branches. */
  readonly happened: Map<string, number>
  /** Violations seen while it happened. */
  readonly violations: string[]
  start(): void
  play(step: Step): void
  /** Something happened that somebody waits for. */
  stirred(): void
  /** Everything up, healthy, clocks right; peers with damaged disks are started anew. */
  heal(): void
  /** Reads every byte on disks that were damaged, as `verify` does for an operator: damage in texts is noticed by reading alone. */
  scrub(): Promise<void>
  /** Every peer is asked for everything, and held to its log. */
  readEverywhere(): Promise<void>
  /** A liar passed the commit on without this text, and whoever had said it lost it before it was on any disk. */
  isWithheld(ref: Ref): boolean
  /** Lets time pass until the fact holds; false when it did not within `msMax`. */
  until(fact: () => boolean, msMax: number): Promise<boolean>
  /** Waits for a promise in virtual time. */
  settle<T>(promise: Promise<T>, msMax: number): Promise<T>
}

export type WorldOptions = {
  readonly projection?: (machine: Machine) => Projection
  readonly trace?: (line: string) => void
  /** Looked at before it is over. */ readonly onEnd?: (world: World) => void
}

export const createWorld = (schedule: Schedule, options: WorldOptions = {}): World => {
  const root = stream(schedule.seed)
  const time = createVirtualTime(START_MS)
  const late = new Map(schedule.steps.flatMap((step) => (step.do === 'join' ? [[step.peer, step.role] as const] : [])))
  const founded = found(schedule.peers, schedule.evil, late)
  const [delays, flushes, survivals] = [root.split('delays'), root.split('flushes'), root.split('survivals')]
  let dirty = true
  const stirred = (): void => {
    dirty = true
  }
  /** For calls that promises may wait for. */
  const stirring = {
    now: time.now,
    after: (ms: number, call: () => void) =>
      time.after(ms, () => {
        stirred()
        call()
      }),
  }
  /** Machines that are taken out at some time: what only they hold may be lost to the others. */
  const leaving = new Set(schedule.steps.flatMap((step) => (step.do === 'revoke' ? [step.peer] : [])))
  const happened = new Map<string, number>()
  const note = (what: string): void => {
    happened.set(what, (happened.get(what) ?? 0) + 1)
  }
  const network = createNetwork(
    time,
    () => schedule.delayMs[0] + delays.unit() * (schedule.delayMs[1] - schedule.delayMs[0]),
  )
  const machines = founded.members
    .filter(({ honest }) => honest)
    .map((member, index) =>
      createMachine(
        index,
        member,
        createDisk(stirring, () => flushes.int(...schedule.flushMs), note),
        schedule.skewMs[index] ?? 0,
        member.late ? null : founded.log.commits,
      ),
    )
  const authority = createAuthority(founded, machines[0]!, stirring, root.split('authority'), (violation) =>
    violations.push(violation),
  )
  const evil =
    schedule.evil === null
      ? null
      : createEvil(founded, network, stirring, root.split('evil'), (index) => {
          const process = machines[index]?.process
          return process?.peer && process.isAlive() && !process.isPaused() ? process.peer : null
        })
  const evidence = noEvidence()
  const violations: string[] = []
  const endings = new Set<() => void>()
  /** Machines whose disks were damaged at rest: nobody notices before something is read. */
  const damaged = new Set<Machine>()
  const armed: {
    readonly machine: number
    readonly effect: Effect['kind']
    left: number
    readonly call: () => void
  }[] = []
  let healed = false
  let processes = 0

  const spawn = (machine: Machine): void => {
    if (machine.process !== null || !machine.wanted || machine.enrolled === null) return
    note('start')
    stirred()
    void startProcess(machineWorld, machine, root.split(`process ${machine.index} ${processes++}`)).catch(
      (error: unknown) =>
        violations.push(
          `peer ${machine.index} does not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        ),
    )
  }
  const observe = (machine: Machine, process: Process, effect: Effect): void => {
    options.trace?.(`${time.now() - START_MS} peer-${machine.index} ${effect.kind}`)
    for (const trap of armed) {
      if (trap.machine !== machine.index || trap.effect !== effect.kind || --trap.left > 0) continue
      armed.splice(armed.indexOf(trap), 1)
      trap.call()
      break
    }
    // What the disk lost after the flush is no fault of the answer, and who is no voter answers by the word of those who are.
    if (
      effect.kind === 'RESOLVE' &&
      effect.outcome.kind === 'acknowledged' &&
      process.isAlive() &&
      !damaged.has(machine) &&
      process.peer?.replica.voters().has(machine.member.peer)
    ) {
      for (const { hash } of effect.outcome.written)
        if (!machine.disk.holds(hash as CommitHash, refsOf(hash)))
          violations.push(`peer ${machine.index} acknowledged commit ${hash} that is not on its own disk`)
    }
  }
  const refsOf = (hash: string) => {
    for (const { disk } of machines) {
      const lies = disk.lies()
      const place = lies.placeByHash.get(hash as CommitHash)
      const kept = place && lies.commitByPlace.get(`${place.chain}/${place.seq}`)
      const commit = kept && decodedOnce(kept.commit.bytes)
      if (commit) return commit.events.flatMap(({ event }) => bodyRefs(event).map(({ ref }) => ref))
    }
    return []
  }
  const machineWorld: MachineWorld = {
    time: { now: time.now, after: (ms, call) => time.after(ms, call) },
    network,
    founded,
    observe,
    stirred,
    dials: (index) => neighbours(schedule.topology, schedule.peers, index).map((other) => founded.members[other]!.url),
    projection: (machine) => options.projection?.(machine) ?? machine.rows,
    resumed: (machine, differs) => {
      note(differs === null ? 'checkpoint: beside damage' : 'checkpoint: read')
      if (differs === true)
        violations.push(`peer ${machine.index} read an index from a checkpoint that the log does not give`)
    },
  }
  const clients: ClientWorld = {
    machines,
    evidence,
    stirred,
    voters: founded.members.filter(({ role }) => role === 'voter').length,
    time: stirring,
    holders: (hash) =>
      machines.filter(({ disk }) => disk.holds(hash as CommitHash, refsOf(hash))).map(({ index }) => index),
    tokens: new Map<number, { token: string; record: RecordId; event: EventId }>(),
  }

  const readers: ReaderWorld = {
    ...clients,
    note,
    isSpoiled: (machine) => damaged.has(machine),
    partial: (violation) => violations.push(violation),
  }

  /** Undone after `ms`, or by healing, whichever comes first. */
  const forAWhile = (ms: number, undo: () => void): void => {
    const end = (): void => {
      if (!endings.delete(end)) return
      stirred()
      undo()
    }
    endings.add(end)
    time.after(ms, end)
  }
  const bringBack = (machine: Machine, ms: number): void => {
    machine.wanted = false
    forAWhile(ms, () => {
      machine.wanted = true
      spawn(machine)
    })
  }
  const kill = (machine: Machine, power: boolean): Process | null => {
    const { process } = machine
    if (process === null) return null
    process.die()
    machine.process = null
    network.died(process, power)
    return process
  }
  /** Everything but the crash of a machine that was down already. */
  const crash = (step: Extract<Step, { do: 'crash' }>): void => {
    const machine = machines[step.peer]
    if (healed || machine === undefined || kill(machine, step.power) === null) return
    note(step.when === null ? 'crash' : `crash before ${step.when.effect}`)
    if (step.power) note('power loss')
    if (step.projection === 'lost') {
      machine.rows.lose()
      note('projection lost')
    }
    void machine.disk.crash(survivals.split(String(step.survive))).then((end) => note(`unsynced write: ${end}`))
    bringBack(machine, step.downMs)
  }
  const at = (machine: Machine, when: Moment, call: () => void): void => {
    if (when === null) call()
    else armed.push({ machine: machine.index, effect: when.effect, left: when.nth, call })
  }

  const play = (step: Step): void => {
    stirred()
    if (step.do === 'ask') {
      note(step.ask.op)
      void ask(clients, step).catch((error: unknown) =>
        violations.push(
          `an answer that is no NodeError: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        ),
      )
      return
    }
    if (step.do === 'read') {
      note(step.read.op)
      void read(readers, step).catch((error: unknown) =>
        violations.push(
          `an answer that is no NodeError: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        ),
      )
      return
    }
    if (step.do === 'cut' || step.do === 'slow') {
      note(step.do === 'cut' ? `cut: ${step.shape}` : 'slow link')
      const undo = step.ways.map(([from, to]) =>
        step.do === 'cut' ? network.cut(from, to) : network.slow(from, to, step.delayMs),
      )
      return forAWhile(step.forMs, () => undo.forEach((end) => end()))
    }
    if (step.do === 'reset') {
      note('reset')
      return network.reset(...step.pair)
    }
    if (step.do === 'repeat') {
      note('frame repeated')
      return network.repeat(...step.way)
    }
    if (step.do === 'evil') {
      if (evil === null || healed) return
      note(`evil: ${step.act}`)
      return evil.act(step.act)
    }
    if (step.do === 'revoke') {
      const member = founded.members[step.peer]
      if (member === undefined) return
      note('revoke')
      return authority.revoke(member)
    }
    const machine = machines[step.peer]
    if (machine === undefined) return
    if (step.do === 'join') {
      note('join')
      return authority.join(machine.member, (log) => {
        machine.enrolled = log
        spawn(machine)
      })
    }
    if (machine.enrolled !== null) onMachine(machine, step)
  }
  const onMachine = (
    machine: Machine,
    step: Exclude<Step, { do: 'ask' | 'read' | 'cut' | 'slow' | 'reset' | 'repeat' | 'evil' | 'join' | 'revoke' }>,
  ): void => {
    switch (step.do) {
      case 'crash':
        return at(machine, step.when, () => crash(step))
      case 'stop': {
        const { process } = machine
        if (!process?.peer) return
        note('clean stop')
        machine.wanted = false
        const stopping = process.peer.stop().then(() => {
          if (!process.isAlive()) return
          note('stopped cleanly')
          process.die()
          network.died(process, false)
          machine.process = null
          stirred()
          spawn(machine)
        })
        void stopping.catch((error: unknown) =>
          violations.push(
            `peer ${machine.index} does not stop: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
          ),
        )
        return bringBack(machine, step.downMs)
      }
      case 'pause': {
        const { process } = machine
        if (process === null || process.isPaused()) return
        note('pause')
        process.pause()
        return forAWhile(step.forMs, () => {
          if (!process.isAlive()) return
          process.resume()
          network.stir()
        })
      }
      case 'clock':
        note('clock jump')
        machine.clockAheadMs += step.jumpMs
        return
      case 'disk':
        note(`disk: ${step.fault}`)
        machine.disk.fault = step.fault
        // It goes on by itself.
        return forAWhile(step.forMs, () => {
          machine.disk.fault = null
        })
      case 'flip':
        if (
          !machine.disk.flip(step.what, step.where, (hash) =>
            machines.some(
              (other) => other !== machine && !leaving.has(other.index) && holdsEither(other.disk.lies(), hash),
            ),
          )
        )
          return
        damaged.add(machine)
        return note(`damage: ${step.what} ${step.where}`)
      case 'snapshot':
        return machine.disk.snapshot()
      case 'rollback':
        if (kill(machine, false) === null) return
        if (machine.disk.rollback()) note('rollback')
        return bringBack(machine, step.downMs)
      case 'clone': {
        if (healed) return
        note('clone')
        const twin = createMachine(
          machine.index,
          machine.member,
          createDisk(stirring, () => flushes.int(...schedule.flushMs), note),
          machine.clockAheadMs,
          machine.enrolled,
        )
        twin.disk.copy(machine.disk)
        spawn(twin)
        return forAWhile(step.forMs, () => {
          twin.wanted = false
          kill(twin, false)
        })
      }
    }
  }

  const until = async (fact: () => boolean, msMax: number): Promise<boolean> => {
    const endMs = time.now() + msMax
    for (;;) {
      if (dirty) {
        dirty = false
        await turn()
      }
      if (fact()) return true
      if (time.now() >= endMs) return false
      time.runUntil(() => dirty, endMs - time.now())
      if (!dirty) time.advance(Math.max(0, endMs - time.now()))
    }
  }

  const settle = async <T>(promise: Promise<T>, msMax: number): Promise<T> => {
    const ends: ({ readonly value: T } | { readonly error: unknown })[] = []
    void promise
      .then(
        (value) => ends.push({ value }),
        (error: unknown) => ends.push({ error }),
      )
      .then(stirred)
    stirred()
    await until(() => ends.length > 0, msMax)
    const [end] = ends
    if (end === undefined) throw new Error(`not answered within ${msMax} ms of virtual time`)
    if ('value' in end) return end.value
    throw end.error
  }

  return {
    schedule,
    founded,
    time,
    network,
    machines,
    authority,
    evidence,
    happened,
    violations,
    play,
    until,
    stirred,
    start: () => {
      machines.forEach(spawn)
      evil?.start()
    },
    heal: () => {
      healed = true
      evil?.stop()
      armed.length = 0
      for (const end of endings) end()
      for (const machine of machines) {
        if (damaged.has(machine)) kill(machine, false)
        machine.clockAheadMs = 0
        machine.disk.fault = null
        machine.wanted = true
        spawn(machine)
      }
      network.stir()
    },
    scrub: async () => {
      for (const machine of damaged) {
        await until(() => Boolean(machine.process?.peer), SCRUB_MS)
        await settle(machine.process!.peer!.node.verify(), SCRUB_MS)
      }
    },
    settle,
    readEverywhere: async () => {
      for (const machine of machines) {
        const { process } = machine
        if (process?.peer && !authority.isRevoked(machine.member.peer))
          await settle(readEverything(readers, machine, process), READ_MS)
      }
    },
    isWithheld: (ref) => {
      const does = (may: ReadonlySet<EvilAct>): boolean =>
        schedule.steps.some((step) => step.do === 'evil' && may.has(step.act))
      if (machines.some(({ disk, index }) => !leaving.has(index) && disk.lies().bodyByRef.has(ref))) return false
      return does(WITHHOLDING) || (does(DESTROYING) && machines.every(({ disk }) => isOfLiars(disk.lies(), ref)))
    },
  }

  /** Whoever names the text on this disk is dishonest. */
  function isOfLiars(disk: MemoryDisk, ref: Ref): boolean {
    const honest = new Set(machines.map(({ member }) => member.peer))
    return [...disk.commitByPlace.values()].every(({ commit: { bytes } }) => {
      const commit = decodedOnce(bytes)
      return commit === null || !honest.has(commit.header.peer) || !textsOf(commit).includes(ref)
    })
  }
}

const holdsEither = (disk: MemoryDisk, hash: CommitHash | Ref): boolean =>
  disk.placeByHash.has(hash as CommitHash) || disk.bodyByRef.has(hash as Ref)

/** Acts after which a text may be nowhere. */
export const WITHHOLDING: ReadonlySet<EvilAct> = new Set(['stripped', 'late_texts'])
/**
 * Acts by which a liar destroys a text of its own where it gave it, which rests on its forked branch and so in no document: nobody says
 * that erasing for all. An honest peer's text is said again, and erased for all.
 */
const DESTROYING: ReadonlySet<EvilAct> = new Set(['equivocate_erasures'])
const SCRUB_MS = 30_000
const READ_MS = 30_000

/** Whom a peer dials. What it learns from others comes on top, so a partial mesh fills up where addresses spread. */
const neighbours = (topology: Topology, peers: number, index: number): readonly number[] => {
  const others = Array.from({ length: peers }, (_, other) => other).filter((other) => other !== index)
  switch (topology) {
    case 'full':
      return others
    case 'upwards':
      return others.filter((other) => other < index)
    case 'star':
      return index === 0 ? others : [0]
    case 'ring':
      return [(index + 1) % peers, (index + peers - 1) % peers]
    case 'line':
      return others.filter((other) => Math.abs(other - index) === 1)
  }
}

/** Lets every promise that is ready go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
