/**
 * Automerge's sync message: read as far as a reader's words matter, and written.
 *
 *     type (0x42: version 1, 0x43: version 2) ‖ heads ‖ need ‖ have… ‖ changes… ‖ [capabilities]
 *     heads, need   count, then 32 bytes each
 *     have          last common heads, then a Bloom filter (length, bytes)
 *     changes       count, then length and bytes each; in version 2 a chunk may also be a whole document
 *     capabilities  count, then a byte each: 0x02 speaks version 2; one with its top bit set holds flags (1 reset, 2 read-only, 4 knows resets)
 *
 * Counts and lengths are LEB128. Source: `sync.rs` of automerge, and the messages that 3.5.0 writes.
 *
 * Invariant: of a client's message only hashes and two flags come out of here. Its changes are stepped over by their
 * lengths and its filter is not looked at, so nothing it wrote has a way into Automerge.
 */
import { joined } from '../../crdt/hash.ts'
import { bytesToHex, hexToBytes } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'

/** What a reader says of one document. Hashes are 64 hex digits each. */
export type Said = {
  readonly heads: readonly string[]
  /** Changes it names as missing. */
  readonly need: readonly string[]
  /** The heads it believes both sides had when they last agreed. */
  readonly common: readonly string[]
  readonly version: 1 | 2
  /** It understands version 2. */
  readonly speaksVersion2: boolean
  /** It appended capabilities, and so expects that the other side may. */
  readonly namesCapabilities: boolean
  /** It has forgotten what it was sent. */
  readonly reset: boolean
  /** How many changes of its own it sent; they were stepped over. */
  readonly changes: number
}

export type SyncRefusal = 'bad_sync_message' | 'too_many_hashes' | 'too_many_haves'

/** Its length, then magic number, checksum, type and length of the chunk: no change is smaller. */
const CHANGE_BYTES_MIN = 11

/** @param bytes of a client's making, of any size and kind. */
export const readSyncMessage = (bytes: Uint8Array): Said | { readonly refused: SyncRefusal } => {
  try {
    return read(createReader(bytes))
  } catch (error) {
    if (error instanceof Refused) return { refused: error.reason }
    throw error
  }
}

const read = (reader: Reader): Said => {
  const type = reader.byte()
  if (type !== 0x42 && type !== 0x43) throw new Refused('bad_sync_message')
  const heads = reader.hashes()
  const need = reader.hashes()
  const common: string[] = []
  const haves = reader.number()
  if (haves > limits.live_haves_max) throw new Refused('too_many_haves')
  for (let i = 0; i < haves; i++) {
    for (const hash of reader.hashes()) common.push(hash)
    reader.skip(reader.number())
  }
  // A claim of more changes than there is room for is refused before anything is stepped over.
  const changes = reader.number()
  if (changes * CHANGE_BYTES_MIN > reader.left()) throw new Refused('bad_sync_message')
  for (let i = 0; i < changes; i++) reader.skip(reader.number())
  const capabilities = reader.left() > 0 ? reader.take(reader.number()) : null
  if (reader.left() > 0) throw new Refused('bad_sync_message')
  const version = type === 0x43 ? 2 : 1
  return {
    heads,
    need,
    common,
    version,
    changes,
    speaksVersion2: version === 2 || capabilities?.includes(0x02) === true,
    namesCapabilities: capabilities !== null,
    reset: capabilities?.some((byte) => (byte & 0x81) === 0x81) === true,
  }
}

/**
 * What the door says of one document: its heads, and changes. It names no filter and no need, so that a client has nothing to
 * send back, and says that it is read-only, so that a client that knows the word does not try.
 *
 * @param heads ascending. @param chunks changes, deps first; for a reader of version 2 also a saved document.
 */
export const writeSyncMessage = (message: {
  readonly heads: readonly string[]
  readonly chunks: readonly Uint8Array[]
  readonly to: Pick<Said, 'speaksVersion2' | 'namesCapabilities'>
}): Uint8Array => {
  const { heads, chunks, to } = message
  const parts: Uint8Array[] = [
    Uint8Array.of(to.speaksVersion2 ? 0x43 : 0x42),
    leb128(heads.length),
    ...heads.map(hexToBytes),
    NO_NEED_NO_HAVE,
    leb128(chunks.length),
  ]
  for (const chunk of chunks) parts.push(leb128(chunk.length), chunk)
  if (to.namesCapabilities) parts.push(READ_ONLY_CAPABILITIES)
  return joined(parts)
}

const NO_NEED_NO_HAVE = Uint8Array.of(0, 0)
const READ_ONLY_CAPABILITIES = Uint8Array.of(2, 0x02, 0x80 | 0x04 | 0x02)

const leb128 = (value: number): Uint8Array => {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Uint8Array.from([...bytes, rest])
}

// ── reading, never past the end ─────────────────────────────────────────────────────────────────────────────────────────

class Refused extends Error {
  readonly reason: SyncRefusal
  constructor(reason: SyncRefusal) {
    super(reason)
    this.reason = reason
  }
}

type Reader = ReturnType<typeof createReader>

const createReader = (bytes: Uint8Array) => {
  let at = 0
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at) throw new Refused('bad_sync_message')
    at += count
    return bytes.subarray(at - count, at)
  }
  const byte = (): number => take(1)[0]!
  /** Five bytes of LEB128 at most: no count or length of a bounded message needs more. */
  const number = (): number => {
    let value = 0
    for (let scale = 1; scale <= 0x80 ** 4; scale *= 0x80) {
      const next = byte()
      value += (next & 0x7f) * scale
      if (next < 0x80) return value
    }
    throw new Refused('bad_sync_message')
  }
  return {
    left: () => bytes.length - at,
    byte,
    take,
    number,
    skip: (count: number): void => void take(count),
    hashes: (): string[] => {
      const count = number()
      if (count > limits.live_hashes_max) throw new Refused('too_many_hashes')
      return Array.from({ length: count }, () => bytesToHex(take(32)))
    },
  }
}
