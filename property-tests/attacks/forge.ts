/**
 * Commits of a dishonest member: sealed with its own key on its own chains, honest but for what a row makes of them.
 */
import { emptyChain, extendChain, type ChainState } from '../../crdt/chain.ts'
import { chainId, eventsRoot, sealCommit, type CommitHeader, type VerifiedCommit } from '../../crdt/commit.ts'
import { encodeEvent, isDocumentEvent, type DocumentEvent, type Event } from '../../crdt/event.ts'
import type { Hlc } from '../../crdt/hlc.ts'
import {
  bytesToHex,
  incarnation,
  segmentId,
  ZERO_HASH,
  type AgentId,
  type ChainId,
  type ChangeHash,
  type CommitHash,
  type EventId,
  type Incarnation,
  type MeshId,
  type Namespace,
  type PeerId,
  type RecordId,
} from '../../crdt/ids.ts'
import { historyRoot } from '../../crdt/merkle.ts'
import { derive, openSegment } from '../../crdt/segment.ts'
import { publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { makeBody, type Body } from '../../crdt/body.ts'
import { randomBytes, randomInt, randomUUID } from 'node:crypto'

export const NAMESPACE = 'attacked' as Namespace

export type Author = {
  readonly peer: PeerId
  readonly incarnation: Incarnation
  chainIn(namespace: Namespace): ChainState
  /** The next commit of its chain in the events' namespace. @param lie replaces header fields before sealing. */
  seal(events: readonly Event[], lie?: Partial<CommitHeader>): VerifiedCommit
  /** Goes on behind this commit. */
  extend(commit: VerifiedCommit): void
}

export type AuthorOptions = {
  readonly mesh: MeshId
  readonly policy: CommitHash
  readonly keys: KeyPair
  readonly nowMs?: number
}

/** A fresh incarnation of whoever holds `keys`. */
export const createAuthor = ({ mesh, policy, keys, nowMs = Date.now() }: AuthorOptions): Author => {
  const peer = publicKeyHex(keys) as PeerId
  const inc = incarnation(nowMs, randomInt(0x10000))
  const chains = new Map<ChainId, ChainState>()
  let ms = nowMs
  const chainIn = (namespace: Namespace): ChainState => {
    const id = chainId(peer, inc, namespace)
    return chains.get(id) ?? emptyChain(id, peer, inc, namespace)
  }
  return {
    peer,
    incarnation: inc,
    chainIn,
    seal: (events, lie = {}) => {
      const namespace = events[0]!.ns
      const chain = chainIn(namespace)
      const sealed = events.map((event) => ({ bytes: encodeEvent(event), event, attestation: null }))
      const documentEvents = events.filter((event): event is DocumentEvent => isDocumentEvent(event))
      const derived = documentEvents.length === 0 ? LOG_ONLY : inOwnSegment(namespace, peer, inc, chain, documentEvents)
      const header: CommitHeader = {
        mesh,
        namespace,
        peer,
        incarnation: inc,
        seq: chain.seq + 1,
        prev: chain.hash,
        history: bytesToHex(historyRoot(chain.history)),
        hlc: (++ms * 1024) as Hlc,
        policy,
        ...derived,
        eventsRoot: eventsRoot(sealed),
        eventCount: sealed.length,
        ...lie,
      }
      return sealCommit(header, sealed, keys)
    },
    extend: (commit) => void chains.set(commit.chain, extendChain(chainIn(commit.header.namespace), commit, 0)),
  }
}

type Derived = Pick<CommitHeader, 'segment' | 'deps' | 'changeHash'>
const LOG_ONLY: Derived = { segment: null, deps: [], changeHash: null }

/** Each commit of documents begins a segment of its own: a member may have as many as it likes. */
const inOwnSegment = (
  namespace: Namespace,
  peer: PeerId,
  inc: Incarnation,
  chain: ChainState,
  events: readonly DocumentEvent[],
): Derived => {
  const segment = segmentId(peer, randomInt(2 ** 31))
  const derivation = derive(openSegment(namespace, segment), { peer, incarnation: inc, chain: chain.id }, [], events)
  // A lie that cannot be derived still has to be sealed, to be refused.
  return 'refused' in derivation
    ? { segment, deps: [], changeHash: ZERO_HASH as ChangeHash }
    : { segment, deps: derivation.deps, changeHash: derivation.hash }
}

const common = (namespace: Namespace) => ({
  v: 1 as const,
  id: randomUUID() as EventId,
  ns: namespace,
  agent: 'evil:member' as AgentId,
  at: new Date().toISOString(),
})

/** Lies in no document: the cheapest event there is. */
export const episode = (namespace: Namespace = NAMESPACE, fields: object = {}): Event => ({
  ...common(namespace),
  kind: 'episode.append',
  event_type: 'noise',
  ...fields,
})

export const put = (
  texts: { readonly content: Body; readonly metadata?: Body },
  namespace: Namespace = NAMESPACE,
  fields: object = {},
): Event => ({
  ...common(namespace),
  kind: 'memory.put',
  record: randomUUID() as RecordId,
  set: { content: { ref: texts.content.ref }, ...(texts.metadata && { metadata: { ref: texts.metadata.ref } }) },
  ...fields,
})

export const bodyOf = (text: string): Body => makeBody(randomBytes(16), new TextEncoder().encode(text))
/** As it travels. */
export const wireBody = ({ salt, text }: Body): Uint8Array => new Uint8Array([...salt, ...text])
