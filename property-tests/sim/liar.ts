/**
 * Commits that no honest peer would make: well formed, on top of what a victim holds, sealed with the liar's key, and handed to
 * the victims it chooses alone, behind the network's back.
 *
 * `equivocate` writes two histories of its own chain, each to one half of the mesh, `equivocateEpisodes` the same with what lies in no
 * document, `equivocateErasures` by erasing; `impersonate` writes in an honest peer's name.
 */
import { makeBody, type Body } from '../../crdt/body.ts'
import { emptyChain, extendChain, type ChainState } from '../../crdt/chain.ts'
import { chainId, eventsRoot, sealCommit, type Commit, type CommitHeader } from '../../crdt/commit.ts'
import { encodeEvent, type DocumentEvent, type Event } from '../../crdt/event.ts'
import { tick, type Hlc } from '../../crdt/hlc.ts'
import {
  bytesToHex,
  incarnation,
  segmentId,
  segmentIndex,
  segmentOwner,
  uuidV7,
  type AgentId,
  type EventId,
  type Namespace,
  type PeerId,
  type RecordId,
} from '../../crdt/ids.ts'
import { makeForkProof } from '../../crdt/fork.ts'
import { historyRoot } from '../../crdt/merkle.ts'
import { derive } from '../../crdt/segment.ts'
import type { Parcel } from '../../transports/host.ts'
import type { Peer } from '../../src/peer.ts'
import { NS } from './clients.ts'
import type { Member } from './founding.ts'
import type { Scheduler } from './network.ts'
import type { Stream } from './streams.ts'

/** Who says what an honest client never says: found in an honest peer's commit, it was forged. */
export const LIAR = 'ai:liar' as AgentId

type Sealed = { readonly parcel: Parcel; readonly state: ChainState; readonly commit: Commit }
type Branch = { state: ChainState; readonly parcels: Parcel[]; readonly victims: readonly number[] }

export type Liar = {
  /** Begins two histories, or makes one of them longer: by a memory, or by changing an honest one, so that honest work follows the lie. */
  equivocate(): void
  equivocateEpisodes(): void
  /** The same by erasing what honest peers wrote: gone at once from the disks of those who are told. */
  equivocateErasures(): void
  impersonate(honest: Member): Parcel | null
  /** One commit each of many chains, some in namespaces of their own. */
  manyChains(): void
  /** A memory whose texts are not what their fields allow. */
  unreadable(): void
  /** A memory without its texts, which come after a while, one by one. Answers them, for whoever asks. */
  lateTexts(): readonly Body[]
  /** Says something almost as far ahead as is taken. */
  ahead(): void
  /** Proofs of forks of its own chains, as many as are asked for. */
  forks(count: number): readonly Uint8Array[]
  /** Of chains of somebody else, by its own key: they prove nothing. */
  forgedForks(whose: PeerId): readonly Uint8Array[]
}

