/**
 * Commits that no honest peer would make: well formed, on top of what a victim holds, sealed with the liar's key, and handed to
 * the victims it chooses alone, behind the network's back.
 *
 * `equivocate` writes two histories of its own chain, each to one half of the mesh, `equivocateEpisodes` the same with what lies in no
 * document, `equivocateErasures` by erasing; `impersonate` writes in an honest peer's name.
 */
import { makeBody } from '../../crdt/body.ts'
import { emptyChain, extendChain, type ChainState } from '../../crdt/chain.ts'
import { chainId, eventsRoot, sealCommit, type CommitHeader } from '../../crdt/commit.ts'
import { encodeEvent, type DocumentEvent, type Event } from '../../crdt/event.ts'
import { tick, type Hlc } from '../../crdt/hlc.ts'
import { bytesToHex, incarnation, segmentId, segmentIndex, segmentOwner, uuidV7, type AgentId, type EventId, type PeerId, type RecordId } from '../../crdt/ids.ts'
import { historyRoot } from '../../crdt/merkle.ts'
import { derive } from '../../crdt/segment.ts'
import type { Parcel } from '../../transports/host.ts'
import type { Peer } from '../../src/peer.ts'
import { NS } from './clients.ts'
import type { Member } from './founding.ts'
import type { Stream } from './streams.ts'

/** Who says what an honest client never says: found in an honest peer's commit, it was forged. */
export const LIAR = 'ai:liar' as AgentId

type Sealed = { readonly parcel: Parcel; readonly state: ChainState }
type Branch = { state: ChainState; readonly parcels: Parcel[]; readonly victims: readonly number[] }

export type Liar = {
  /** Begins two histories, or makes one of them longer: by a memory, or by changing an honest one, so that honest work follows the lie. */
  equivocate(): void
  equivocateEpisodes(): void
  /** The same by erasing what honest peers wrote: gone at once from the disks of those who are told. */
  equivocateErasures(): void
  impersonate(honest: Member): Parcel | null
}

/** @param victim the running peer of a machine, or null. */
export const createLiar = (self: Member, machines: number, now: () => number, random: Stream, victim: (machine: number) => Peer | null): Liar => {
  let hlc = 0 as Hlc
  let branches: readonly [Branch, Branch] | null = null

  const said = () => ({ v: 1 as const, id: uuidV7(now(), random.bytes(10)) as EventId, ns: NS, agent: LIAR, at: new Date(Math.floor(now())).toISOString() })
  const put = () => {
    const body = makeBody(random.bytes(16), new TextEncoder().encode(`a lie ${random.int(0, 1_000)}`))
    const event: DocumentEvent = { ...said(), kind: 'memory.put', record: uuidV7(now(), random.bytes(10)) as RecordId, set: { content: { ref: body.ref } } }
    return { event, bodies: [body] }
  }
  /** One commit more of a chain, in the name of whose chain it is; null when the victim has not got what it rests on yet. */
  const commit = (peer: Peer, state: ChainState, event: Event, place: Pick<CommitHeader, 'segment' | 'deps' | 'changeHash'>, bodies: Parcel['bodies']): Sealed | null => {
    const { index } = peer.replica
    if (index.control.head === null) return null
    const events = [{ bytes: encodeEvent(event), event, attestation: null }]
    hlc = tick(hlc, Math.floor(now()))
    const sealed = sealCommit({
      mesh: index.mesh, namespace: NS, peer: state.peer, incarnation: state.incarnation, seq: state.seq + 1, prev: state.hash, history: bytesToHex(historyRoot(state.history)), hlc,
      policy: index.control.head, eventsRoot: eventsRoot(events), eventCount: 1, ...place,
    }, events, self.keys)
    return { parcel: { chain: state.id, seq: sealed.header.seq, bytes: sealed.bytes, bodies }, state: extendChain(state, sealed, 0) }
  }
  // On top of a commit that the victim is still writing to its disk the change would be none that follows from it.
  const isStill = ({ replica: { index } }: Peer, state: ChainState): boolean => state.seq > 0 && index.chains.get(state.id)?.hash !== state.hash && !index.forkedAt.has(state.id)
  /** The same in a document; null also when that refuses it. */
  const seal = (peer: Peer, state: ChainState, owner: PeerId, event: DocumentEvent, bodies: Parcel['bodies']): Sealed | null => {
    if (isStill(peer, state)) return null
    const id = segmentId(owner, 0)
    const open = peer.replica.documents.open({ namespace: NS, id }).segment
    const derivation = derive(open, { peer: state.peer, incarnation: state.incarnation, chain: state.id }, [...open.heads].sort(), [event])
    return 'refused' in derivation ? null : commit(peer, state, event, { segment: id, deps: derivation.deps, changeHash: derivation.hash }, bodies)
  }
  const anyMemory = (peer: Peer): { readonly record: RecordId; readonly owner: PeerId } | null => {
    const known = [...peer.replica.index.segmentsByRecord].flatMap(([record, entry]) => (Array.isArray(entry) || segmentIndex(entry.id) > 0 ? [] : [{ record, owner: segmentOwner(entry.id) }]))
    return known.length === 0 ? null : random.pick(known)
  }
  const begin = (peer: PeerId): ChainState => {
    const started = incarnation(Math.floor(now()), random.int(0, 0xffff))
    return emptyChain(chainId(peer, started, NS), peer, started, NS)
  }
  const give = (branch: Branch): void => {
    for (const machine of branch.victims) victim(machine)?.shell.feed({ kind: 'received', from: self.peer, parcels: branch.parcels, delivery: 0 })
  }

  /** Begins two histories, or makes one or both longer by what `lie` says to one of its victims. */
  const fork = (lie: (peer: Peer, state: ChainState) => Sealed | null): void => {
    if (branches === null) {
      const state = begin(self.peer)
      const order = random.some(Array.from({ length: machines }, (_, machine) => machine), machines)
      const cut = random.int(1, machines - 1)
      branches = [{ state, parcels: [], victims: order.slice(0, cut) }, { state, parcels: [], victims: order.slice(cut) }]
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
    equivocate: () => fork((peer, state) => {
      const touched = random.chance(0.5) ? anyMemory(peer) : null
      const own = put()
      return touched === null
        ? seal(peer, state, self.peer, own.event, own.bodies)
        : seal(peer, state, touched.owner, { ...said(), kind: 'memory.patch', record: touched.record, set: { priority: 9 } }, [])
    }),
    equivocateEpisodes: () => fork((peer, state) => (isStill(peer, state) ? null : commit(peer, state, { ...said(), kind: 'episode.append', event_type: 'lied' }, { segment: null, deps: [], changeHash: null }, []))),
    equivocateErasures: () => fork((peer, state) => {
      const touched = anyMemory(peer)
      return touched && seal(peer, state, touched.owner, { ...said(), kind: 'memory.erase', record: touched.record }, [])
    }),
    impersonate: (honest) => {
      const peer = Array.from({ length: machines }, (_, machine) => victim(machine)).find((found) => found !== null)
      if (!peer) return null
      const { event, bodies } = put()
      return seal(peer, begin(honest.peer), honest.peer, event, bodies)?.parcel ?? null
    },
  }
}
