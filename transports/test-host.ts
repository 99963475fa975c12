/**
 * A host for the tests of this folder: a small log of chains whose commits are opaque bytes, kept as a replica keeps them.
 *
 * commit = pack([chain, seq, hash before, payload, body refs]); its hash is SHA-256. A commit is taken in when it is the next
 * of its chain and names our last one, else it waits, or is refused. Control commits say 'peer state' and make the members.
 * Flushes take `flushMs` of the given timers, and are followed by an ack, as a replica's are. Proofs of forks are two commits
 * of one place without signatures, [commit, commit]; headers are whole commits.
 */
import { signAck, type SignedAck } from '../crdt/ack.ts'
import { makeBody, type Body } from '../crdt/body.ts'
import { digestOfRoot } from '../crdt/frontier.ts'
import { createFrontierTree } from '../crdt/frontier-tree.ts'
import { sha256, sha256Hex } from '../crdt/hash.ts'
import {
  bytesToHex,
  hexToBytes,
  ZERO_HASH,
  type ChainId,
  type CommitHash,
  type MeshId,
  type PeerId,
  type Ref,
} from '../crdt/ids.ts'
import { equalBytes, pack, unpack } from '../crdt/msgpack.ts'
import { keyPairFromSeed, publicKeyHex } from '../crdt/signature.ts'
import { createGrowth } from './growth.ts'
import type { FrontierEntry, MemberState, Mesh, MeshHost, Parcel, Run } from './host.ts'
import type { Timers } from './ports.ts'

type MeshOfHost = Pick<Mesh, 'push' | 'announce' | 'announceForks' | 'membershipChanged'>

export type TestHost = {
  readonly host: MeshHost
  attach(mesh: MeshOfHost): void
  /** Commits of our own chain, pushed and then flushed. @param payload bytes each, of `fill`. */
  author(commits: number, payload?: number, bodyBytes?: number): void
  /** A control commit, as the authority's peer would write it. */
  enrol(peer: PeerId, state: MemberState): void
  /** Takes over another's control log, as `mesh join` does. */
  joinFrom(other: TestHost): void
  digest(): string
  commits(): number
  seqOf(chain: ChainId): number
  readonly chain: ChainId
  /** Commits handed over by the mesh, duplicates included. */
  received(): number
  readonly acks: { readonly from: PeerId; readonly ack: SignedAck }[]
  readonly ups: string[]
  /** Proposals and votes handed over by the mesh. */
  readonly governed: string[]
  /** `quiet PEER`, `heard PEER`. */
  readonly quiets: string[]
  /** While it answers true, the commit is handed over and not taken in. */
  refuse: (chain: ChainId, seq: number) => boolean
  /** Forgets a commit's bytes, as damage does: a hole. */
  damage(chain: ChainId, seq: number): void
  loseBody(ref: Ref): void
  /** Lets a text go, as a policy does. */
  dropBody(ref: Ref): void
  /** Told by the mesh that nobody has them. */
  readonly gone: Ref[]
  bodyRefs(): readonly Ref[]
  /** Bytes of commits, salts and texts that `other` has and we have not. */
  missingBytes(other: TestHost): number
  parcelsOf(chain: ChainId, from: number, count: number): readonly Parcel[]
  /** Whether two commits of one place are proof enough, or only those that follow the same one (the place where histories part). */
  provesAnyPlace: boolean
  /** What its wall clock is ahead of the timers. */
  clockAheadMs: number
  /** Others' clocks as they were read, against the timers. */
  readonly clocks: { readonly from: PeerId; readonly aheadMs: number }[]
  doubtsClocks: boolean
  /** Commits whose headers are asked for until they come. */
  readonly wantedHeaders: Set<CommitHash>
  readonly metHeaders: { readonly from: PeerId; readonly hash: CommitHash }[]
  /** All chains that have commits; the control chain first. */
  frontier(): readonly FrontierEntry[]
  /** Proofs handed over by the mesh, known ones included. */
  proofsReceived(): number
}

type Entry = {
  bytes: Uint8Array | null
  readonly hash: CommitHash
  readonly before: string
  readonly refs: readonly Ref[]
}

