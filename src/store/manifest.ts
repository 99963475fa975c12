/**
 * Which files a LevelDB database consists of at this moment, read from its manifest.
 *
 * A manifest (doc/impl.md, db/version_edit.cc of LevelDB 1.20) is a log of edits; an edit is a row of fields, each behind its tag.
 */
import { batchesIn } from './write-ahead.ts'

/** Numbers of the tables, and the first number of a write-ahead log that still counts. */
export type LiveFiles = { readonly tables: ReadonlySet<number>; readonly firstLog: number }

const [COMPARATOR, LOG, NEXT, LAST, POINTER, DELETED, NEW, PREVIOUS_LOG] = [1, 2, 3, 4, 5, 6, 7, 9]

/** @throws RangeError when the bytes are no manifest. */
export const liveFilesOf = (manifest: Buffer): LiveFiles => {
  const tables = new Set<number>()
  let firstLog = 0
  for (const edit of batchesIn(manifest)) {
    const fields = reader(edit)
    while (!fields.ended()) {
      const tag = fields.number()
      if (tag === COMPARATOR) fields.skip()
      else if (tag === LOG) firstLog = fields.number()
      else if (tag === NEXT || tag === LAST || tag === PREVIOUS_LOG) fields.number()
      else if (tag === POINTER) {
        fields.number()
        fields.skip()
      } else if (tag === DELETED) {
        fields.number()
        tables.delete(fields.number())
      } else if (tag === NEW) {
        fields.number()
        tables.add(fields.number())
        fields.number()
        fields.skip()
        fields.skip()
      } else throw new RangeError(`a manifest has no field ${tag}`)
    }
  }
  return { tables, firstLog }
}

const reader = (bytes: Buffer) => {
  let at = 0
  const number = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined || scale > 2 ** 63) throw new RangeError('a manifest ends within a number')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  return {
    number,
    skip: () => {
      const length = number()
      at += length
    },
    ended: () => at >= bytes.length,
  }
}