/** @param victim the running peer of a machine, or null. */
export const createLiar = (
  self: Member,
  machines: number,
  time: Scheduler & { now(): number },
  random: Stream,
  victim: (machine: number) => Peer | null,
): Liar => {
  const { now } = time
  let hlc = 0 as Hlc
  let branches: readonly [Branch, Branch] | null = null

  const said = (ns: Namespace = NS) => ({
    v: 1 as const,
    id: uuidV7(now(), random.bytes(10)) as EventId,
    ns,
    agent: LIAR,
    at: new Date(Math.floor(now())).toISOString(),
  })
  const put = () => {
    const body = makeBody(random.bytes(16), new TextEncoder().encode(`a lie ${random.int(0, 1_000)}`))
    const event: DocumentEvent = {
      ...said(),
      kind: 'memory.put',
      record: uuidV7(now(), random.bytes(10)) as RecordId,
      set: { content: { ref: body.ref } },
    }
    return { event, bodies: [body] }
  }
  /** One commit more of a chain, in the name of whose chain it is; null when the victim has not got what it rests on yet. */
  const commit = (
    peer: Peer,
    state: ChainState,
    event: Event,
    place: Pick<CommitHeader, 'segment' | 'deps' | 'changeHash'>,
    bodies: Parcel['bodies'],
  ): Sealed | null => {
    const { index } = peer.replica
    if (index.control.head === null) return null
    const events = [{ bytes: encodeEvent(event), event, attestation: null }]
    hlc = tick(hlc, Math.floor(now()))
    const sealed = sealCommit(
      {
        mesh: index.mesh,
        namespace: state.namespace,
        peer: state.peer,
        incarnation: state.incarnation,
        seq: state.seq + 1,
        prev: state.hash,
        history: bytesToHex(historyRoot(state.history)),
        hlc,
        policy: index.control.head,
        eventsRoot: eventsRoot(events),
        eventCount: 1,
        ...place,
      },
      events,
      self.keys,
    )
    return {
      parcel: { chain: state.id, seq: sealed.header.seq, bytes: sealed.bytes, bodies },
      state: extendChain(state, sealed, 0),
      commit: sealed,
    }
  }
  // On top of a commit that the victim is still writing to its disk the change would be none that follows from it.
  const isStill = ({ replica: { index } }: Peer, state: ChainState): boolean =>
    state.seq > 0 && index.chains.get(state.id)?.hash !== state.hash && !index.forkedAt.has(state.id)
  /** The same in a document; null also when that refuses it. */
  const seal = (
    peer: Peer,
    state: ChainState,
    owner: PeerId,
    event: DocumentEvent,
    bodies: Parcel['bodies'],
  ): Sealed | null => {
    if (isStill(peer, state)) return null
    const id = segmentId(owner, 0)
    const open = peer.replica.documents.open({ namespace: NS, id }).segment
    const derivation = derive(
      open,
      { peer: state.peer, incarnation: state.incarnation, chain: state.id },
      [...open.heads].sort(),
      [event],
    )
    return 'refused' in derivation
      ? null
      : commit(peer, state, event, { segment: id, deps: derivation.deps, changeHash: derivation.hash }, bodies)
  }
  const anyMemory = (peer: Peer): { readonly record: RecordId; readonly owner: PeerId } | null => {
    const known = [...peer.replica.index.segmentsByRecord].flatMap(([record, entry]) =>
      Array.isArray(entry) || segmentIndex(entry.id) > 0 ? [] : [{ record, owner: segmentOwner(entry.id) }],
    )
    return known.length === 0 ? null : random.pick(known)
  }
  const begin = (peer: PeerId, namespace: Namespace = NS): ChainState => {
    const started = incarnation(Math.floor(now()), random.int(0, 0xffff))
    return emptyChain(chainId(peer, started, namespace), peer, started, namespace)
  }
  const anyVictim = (): Peer | null =>
    Array.from({ length: machines }, (_, machine) => victim(machine)).find((found) => found !== null) ?? null
  const hand = (peer: Peer, parcels: readonly Parcel[]): void =>
    peer.shell.feed({ kind: 'received', from: self.peer, parcels, delivery: 0 })
  const episode = (peer: Peer, state: ChainState): Sealed | null =>
    commit(peer, state, { ...said(state.namespace), kind: 'episode.append', event_type: 'lied' }, NO_DOCUMENT, [])
  /** A memory of these texts, in a chain of its own. */
  const remember = (
    peer: Peer,
    texts: { readonly content: Body; readonly title?: Body; readonly metadata?: Body },
    given: readonly Body[],
  ): void => {
    const set = Object.fromEntries(Object.entries(texts).map(([field, { ref }]) => [field, { ref }])) as {
      content: { ref: Body['ref'] }
    }
    const sealed = seal(
      peer,
      begin(self.peer),
      self.peer,
      { ...said(), kind: 'memory.put', record: uuidV7(now(), random.bytes(10)) as RecordId, set },
      given,
    )
    if (sealed !== null) hand(peer, [sealed.parcel])
  }
  const body = (text: Uint8Array | string): Body =>
    makeBody(random.bytes(16), typeof text === 'string' ? new TextEncoder().encode(text) : text)
  /** Two first commits of chains of `whose`, sealed with the liar's key. */
  const proofs = (whose: PeerId, count: number): Uint8Array[] => {
    const peer = anyVictim()
    if (peer === null) return []
    return Array.from({ length: count }, () => {
      const state = begin(whose)
      const [a, b] = [episode(peer, state), episode(peer, state)]
      return a && b && makeForkProof(1, { before: [], commits: [a.commit] }, { before: [], commits: [b.commit] })
    }).filter((proof) => proof !== null)
  }
  const give = (branch: Branch): void => {
    for (const machine of branch.victims)
      victim(machine)?.shell.feed({ kind: 'received', from: self.peer, parcels: branch.parcels, delivery: 0 })
  }

  /** Begins two histories, or makes one or both longer by what `lie` says to one of its victims. */
  const fork = (lie: (peer: Peer, state: ChainState) => Sealed | null): void => {
    if (branches === null) {
      const state = begin(self.peer)
      const order = random.some(
        Array.from({ length: machines }, (_, machine) => machine),
        machines,
      )
      const cut = random.int(1, machines - 1)
      branches = [
        { state, parcels: [], victims: order.slice(0, cut) },
        { state, parcels: [], victims: order.slice(cut) },
      ]
    }
    for (const branch of random.chance(0.5) ? branches : [random.pick(branches)]) {
      const peer = branch.victims.map(victim).find((found) => found !== null)
      const lied = peer ? lie(peer, branch.state) : null
      if (lied === null) continue
      branch.state = lied.state
      branch.parcels.push(lied.parcel)
      give(branch)
    }
  }

  return {
    equivocate: () =>
      fork((peer, state) => {
        const touched = random.chance(0.5) ? anyMemory(peer) : null
        const own = put()
        return touched === null
          ? seal(peer, state, self.peer, own.event, own.bodies)
          : seal(
              peer,
              state,
              touched.owner,
              { ...said(), kind: 'memory.patch', record: touched.record, set: { priority: 9 } },
              [],
            )
      }),
    equivocateEpisodes: () =>
      fork((peer, state) =>
        isStill(peer, state)
          ? null
          : commit(peer, state, { ...said(), kind: 'episode.append', event_type: 'lied' }, NO_DOCUMENT, []),
      ),
    equivocateErasures: () =>
      fork((peer, state) => {
        const touched = anyMemory(peer)
        return (
          touched && seal(peer, state, touched.owner, { ...said(), kind: 'memory.erase', record: touched.record }, [])
        )
      }),
    impersonate: (honest) => {
      const peer = anyVictim()
      if (peer === null) return null
      const { event, bodies } = put()
      return seal(peer, begin(honest.peer), honest.peer, event, bodies)?.parcel ?? null
    },
    manyChains: () => {
      const peer = anyVictim()
      const chains = Array.from(
        { length: CHAINS },
        (_, n) => peer && episode(peer, begin(self.peer, n % 3 === 0 ? (`liar/${random.int(0, 9)}` as Namespace) : NS)),
      )
      if (peer !== null)
        hand(
          peer,
          chains.flatMap((sealed) => (sealed === null ? [] : [sealed.parcel])),
        )
    },
    unreadable: () => {
      const peer = anyVictim()
      const texts = {
        content: random.chance(0.5) ? body(Uint8Array.of(0xff, 0xfe, 0x41)) : body('a lie in words'),
        title: body(random.chance(0.5) ? 'x'.repeat(2_000) : 'a title'),
        metadata: body(random.pick([DEEP, '[1]', '{'])),
      }
      if (peer !== null) remember(peer, texts, Object.values(texts))
    },
    lateTexts: () => {
      const texts = {
        content: body(`a late lie ${random.int(0, 1_000)}`),
        title: body('late'),
        metadata: body('{"late":true}'),
      }
      const peer = anyVictim()
      if (peer === null) return []
      remember(peer, texts, random.chance(0.3) ? [texts.title] : [])
      for (const late of Object.values(texts))
        time.after(random.int(50, 2_500), () =>
          anyVictim()?.shell.feed({ kind: 'bodies', from: self.peer, bodies: [late], delivery: 0 }),
        )
      return Object.values(texts)
    },
    ahead: () => {
      const before = hlc
      hlc = tick(hlc, Math.floor(now()) + AHEAD_MS)
      const peer = anyVictim()
      const sealed = peer && episode(peer, begin(self.peer))
      if (peer && sealed) hand(peer, [sealed.parcel])
      hlc = before
    },
    forks: (count) => proofs(self.peer, count),
    forgedForks: (whose) => proofs(whose, 2),
  }
}

const NO_DOCUMENT = { segment: null, deps: [], changeHash: null } as const
const CHAINS = 8
/** Within what is taken (`clock_bound_ms`), also by clocks that are somewhat behind. */
const AHEAD_MS = 4 * 60_000
/** Deeper than metadata may nest. */
const DEEP = `${'{"a":'.repeat(300)}1${'}'.repeat(300)}`