export const meshIdOfTests = publicKeyHex(keyPairFromSeed(sha256('tests: authority'))) as MeshId
const CONTROL = bytesToHex(sha256('control', meshIdOfTests).subarray(0, 16)) as ChainId
/** `count` commits behind `before`, as the owner of the chain would write them; another `branch` has other content. */
export const branchOf = (
  chain: ChainId,
  branch: string,
  before: readonly Parcel[],
  count: number,
): readonly Parcel[] => {
  const parcels = [...before]
  for (let n = 0; n < count; n++) {
    const last = parcels.at(-1)
    parcels.push(
      commitOf(
        chain,
        parcels.length + 1,
        last === undefined ? ZERO_HASH : sha256Hex(last.bytes),
        sha256(branch, String(parcels.length)),
        [],
      ),
    )
  }
  return parcels
}
const commitOf = (
  chain: ChainId,
  seq: number,
  before: string,
  payload: Uint8Array,
  bodies: readonly Body[],
): Parcel => ({
  chain,
  seq,
  bytes: pack([hexToBytes(chain), seq, hexToBytes(before), payload, bodies.map((body) => hexToBytes(body.ref))]),
  bodies,
})
export const chainOfPeer = (peer: PeerId): ChainId => bytesToHex(sha256('chain', peer).subarray(0, 16)) as ChainId
export const keysOf = (name: string) => keyPairFromSeed(sha256('tests: peer', name))
export const peerOf = (name: string): PeerId => publicKeyHex(keysOf(name)) as PeerId

