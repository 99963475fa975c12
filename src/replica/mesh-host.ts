/**
 * What the mesh sees of the replica: the frontier on stable storage, runs and bodies from the store, and where to bring what
 * arrives.
 */
import { controlChainId, textsOf } from '../../crdt/commit.ts'
import type { ChainId, PeerId, Ref } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { MeshHost, Parcel, Run } from '../../transports/host.ts'
import type { Clock } from '../ports/clock.ts'
import type { CommitStore } from '../ports/store.ts'
import { holeRuns } from './boot.ts'
import { createControlTold } from './control-told.ts'
import type { Shell } from './effects.ts'
import { levelFact, levelTold } from './level-told.ts'
import { controlReadTo, isControlChain } from './control-places.ts'
import { forkAt } from './log-index.ts'
import type { Replica } from './replica-types.ts'

export type Deliveries = { taken(delivery: number): void; add(done: () => void): number }

/** Credit tickets: a delivery's number, until it was taken in. */
export const createDeliveries = (): Deliveries => {
  const doneByNumber = new Map<number, () => void>()
  let last = 0
  return {
    add: (done) => {
      doneByNumber.set(++last, done)
      return last
    },
    taken: (delivery) => {
      doneByNumber.get(delivery)?.()
      doneByNumber.delete(delivery)
    },
  }
}

/** Some 10 ms of reading and checking. */
const HEADERS_READ_BYTES_MAX = 2 * 1_048_576

export type MeshHostOptions = {
  readonly replica: Replica
  readonly shell: Shell
  readonly store: CommitStore
  readonly keys: KeyPair
  readonly deliveries: Deliveries
  readonly clock: Clock
}

export type HostOfReplica = MeshHost & {
  /** Up to which format level a member's build reads, as it told last; null when it never did. */
  levelReadBy(peer: PeerId): number | null
}

