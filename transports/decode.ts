/**
 * Reads a frame after the handshake (PROTOCOL SE4–SE6): strict about shapes, every count bounded by `limits.ts`.
 *
 * Never throws. A frame that is not exactly one of ours closes the link: two versions of this protocol never guess at each other.
 */
import { refOf, SALT_BYTES, type Body } from '../crdt/body.ts'
import { bytesToHex, type ChainId, type CommitHash, type Ref } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { unpackLoose } from '../crdt/msgpack.ts'
import type { FrontierEntry, Parcel, Run } from './host.ts'
import { ADDRESS_DIGEST_BYTES, DIGEST_BYTES, TAGS, type Message } from './messages.ts'
import type { Compression } from './ports.ts'
import type { CloseReason } from './reasons.ts'

/** `cost` is what the frame takes of the credit: its bytes before compression when it carries commits or bodies, else 0. */
export type Decoded = { readonly ok: true; readonly message: Message; readonly cost: number } | { readonly ok: false; readonly reason: CloseReason }

export const decode = (frame: Uint8Array, compression: Compression | null): Decoded => {
  const value = unpackLoose(frame)
  if (!Array.isArray(value)) return MALFORMED
  if (value[0] === TAGS.deflated) return decodeDeflated(value, compression)
  return read(value, frame.length)
}

/** [19, bytes before, deflated]: only frames with commits or bodies, and never inside one another. */
const decodeDeflated = (value: readonly unknown[], compression: Compression | null): Decoded => {
  const [, length, deflated] = value
  if (value.length !== 3 || !isInt(length, 1, limits.frame_bytes_max) || !(deflated instanceof Uint8Array)) return MALFORMED
  const inner = compression?.inflate(deflated, length) ?? null
  if (inner === null || inner.length !== length) return { ok: false, reason: 'bad_compression' }
  const content = unpackLoose(inner)
  if (!Array.isArray(content) || (content[0] !== TAGS.parcels && content[0] !== TAGS.bodies)) return MALFORMED
  return read(content, inner.length)
}

const MALFORMED: Decoded = { ok: false, reason: 'malformed_frame' }

const read = (value: readonly unknown[], bytes: number): Decoded => {
  const tag = value[0]
  const reader = typeof tag === 'number' ? READERS.get(tag) : undefined
  if (reader === undefined || value.length !== reader.fields + 1) return MALFORMED
  const message = reader.read(value)
  if (message === null) return MALFORMED
  return { ok: true, message, cost: message.type === 'parcels' || message.type === 'bodies' ? bytes : 0 }
}

type Reader = { readonly fields: number; readonly read: (value: readonly unknown[]) => Message | null }

