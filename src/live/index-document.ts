/**
 * A namespace's index: one Automerge document, `{ namespace, segments: { [segment id]: url } }`, derived alike on every peer.
 *
 * Each segment is one change that says nothing but 'this segment is under this URL', made by an actor of its own (a hash of
 * the segment's id) on top of the genesis alone, at time 0. So it is the same bytes wherever it is made: two peers that
 * know different segments, or learned them in another order, have documents that merge without a conflict, and a reader
 * may go on with another peer's.
 *
 * Changes side by side would make as many heads as segments, and heads are in every sync message: when all 64 segments of a
 * block (owner, index / 64) are known, one empty change on top of the 64 closes it. A function of the segments too.
 *
 * Invariants:
 * 1. The document is a function of the set of segments listed.
 * 2. It only grows: a segment once listed stays.
 */
import { changeHash, encodeChange, openDocument } from '../../crdt/automerge.ts'
import { sha256 } from '../../crdt/hash.ts'
import {
  bytesToHex,
  hexToBytes,
  segmentIndex,
  segmentOwner,
  type ChangeHash,
  type Namespace,
  type SegmentId,
} from '../../crdt/ids.ts'
import type { LiveDocument } from './live-document.ts'
import { liveLimits } from './limits.ts'

export type IndexDocument = LiveDocument & {
  /** Takes note of segments; `grow` lists them. @returns how many it has no room for. */
  add(segments: readonly SegmentId[]): number
  /** Lists some of those noted. @returns whether there are more: a large index is made in slices, so that nobody waits for it. */
  grow(): boolean
  /** Gives the memory back; nothing may be called after it. */
  free(): void
}

const GENESIS_ACTOR = '00'.repeat(16)
const SEGMENTS = `2@${GENESIS_ACTOR}`
const BLOCK_SEGMENTS = 64

/** @param urlOf where a segment is served. */
export const openIndexDocument = (namespace: Namespace, urlOf: (segment: SegmentId) => string): IndexDocument => {
  const doc = openDocument()
  const genesis = encodeChange({
    actor: GENESIS_ACTOR,
    seq: 1,
    startOp: 1,
    deps: [],
    ops: [
      { action: 'set', obj: '_root', key: 'namespace', value: namespace, pred: [] },
      { action: 'makeMap', obj: '_root', key: 'segments', pred: [] },
    ],
  })
  const genesisHash = changeHash(genesis)
  doc.applyChanges([genesis])
  const noted = new Set<SegmentId>()
  const pending: SegmentId[] = []
  const changesByBlock = new Map<string, ChangeHash[]>()

  const changesFor = (segment: SegmentId): Uint8Array[] => {
    const change = encodeChange({
      actor: actorOf('mnemesh/live/segment/1', segment),
      seq: 1,
      startOp: 3,
      deps: [genesisHash],
      ops: [{ action: 'set', obj: SEGMENTS, key: segment, value: urlOf(segment), pred: [] }],
    })
    const block = `${segmentOwner(segment)}${blockOf(segment)}`
    const members = [...(changesByBlock.get(block) ?? []), changeHash(change)]
    changesByBlock.set(block, members)
    if (members.length < BLOCK_SEGMENTS) return [change]
    changesByBlock.delete(block)
    return [
      change,
      encodeChange({
        actor: actorOf('mnemesh/live/block/1', block),
        seq: 1,
        startOp: 4,
        deps: members.sort(),
        ops: [],
      }),
    ]
  }

  return {
    add: (segments) => {
      let left = 0
      for (const segment of segments) {
        if (noted.has(segment)) continue
        if (noted.size >= liveLimits.live_index_segments_max) {
          left++
          continue
        }
        noted.add(segment)
        pending.push(segment)
      }
      return left
    },
    grow: () => {
      const changes = pending.splice(0, liveLimits.live_index_slice_segments).flatMap(changesFor)
      if (changes.length > 0) doc.applyChanges(changes)
      return pending.length > 0
    },
    heads: () => doc.getHeads().sort(),
    changesSince: (heads) => doc.getChanges([...heads]),
    save: () => doc.save(),
    free: () => doc.free(),
  }
}

const blockOf = (segment: SegmentId): string =>
  Math.floor(segmentIndex(segment) / BLOCK_SEGMENTS)
    .toString(16)
    .padStart(8, '0')

/** @param name hex digits. */
const actorOf = (domain: string, name: string): string => bytesToHex(sha256(domain, hexToBytes(name)).subarray(0, 16))
