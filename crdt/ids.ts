/**
 * Every identifier of mnemesh, minted and parsed here and nowhere else.
 *
 * An id is a branded string: two kinds never mix by accident, and a value that reached one of these types is well formed.
 * Binary ids travel as lower-case hex in memory and as raw bytes on the wire (`hexToBytes`, `bytesToHex`).
 */
declare const brand: unique symbol
type Id<Name extends string> = string & { readonly [brand]: Name }

/** Ed25519 public key of a replica, 64 hex digits. */
export type PeerId = Id<'PeerId'>
/** SHA-256 of the statement that founded the mesh (`control.ts`), 64 hex digits: whoever trusts it can check everything else. */
export type MeshId = Id<'MeshId'>
/** Ed25519 public key that is no peer's: of an authority, or for recovery; 64 hex digits. */
export type PublicKey = Id<'PublicKey'>
/** Start time in ms (48 bits) ‖ 16 random bits, 16 hex digits: orders a peer's incarnations by start time. */
export type Incarnation = Id<'Incarnation'>
/** First 16 bytes of SHA-256("mnemesh/chain/1" ‖ peer ‖ incarnation ‖ namespace), 32 hex digits. */
export type ChainId = Id<'ChainId'>
/** SHA-256 of a commit's header bytes under its domain, 64 hex digits. */
export type CommitHash = Id<'CommitHash'>
/** SHA-256 of an Automerge change chunk, 64 hex digits. */
export type ChangeHash = Id<'ChangeHash'>
/** Salted hash of a body, 64 hex digits. */
export type Ref = Id<'Ref'>
/** Owner peer (64 hex digits) ‖ index (8 hex digits): one Automerge document. */
export type SegmentId = Id<'SegmentId'>
/** `team/api`: 1–8 parts of `[a-z0-9][a-z0-9._-]*`, at most 128 bytes. `_mesh` is the control log. */
export type Namespace = Id<'Namespace'>
/** UUID in lower case: a memory, or a link. */
export type RecordId = Id<'RecordId'>
/** UUID in lower case: one thing an agent said. */
export type EventId = Id<'EventId'>
/** `ai:alice`: 1–128 printable bytes without spaces. */
export type AgentId = Id<'AgentId'>

export const CONTROL_NAMESPACE = '_mesh' as Namespace
export const ZERO_HASH = '0'.repeat(64)

const HEX = /^[0-9a-f]*$/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const NAMESPACE = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*){0,7}$/
const AGENT = /^[\x21-\x7e]{1,128}$/

const hexId =
  <T extends string>(digits: number) =>
  (text: string): T | null =>
    text.length === digits && HEX.test(text) ? (text as T) : null

/** Each parser answers the branded id, or null when the text is not one. */
export const parsePeerId = hexId<PeerId>(64)
export const parseMeshId = hexId<MeshId>(64)
export const parsePublicKey = hexId<PublicKey>(64)
export const parseIncarnation = hexId<Incarnation>(16)
export const parseChainId = hexId<ChainId>(32)
export const parseCommitHash = hexId<CommitHash>(64)
export const parseRef = hexId<Ref>(64)
export const parseRecordId = (text: string): RecordId | null => (UUID.test(text) ? (text as RecordId) : null)
export const parseEventId = (text: string): EventId | null => (UUID.test(text) ? (text as EventId) : null)
export const parseAgentId = (text: string): AgentId | null => (AGENT.test(text) ? (text as AgentId) : null)
/** A namespace people may write to: never `_mesh`. */
export const parseNamespace = (text: string): Namespace | null =>
  text.length <= 128 && NAMESPACE.test(text) ? (text as Namespace) : null

export const segmentId = (owner: PeerId, index: number): SegmentId =>
  (owner + index.toString(16).padStart(8, '0')) as SegmentId
export const segmentOwner = (segment: SegmentId): PeerId => segment.slice(0, 64) as PeerId
export const segmentIndex = (segment: SegmentId): number => Number.parseInt(segment.slice(64), 16)

/** @param startMs wall clock at start. @param random16 16 random bits, so that two starts in one ms differ. */
export const incarnation = (startMs: number, random16: number): Incarnation =>
  (startMs.toString(16).padStart(12, '0') + (random16 & 0xffff).toString(16).padStart(4, '0')) as Incarnation

/**
 * The one a running peer goes on under when it gives `previous` up: begun now, its 16 bits one further, so that two within one ms
 * differ and nothing random is drawn. It repeats an earlier one only where a clock was put back to that very ms after 65,536 others.
 */
export const nextIncarnation = (previous: Incarnation, nowMs: number): Incarnation =>
  incarnation(Math.floor(nowMs), Number.parseInt(previous.slice(12), 16) + 1)

/** UUIDv7 (RFC 9562 §5.7): 48 bits of ms, the rest random, so ids made together lie together in an index. */
export const uuidV7 = (nowMs: number, random: Uint8Array): string => {
  const bytes = new Uint8Array(16)
  for (let i = 0; i < 6; i++) bytes[i] = Math.floor(nowMs / 2 ** (8 * (5 - i))) & 0xff
  bytes.set(random.subarray(0, 10), 6)
  return formatUuid(bytes, 0x70)
}

/**
 * UUIDv7s in the order in which they were asked for: within one ms each is the one before plus a little (RFC 9562 §6.2, method 2), so
 * that what was written together keeps its order. A clock that goes back starts anew.
 * @param random 10 random bytes at each call.
 */
export const createUuidsV7 = (): ((nowMs: number, random: Uint8Array) => string) => {
  let lastMs = Number.NEGATIVE_INFINITY
  let tail = new Uint8Array(10)
  return (nowMs, random) => {
    if (nowMs === lastMs) addTo(tail, 1 + random[0]! + 256 * random[1]!)
    else {
      tail = random.slice(0, 10)
      // Room to count up in: the bits before are version and variant, which a carry must not reach.
      tail[3]! &= 0x7f
    }
    lastMs = nowMs
    return uuidV7(nowMs, tail)
  }
}

/** Adds to the number that the last seven bytes are. */
const addTo = (bytes: Uint8Array, more: number): void => {
  for (let i = bytes.length - 1, carry = more; i >= 3 && carry > 0; i--) {
    const sum = bytes[i]! + (carry & 0xff)
    bytes[i] = sum & 0xff
    carry = (carry >>> 8) + (sum >>> 8)
  }
}

/** UUIDv8 (RFC 9562 §5.8) of a digest: the same input gives the same id on every peer. */
export const uuidV8 = (digest: Uint8Array): string => formatUuid(digest.slice(0, 16), 0x80)

const formatUuid = (bytes: Uint8Array, version: number): string => {
  bytes[6] = (bytes[6]! & 0x0f) | version
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytesToHex(bytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

const HEX_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export const bytesToHex = (bytes: Uint8Array): string => {
  let hex = ''
  for (const byte of bytes) hex += HEX_BYTE[byte]
  return hex
}

/** The value of a hex digit, by its character code. */
export const DIGIT = Uint8Array.from({ length: 128 }, (_, code) => Number.parseInt(String.fromCharCode(code), 16) || 0)

/** @param hex an even number of hex digits; ids of this file always are. */
export const hexToBytes = (hex: string): Uint8Array => {
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = (DIGIT[hex.charCodeAt(2 * i)]! << 4) | DIGIT[hex.charCodeAt(2 * i + 1)]!
  return bytes
}
