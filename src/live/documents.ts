/**
 * What is behind a document id: a segment of the replica, read through its port, or a namespace's index, kept here.
 *
 * The door holds no copy of a segment: heads and changes are asked of the source when somebody needs them, so a document that
 * was rebuilt without some commits (a fork, a revocation) is right at once. Indexes are small, and are kept while they are
 * followed.
 */
import type { MeshId, Namespace, SegmentId } from '../../crdt/ids.ts'
import type { LiveSource } from '../ports/live.ts'
import { indexKey, segmentKey, segmentUrl, type DocumentKey } from './document-id.ts'
import type { LiveDocument } from './live-document.ts'
import { openIndexDocument, type IndexDocument } from './index-document.ts'
import type { Turns, Worker } from './turns.ts'

export type Documents = {
  /** Looks at what the source has by now. Call before readers ask, and again when any joins. */
  refresh(): void
  /** Takes note of a segment. @returns its document. */
  changed(namespace: Namespace, segment: SegmentId): DocumentKey
  /** Null when nothing is known under this id, or it holds nothing yet. */
  find(key: DocumentKey): LiveDocument | null
  /** Nobody follows this document any more. */
  release(key: DocumentKey): void
}

type Place = { readonly namespace: Namespace; readonly segment: SegmentId | null }

export type DocumentsHost = {
  /** An index lists more than before, or would if it were asked for. */
  grown(key: DocumentKey): void
  /** The namespace's index has no room, and how many segments that leaves out. */
  full(namespace: Namespace, left: number): void
  failed(error: unknown): void
}

export const createDocuments = (mesh: MeshId, source: LiveSource, turns: Turns, host: DocumentsHost): Documents => {
  const placeByKey = new Map<DocumentKey, Place>()
  const keysByNamespace = new Map<
    Namespace,
    { readonly index: DocumentKey; readonly keyBySegment: Map<SegmentId, DocumentKey> }
  >()
  const indexByKey = new Map<DocumentKey, IndexDocument>()

  const keysOf = (namespace: Namespace) => {
    const known = keysByNamespace.get(namespace)
    if (known !== undefined) return known
    const keys = { index: indexKey(mesh, namespace), keyBySegment: new Map<SegmentId, DocumentKey>() }
    keysByNamespace.set(namespace, keys)
    placeByKey.set(keys.index, { namespace, segment: null })
    return keys
  }
  /** @returns the segment's key, and whether it is new here. */
  const note = (namespace: Namespace, segment: SegmentId): readonly [DocumentKey, boolean] => {
    const { keyBySegment } = keysOf(namespace)
    const known = keyBySegment.get(segment)
    if (known !== undefined) return [known, false]
    const key = segmentKey(mesh, namespace, segment)
    keyBySegment.set(segment, key)
    placeByKey.set(key, { namespace, segment })
    return [key, true]
  }

  const growing = new Set<DocumentKey>()
  const grower: Worker = {
    step: () => {
      for (const key of growing) {
        growing.delete(key)
        if (indexByKey.get(key)?.grow() === true) growing.add(key)
        host.grown(key)
        break
      }
      return growing.size > 0
    },
    failed: (error) => host.failed(error),
  }
  const grow = (key: DocumentKey, namespace: Namespace, index: IndexDocument, segments: readonly SegmentId[]): void => {
    const left = index.add(segments)
    if (left > 0) host.full(namespace, left)
    growing.add(key)
    turns.wake(grower)
  }
  /** One that is not open may be followed too, by who asked before the namespace held anything. */
  const growIfFollowed = (key: DocumentKey, namespace: Namespace, segments: readonly SegmentId[]): void => {
    const open = indexByKey.get(key)
    if (open === undefined) host.grown(key)
    else grow(key, namespace, open, segments)
  }
  const openIndex = (key: DocumentKey, namespace: Namespace): IndexDocument => {
    const open = indexByKey.get(key)
    if (open !== undefined) return open
    const index = openIndexDocument(namespace, (segment) => segmentUrl(mesh, namespace, segment))
    indexByKey.set(key, index)
    // The first slice at once, so that a small index is whole at first sight; further ones in their turn.
    grow(key, namespace, index, [...keysOf(namespace).keyBySegment.keys()])
    index.grow()
    return index
  }

  return {
    refresh: () => {
      for (const namespace of source.namespaces()) {
        const { index } = keysOf(namespace)
        const fresh = source.segments(namespace).filter((segment) => note(namespace, segment)[1])
        if (fresh.length > 0) growIfFollowed(index, namespace, fresh)
      }
    },
    changed: (namespace, segment) => {
      const { index } = keysOf(namespace)
      const [key, isNew] = note(namespace, segment)
      if (isNew) growIfFollowed(index, namespace, [segment])
      return key
    },
    find: (key) => {
      const place = placeByKey.get(key)
      if (place === undefined) return null
      const { namespace, segment } = place
      if (segment === null) return openIndex(key, namespace)
      if (source.heads(namespace, segment) === null) return null
      return {
        heads: () => source.heads(namespace, segment) ?? [],
        changesSince: (heads) => source.changesSince(namespace, segment, heads),
        save: () => source.save(namespace, segment),
      }
    },
    release: (key) => {
      indexByKey.get(key)?.free()
      indexByKey.delete(key)
    },
  }
}
