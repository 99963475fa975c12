/**
 * Every record of the on-disk store: its key, its bytes, and the check that tells a damaged one from a sound one.
 *
 * Keys are one letter and raw bytes; numbers are 6 bytes, big-endian, so that LevelDB's order is theirs.
 *
 *   c chain16 seq6   n6 hash32 bytes sum16    a commit; n is its place in the arrival log
 *   a n6             chain16 seq6 hash32 crc4 the arrival log
 *   h hash32         chain16 seq6 crc4        commit hash → its place in its chain
 *   b ref32          salt16 text              a body: its key is its check
 *   e ref32          (empty)                  the body of this ref was erased; never removed, so it outlives any repair
 *   d ref32          (empty)                  the body of this ref was dropped by this peer's policy; never removed
 *   p ref32          (empty)                  erased or dropped, but its old bytes may still lie in a table (see purge.ts)
 *   f name           value sum16              a fact
 *   t batch6         n6 digest32 sum16        after batch number `batch` the log had n arrivals and this digest
 *   m                epoch16 from6 folder sum16  the log's epoch; the trail is whole from batch `from` on; the folder it lies in
 *
 * `sum` is the first half of SHA-256 over key ‖ what precedes it: a record that was moved under another key is found too.
 * Index entries (a, h) carry a CRC-32 over the same: they can be restored from the commits, and cost two thirds less.
 */
import { hash as digest } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { refOf, SALT_BYTES } from '../../crdt/body.ts'
import type { Body } from '../../crdt/body.ts'
import type { ChainId, CommitHash, Ref } from '../../crdt/ids.ts'
import type { Arrival, StoredCommit } from '../ports/store.ts'

export const SUM_BYTES = 16
const CRC_BYTES = 4
const NUMBER_BYTES = 6
const CHAIN_BYTES = 16
const HASH_BYTES = 32
export const COMMIT_KEY_BYTES = 1 + CHAIN_BYTES + NUMBER_BYTES
export const ARRIVAL_KEY_BYTES = 1 + NUMBER_BYTES
export const TRAIL_KEY_BYTES = 1 + NUMBER_BYTES
const ARRIVAL_BYTES = CHAIN_BYTES + NUMBER_BYTES + HASH_BYTES

export type Entry = { readonly key: Buffer; readonly value: Buffer }

/** First letter of each kind's keys. */
export const letters = {
  commit: 'c',
  arrival: 'a',
  hash: 'h',
  body: 'b',
  erased: 'e',
  dropped: 'd',
  purge: 'p',
  fact: 'f',
  trail: 't',
  meta: 'm',
} as const

/** The half-open key range of a kind. */
export const rangeOf = (letter: string): { readonly gte: Buffer; readonly lt: Buffer } => ({
  gte: Buffer.from(letter),
  lt: Buffer.from(String.fromCharCode(letter.charCodeAt(0) + 1)),
})

const sumOf = (bytes: Uint8Array): Buffer => digest('sha256', bytes, 'buffer').subarray(0, SUM_BYTES)
/** A view without Buffer's methods, so that what readers get is plain bytes whichever driver gave them. */
export const plain = (bytes: Buffer): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)

/** value = payload ‖ SHA-256(key ‖ payload)[0:16]. */
export const sealed = (key: Buffer, payload: Uint8Array): Entry => ({
  key,
  value: Buffer.concat([payload, sumOf(Buffer.concat([key, payload]))]),
})

/** The payload, or null when the record is not what was written under this key. */
export const unsealed = (key: Buffer, value: Buffer): Buffer | null => {
  const end = value.length - SUM_BYTES
  if (end < 0) return null
  const payload = value.subarray(0, end)
  return sumOf(Buffer.concat([key, payload])).equals(value.subarray(end)) ? payload : null
}

// ── commits ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export const commitKey = (chain: ChainId, seq: number): Buffer => {
  const key = Buffer.allocUnsafe(COMMIT_KEY_BYTES)
  key.write('c', 0, 'latin1')
  key.write(chain, 1, 'hex')
  key.writeUIntBE(seq, 1 + CHAIN_BYTES, NUMBER_BYTES)
  return key
}

/** The chain's keys, to find its last. */
export const chainRange = (chain: ChainId): { readonly gte: Buffer; readonly lte: Buffer } => ({
  gte: commitKey(chain, 0),
  lte: commitKey(chain, 2 ** 48 - 1),
})

export const seqOfCommitKey = (key: Buffer): number => key.readUIntBE(1 + CHAIN_BYTES, NUMBER_BYTES)
export const chainOfCommitKey = (key: Buffer): ChainId => key.toString('hex', 1, 1 + CHAIN_BYTES) as ChainId

