/**
 * A member that lies: enrolled, with a key of its own and a true session to everybody, behind which a scripted host says what
 * no honest one would. It holds no honest peer's key, so whatever it makes up in another's name must be refused, and nothing of
 * it may stay; of two histories of its own neither may.
 */
import { signAck, type Watermark } from '../../crdt/ack.ts'
import type { Body } from '../../crdt/body.ts'
import { controlChainId, decodeCommit } from '../../crdt/commit.ts'
import { limits } from '../../crdt/limits.ts'
import { bytesToHex, type ChainId, type CommitHash, type PeerId, type Ref } from '../../crdt/ids.ts'
import { sign } from '../../crdt/signature.ts'
import { signAddress } from '../../transports/addresses.ts'
import { createGrowth } from '../../transports/growth.ts'
import { createMesh, type DriveableMesh } from '../../transports/mesh.ts'
import type { FrontierEntry, MeshHost, Parcel, RefusedCommit, Run } from '../../transports/host.ts'
import type { Peer } from '../../src/peer.ts'
import { createFloods } from './floods.ts'
import type { Founded } from './founding.ts'
import { createLiar } from './liar.ts'
import type { Host, Network, Scheduler } from './network.ts'
import type { EvilAct } from './schedule.ts'
import type { Stream } from './streams.ts'

export type Evil = { start(): void; act(act: EvilAct): void; stop(): void }

/** Parcels of honest peers that it remembers, to change and to send again. */
const CAPTURED_MAX = 64
const FAR_SEQ = 1_000_000
const YEAR_MS = 365 * 86_400_000

