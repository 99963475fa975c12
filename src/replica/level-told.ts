/**
 * Up to which format level each member's build reads, as its hello told last (PROTOCOL HS11): a fact beside the log, so that a voter which is
 * away for an hour may be asked about, in a running peer and in a stopped folder.
 */
import type { PeerId } from '../../crdt/ids.ts'
import { unpack } from '../../crdt/msgpack.ts'
import type { CommitStore } from '../ports/store.ts'

export const levelFact = (peer: PeerId): string => `level/${peer}`

/** @param value what lies under that fact; null: it never told. */
export const levelTold = (value: unknown): number | null => (typeof value === 'number' ? value : null)

/** The same of a folder that nobody serves. */
export const levelToldIn = (store: Pick<CommitStore, 'fact'>, peer: PeerId): number | null => {
  const bytes = store.fact(levelFact(peer))
  return levelTold(bytes instanceof Uint8Array ? unpack(bytes) : null)
}
