/**
 * A document that is behind until somebody asks it: derived changes are gathered, and applied together.
 *
 * To apply changes of one event each one by one takes Automerge five times as long as to apply 64 at once (`npm run bench:micro`),
 * and who puts a new record asks the document for nothing.
 *
 * Invariant: nobody sees the document without all that was added before.
 */
import type { Document } from './automerge.ts'

export type LazyDocument = {
  /** The document, with all that was added. */
  current(): Document
  /** @param events how many the change was derived from: what applying it costs. */
  add(change: Uint8Array, events: number): void
  /** Its memory goes back; it is asked for nothing any more. */
  free(): void
}

/** Events gathered before they are applied unasked: whoever asks waits for fewer, some 3 ms of work, and more would save little. */
export const GATHERED_EVENTS_MAX = 64

/** @param open makes the document when it is first asked for. */
export const createLazyDocument = (open: () => Document): LazyDocument => {
  let document: Document | null = null
  let gathered: Uint8Array[] = []
  let events = 0
  const current = (): Document => {
    document ??= open()
    if (gathered.length > 0) document.applyChanges(gathered)
    gathered = []
    events = 0
    return document
  }
  return {
    current,
    add: (change, of) => {
      gathered.push(change)
      events += of
      if (events >= GATHERED_EVENTS_MAX) current()
    },
    free: () => {
      document?.free()
      document = null
      gathered = []
      events = 0
    },
  }
}
