/**
 * A host for the tests of this folder: a small log of chains whose commits are opaque bytes, kept as a replica keeps them.
 *
 * commit = pack([chain, seq, payload, body refs]); its hash is SHA-256. A commit is taken in when it is the next of its
 * chain, else it waits. Control commits say 'peer state' and make the members. Flushes take `flushMs` of the given timers,
 * and are followed by an ack, as a replica's are.
 */
import { signAck, type SignedAck } from '../crdt/ack.ts'
import { makeBody, type Body } from '../crdt/body.ts'
import { sha256, sha256Hex } from '../crdt/hash.ts'
import { bytesToHex, hexToBytes, type ChainId, type CommitHash, type MeshId, type PeerId, type Ref } from '../crdt/ids.ts'
import { equalBytes, pack, unpack } from '../crdt/msgpack.ts'
import { keyPairFromSeed, publicKeyHex } from '../crdt/signature.ts'
import type { FrontierEntry, MemberState, Mesh, MeshHost, Parcel, Run } from './host.ts'
import type { Timers } from './ports.ts'

export type TestHost = {
  readonly host: MeshHost
  attach(mesh: Pick<Mesh, 'push' | 'announce' | 'membershipChanged'>): void
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
  /** While it answers true, the commit is handed over and not taken in. */
  refuse: (chain: ChainId, seq: number) => boolean
  /** Forgets a commit's bytes, as damage does: a hole. */
  damage(chain: ChainId, seq: number): void
  loseBody(ref: Ref): void
  bodyRefs(): readonly Ref[]
  /** Bytes of commits, salts and texts that `other` has and we have not. */
  missingBytes(other: TestHost): number
  parcelsOf(chain: ChainId, from: number, count: number): readonly Parcel[]
}

type Entry = { bytes: Uint8Array | null; readonly hash: CommitHash; readonly refs: readonly Ref[] }

export const meshIdOfTests = publicKeyHex(keyPairFromSeed(sha256('tests: authority'))) as MeshId
const CONTROL = bytesToHex(sha256('control', meshIdOfTests).subarray(0, 16)) as ChainId
export const chainOfPeer = (peer: PeerId): ChainId => bytesToHex(sha256('chain', peer).subarray(0, 16)) as ChainId
export const keysOf = (name: string) => keyPairFromSeed(sha256('tests: peer', name))
export const peerOf = (name: string): PeerId => publicKeyHex(keysOf(name)) as PeerId