const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [TAGS.control, { fields: 1, read: ([, seq]) => (isCount(seq) ? { type: 'control', seq } : null) }],
  [
    TAGS.open,
    {
      fields: 4,
      read: ([, epoch, arrivals, digest, addresses]) =>
        epoch instanceof Uint8Array && epoch.length <= 32 && isCount(arrivals) && isBin(digest, DIGEST_BYTES) && isBin(addresses, ADDRESS_DIGEST_BYTES)
          ? { type: 'open', epoch: bytesToHex(epoch), arrivals, digest, addresses }
          : null,
    },
  ],
  [TAGS.ping, { fields: 3, read: (value) => readPing('ping', value) }],
  [TAGS.pong, { fields: 3, read: (value) => readPing('pong', value) }],
  [TAGS.since, { fields: 1, read: ([, cursor]) => (isCount(cursor) ? { type: 'since', cursor } : null) }],
  [
    TAGS.runs,
    {
      fields: 5,
      read: ([, table, order, cursor, end, digest]) => {
        const runs = readRuns(table, order, limits.log_page_arrivals_max)
        return runs !== null && isCount(cursor) && typeof end === 'boolean' && isBin(digest, DIGEST_BYTES) ? { type: 'runs', runs, cursor, end, digest } : null
      },
    },
  ],
  [TAGS.frontier_ask, { fields: 1, read: ([, restart]) => (typeof restart === 'boolean' ? { type: 'frontier_ask', restart } : null) }],
  [
    TAGS.frontier,
    {
      fields: 3,
      read: ([, list, end, arrivals]) => {
        const entries = readEntries(list)
        return entries !== null && typeof end === 'boolean' && isCount(arrivals) ? { type: 'frontier', entries, end, arrivals } : null
      },
    },
  ],
  [TAGS.have, { fields: 1, read: ([, cursor]) => (isCount(cursor) ? { type: 'have', cursor } : null) }],
  [
    TAGS.want,
    {
      fields: 2,
      read: ([, table, order]) => {
        const runs = readRuns(table, order, limits.want_runs_max)
        return runs === null ? null : { type: 'want', runs }
      },
    },
  ],
  [TAGS.absent, { fields: 2, read: ([, chain, from]) => (isBin(chain, 16) && isSeq(from) ? { type: 'absent', chain: chainOf(chain), from } : null) }],
  [
    TAGS.parcels,
    {
      fields: 3,
      read: ([, chain, from, list]) => {
        const parcels = isBin(chain, 16) && isSeq(from) && Array.isArray(list) ? readParcels(chainOf(chain), from, list) : null
        return parcels === null ? null : { type: 'parcels', chain: parcels[0]!.chain, parcels }
      },
    },
  ],
  [TAGS.want_bodies, { fields: 1, read: ([, refs]) => readRefs('want_bodies', refs) }],
  [
    TAGS.bodies,
    {
      fields: 1,
      read: ([, list]) => {
        const bodies = Array.isArray(list) && list.length <= limits.want_bodies_max ? all(list.map(readBody)) : null
        return bodies === null ? null : { type: 'bodies', bodies }
      },
    },
  ],
  [TAGS.absent_bodies, { fields: 1, read: ([, refs]) => readRefs('absent_bodies', refs) }],
  [TAGS.credit, { fields: 1, read: ([, bytes]) => (isInt(bytes, 1, limits.credit_bytes_initial) ? { type: 'credit', bytes } : null) }],
  [
    TAGS.ack,
    {
      fields: 2,
      read: ([, statement, signature]) =>
        statement instanceof Uint8Array && statement.length <= limits.ack_bytes_max && isBin(signature, 64) ? { type: 'ack', ack: { statement, signature } } : null,
    },
  ],
  [
    TAGS.addresses,
    {
      fields: 1,
      read: ([, list]) => {
        const records = readBins(list, limits.addresses_per_frame_max, limits.address_record_bytes_max)
        return records === null ? null : { type: 'addresses', records }
      },
    },
  ],
  [
    TAGS.forks,
    {
      fields: 1,
      read: ([, list]) => {
        const proofs = readBins(list, limits.forks_per_frame_max, limits.fork_proof_bytes_max)
        return proofs === null ? null : { type: 'forks', proofs }
      },
    },
  ],
  [
    TAGS.want_headers,
    {
      fields: 1,
      read: ([, bytes]) => {
        const hashes = readHashes<CommitHash>(bytes, limits.want_headers_max)
        return hashes === null ? null : { type: 'want_headers', hashes }
      },
    },
  ],
  [
    TAGS.headers,
    {
      fields: 1,
      read: ([, list]) => {
        const headers = readBins(list, limits.want_headers_max, limits.header_bytes_max)
        return headers === null ? null : { type: 'headers', headers }
      },
    },
  ],
])

const readPing = (type: 'ping' | 'pong', [, id, arrivals, digest]: readonly unknown[]): Message | null =>
  isCount(id) && isCount(arrivals) && isBin(digest, DIGEST_BYTES) ? { type, id, arrivals, digest } : null

const readRefs = (type: 'want_bodies' | 'absent_bodies', bytes: unknown): Message | null => {
  const refs = readHashes<Ref>(bytes, limits.want_bodies_max)
  return refs === null ? null : { type, refs }
}

