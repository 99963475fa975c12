/**
 * Damaged blocks of LevelDB's tables, found and made harmless before LevelDB reads them.
 *
 * LevelDB (as classic-level opens it) does not check its blocks' checksums; it parses what it finds, and on some damage an
 * assertion ends the whole process. So every table is checked at opening, before anything else looks at it.
 *
 * A table (doc/table_format.md of LevelDB 1.20): data blocks, filter block, metaindex, index, 48-byte footer. A block is
 * its contents, one byte of compression type, and the masked CRC-32C of both. The footer and the indexes name blocks by
 * handle: offset and size of the contents, as varints. We write tables uncompressed (database.ts), so contents are plain.
 *
 * A damaged data block becomes an empty one of the same size: zeros, which LevelDB reads as 'no entries', under a right
 * checksum. So the file keeps its size and all its other blocks, and the loss is that block's entries, which the opening
 * scan then names. A damaged filter becomes one that excludes nothing. Without a sound index a table is of no use.
 */
import { crc32c, maskedCrc } from './crc32c.ts'

const FOOTER_BYTES = 48
const TRAILER_BYTES = 5
const MAGIC = Buffer.from('57fb808b247547db', 'hex')
const UNCOMPRESSED = 0
/** LevelDB's kFilterBaseLg, the last byte of a filter block. */
const FILTER_BASE = 11

export type TableState =
  | { readonly is: 'sound' }
  /** `bytes` is the table with `blocks` of its blocks emptied. */
  | { readonly is: 'mended'; readonly bytes: Buffer; readonly blocks: number }
  | { readonly is: 'unusable'; readonly reason: string }

type Handle = { readonly offset: number; readonly size: number }
type Kind = 'data' | 'filter'

/** @param table the whole file. It is not changed. */
export const checkTable = (table: Buffer): TableState => {
  const footer = table.subarray(-FOOTER_BYTES)
  if (footer.length < FOOTER_BYTES || !footer.subarray(-MAGIC.length).equals(MAGIC))
    return { is: 'unusable', reason: 'its footer is damaged' }
  const handles = readHandles(footer, 2)
  const [metaindex, index] = handles ?? []
  if (metaindex === undefined || index === undefined || !fits(table, index))
    return { is: 'unusable', reason: 'its footer is damaged' }
  const indexed = isSound(table, index) ? readIndex(table, index) : null
  if (indexed === null || !indexed.every((handle) => fits(table, handle)))
    return { is: 'unusable', reason: 'its index is damaged' }

  const damaged: (readonly [Kind, Handle])[] = indexed
    .filter((handle) => !isSound(table, handle))
    .map((handle) => ['data', handle])
  if (!fits(table, metaindex)) return { is: 'unusable', reason: 'its footer is damaged' }
  if (!isSound(table, metaindex)) damaged.push(['data', metaindex])
  else {
    const filters = readIndex(table, metaindex)
    if (filters === null || !filters.every((handle) => fits(table, handle)))
      return { is: 'unusable', reason: 'its metaindex is damaged' }
    for (const handle of filters) if (!isSound(table, handle)) damaged.push(['filter', handle])
  }
  if (damaged.length === 0) return { is: 'sound' }

  const bytes = Buffer.from(table)
  for (const [kind, handle] of damaged) empty(bytes, kind, handle)
  // A damaged handle may name a stretch of sound blocks: emptying that would do more harm than good.
  if (checkTable(bytes).is !== 'sound') return { is: 'unusable', reason: 'its handles are damaged' }
  return { is: 'mended', bytes, blocks: damaged.length }
}

const fits = (table: Buffer, { offset, size }: Handle): boolean =>
  size >= 4 && offset + size + TRAILER_BYTES <= table.length - FOOTER_BYTES

const isSound = (table: Buffer, { offset, size }: Handle): boolean =>
  maskedCrc(crc32c(table, offset, offset + size + 1)) === table.readUInt32LE(offset + size + 1)

const empty = (table: Buffer, kind: Kind, { offset, size }: Handle): void => {
  const end = offset + size
  table.fill(kind === 'data' ? 0 : 0xff, offset, end)
  if (kind === 'filter') table[end - 1] = FILTER_BASE
  table[end] = UNCOMPRESSED
  table.writeUInt32LE(maskedCrc(crc32c(table, offset, end + 1)), end + 1)
}

/** The handles that an index block names, or null when it is compressed or not an index. */
const readIndex = (table: Buffer, { offset, size }: Handle): readonly Handle[] | null => {
  if (table[offset + size] !== UNCOMPRESSED) return null
  const block = table.subarray(offset, offset + size)
  const end = size - 4 - 4 * block.readUInt32LE(size - 4)
  const handles: Handle[] = []
  for (let at = 0; at < end;) {
    // An entry: length shared with the key before, length not shared, length of the value, then key and value.
    const lengths = readVarints(block, at, 3)
    if (lengths === null) return null
    const [, unshared = 0, valueLength = 0] = lengths.values
    const value = block.subarray(lengths.end + unshared, lengths.end + unshared + valueLength)
    const handle = readHandles(value, 1)?.[0]
    if (handle === undefined) return null
    handles.push(handle)
    at = lengths.end + unshared + valueLength
  }
  return handles
}

const readHandles = (bytes: Buffer, count: number): readonly Handle[] | null => {
  const numbers = readVarints(bytes, 0, 2 * count)
  return numbers === null
    ? null
    : Array.from({ length: count }, (_, i) => ({ offset: numbers.values[2 * i]!, size: numbers.values[2 * i + 1]! }))
}

/** Little-endian base-128 numbers; null when they run over the end or past 2^49. */
const readVarints = (
  bytes: Buffer,
  from: number,
  count: number,
): { readonly values: readonly number[]; readonly end: number } | null => {
  const values: number[] = []
  let at = from
  while (values.length < count) {
    let value = 0
    for (let scale = 1; ; scale *= 128, at++) {
      const byte = bytes[at]
      if (byte === undefined || scale > 2 ** 42) return null
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    at += 1
    values.push(value)
  }
  return { values, end: at }
}