export const createTestHost = (name: string, options: { readonly timers: Timers; readonly flushMs?: number; readonly mesh?: MeshId }): TestHost => {
  const { timers, flushMs = 0 } = options
  const keys = keysOf(name)
  const peer = peerOf(name)
  const chain = chainOfPeer(peer)
  const epoch = bytesToHex(sha256('epoch', name).subarray(0, 16))
  const chains = new Map<ChainId, Entry[]>()
  const log: { readonly chain: ChainId; readonly seq: number }[] = []
  const bodies = new Map<Ref, Body>()
  const waiting = new Map<string, Parcel>()
  const members = new Map<PeerId, MemberState>()
  const cursors = new Map<PeerId, { readonly epoch: string; readonly cursor: number }>()
  const addresses = new Map<PeerId, Uint8Array>()
  let mesh: Pick<Mesh, 'push' | 'announce' | 'membershipChanged'> | null = null
  let received = 0
  let made = 0
  let authored = 0

  const entries = (of: ChainId): Entry[] => {
    let list = chains.get(of)
    if (list === undefined) chains.set(of, (list = []))
    return list
  }
  const readCommit = (parcel: Parcel): Entry | null => {
    const value = unpack(parcel.bytes)
    if (!Array.isArray(value) || value.length !== 4) return null
    const [of, seq, , refs] = value
    if (!(of instanceof Uint8Array) || bytesToHex(of) !== parcel.chain || seq !== parcel.seq || !Array.isArray(refs)) return null
    return { bytes: parcel.bytes, hash: sha256Hex(parcel.bytes) as CommitHash, refs: refs.flatMap((ref) => (ref instanceof Uint8Array ? [bytesToHex(ref) as Ref] : [])) }
  }
  const reduceControl = (parcel: Parcel): void => {
    const value = unpack(parcel.bytes)
    if (!Array.isArray(value) || !(value[2] instanceof Uint8Array)) return
    const [who, state] = new TextDecoder().decode(value[2]).split(' ')
    members.set(who as PeerId, state as MemberState)
  }
  const take = (parcel: Parcel): void => {
    const list = entries(parcel.chain)
    const entry = readCommit(parcel)
    if (entry === null || test.refuse(parcel.chain, parcel.seq)) return
    const held = list[parcel.seq - 1]
    for (const body of parcel.bodies) bodies.set(body.ref, body)
    if (held !== undefined) {
      if (held.bytes === null && held.hash === entry.hash) held.bytes = entry.bytes
      return
    }
    if (parcel.seq !== list.length + 1) return void waiting.set(`${parcel.chain} ${parcel.seq}`, parcel)
    list.push(entry)
    log.push({ chain: parcel.chain, seq: parcel.seq })
    if (parcel.chain === CONTROL) reduceControl(parcel)
    const next = waiting.get(`${parcel.chain} ${parcel.seq + 1}`)
    waiting.delete(`${parcel.chain} ${parcel.seq + 1}`)
    if (next !== undefined) take(next)
  }
  const announce = (touched: Iterable<ChainId>): void => {
    const watermarks = [...new Set(touched)].flatMap((of) => {
      const last = entries(of).at(-1)
      return last === undefined ? [] : [{ chain: of, seq: entries(of).length, hash: last.hash, whole: true }]
    })
    if (watermarks.length > 0) mesh?.announce(signAck({ mesh: host.mesh, voter: peer, watermarks }, keys))
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
  const make = (of: ChainId, seq: number, payload: Uint8Array, texts: readonly Body[]): Parcel => ({
    chain: of,
    seq,
    bytes: pack([hexToBytes(of), seq, payload, texts.map((body) => hexToBytes(body.ref))]),
    bodies: texts,
  })
  const parcelAt = (of: ChainId, seq: number): Parcel | null => {
    const entry = entries(of)[seq - 1]
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
      const list = entries(of)
      return list.length === 0 ? [] : [{ chain: of, seq: list.length, hash: list.at(-1)!.hash }]
    })
  const frontierDigest = (key: Uint8Array): Uint8Array =>
    sha256(key, ...frontier().map((e) => `${e.chain} ${e.seq} ${e.hash}\n`).sort())

  const host: MeshHost = {
    mesh: options.mesh ?? meshIdOfTests,
    self: keys,
    peer,
    member: (of) => members.get(of) ?? 'unknown',
    frontier,
    seqOf: (of) => chains.get(of)?.length ?? 0,
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
    holes: () => [...chains].flatMap(([of, list]) => list.flatMap((entry, at): Run[] => (entry.bytes === null ? [{ chain: of, from: at + 1, count: 1 }] : []))),
    missingBodies: (limit) => [...chains.values()].flatMap((list) => list.flatMap((entry) => entry.refs.filter((ref) => !bodies.has(ref)))).slice(0, limit),
    receive: (_from, parcels, done) => {
      received += parcels.length
      flush(parcels, done)
    },
    receiveBodies: (_from, texts, done) => {
      for (const body of texts) bodies.set(body.ref, body)
      done()
    },
    receiveAck: (from, ack) => test.acks.push({ from, ack }),
    linkUp: (of) => {
      test.ups.push(`up ${of}`)
    },
    linkDown: (of) => {
      test.ups.push(`down ${of}`)
    },
    controlChain: CONTROL,
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
        const texts = bodyBytes === 0 ? [] : [makeBody(sha256('salt', name, String(made)).slice(0, 16), noise.slice(payload))]
        return make(chain, ++authored, noise.slice(0, payload), texts)
      })
      mesh?.push(parcels)
      flush(parcels, () => {})
    },
    enrol: (of, state) => {
      const parcel = make(CONTROL, entries(CONTROL).length + 1, new TextEncoder().encode(`${of} ${state}`), [])
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
    refuse: () => false,
    damage: (of, seq) => {
      const entry = entries(of)[seq - 1]
      if (entry !== undefined) entry.bytes = null
    },
    loseBody: (ref) => {
      bodies.delete(ref)
    },
    bodyRefs: () => [...bodies.keys()],
    missingBytes: (other) => {
      let bytes = 0
      for (const { chain: of, seq } of other.host.frontier())
        for (const parcel of other.parcelsOf(of, host.seqOf(of) + 1, seq - host.seqOf(of))) bytes += parcel.bytes.length + parcel.bodies.reduce((sum, body) => sum + 16 + body.text.length, 0)
      return bytes
    },
    parcelsOf,
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