/** 32 bytes each, joined. */
const readHashes = <Hash extends Ref | CommitHash>(bytes: unknown, countMax: number): readonly Hash[] | null => {
  if (!(bytes instanceof Uint8Array) || bytes.length % 32 !== 0 || bytes.length > 32 * countMax) return null
  return Array.from({ length: bytes.length / 32 }, (_, n) => bytesToHex(bytes.subarray(32 * n, 32 * n + 32)) as Hash)
}

const readBins = (list: unknown, countMax: number, bytesMax: number): readonly Uint8Array[] | null =>
  Array.isArray(list) && list.length <= countMax && list.every((bytes) => bytes instanceof Uint8Array && bytes.length <= bytesMax) ? list : null

const readRuns = (table: unknown, order: unknown, runsMax: number): readonly Run[] | null => {
  if (!Array.isArray(table) || !Array.isArray(order) || table.length % 2 !== 0 || order.length % 2 !== 0) return null
  if (table.length > order.length || order.length > 2 * runsMax) return null
  const places: { readonly chain: ChainId; next: number }[] = []
  for (let i = 0; i < table.length; i += 2) {
    const [chain, from] = [table[i], table[i + 1]]
    if (!isBin(chain, 16) || !isSeq(from)) return null
    places.push({ chain: chainOf(chain), next: from })
  }
  const runs: Run[] = []
  for (let i = 0; i < order.length; i += 2) {
    const [index, count] = [order[i], order[i + 1]]
    const place = isCount(index) ? places[index] : undefined
    if (place === undefined || !isSeq(count) || place.next + count - 1 > limits.seq_max) return null
    runs.push({ chain: place.chain, from: place.next, count })
    place.next += count
  }
  return runs
}

const readEntries = (list: unknown): readonly FrontierEntry[] | null => {
  if (!Array.isArray(list) || list.length % 3 !== 0 || list.length > 3 * limits.frontier_entries_per_frame_max) return null
  const entries: FrontierEntry[] = []
  for (let i = 0; i < list.length; i += 3) {
    const [chain, seq, hash] = [list[i], list[i + 1], list[i + 2]]
    if (!isBin(chain, 16) || !isSeq(seq) || !isBin(hash, 32)) return null
    entries.push({ chain: chainOf(chain), seq, hash: bytesToHex(hash) as CommitHash })
  }
  return entries
}

const readParcels = (chain: ChainId, from: number, list: readonly unknown[]): readonly Parcel[] | null => {
  const parcels: Parcel[] = []
  for (let at = 0; at < list.length; ) {
    const [bytes, count] = [list[at], list[at + 1]]
    if (!(bytes instanceof Uint8Array) || bytes.length > limits.commit_bytes_max || !isInt(count, 0, list.length - at - 2)) return null
    const bodies = all(list.slice(at + 2, at + 2 + count).map(readBody))
    const seq = from + parcels.length
    if (bodies === null || seq > limits.seq_max) return null
    parcels.push({ chain, seq, bytes, bodies })
    at += 2 + count
  }
  return parcels.length === 0 ? null : parcels
}

const readBody = (value: unknown): Body | null => {
  if (!(value instanceof Uint8Array) || value.length < SALT_BYTES || value.length > SALT_BYTES + limits.content_bytes_max) return null
  const [salt, text] = [value.subarray(0, SALT_BYTES), value.subarray(SALT_BYTES)]
  return { ref: refOf(salt, text), salt, text }
}


const all = <T>(values: readonly (T | null)[]): readonly T[] | null => (values.includes(null) ? null : values.filter((value) => value !== null))

const chainOf = (bytes: Uint8Array): ChainId => bytesToHex(bytes) as ChainId
const isBin = (value: unknown, length: number): value is Uint8Array => value instanceof Uint8Array && value.length === length
const isInt = (value: unknown, min: number, max: number): value is number => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
const isCount = (value: unknown): value is number => isInt(value, 0, limits.seq_max)
const isSeq = (value: unknown): value is number => isInt(value, 1, limits.seq_max)
