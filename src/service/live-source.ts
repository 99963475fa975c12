/**
 * What the live door reads: documents as they are on stable storage.
 */
import type { Namespace, SegmentId } from '../../crdt/ids.ts'
import type { LiveSource } from '../ports/live.ts'
import type { Shell } from '../replica/effects.ts'
import { segmentKey } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'

export const createLiveSource = (replica: Replica, shell: Shell): LiveSource => {
  const open = (namespace: Namespace, id: SegmentId) => {
    const entry = replica.index.segments.get(segmentKey(namespace, id))
    return entry === undefined ? null : replica.documents.open(entry).segment.document.current()
  }
  return {
    namespaces: () => [...replica.index.namespaces],
    segments: (namespace) =>
      [...replica.index.segments.values()].filter((entry) => entry.namespace === namespace).map(({ id }) => id),
    save: (namespace, id) => open(namespace, id)?.save() ?? null,
    heads: (namespace, id) => open(namespace, id)?.getHeads().sort() ?? null,
    changesSince: (namespace, id, heads) => {
      const doc = open(namespace, id)
      return doc === null ? [] : doc.getChanges(heads.filter((hash) => doc.getChangeMetaByHash(hash) !== null))
    },
    onChanged: (listener) => {
      let seen = replica.index.arrivals
      return shell.onGrown((arrivals) => {
        const changed = new Map<string, { namespace: Namespace; id: SegmentId }>()
        for (let n = seen + 1; n <= arrivals; n++) {
          const header = replica.commits.arrived(n)?.header
          if (header?.segment)
            changed.set(segmentKey(header.namespace, header.segment), {
              namespace: header.namespace,
              id: header.segment,
            })
        }
        seen = arrivals
        for (const { namespace, id } of changed.values()) listener(namespace, id)
      })
    },
  }
}