/** One buffer, key and value end to end, so that the sum needs no copy. */
export const commitEntry = (n: number, commit: StoredCommit): Entry => {
  const body = COMMIT_KEY_BYTES + NUMBER_BYTES + HASH_BYTES
  const all = Buffer.allocUnsafe(body + commit.bytes.length + SUM_BYTES)
  all.write('c', 0, 'latin1')
  all.write(commit.chain, 1, 'hex')
  all.writeUIntBE(commit.seq, 1 + CHAIN_BYTES, NUMBER_BYTES)
  all.writeUIntBE(n, COMMIT_KEY_BYTES, NUMBER_BYTES)
  all.write(commit.hash, COMMIT_KEY_BYTES + NUMBER_BYTES, 'hex')
  all.set(commit.bytes, body)
  const end = body + commit.bytes.length
  all.set(sumOf(all.subarray(0, end)), end)
  return { key: all.subarray(0, COMMIT_KEY_BYTES), value: all.subarray(COMMIT_KEY_BYTES) }
}

export const readCommit = (
  chain: ChainId,
  seq: number,
  value: Buffer,
): { readonly n: number; readonly commit: StoredCommit } | null => {
  const payload = unsealed(commitKey(chain, seq), value)
  if (payload === null || payload.length < NUMBER_BYTES + HASH_BYTES) return null
  const hash = payload.toString('hex', NUMBER_BYTES, NUMBER_BYTES + HASH_BYTES) as CommitHash
  return {
    n: payload.readUIntBE(0, NUMBER_BYTES),
    commit: { chain, seq, hash, bytes: plain(payload.subarray(NUMBER_BYTES + HASH_BYTES)) },
  }
}

// ── indexes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const withCrc = (bytes: Buffer, keyBytes: number): Entry => {
  const end = bytes.length - CRC_BYTES
  bytes.writeUInt32BE(crc32(bytes.subarray(0, end)), end)
  return { key: bytes.subarray(0, keyBytes), value: bytes.subarray(keyBytes) }
}

const crcHolds = (key: Buffer, value: Buffer): boolean => {
  const end = value.length - CRC_BYTES
  return crc32(value.subarray(0, end), crc32(key)) === value.readUInt32BE(end)
}

export const arrivalKey = (n: number): Buffer => {
  const key = Buffer.allocUnsafe(ARRIVAL_KEY_BYTES)
  key.write('a', 0, 'latin1')
  key.writeUIntBE(n, 1, NUMBER_BYTES)
  return key
}

export const arrivalEntry = ({ n, chain, seq, hash }: Arrival): Entry => {
  const all = Buffer.allocUnsafe(ARRIVAL_KEY_BYTES + ARRIVAL_BYTES + CRC_BYTES)
  all.write('a', 0, 'latin1')
  all.writeUIntBE(n, 1, NUMBER_BYTES)
  all.write(chain, ARRIVAL_KEY_BYTES, 'hex')
  all.writeUIntBE(seq, ARRIVAL_KEY_BYTES + CHAIN_BYTES, NUMBER_BYTES)
  all.write(hash, ARRIVAL_KEY_BYTES + CHAIN_BYTES + NUMBER_BYTES, 'hex')
  return withCrc(all, ARRIVAL_KEY_BYTES)
}

export const readArrival = (n: number, value: Buffer): Arrival | null => {
  if (value.length !== ARRIVAL_BYTES + CRC_BYTES || !crcHolds(arrivalKey(n), value)) return null
  return {
    n,
    chain: value.toString('hex', 0, CHAIN_BYTES) as ChainId,
    seq: value.readUIntBE(CHAIN_BYTES, NUMBER_BYTES),
    hash: value.toString('hex', CHAIN_BYTES + NUMBER_BYTES, ARRIVAL_BYTES) as CommitHash,
  }
}

export const hashKey = (hash: CommitHash): Buffer => idKey(letters.hash, hash)

export const hashEntry = (hash: CommitHash, chain: ChainId, seq: number): Entry => {
  const keyBytes = 1 + HASH_BYTES
  const all = Buffer.allocUnsafe(keyBytes + CHAIN_BYTES + NUMBER_BYTES + CRC_BYTES)
  all.write('h', 0, 'latin1')
  all.write(hash, 1, 'hex')
  all.write(chain, keyBytes, 'hex')
  all.writeUIntBE(seq, keyBytes + CHAIN_BYTES, NUMBER_BYTES)
  return withCrc(all, keyBytes)
}

