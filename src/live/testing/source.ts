/** Segments as a replica holds them, written to by one peer, behind the live door's port. For tests alone. */
import { chainId, eventsRoot, sealCommit, type SealedEvent } from '../../../crdt/commit.ts'
import { encodeEvent, type DocumentEvent } from '../../../crdt/event.ts'
import { sha256Hex } from '../../../crdt/hash.ts'
import type { Hlc } from '../../../crdt/hlc.ts'
import {
  ZERO_HASH,
  incarnation,
  segmentId,
  type AgentId,
  type CommitHash,
  type EventId,
  type MeshId,
  type Namespace,
  type PeerId,
  type RecordId,
  type Ref,
  type SegmentId,
} from '../../../crdt/ids.ts'
import { applyDerived, derive, documentHeads, openSegment, type Segment } from '../../../crdt/segment.ts'
import { keyPairFromSeed, publicKeyHex } from '../../../crdt/signature.ts'
import type { LiveSource } from '../../ports/live.ts'

export const uuid = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`

export type TestSource = LiveSource & {
  readonly peer: PeerId
  /** Remembers record `n` in the writer's segment `index`, as one commit. */
  put(namespace: Namespace, index: number, n: number): SegmentId
  patch(namespace: Namespace, index: number, n: number, priority: number): void
  /** Rebuilt without any commit, as a fork's proof or a revocation may ask for; the writer goes on in a new incarnation. */
  empty(namespace: Namespace, index: number): void
  listeners(): number
}

export const createTestSource = (seedByte = 1): TestSource => {
  const keys = keyPairFromSeed(new Uint8Array(32).fill(seedByte))
  const peer = publicKeyHex(keys) as PeerId
  let inc = incarnation(1_700_000_000_000, seedByte)
  const segmentsByNamespace = new Map<Namespace, Map<SegmentId, Segment>>()
  const listeners = new Set<(namespace: Namespace, segment: SegmentId) => void>()
  let seq = 0

  const open = (namespace: Namespace, id: SegmentId): Segment => {
    const segments = segmentsByNamespace.get(namespace) ?? new Map<SegmentId, Segment>()
    segmentsByNamespace.set(namespace, segments)
    const segment = segments.get(id) ?? openSegment(namespace, id)
    segments.set(id, segment)
    return segment
  }
  const write = (namespace: Namespace, id: SegmentId, event: DocumentEvent): void => {
    const segment = open(namespace, id)
    const derivation = derive(
      segment,
      { peer, incarnation: inc, chain: chainId(peer, inc, namespace) },
      [...segment.heads].sort(),
      [event],
    )
    if ('refused' in derivation) throw new Error(derivation.refused)
    const sealed: SealedEvent[] = [{ bytes: encodeEvent(event), event, attestation: null }]
    const commit = sealCommit(
      {
        mesh: ZERO_HASH as MeshId,
        namespace,
        peer,
        incarnation: inc,
        seq: ++seq,
        prev: ZERO_HASH as CommitHash,
        history: ZERO_HASH,
        hlc: seq as Hlc,
        policy: ZERO_HASH as CommitHash,
        segment: id,
        deps: derivation.deps,
        eventsRoot: eventsRoot(sealed),
        eventCount: 1,
        changeHash: derivation.hash,
      },
      sealed,
      keys,
    )
    applyDerived(segment, derivation, commit)
    for (const listener of listeners) listener(namespace, id)
  }
  const said = <K extends string>(ns: Namespace, kind: K) => ({
    v: 1 as const,
    id: uuid(1_000_000 + seq) as EventId,
    ns,
    kind,
    agent: 'ai:alice' as AgentId,
    at: '2026-01-01T00:00:00.000Z',
  })
  const find = (namespace: Namespace, id: SegmentId): Segment | undefined => segmentsByNamespace.get(namespace)?.get(id)

  return {
    peer,
    put: (namespace, index, n) => {
      const id = segmentId(peer, index)
      write(namespace, id, {
        ...said(namespace, 'memory.put'),
        record: uuid(n) as RecordId,
        set: { kind: 'fact', content: { ref: sha256Hex(`${n}`) as Ref } },
      })
      return id
    },
    patch: (namespace, index, n, priority) =>
      write(namespace, segmentId(peer, index), {
        ...said(namespace, 'memory.patch'),
        record: uuid(n) as RecordId,
        set: { priority },
      }),
    empty: (namespace, index) => {
      const id = segmentId(peer, index)
      segmentsByNamespace.get(namespace)?.set(id, openSegment(namespace, id))
      inc = incarnation(Date.now(), seedByte)
      for (const listener of listeners) listener(namespace, id)
    },
    listeners: () => listeners.size,
    namespaces: () => [...segmentsByNamespace.keys()],
    segments: (namespace) => [...(segmentsByNamespace.get(namespace)?.keys() ?? [])],
    heads: (namespace, id) => {
      const segment = find(namespace, id)
      return segment === undefined ? null : documentHeads(segment)
    },
    save: (namespace, id) => find(namespace, id)?.document.current().save() ?? null,
    changesSince: (namespace, id, heads) =>
      find(namespace, id)
        ?.document.current()
        .getChanges([...heads]) ?? [],
    onChanged: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