/** @param victim the running peer of a machine, or null. */
export const createEvil = (
  founded: Founded,
  network: Network,
  time: Scheduler & { now(): number },
  random: Stream,
  victim: (machine: number) => Peer | null,
): Evil => {
  const index = founded.members.findIndex(({ honest }) => !honest)
  const self = founded.members[index]!
  const honest = founded.members.filter((member) => member.honest)
  let alive = true
  const process: Host = { machine: index, isAlive: () => alive, isPaused: () => false }
  const captured: Parcel[] = []
  const lies = new Set<EvilAct>()
  const late = new Map<Ref, Body>()
  const control = controlChainId(founded.mesh)
  /** Its own word that it lives where others do, and another's word with its own signature. */
  const foreignAddresses = (): Uint8Array[] => [
    signAddress(
      founded.mesh,
      { peer: self.peer, atMs: Math.floor(time.now()), urls: honest.map(({ url }) => url) },
      self.keys,
    ),
    signAddress(
      founded.mesh,
      { peer: honest[0]!.peer, atMs: Math.floor(time.now()) + 1_000, urls: ['ws://nowhere:1/mesh'] },
      self.keys,
    ),
  ]
  const controlRun = (from: number, count: number): Parcel[] =>
    founded.log.commits
      .slice(from - 1, from - 1 + count)
      .map(({ chain, seq, bytes }) => ({ chain, seq, bytes, bodies: [] }))
  const chainOfNobody = (): ChainId => bytesToHex(random.bytes(16)) as ChainId
  const junk = (chain: ChainId, seq: number): Parcel => ({
    chain,
    seq,
    bytes: random.bytes(random.int(1, 400)),
    bodies: [],
  })
  const told = function* (): Iterable<FrontierEntry> {
    const last = founded.log.commits.at(-1)!
    yield { chain: control, seq: last.seq, hash: last.hash }
    if (!lies.has('lying_frontier')) return
    for (const { chain, seq } of captured)
      yield { chain, seq: seq + random.int(0, FAR_SEQ), hash: bytesToHex(random.bytes(32)) as CommitHash }
    yield { chain: chainOfNobody(), seq: random.int(1, FAR_SEQ), hash: bytesToHex(random.bytes(32)) as CommitHash }
  }
  const one = (): Parcel | null => (captured.length === 0 ? null : random.pick(captured))

  const host: MeshHost = {
    mesh: founded.mesh,
    self: self.keys,
    peer: self.peer,
    member: (peer) => founded.members.find((member) => member.peer === peer)?.role ?? 'unknown',
    frontier: {
      at: (prefix) =>
        lies.has('lying_frontier') && random.chance(0.3)
          ? { kind: 'node', digests: Array.from({ length: 16 }, () => random.bytes(32)) }
          : {
              kind: 'leaf',
              entries: [...told()]
                .filter(({ chain }) => chain.startsWith(prefix))
                .slice(0, limits.frontier_leaf_entries_max),
            },
      digestAt: () => random.bytes(32),
    },
    commits: () => founded.log.commits.length,
    growth: createGrowth(),
    seqOf: (chain) => (chain === control ? founded.log.commits.length : 0),
    frontierDigest: () => random.bytes(32),
    logEpoch: bytesToHex(random.bytes(16)),
    arrivals: () => (lies.has('lying_digest') ? random.int(0, FAR_SEQ) : founded.log.commits.length),
    arrivalRuns: (after, limit) => ({
      runs: lies.has('lying_digest') ? [{ chain: chainOfNobody(), from: 1, count: random.int(1, 500) }] : [],
      cursor: after + limit,
    }),
    cursorInto: () => null,
    keepCursor: () => undefined,
    readRun: (run: Run) =>
      run.chain === control
        ? controlRun(run.from, run.count)
        : lies.has('junk_parcels')
          ? [junk(run.chain, run.from)]
          : [],
    readBodies: (refs) =>
      refs.some((ref) => late.has(ref))
        ? refs.flatMap((ref) => late.get(ref) ?? [])
        : lies.has('junk_bodies')
          ? refs.map((ref): Body => ({ ref, salt: random.bytes(16), text: random.bytes(20) }))
          : [],
    isDropped: () => false,
    bodiesGone: () => undefined,
    holes: () => [],
    missingBodies: () => [],
    forkProofs: () => [],
    receiveProposal: () => undefined,
    receiveVote: () => undefined,
    receiveRefused: () => undefined,
    receiveForkProofs: () => undefined,
    forkAt: () => Number.POSITIVE_INFINITY,
    hashAt: (chain, seq) => (chain === control ? (founded.log.commits[seq - 1]?.hash ?? null) : null),
    missingHeaders: () => [],
    readHeaders: () => [],
    receiveHeaders: () => undefined,
    receive: (_from, parcels, done) => {
      captured.push(...parcels.slice(0, CAPTURED_MAX - captured.length))
      if (lies.has('stripped'))
        mesh.push(
          parcels.map((parcel) => ({
            ...parcel,
            bodies: random.chance(0.5)
              ? []
              : parcel.bodies.map(({ ref }) => ({ ref, salt: random.bytes(16), text: random.bytes(20) })),
          })),
        )
      done()
    },
    receiveBodies: (_from, _bodies, done) => done(),
    receiveAck: () => undefined,
    receiveLevel: () => undefined,
    ackWanted: () => undefined,
    linkUp: () => undefined,
    linkDown: () => undefined,
    linkQuiet: () => undefined,
    wallMs: () =>
      Math.floor(time.now()) + (lies.has('lying_clock') ? random.pick([-YEAR_MS, -3_600_000, 3_600_000, YEAR_MS]) : 0),
    receiveClock: () => undefined,
    isClockDoubted: () => true,
    controlChain: control,
    isControl: (chain) => chain === control,
    controlLine: () => ({
      place: founded.log.commits.length,
      head: founded.log.state.head!,
      others: lies.has('lying_frontier') ? [bytesToHex(random.bytes(32)) as CommitHash] : [],
    }),
    knowsStatement: () => true,
    controlLocator: () => founded.log.commits.map(({ hash }) => hash).toReversed(),
    statementsTo: () => [
      ...founded.log.commits.map(({ bytes }) => bytes),
      ...(lies.has('junk_parcels') ? [random.bytes(200)] : []),
    ],
    statementHash: () => null,
    receiveStatements: (_from, _commits, done) => done(),
    addresses: () => (lies.has('foreign_addresses') ? foreignAddresses() : []),
    keepAddress: () => undefined,
  }
  const rethrow = (_place: string, error: unknown): never => {
    throw error
  }
  const timers = {
    now: () => Math.floor(time.now()),
    after: (ms: number, call: () => void) => time.after(ms, () => alive && call()),
  }
  const mesh: DriveableMesh = createMesh({
    host,
    timers,
    random,
    dialer: network.dialer(process),
    compression: null,
    urls: honest.map(({ url }) => url),
    fault: rethrow,
  })

  const liar = createLiar(self, honest.length, { now: time.now, after: timers.after }, random.split('liar'), victim)

  const floods = createFloods({
    mesh: founded.mesh,
    keys: self.keys,
    dialer: network.dialer(process),
    timers,
    random: random.split('floods'),
    addresses: foreignAddresses,
  })

  const push = (parcels: readonly Parcel[]): void => void mesh.push(parcels)
  const spread = (proofs: readonly Uint8Array[]): void => {
    for (const [machine] of honest.entries())
      victim(machine)?.shell.feed({
        kind: 'forks',
        from: self.peer,
        proofs: proofs.filter((_proof, n) => n % honest.length === machine),
      })
  }
  /** Its own word that it takes nothing of what others wrote, to all of them: no write that others acknowledge may end by it. */
  const refuseAll = (): void => {
    const refused = captured.flatMap(({ chain, seq, bytes }): RefusedCommit[] => {
      const decoded = decodeCommit(bytes)
      return decoded.ok ? [{ chain, seq, hash: decoded.commit.hash, reason: 'not_to_my_taste' }] : []
    })
    for (const { peer } of honest) mesh.refuse(refused, peer)
  }
  const act = (what: EvilAct): void => {
    const parcel = one()
    lies.add(what)
    switch (what) {
      case 'junk_parcels':
        return push([junk(chainOfNobody(), 1), ...(parcel === null ? [] : [junk(parcel.chain, parcel.seq + 1)])])
      case 'changed_commit':
        return parcel === null ? undefined : push([{ ...parcel, bytes: flipped(parcel.bytes, random) }])
      case 'foreign_signature':
        return parcel === null
          ? undefined
          : push([
              {
                ...parcel,
                bytes: Uint8Array.from([
                  ...parcel.bytes.subarray(0, -65),
                  ...sign('mnemesh/commit/1', parcel.bytes.subarray(0, -65), self.keys),
                  ...parcel.bytes.subarray(-1),
                ]),
              },
            ])
      case 'orphans':
        return push(captured.filter(({ seq }) => seq > 1).slice(0, 8))
      case 'forged_acks': {
        refuseAll()
        const watermarks = oneAChain(
          captured
            .slice(0, 8)
            .map(({ chain, seq }) => ({
              chain,
              seq: seq + random.int(0, 3),
              hash: bytesToHex(random.bytes(32)) as CommitHash,
              whole: true,
            })),
        )
        // In the name of each voter, and in its own; each twice.
        for (const voter of watermarks.length === 0 ? [] : [...honest, self, ...honest, self])
          mesh.announce(signAck({ mesh: founded.mesh, voter: voter.peer, watermarks }, self.keys), null)
        return
      }
      case 'equivocate':
        return liar.equivocate()
      case 'equivocate_episodes':
        return liar.equivocateEpisodes()
      case 'equivocate_erasures':
        return liar.equivocateErasures()
      case 'impersonate': {
        const forged = liar.impersonate(random.pick(honest))
        return forged === null ? undefined : push([forged])
      }
      case 'junk_forks':
        return mesh.announceForks([
          ...liar.forgedForks(random.pick(honest).peer),
          ...liar.forgedForks(bytesToHex(random.bytes(32)) as PeerId),
          random.bytes(random.int(1, 400)),
        ])
      case 'many_forks':
        // Some here, some there: what follows must not depend on which.
        return spread(
          liar.forks(
            random.weighted([
              [6, 2],
              [3, 20],
              [1, 300],
            ]),
          ),
        )
      case 'far_acks': {
        const far = oneAChain(
          captured.map(({ chain }): Watermark => ({
            chain,
            seq: random.int(100, FAR_SEQ),
            hash: bytesToHex(random.bytes(32)) as CommitHash,
            whole: true,
          })),
        )
        const unknown = Array.from({ length: 200 }, (): Watermark => ({
          chain: chainOfNobody(),
          seq: random.int(1, FAR_SEQ),
          hash: bytesToHex(random.bytes(32)) as CommitHash,
          whole: true,
        }))
        for (const watermarks of [far, unknown])
          if (watermarks.length > 0)
            mesh.announce(signAck({ mesh: founded.mesh, voter: self.peer, watermarks }, self.keys), null)
        return
      }
      case 'many_chains':
        return liar.manyChains()
      case 'unreadable':
        return liar.unreadable()
      case 'late_texts':
        return liar.lateTexts().forEach((text) => late.set(text.ref, text))
      case 'ahead':
        return liar.ahead()
      case 'requests':
      case 'frames':
      case 'stranger':
        return floods[what](random.pick(honest).url)
      case 'foreign_addresses':
      case 'stripped':
      case 'lying_digest':
      case 'lying_frontier':
      case 'lying_clock':
      case 'junk_bodies':
        return
    }
  }
  return {
    act,
    start: () => mesh.start(),
    stop: () => {
      alive = false
      network.died(process, false)
    },
  }
}

const flipped = (bytes: Uint8Array, random: Stream): Uint8Array => {
  const at = random.int(0, bytes.length - 1)
  return bytes.map((byte, i) => (i === at ? byte ^ (1 << random.int(0, 7)) : byte))
}

/** Of each chain the first, no more than an ack holds: an ack of another form closes the link before anybody reads what it says. */
const oneAChain = (watermarks: readonly Watermark[]): Watermark[] =>
  [...new Map(watermarks.toReversed().map((watermark) => [watermark.chain, watermark])).values()].slice(
    0,
    limits.ack_watermarks_max,
  )