export const readHash = (hash: CommitHash, value: Buffer): { readonly chain: ChainId; readonly seq: number } | null => {
  if (value.length !== CHAIN_BYTES + NUMBER_BYTES + CRC_BYTES || !crcHolds(hashKey(hash), value)) return null
  return { chain: value.toString('hex', 0, CHAIN_BYTES) as ChainId, seq: value.readUIntBE(CHAIN_BYTES, NUMBER_BYTES) }
}

// ── bodies, facts ───────────────────────────────────────────────────────────────────────────────────────────────────

const idKey = (letter: string, hex: string): Buffer => {
  const key = Buffer.allocUnsafe(1 + HASH_BYTES)
  key.write(letter, 0, 'latin1')
  key.write(hex, 1, 'hex')
  return key
}

export const bodyKey = (ref: Ref): Buffer => idKey(letters.body, ref)
export const erasedKey = (ref: Ref): Buffer => idKey(letters.erased, ref)
export const droppedKey = (ref: Ref): Buffer => idKey(letters.dropped, ref)
export const purgeKey = (ref: Ref): Buffer => idKey(letters.purge, ref)
export const refOfKey = (key: Buffer): Ref => key.toString('hex', 1) as Ref

export const bodyEntry = (body: Body): Entry => ({
  key: bodyKey(body.ref),
  value: Buffer.concat([body.salt, body.text]),
})

export const readBody = (ref: Ref, value: Buffer): Body | null => {
  const salt = plain(value.subarray(0, SALT_BYTES))
  const text = plain(value.subarray(SALT_BYTES))
  return value.length >= SALT_BYTES && refOf(salt, text) === ref ? { ref, salt, text } : null
}

export const factKey = (name: string): Buffer => Buffer.from(letters.fact + name)

// ── the trail of batches, and the log's own record ──────────────────────────────────────────────────────────────────

/** What a store holds after its batch number `batches`; `digest` (32 bytes) runs over all arrivals of all batches. */
export type Extent = { readonly batches: number; readonly arrivals: number; readonly digest: Buffer }

export const NOTHING: Extent = { batches: 0, arrivals: 0, digest: Buffer.alloc(HASH_BYTES) }

export const sameExtent = (a: Extent, b: Extent): boolean =>
  a.batches === b.batches && a.arrivals === b.arrivals && a.digest.equals(b.digest)

/** The extent after one more batch. @param appended the arrival records (values) that it adds, in order. */
export const extend = (extent: Extent, appended: readonly Buffer[]): Extent => {
  const batches = extent.batches + 1
  return {
    batches,
    arrivals: extent.arrivals + appended.length,
    digest: digest('sha256', Buffer.concat([extent.digest, number6(batches), ...appended]), 'buffer'),
  }
}

export const number6 = (n: number): Buffer => {
  const bytes = Buffer.allocUnsafe(NUMBER_BYTES)
  bytes.writeUIntBE(n, 0, NUMBER_BYTES)
  return bytes
}

export const trailKey = (batch: number): Buffer => Buffer.concat([Buffer.from(letters.trail), number6(batch)])

export const trailEntry = ({ batches, arrivals, digest: running }: Extent): Entry =>
  sealed(trailKey(batches), Buffer.concat([number6(arrivals), running]))

export const readTrail = (key: Buffer, value: Buffer): Extent | null => {
  const payload = key.length === TRAIL_KEY_BYTES ? unsealed(key, value) : null
  if (payload === null || payload.length !== NUMBER_BYTES + HASH_BYTES) return null
  return {
    batches: key.readUIntBE(1, NUMBER_BYTES),
    arrivals: payload.readUIntBE(0, NUMBER_BYTES),
    digest: Buffer.from(payload.subarray(NUMBER_BYTES)),
  }
}

/** `folder` is the identity of the folder as of the last opening (folder.ts). */
export type Meta = { readonly epoch: string; readonly trailFrom: number; readonly folder: string }

const EPOCH_BYTES = 16
export const META_KEY = Buffer.from(letters.meta)

export const metaEntry = ({ epoch, trailFrom, folder }: Meta): Entry =>
  sealed(META_KEY, Buffer.concat([Buffer.from(epoch, 'hex'), number6(trailFrom), Buffer.from(folder)]))

export const readMeta = (value: Buffer): Meta | null => {
  const payload = unsealed(META_KEY, value)
  if (payload === null || payload.length < EPOCH_BYTES + NUMBER_BYTES) return null
  return {
    epoch: payload.toString('hex', 0, EPOCH_BYTES),
    trailFrom: payload.readUIntBE(EPOCH_BYTES, NUMBER_BYTES),
    folder: payload.toString('utf8', EPOCH_BYTES + NUMBER_BYTES),
  }
}
