/** The live door's readers: CBOR against a general library, the envelope and the sync message against bounds and the bytes. */
import { decode as decodeCbor, encode as encodeCbor } from '@automerge/automerge-repo/helpers/cbor.js'
import { sha256, concat } from '../../../crdt/hash.ts'
import { bytesToHex } from '../../../crdt/ids.ts'
import { limits } from '../../../crdt/limits.ts'
import { readCbor, type CborValue } from '../../../src/live/cbor.ts'
import { readClientMessage } from '../../../src/live/envelope.ts'
import { readSyncMessage, writeSyncMessage } from '../../../src/live/sync-message.ts'
import type { Draw } from '../draw.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { ACCEPTED, judge, mutant, refused, type Target } from '../target.ts'

const hash = (n: number): Uint8Array => sha256('live', String(n))
const leb128 = (value: number): Uint8Array =>
  value < 0x80 ? Uint8Array.of(value) : Uint8Array.of((value & 0x7f) | 0x80, ...leb128(value >>> 7))
const hashes = (count: number): Uint8Array => concat(leb128(count), ...Array.from({ length: count }, (_, n) => hash(n)))

const syncSamples = (): readonly Uint8Array[] => [
  concat(Uint8Array.of(0x42), hashes(0), hashes(0), leb128(1), hashes(0), leb128(0), leb128(0)),
  concat(
    Uint8Array.of(0x43),
    hashes(3),
    hashes(1),
    leb128(1),
    hashes(2),
    leb128(10),
    new Uint8Array(10),
    leb128(2),
    leb128(3),
    Uint8Array.of(1, 2, 3),
    leb128(0),
    leb128(2),
    Uint8Array.of(2, 0x81),
  ),
  concat(Uint8Array.of(0x42), hashes(40), hashes(0), leb128(0), leb128(0)),
  writeSyncMessage({
    heads: [bytesToHex(hash(1))],
    chunks: [new Uint8Array(200)],
    to: { speaksVersion2: true, namesCapabilities: true },
  }),
]

const sync: Target = {
  name: 'live sync message',
  micros: 30,
  open: () => {
    const samples = syncSamples()
    const largest = concat(Uint8Array.of(0x42), hashes(limits.live_hashes_max), hashes(0), leb128(0), leb128(0))
    return {
      make: (draw) => mutant(draw, draw.chance(100) ? [largest] : samples, changedLength),
      feed: (input) => {
        const said = readSyncMessage(input)
        if ('refused' in said) return refused(said.refused)
        const named = [...said.heads, ...said.need, ...said.common]
        judge(
          said.heads.length <= limits.live_hashes_max &&
            said.need.length <= limits.live_hashes_max &&
            said.common.length <= limits.live_haves_max * limits.live_hashes_max,
          'more hashes than the limits allow',
        )
        judge(32 * named.length + said.changes <= input.length, 'it names more than its bytes can hold')
        const hex = bytesToHex(input)
        judge(named.length > 100 || named.every((one) => hex.includes(one)), 'a hash that is not in the bytes')
        return ACCEPTED
      },
    }
  },
}

const envelopeSamples = (): readonly Uint8Array[] =>
  [
    {
      type: 'join',
      senderId: 'client-1',
      peerMetadata: { storageId: 's', isEphemeral: false },
      supportedProtocolVersions: ['1'],
    },
    {
      type: 'request',
      senderId: 'client-1',
      targetId: 'peer',
      documentId: '4NMNnkMhL8jXrdJ9jamS58PAVdXu',
      data: syncSamples()[1],
    },
    {
      type: 'sync',
      senderId: 'client-1',
      targetId: 'peer',
      documentId: '4NMNnkMhL8jXrdJ9jamS58PAVdXu',
      data: new Uint8Array(40),
    },
    {
      type: 'ephemeral',
      senderId: 'c',
      targetId: 'p',
      count: 2 ** 40,
      sessionId: 'x',
      documentId: 'd',
      data: new Uint8Array(3),
    },
    {
      a: [
        1,
        -1,
        23,
        24,
        255,
        256,
        65_536,
        2 ** 33,
        1.5,
        -2.25,
        true,
        false,
        null,
        'é',
        new Uint8Array(30),
        { b: { c: [] } },
      ],
    },
  ].map((message) => new Uint8Array(encodeCbor(message)))

const cbor: Target = {
  name: 'live cbor',
  micros: 30,
  open: () => {
    const samples = envelopeSamples()
    return {
      make: (draw) => mutant(draw, samples, changedLength),
      feed: (input) => {
        const read = readCbor(input)
        const message = readClientMessage(input)
        if (read === null) {
          judge(message === null, 'a message out of what is no CBOR')
          return refused('not_cbor')
        }
        judge(sameAs(read.value, decodeCbor<unknown>(input)), 'read otherwise than a general CBOR library reads it')
        if (message?.type === 'sync' || message?.type === 'request') {
          const fields = decodeCbor<{ readonly documentId?: unknown; readonly data?: Uint8Array }>(input)
          judge(
            fields.documentId === message.documentId &&
              Buffer.compare(fields.data ?? new Uint8Array(), message.data) === 0,
            'other fields than were sent',
          )
        }
        return ACCEPTED
      },
    }
  },
}

const sameAs = (read: CborValue, other: unknown): boolean => {
  if (read instanceof Uint8Array) return other instanceof Uint8Array && Buffer.compare(read, other) === 0
  if (isMap(read)) {
    if (typeof other !== 'object' || other === null) return false
    const entries = other instanceof Map ? [...(other as ReadonlyMap<string, unknown>)] : Object.entries(other)
    // A general library may hide `__proto__`; what it shows must be the same.
    return (
      entries.every(([key, value]) => read.has(key) && sameAs(read.get(key) ?? null, value)) &&
      (entries.length === read.size || read.has('__proto__'))
    )
  }
  if (Array.isArray(read))
    return (
      Array.isArray(other) && other.length === read.length && read.every((item: CborValue, i) => sameAs(item, other[i]))
    )
  return (
    Object.is(read, other) ||
    (typeof other === 'bigint' && BigInt(read as number) === other) ||
    (read === null && other === undefined) ||
    read === other
  )
}

const isMap = (value: CborValue): value is ReadonlyMap<string, CborValue> => value instanceof Map

/** These formats are lengths and bytes: a length changed by a little or by much says most. */
const changedLength = (draw: Draw, sample: Uint8Array): Uint8Array => {
  const copy = new Uint8Array(sample)
  const at = draw.below(Math.min(copy.length, draw.pick([8, 64, copy.length])))
  copy[at] = draw.pick([
    0,
    1,
    0x17,
    0x18,
    0x1a,
    0x1b,
    0x1f,
    0x3b,
    0x5a,
    0x5b,
    0x5f,
    0x7a,
    0x7b,
    0x7f,
    0x80,
    0x9a,
    0x9b,
    0x9f,
    0xba,
    0xbf,
    0xc0,
    0xd8,
    0xf4,
    0xf7,
    0xf8,
    0xf9,
    0xfa,
    0xfb,
    0xff,
    copy[at]! + 1,
    copy[at]! - 1,
  ])
  return draw.chance(3) ? mutateBytes(draw, copy, sample) : copy
}

export const liveTargets: readonly Target[] = [sync, cbor]