export const createMeshHost = ({ replica, shell, store, keys, deliveries, clock }: MeshHostOptions): HostOfReplica => {
  const { index } = replica
  const facts = createFacts(store)
  /** As whoever takes no lines knows it. */
  const control = controlChainId(index.mesh)
  const parcel = (chain: ChainId, seq: number): Parcel | null => {
    const commit = seq < forkAt(index, chain) ? replica.commits.at(chain, seq) : null
    return commit && { chain, seq, bytes: commit.bytes, bodies: bodiesOf(textsOf(commit)) }
  }
  const bodiesOf = (refs: readonly Ref[]) =>
    refs.flatMap((ref) => {
      const body = store.body(ref)
      return body === null || typeof body === 'string' ? [] : [body]
    })

  const told = createControlTold(replica, store)
  return {
    ...told,
    mesh: index.mesh,
    self: keys,
    peer: replica.self,
    member: (peer) => {
      const member = index.control.members.get(peer)
      return member === undefined
        ? 'unknown'
        : member.revoked !== null
          ? 'revoked'
          : replica.forks.isFrozen(peer)
            ? 'frozen'
            : member.role
    },
    controlChain: control,
    frontier: index.chains.tree,
    commits: () => index.chains.commits,
    growth: index.chains.growth,
    // The control log counts as far as it can be read: without it nobody is a member, so what is damaged of it is fetched where members
    // need not be known yet, as a new peer fetches it.
    seqOf: (chain) =>
      chain === control ? Math.min(index.control.seq, controlReadTo(index)) : (index.chains.get(chain)?.seq ?? 0),
    frontierDigest: replica.frontierDigest,
    logEpoch: store.opening.epoch,
    arrivals: () => index.arrivals,
    arrivalRuns: (after, limit) => {
      const last = Math.min(index.arrivals, after + limit)
      const runs: { chain: ChainId; from: number; count: number }[] = []
      const openByChain = new Map<ChainId, { chain: ChainId; from: number; count: number }>()
      for (let n = after + 1; n <= last; n++) {
        const arrival = store.arrival(n)
        // The control log comes by its lines; who does not take these knows one chain of it.
        if (
          arrival === null ||
          arrival.seq >= forkAt(index, arrival.chain) ||
          (arrival.chain !== control && isControlChain(index, arrival.chain))
        )
          continue
        const open = openByChain.get(arrival.chain)
        if (open !== undefined && open.from + open.count === arrival.seq) open.count++
        else {
          const run = { chain: arrival.chain, from: arrival.seq, count: 1 }
          openByChain.set(arrival.chain, run)
          runs.push(run)
        }
      }
      return { runs, cursor: Math.max(after, last) }
    },
    cursorInto: (peer) => {
      const value = facts.read(`cursor/${peer}`)
      return Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'number'
        ? { epoch: value[0], cursor: value[1] }
        : null
    },
    keepCursor: (peer, epoch, cursor) => facts.keep(`cursor/${peer}`, [epoch, cursor]),

    readRun: (run: Run, bytesMax) => {
      const parcels: Parcel[] = []
      let bytes = 0
      for (let seq = run.from; seq < run.from + run.count && bytes < bytesMax; seq++) {
        const next = parcel(run.chain, seq)
        if (next === null) break
        bytes += parcelBytes(next)
        if (parcels.length > 0 && bytes > bytesMax) break
        parcels.push(next)
      }
      return parcels
    },
    readBodies: bodiesOf,
    isDropped: (ref) => store.body(ref) === 'dropped',
    bodiesGone: () => undefined,
    holes: () => holeRuns(replica),
    missingBodies: (limit) => replica.missing.list(limit),

    forkAt: (chain) => forkAt(index, chain),
    hashAt: (chain, seq) => {
      const known = index.chains.get(chain)
      if (known === undefined || seq > known.seq) return null
      return seq === known.seq ? known.hash : (store.commit(chain, seq)?.hash ?? null)
    },
    forkProofs: () => replica.forks.all().map(({ proof }) => proof),
    receiveForkProofs: (from, proofs) => shell.feed({ kind: 'forks', from, proofs }),
    // A dep that is not here may be on a branch that nobody sends: only where some fork is known.
    missingHeaders: (limit) =>
      index.forkedAt.size === 0
        ? []
        : [...replica.intake.missingDeps()].filter((hash) => replica.forks.header(hash) === null).slice(0, limit),
    // A header is read with its whole commit: what one question may have read is bounded, the rest is asked for again.
    readHeaders: (hashes) => {
      let bytes = 0
      return hashes.flatMap((hash) => {
        const commit = bytes < HEADERS_READ_BYTES_MAX ? replica.commits.byHash(hash) : null
        bytes += commit?.bytes.length ?? 0
        return commit?.headerBytes ?? replica.forks.headerBytes(hash) ?? []
      })
    },
    receiveHeaders: (from, headers) => shell.feed({ kind: 'headers', from, headers }),

    receive: (from, parcels, done) => shell.feed({ kind: 'received', from, parcels, delivery: deliveries.add(done) }),
    receiveStatements: (from, commits, done) =>
      shell.feed({ kind: 'statements', from, commits, delivery: deliveries.add(done) }),
    receiveBodies: (from, bodies, done) => shell.feed({ kind: 'bodies', from, bodies, delivery: deliveries.add(done) }),
    receiveAck: (from, ack) => shell.feed({ kind: 'acked', from, ack }),
    levelReadBy: (peer) => levelTold(facts.read(levelFact(peer))),
    receiveLevel: (peer, level) => {
      if (levelTold(facts.read(levelFact(peer))) !== level) facts.keep(levelFact(peer), level)
    },
    ackWanted: (from, chains) => shell.feed({ kind: 'ackWanted', from, chains }),
    receiveProposal: (from, commit) => shell.feed({ kind: 'proposed', from, commit }),
    receiveVote: (from, vote) => shell.feed({ kind: 'voted', from, vote }),
    receiveRefused: (from, refused) => shell.feed({ kind: 'refused', from, refused }),
    linkUp: (peer) => shell.feed({ kind: 'linkUp', peer }),
    // The mesh itself remembers why, for `links()`.
    linkDown: (peer) => shell.feed({ kind: 'reach', peer, reachable: false }),
    linkQuiet: (peer, quiet) => shell.feed({ kind: 'reach', peer, reachable: !quiet }),
    wallMs: () => Math.min(Math.max(0, Math.floor(clock.now()) || 0), Number.MAX_SAFE_INTEGER),
    receiveClock: (peer, reading) => shell.feed({ kind: 'clock', reading: { peer, ...reading } }),
    isClockDoubted: (peer) => replica.clocks.isDoubted(peer, clock.now()),

    addresses: () => {
      const value = facts.read('addresses')
      return Array.isArray(value)
        ? value.flatMap((entry) => (Array.isArray(entry) && entry[1] instanceof Uint8Array ? [entry[1]] : []))
        : []
    },
    keepAddress: (peer, record) => {
      const value = facts.read('addresses')
      const others = Array.isArray(value) ? value.filter((entry) => Array.isArray(entry) && entry[0] !== peer) : []
      facts.keep('addresses', [...others, [peer, record]].slice(-limits.links_max * 2))
    },
  }
}

const parcelBytes = (parcel: Parcel): number =>
  parcel.bodies.reduce((sum, body) => sum + body.text.length + 64, parcel.bytes.length)

/**
 * Small facts that may be a little old after a crash (cursors, addresses): kept in memory, written behind, one write at a
 * time, the latest value of each. Losing one costs a longer catch-up, never data.
 */
const createFacts = (store: CommitStore) => {
  const latest = new Map<string, ReturnType<typeof unpack>>()
  const dirty = new Set<string>()
  let writing = false
  const write = async (): Promise<void> => {
    writing = true
    while (dirty.size > 0) {
      const names = [...dirty]
      dirty.clear()
      // A disk that refuses is the flush's matter; these are offered again with the next change.
      await store
        .write({ facts: names.map((name) => [name, pack(latest.get(name) ?? null)]) })
        .then(undefined, () => undefined)
    }
    writing = false
  }
  return {
    read: (name: string) => {
      if (latest.has(name)) return latest.get(name)
      const bytes = store.fact(name)
      return bytes instanceof Uint8Array ? unpack(bytes) : null
    },
    keep: (name: string, value: NonNullable<ReturnType<typeof unpack>>): void => {
      latest.set(name, value)
      dirty.add(name)
      if (!writing) void write()
    },
  }
}
