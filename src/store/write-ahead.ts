/**
 * Batches that stand twice in a write-ahead log, found and taken out before LevelDB reads it.
 *
 * LevelDB replays every record whose checksum holds. A record that a disk wrote a second time in another place (a misdirected
 * write) holds too, and then one key is inserted twice under one sequence number: an assertion ends the process, at every start.
 *
 * A log (doc/log_format.md of LevelDB 1.20): blocks of 32 KiB; in them records, each a masked CRC-32C of type and data, a 2-byte
 * length, a type (1 whole, 2 first, 3 middle, 4 last), the data. What does not check ends its block. A batch begins with its
 * sequence number (8 bytes) and its count of entries (4 bytes), little-endian.
 */
import { crc32c, maskedCrc } from './crc32c.ts'

const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7
const BATCH_HEADER_BYTES = 12
const [WHOLE, FIRST, MIDDLE, LAST] = [1, 2, 3, 4]

/** @returns the log without its repeats, each other batch as LevelDB would have read it, or null when nothing repeats. */
export const withoutRepeats = (log: Buffer): { readonly bytes: Buffer; readonly repeats: number } | null => {
  const seen = new Set<bigint>()
  const kept: Buffer[] = []
  let repeats = 0
  for (const batch of batchesIn(log)) {
    const numbers = numbersOf(batch)
    if (numbers.some((number) => seen.has(number))) repeats++
    else {
      for (const number of numbers) seen.add(number)
      kept.push(batch)
    }
  }
  return repeats === 0 ? null : { bytes: framed(kept), repeats }
}

/** The sequence numbers that its entries get. A count that its bytes cannot hold is no batch: LevelDB refuses it by itself. */
const numbersOf = (batch: Buffer): readonly bigint[] => {
  if (batch.length < BATCH_HEADER_BYTES) return []
  const [first, count] = [batch.readBigUInt64LE(0), batch.readUInt32LE(8)]
  return count > batch.length ? [] : Array.from({ length: count }, (_, i) => first + BigInt(i))
}

/** Every batch that LevelDB would replay, in its order. */
export function* batchesIn(log: Buffer): Generator<Buffer> {
  let parts: Buffer[] | null = null
  for (let block = 0; block < log.length; block += BLOCK_BYTES) {
    const end = Math.min(log.length, block + BLOCK_BYTES)
    for (let at = block; at + HEADER_BYTES <= end;) {
      const record = recordAt(log, at, end)
      if (record === null) {
        parts = null
        break
      }
      const { type, data } = record
      at += HEADER_BYTES + data.length
      if (type === WHOLE) yield data
      if (type === LAST && parts !== null) yield Buffer.concat([...parts, data])
      parts = type === FIRST ? [data] : type === MIDDLE && parts !== null ? [...parts, data] : null
    }
  }
}

const recordAt = (log: Buffer, at: number, end: number): { readonly type: number; readonly data: Buffer } | null => {
  const dataEnd = at + HEADER_BYTES + log.readUInt16LE(at + 4)
  if (dataEnd > end || maskedCrc(crc32c(log, at + 6, dataEnd)) !== log.readUInt32LE(at)) return null
  return { type: log[at + 6]!, data: log.subarray(at + HEADER_BYTES, dataEnd) }
}

/** The batches as a log. */
const framed = (batches: readonly Buffer[]): Buffer => {
  const parts: Buffer[] = []
  let length = 0
  const push = (part: Buffer): void => {
    parts.push(part)
    length += part.length
  }
  for (const batch of batches) {
    for (let from = 0; from < batch.length || from === 0;) {
      const left = BLOCK_BYTES - (length % BLOCK_BYTES)
      if (left < HEADER_BYTES) {
        push(Buffer.alloc(left))
        continue
      }
      const data = batch.subarray(from, from + left - HEADER_BYTES)
      const isLast = from + data.length === batch.length
      push(record(from === 0 ? (isLast ? WHOLE : FIRST) : isLast ? LAST : MIDDLE, data))
      from += data.length
      if (isLast) break
    }
  }
  return Buffer.concat(parts, length)
}

const record = (type: number, data: Buffer): Buffer => {
  const bytes = Buffer.alloc(HEADER_BYTES + data.length)
  bytes[6] = type
  bytes.set(data, HEADER_BYTES)
  bytes.writeUInt16LE(data.length, 4)
  bytes.writeUInt32LE(maskedCrc(crc32c(bytes, 6)), 0)
  return bytes
}