export const createTestHost = (
  name: string,
  options: { readonly timers: Timers; readonly flushMs?: number; readonly mesh?: MeshId },
): TestHost => {
  const { timers, flushMs = 0 } = options
  const keys = keysOf(name)
  const peer = peerOf(name)
  const chain = chainOfPeer(peer)
  const epoch = bytesToHex(sha256('epoch', name).subarray(0, 16))
  const chains = new Map<ChainId, Entry[]>()
  const log: { readonly chain: ChainId; readonly seq: number }[] = []
  const bodies = new Map<Ref, Body>()
  const dropped = new Set<Ref>()
  const gone: Ref[] = []
  const waiting = new Map<string, Parcel>()
  const members = new Map<PeerId, MemberState>()
  const cursors = new Map<PeerId, { readonly epoch: string; readonly cursor: number }>()
  const addresses = new Map<PeerId, Uint8Array>()
  let mesh: MeshOfHost | null = null
  let received = 0
  let made = 0
  let proofsReceived = 0
  /** Our own last commit, flushed or not. */
  let own: { readonly seq: number; readonly hash: string } = { seq: 0, hash: ZERO_HASH }

  const forks = new Map<ChainId, { readonly at: number; readonly proof: Uint8Array }>()
  const atOf = (of: ChainId): number => forks.get(of)?.at ?? Number.POSITIVE_INFINITY
  /** How many of a chain's commits count. */
  const lengthOf = (of: ChainId): number => Math.min(chains.get(of)?.length ?? 0, atOf(of) - 1)

  const entries = (of: ChainId): Entry[] => {
    let list = chains.get(of)
    if (list === undefined) chains.set(of, (list = []))
    return list
  }
  const readCommit = (parcel: Parcel): Entry | null => {
    const value = unpack(parcel.bytes)
    if (!Array.isArray(value) || value.length !== 5) return null
    const [of, seq, before, , refs] = value
    if (
      !(of instanceof Uint8Array) ||
      bytesToHex(of) !== parcel.chain ||
      seq !== parcel.seq ||
      !(before instanceof Uint8Array) ||
      !Array.isArray(refs)
    )
      return null
    return {
      bytes: parcel.bytes,
      before: bytesToHex(before),
      hash: sha256Hex(parcel.bytes) as CommitHash,
      refs: refs.flatMap((ref) => (ref instanceof Uint8Array ? [bytesToHex(ref) as Ref] : [])),
    }
  }
  const reduceControl = (parcel: Parcel): void => {
    const value = unpack(parcel.bytes)
    if (!Array.isArray(value) || !(value[3] instanceof Uint8Array)) return
    const [who, state] = new TextDecoder().decode(value[3]).split(' ')
    members.set(who as PeerId, state as MemberState)
  }
  /** Chain and place that a proof shows. */
  const readProof = (proof: Uint8Array): { readonly chain: ChainId; readonly at: number } | null => {
    const sides = unpack(proof)
    if (!Array.isArray(sides) || sides.length !== 2) return null
    const places = sides.map((side) => {
      const value = side instanceof Uint8Array ? unpack(side) : null
      return Array.isArray(value) && value[0] instanceof Uint8Array && typeof value[1] === 'number'
        ? { chain: bytesToHex(value[0]) as ChainId, at: value[1], side }
        : null
    })
    const [a, b] = places
    return a && b && a.chain === b.chain && a.at === b.at && !equalBytes(a.side as Uint8Array, b.side as Uint8Array)
      ? a
      : null
  }
  /** Answers whether the proof says something new. */
  const learnFork = (proof: Uint8Array): boolean => {
    const place = readProof(proof)
    if (place === null || place.at >= atOf(place.chain)) return false
    forks.set(place.chain, { at: place.at, proof })
    tree.touch(place.chain)
    return true
  }
  const foundFork = (ours: Entry, theirs: Entry): void => {
    if (ours.bytes === null || theirs.bytes === null || (ours.before !== theirs.before && !test.provesAnyPlace)) return
    const proof = pack([ours.bytes, theirs.bytes])
    if (learnFork(proof)) mesh?.announceForks([proof])
  }
  const take = (parcel: Parcel): void => {
    const list = entries(parcel.chain)
    const entry = readCommit(parcel)
    if (entry === null || test.refuse(parcel.chain, parcel.seq)) return
    const held = list[parcel.seq - 1]
    for (const body of parcel.bodies) bodies.set(body.ref, body)
    if (held !== undefined) {
      if (held.hash !== entry.hash) foundFork(held, entry)
      else held.bytes ??= entry.bytes
      return
    }
    if (parcel.seq >= atOf(parcel.chain)) return
    if (parcel.seq !== list.length + 1) return void waiting.set(`${parcel.chain} ${parcel.seq}`, parcel)
    if (entry.before !== (list.at(-1)?.hash ?? ZERO_HASH)) return
    growth.note(parcel.chain, list.length)
    list.push(entry)
    tree.touch(parcel.chain)
    log.push({ chain: parcel.chain, seq: parcel.seq })
    if (parcel.chain === CONTROL) reduceControl(parcel)
    const next = waiting.get(`${parcel.chain} ${parcel.seq + 1}`)
    waiting.delete(`${parcel.chain} ${parcel.seq + 1}`)
    if (next !== undefined) take(next)
  }
  const announce = (touched: Iterable<ChainId>, to: PeerId | null = null): void => {
    const watermarks = [...new Set(touched)].flatMap((of) => {
      const last = entries(of)[lengthOf(of) - 1]
      return last === undefined ? [] : [{ chain: of, seq: lengthOf(of), hash: last.hash, whole: true }]
    })
    if (watermarks.length > 0) mesh?.announce(signAck({ mesh: host.mesh, voter: peer, watermarks }, keys), to)
  }
  const flush = (parcels: readonly Parcel[], done: () => void): void => {
    const store = (): void => {
      const control = entries(CONTROL).length
      for (const parcel of parcels) take(parcel)
      announce(parcels.map((parcel) => parcel.chain))
      if (entries(CONTROL).length > control) mesh?.membershipChanged()
      done()
    }
    if (flushMs === 0) store()
    else timers.after(flushMs, store)
  }
  const parcelAt = (of: ChainId, seq: number): Parcel | null => {
    const entry = seq < atOf(of) ? entries(of)[seq - 1] : undefined
    if (entry === undefined || entry.bytes === null) return null
    return { chain: of, seq, bytes: entry.bytes, bodies: entry.refs.flatMap((ref) => bodies.get(ref) ?? []) }
  }
  const parcelsOf = (of: ChainId, from: number, count: number): Parcel[] => {
    const parcels: Parcel[] = []
    for (let seq = from; seq < from + count; seq++) {
      const parcel = parcelAt(of, seq)
      if (parcel === null) return parcels
      parcels.push(parcel)
    }
    return parcels
  }
  const frontier = (): FrontierEntry[] =>
    [CONTROL, ...[...chains.keys()].filter((of) => of !== CONTROL)].flatMap((of) => {
      const last = entries(of)[lengthOf(of) - 1]
      return last === undefined ? [] : [{ chain: of, seq: lengthOf(of), hash: last.hash }]
    })
  const headOf = (of: ChainId): { readonly seq: number; readonly hash: CommitHash } | undefined => {
    const last = entries(of)[lengthOf(of) - 1]
    return last && { seq: lengthOf(of), hash: last.hash }
  }
  const tree = createFrontierTree(headOf)
  const growth = createGrowth()
  const frontierDigest = (key: Uint8Array): Uint8Array => digestOfRoot(tree.root(), key)

  const host: MeshHost = {
    mesh: options.mesh ?? meshIdOfTests,
    self: keys,
    peer,
    member: (of) => {
      const state = members.get(of) ?? 'unknown'
      return (state === 'voter' || state === 'observer') && forks.has(chainOfPeer(of)) ? 'frozen' : state
    },
    frontier: tree,
    commits: () => frontier().reduce((sum, { seq }) => sum + seq, 0),
    growth,
    seqOf: lengthOf,
    frontierDigest,
    logEpoch: epoch,
    arrivals: () => log.length,
    arrivalRuns: (after, limit) => {
      const runs: { chain: ChainId; from: number; count: number }[] = []
      for (const { chain: of, seq } of log.slice(after, after + limit)) {
        const last = runs.at(-1)
        if (last !== undefined && last.chain === of && last.from + last.count === seq) last.count++
        else runs.push({ chain: of, from: seq, count: 1 })
      }
      return { runs, cursor: Math.min(log.length, after + limit) }
    },
    cursorInto: (of) => cursors.get(of) ?? null,
    keepCursor: (of, at, cursor) => cursors.set(of, { epoch: at, cursor }),
    readRun: (run, bytesMax) => {
      const parcels: Parcel[] = []
      let bytes = 0
      for (let seq = run.from; seq < run.from + run.count; seq++) {
        const parcel = parcelAt(run.chain, seq)
        if (parcel === null) break
        bytes += parcel.bytes.length + parcel.bodies.reduce((sum, body) => sum + body.text.length, 0)
        if (parcels.length > 0 && bytes > bytesMax) break
        parcels.push(parcel)
      }
      return parcels
    },
    readBodies: (refs) => refs.flatMap((ref) => bodies.get(ref) ?? []),
    isDropped: (ref) => dropped.has(ref),
    bodiesGone: (refs) => void gone.push(...refs),
    holes: () =>
      [...chains].flatMap(([of, list]) =>
        list.flatMap((entry, at): Run[] => (entry.bytes === null ? [{ chain: of, from: at + 1, count: 1 }] : [])),
      ),
    missingBodies: (limit) =>
      [...chains.values()]
        .flatMap((list) => list.flatMap((entry) => entry.refs.filter((ref) => !bodies.has(ref) && !dropped.has(ref))))
        .slice(0, limit),
    forkProofs: () => [...forks.values()].map(({ proof }) => proof),
    receiveForkProofs: (_from, proofs) => {
      proofsReceived += proofs.length
      const news = proofs.filter(learnFork)
      if (news.length > 0) mesh?.announceForks(news)
    },
    forkAt: atOf,
    hashAt: (of, seq) => (seq > lengthOf(of) ? null : (entries(of)[seq - 1]?.hash ?? null)),
    missingHeaders: (limit) => [...test.wantedHeaders].slice(0, limit),
    readHeaders: (hashes) =>
      [...chains.values()].flatMap((list) =>
        list.flatMap((entry) => (entry.bytes !== null && hashes.includes(entry.hash) ? [entry.bytes] : [])),
      ),
    receiveHeaders: (from, headers) => {
      for (const header of headers) {
        const hash = sha256Hex(header) as CommitHash
        if (test.wantedHeaders.delete(hash)) test.metHeaders.push({ from, hash })
      }
    },
    receive: (_from, parcels, done) => {
      received += parcels.length
      flush(parcels, done)
    },
    receiveBodies: (_from, texts, done) => {
      for (const body of texts) bodies.set(body.ref, body)
      done()
    },
    receiveAck: (from, ack) => test.acks.push({ from, ack }),
    receiveLevel: () => {},
    ackWanted: (from, of) => announce(of, from),
    receiveProposal: (from, commit) => test.governed.push(`proposal of ${from}: ${bytesToHex(commit)}`),
    receiveVote: (from, vote) =>
      test.governed.push(`vote of ${from}: ${vote.epoch} ${vote.seq} ${vote.hash} ${bytesToHex(vote.signature)}`),
    receiveRefused: (from, refused) => {
      for (const { chain: of, seq, reason } of refused) test.governed.push(`refused by ${from}: ${of} ${seq} ${reason}`)
    },
    linkUp: (of) => {
      test.ups.push(`up ${of}`)
    },
    linkDown: (of) => {
      test.ups.push(`down ${of}`)
    },
    linkQuiet: (of, quiet) => {
      test.quiets.push(`${quiet ? 'quiet' : 'heard'} ${of}`)
    },
    controlChain: CONTROL,
    isControl: (of) => of === CONTROL,
    controlLine: () => ({
      place: entries(CONTROL).length,
      head: entries(CONTROL).at(-1)?.hash ?? (ZERO_HASH as CommitHash),
      others: [],
    }),
    knowsStatement: (hash) => entries(CONTROL).some((entry) => entry.hash === hash),
    controlLocator: () =>
      entries(CONTROL)
        .map((entry) => entry.hash)
        .toReversed()
        .slice(0, 8),
    statementsTo: (_head, known) => {
      const places = known.map((hash) => entries(CONTROL).findIndex((entry) => entry.hash === hash) + 1)
      return parcelsOf(CONTROL, (places.find((place) => place > 0) ?? 0) + 1, entries(CONTROL).length).map(
        ({ bytes }) => bytes,
      )
    },
    statementHash: (bytes) => sha256Hex(bytes) as CommitHash,
    receiveStatements: (_from, commits, done) => {
      received += commits.length
      flush(
        commits.map((bytes) => ({ chain: CONTROL, seq: (unpack(bytes) as readonly number[])[1]!, bytes, bodies: [] })),
        done,
      )
    },
    wallMs: () => Math.floor(timers.now()) + test.clockAheadMs,
    receiveClock: (from, reading) =>
      test.clocks.push({ from, aheadMs: reading.theirMs + reading.agoMs - timers.now() }),
    isClockDoubted: () => test.doubtsClocks,
    addresses: () => [...addresses.values()],
    keepAddress: (of, record) => addresses.set(of, record),
  }

  const test: TestHost = {
    host,
    attach: (given) => {
      mesh = given
    },
    author: (commits, payload = 100, bodyBytes = 0) => {
      const parcels = Array.from({ length: commits }, () => {
        const noise = bytesOfNoise(`${name} ${made++}`, payload + bodyBytes)
        const texts =
          bodyBytes === 0 ? [] : [makeBody(sha256('salt', name, String(made)).slice(0, 16), noise.slice(payload))]
        const parcel = commitOf(chain, own.seq + 1, own.hash, noise.slice(0, payload), texts)
        own = { seq: parcel.seq, hash: sha256Hex(parcel.bytes) }
        return parcel
      })
      mesh?.push(parcels)
      flush(parcels, () => {})
    },
    enrol: (of, state) => {
      const parcel = commitOf(
        CONTROL,
        entries(CONTROL).length + 1,
        entries(CONTROL).at(-1)?.hash ?? ZERO_HASH,
        new TextEncoder().encode(`${of} ${state}`),
        [],
      )
      mesh?.push([parcel])
      flush([parcel], () => {})
    },
    joinFrom: (other) => {
      for (const parcel of other.parcelsOf(CONTROL, 1, other.seqOf(CONTROL))) take(parcel)
    },
    digest: () => bytesToHex(frontierDigest(new Uint8Array(32))),
    commits: () => log.length,
    seqOf: host.seqOf,
    chain,
    received: () => received,
    acks: [],
    ups: [],
    governed: [],
    quiets: [],
    refuse: () => false,
    damage: (of, seq) => {
      const entry = entries(of)[seq - 1]
      if (entry !== undefined) entry.bytes = null
    },
    loseBody: (ref) => {
      bodies.delete(ref)
    },
    dropBody: (ref) => {
      bodies.delete(ref)
      dropped.add(ref)
    },
    gone,
    bodyRefs: () => [...bodies.keys()],
    missingBytes: (other) => {
      let bytes = 0
      for (const { chain: of, seq } of other.frontier())
        for (const parcel of other.parcelsOf(of, host.seqOf(of) + 1, seq - host.seqOf(of)))
          bytes += parcel.bytes.length + parcel.bodies.reduce((sum, body) => sum + 16 + body.text.length, 0)
      return bytes
    },
    parcelsOf,
    frontier,
    provesAnyPlace: false,
    clockAheadMs: 0,
    clocks: [],
    doubtsClocks: false,
    wantedHeaders: new Set(),
    metHeaders: [],
    proofsReceived: () => proofsReceived,
  }
  return test
}

/** Bytes that no compression shortens, the same for the same name. */
const bytesOfNoise = (name: string, count: number): Uint8Array => {
  const bytes = new Uint8Array(count)
  for (let at = 0; at < count; at += 32) bytes.set(sha256(name, String(at)).subarray(0, Math.min(32, count - at)), at)
  return bytes
}

export const sameBytes = equalBytes
