/**
 * A proof as a file: JSON in RFC 8785 form, bytes in base64url without padding, ids in hex, no field more or fewer.
 *
 *   {v: 1, mesh, control: [commit…], receipt, signature, event, attestation, index, path, texts: [{ref, salt, text}…]}
 *
 * Each proof has one form, so that no other bytes say the same: white space, another order of keys, other escapes are refused. What a
 * file may cost is bounded by a look at its bytes, before any parser builds something from them.
 */
import { toBase64Url } from './base64.ts'
import { SALT_BYTES, type Body } from './body.ts'
import { encodeCanonical, parseCanonical, type Json } from './canonical.ts'
import { joined } from './hash.ts'
import { parseMeshId, parseRef, type MeshId } from './ids.ts'
import { bytesIn, fieldsOf, hashesIn, isCount } from './json-fields.ts'
import { limits } from './limits.ts'
import { encodeReceipt, readReceipt, type Receipt } from './receipt.ts'

export type Proof = {
  readonly mesh: MeshId
  /** Commits of the control log, from the genesis on. */
  readonly control: readonly Uint8Array[]
  readonly receipt: Receipt
  /** Of the author, over the commit. */
  readonly signature: Uint8Array
  readonly event: Uint8Array
  readonly attestation: Uint8Array | null
  /** The event's place in its commit, from 0, and the siblings on the way to `eventsRoot`. */
  readonly index: number
  readonly path: readonly Uint8Array[]
  /** Ascending by ref, none twice. */
  readonly texts: readonly Body[]
}

/** Room for the longest control log that is taken, with a dozen votes a statement. */
export const PROOF_BYTES_MAX = 16 * 1024 * 1024
/** Some ten a day for a year; a state is made anew for each, so it takes a second. */
export const PROOF_STATEMENTS_MAX = 4_096
/** Fields and items in a file: the statements, and 13 of each ack. */
const VALUES_MAX = 2 * PROOF_STATEMENTS_MAX
/** What an event names: its own fields' and those of fields without a meaning. */
const TEXTS_MAX = limits.unread_texts_max + 4

const FIELDS = [
  'v',
  'mesh',
  'control',
  'receipt',
  'signature',
  'event',
  'attestation',
  'index',
  'path',
  'texts',
] as const

export const encodeProof = ({
  mesh,
  control,
  receipt,
  signature,
  event,
  attestation,
  index,
  path,
  texts,
}: Proof): Uint8Array =>
  encodeCanonical({
    v: 1,
    mesh,
    control: control.map(toBase64Url),
    receipt: encodeReceipt(receipt) as Json,
    signature: toBase64Url(signature),
    event: toBase64Url(event),
    attestation: attestation && toBase64Url(attestation),
    index,
    path: toBase64Url(joined(path)),
    texts: texts.map(({ ref, salt, text }) => ({ ref, salt: toBase64Url(salt), text: toBase64Url(text) })),
  })

/** The proof that bytes from anywhere say, whether it holds or not; null when they are none. Never throws. */
export const decodeProof = (bytes: Uint8Array): Proof | null => {
  if (bytes.length > PROOF_BYTES_MAX || !isModest(bytes)) return null
  const parsed = parseCanonical(bytes, PROOF_BYTES_MAX)
  const said = parsed.ok ? fieldsOf(parsed.value, FIELDS) : null
  if (said === null || said['v'] !== 1) return null
  const mesh = typeof said['mesh'] === 'string' ? parseMeshId(said['mesh']) : null
  const control = listIn(said['control'], PROOF_STATEMENTS_MAX, (commit) => bytesIn(commit, limits.commit_bytes_max))
  const receipt = readReceipt(said['receipt'])
  const [signature, event, path] = [
    bytesIn(said['signature'], 64),
    bytesIn(said['event'], limits.event_bytes_max),
    hashesIn(said['path']),
  ]
  const attestation = said['attestation'] === null ? null : bytesIn(said['attestation'], 64)
  if (said['attestation'] !== null && attestation?.length !== 64) return null
  const texts = listIn(said['texts'], TEXTS_MAX, textIn)
  const { index } = said
  if (
    !mesh ||
    !control ||
    !receipt ||
    signature?.length !== 64 ||
    !event ||
    !path ||
    !texts ||
    !isCount(index, limits.events_per_commit_max)
  )
    return null
  if (texts.some(({ ref }, i) => i > 0 && texts[i - 1]!.ref >= ref)) return null
  return { mesh, control, receipt, signature, event, attestation, index, path, texts }
}

/** The longest text that any field takes. */
const TEXT_BYTES_MAX = limits.content_bytes_max

const textIn = (value: unknown): Body | null => {
  const said = fieldsOf(value, ['ref', 'salt', 'text'])
  const ref = typeof said?.['ref'] === 'string' ? parseRef(said['ref']) : null
  const [salt, text] = [said && bytesIn(said['salt'], SALT_BYTES), said && bytesIn(said['text'], TEXT_BYTES_MAX)]
  return ref && salt?.length === SALT_BYTES && text ? { ref, salt, text } : null
}

const listIn = <T>(value: unknown, most: number, read: (item: unknown) => T | null): readonly T[] | null => {
  if (!Array.isArray(value) || value.length > most) return null
  const items: T[] = []
  for (const item of value as readonly unknown[]) {
    const one = read(item)
    if (one === null) return null
    items.push(one)
  }
  return items
}

/** Names, hex, base64url and numbers only, and not too many of them: no file of this form has an escape in it, or a letter beyond ASCII. */
const isModest = (bytes: Uint8Array): boolean => {
  let [values, inString] = [0, false]
  for (const byte of bytes) {
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return false
    if (byte === QUOTE) inString = !inString
    else if (!inString && (byte === COMMA || byte === OPEN_LIST || byte === OPEN_OBJECT) && ++values > VALUES_MAX)
      return false
  }
  return true
}
const [QUOTE, COMMA, OPEN_LIST, OPEN_OBJECT, BACKSLASH] = [0x22, 0x2c, 0x5b, 0x7b, 0x5c]
