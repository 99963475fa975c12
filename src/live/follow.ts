/**
 * One reader and one document: what the reader has been given, and what it is given next. The only place that decides that.
 *
 * A WebSocket delivers in order or breaks, and a broken one takes this state with it, so what was sent counts as held. What
 * the reader says about itself is believed as far as it helps the reader: heads that the document has are left out of what
 * is sent, all others count for nothing.
 *
 * Invariants:
 * 1. The reader's first word is answered always: it waits for the document's heads before it shows anything.
 * 2. Later it is told only what is new, so two sides that answer each other come to rest.
 * 3. Who says that it has nothing, or has forgotten, is told everything again.
 */
import type { LiveDocument } from './live-document.ts'
import { writeSyncMessage, type Said } from './sync-message.ts'

export type Follow = {
  /** The document's heads when the reader was last told; null before. */
  sent: readonly string[] | null
  version: 1 | 2
  speaksVersion2: boolean
  namesCapabilities: boolean
}

export const newFollow = (): Follow => ({ sent: null, version: 1, speaksVersion2: false, namesCapabilities: false })

/** @returns the sync message that answers, or null when there is nothing to say. `document` null: there is none (yet). */
export const answer = (follow: Follow, document: LiveDocument | null, said: Said): Uint8Array | null => {
  // A client that spoke version 2 falls back to 1 only when it starts from a new state.
  const forgot = said.reset || said.heads.length === 0 || said.version < follow.version
  follow.version = said.version
  follow.speaksVersion2 ||= said.speaksVersion2
  follow.namesCapabilities ||= said.namesCapabilities
  if (forgot || said.need.length > 0) follow.sent = null
  if (document === null) return null

  // What it says it lacks it lacks, whatever its heads say.
  const has = said.need.length > 0 ? [] : [...said.heads, ...said.common, ...(follow.sent ?? [])]
  return tell(follow, document, has)
}

/** The document has changed: what the reader must be told. */
export const push = (follow: Follow, document: LiveDocument): Uint8Array | null =>
  tell(follow, document, follow.sent ?? [])

const tell = (follow: Follow, document: LiveDocument, has: readonly string[]): Uint8Array | null => {
  const heads = document.heads()
  if (follow.sent !== null && equal(follow.sent, heads)) return null
  const chunks = chunksFor(follow, document, has)
  follow.sent = heads
  return writeSyncMessage({ heads, chunks, to: follow })
}

/** A reader that has nothing gets the saved document where it can read one: for 512 memories 21 KB, their changes are 127 KB. */
const chunksFor = (follow: Follow, document: LiveDocument, has: readonly string[]): readonly Uint8Array[] => {
  const whole = has.length === 0 && follow.speaksVersion2 ? document.save() : null
  return whole === null ? document.changesSince(has) : [whole]
}

const equal = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((hash, i) => hash === b[i])
