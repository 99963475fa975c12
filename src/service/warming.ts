/**
 * Documents made from the log before they are asked for, in short turns: opening a cold one replays all of it at once, which takes
 * longer than one turn of the event loop may.
 *
 * One document at a time; whoever asks for several takes turns with the others, document by document. It promises nothing but time: a
 * document that went again meanwhile is made at once by whoever opens it.
 */
import type { Documents } from '../replica/documents.ts'
import type { SegmentEntry } from '../replica/log-index.ts'

type Place = Pick<SegmentEntry, 'namespace' | 'id'>
export type Warm = (entries: Iterable<Place>) => Promise<void>

/** Events replayed in one turn: some 10 ms. One commit's, up to 256, are never parted. */
const EVENTS_PER_TURN = 32

export const createWarm = (
  documents: Pick<Documents, 'isHot' | 'warm'>,
  after: (ms: number, call: () => void) => unknown,
): Warm => {
  let last: Promise<void> = Promise.resolve()
  const warmOne = async (entry: Place): Promise<void> => {
    for (;;) {
      for (let events = 0; events < EVENTS_PER_TURN;) {
        const replayed = documents.warm(entry)
        if (replayed === null) return
        events += Math.max(1, replayed)
      }
      await new Promise<void>((resolve) => void after(0, resolve))
    }
  }
  return async (entries) => {
    for (const entry of entries) {
      if (documents.isHot(entry)) continue
      const turn = last.then(() => warmOne(entry))
      // Whoever waits for this one is told of its failure; those behind have their turn all the same.
      last = turn.catch(() => undefined)
      await turn
    }
  }
}
