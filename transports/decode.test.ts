/** Frames as they are read: the tag and its time first, then a fixed shape within a budget (PROTOCOL SE4–SE8, MB1). */
import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { makeBody } from '../crdt/body.ts'
import { controlChainId } from '../crdt/commit.ts'
import { sha256 } from '../crdt/hash.ts'
import { bytesToHex, hexToBytes, type ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { pack, type Packable } from '../crdt/msgpack.ts'
import { decode, type DecodeOptions } from './decode.ts'
import { encode, TAGS, type Message } from './messages.ts'
import { parcelFrames } from './parcels.ts'
import { meshIdOfTests } from './test-host.ts'
import { zlibCompression } from './websocket.ts'

const control = controlChainId(meshIdOfTests)
const other = bytesToHex(sha256('chain').subarray(0, 16)) as ChainId
const as = (from: DecodeOptions['from']): DecodeOptions => ({
  from,
  controlChain: control,
  compression: zlibCompression,
})
const outcome = (frame: Uint8Array, from: DecodeOptions['from'] = 'open'): string => {
  const read = decode(frame, as(from))
  return read.ok ? read.message.type : read.reason
}
const parcels = (list: readonly Packable[], chain: ChainId = other): Uint8Array =>
  pack([TAGS.parcels, hexToBytes(chain), 1, list])
const deflated = (inner: Uint8Array, length = inner.length): Uint8Array =>
  pack([TAGS.deflated, length, new Uint8Array(deflateRawSync(inner))])
const noise = (bytes: number): Uint8Array => {
  const out = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at += 32) out.set(sha256('noise', String(at)).subarray(0, Math.min(32, bytes - at)), at)
  return out
}
const body = new Uint8Array(16)

describe('MB1 before the link is open', () => {
  const early: readonly Message[] = [
    { type: 'control', seq: 4 },
    { type: 'ping', id: 1, arrivals: 0, digest: new Uint8Array(16) },
    { type: 'want', runs: [{ chain: control, from: 1, count: 3 }] },
    { type: 'absent', chain: control, from: 3 },
    { type: 'credit', bytes: 600_000 },
    {
      type: 'open',
      epoch: 'ab'.repeat(16),
      arrivals: 2 ** 40,
      digest: new Uint8Array(16),
      addresses: new Uint8Array(8),
      clock: 1_700_000_000_000,
    },
    { type: 'parcels', chain: control, parcels: [{ chain: control, seq: 1, bytes: noise(18_000), bodies: [] }] },
  ]
  it.each(early.map((message) => [message.type, message] as const))('%s is taken from a stranger', (type, message) =>
    expect(outcome(encode(message), 'stranger')).toBe(type),
  )

  it.each([
    TAGS.since,
    TAGS.runs,
    TAGS.frontier_ask,
    TAGS.frontier,
    TAGS.have,
    TAGS.want_bodies,
    TAGS.bodies,
    TAGS.absent_bodies,
    TAGS.ack,
    TAGS.addresses,
    TAGS.deflated,
    TAGS.want_headers,
    TAGS.headers,
    TAGS.propose,
    TAGS.vote,
    TAGS.refused,
  ])('tag %i is not_open before anything behind it is looked at', (tag) => {
    for (const from of ['stranger', 'member'] as const)
      expect(outcome(Uint8Array.of(0x92, tag, 0xc1), from)).toBe('not_open')
  })
  it('proofs of forks are taken from members', () => {
    const frame = encode({ type: 'forks', proofs: [noise(300)] })
    expect([outcome(frame, 'stranger'), outcome(frame, 'member')]).toEqual(['not_open', 'forks'])
  })
  it('no other chain is spoken of', () => {
    expect(outcome(parcels([noise(100), 0]), 'stranger')).toBe('not_open')
    expect(outcome(encode({ type: 'want', runs: [{ chain: other, from: 1, count: 3 }] }), 'member')).toBe('not_open')
    expect(outcome(encode({ type: 'absent', chain: other, from: 1 }), 'member')).toBe('not_open')
  })
  it('a frame is small', () => {
    expect(
      outcome(
        parcels(
          [noise(limits.control_frame_bytes_max)].flatMap((bytes) => [bytes, 0]),
          control,
        ),
        'stranger',
      ),
    ).toBe('large_before_open')
    expect(
      outcome(
        encode({
          type: 'want',
          runs: Array.from({ length: 300 }, (_, n) => ({ chain: control, from: 2 * n + 1, count: 1 })),
        }),
        'stranger',
      ),
    ).toBe('large_before_open')
  })
  it('commits of the control log come without bodies', () =>
    expect(outcome(parcels([noise(100), 1, body], control), 'stranger')).toBe('malformed_frame'))
})

describe('SE5 counts and sizes of an open link', () => {
  it('bodies are counted over all commits of a frame', () => {
    const list = (each: number): readonly Packable[] =>
      Array.from(
        { length: 4 },
        () => [noise(50), each, ...Array.from({ length: each }, () => body)] as readonly Packable[],
      ).flat()
    expect(outcome(parcels(list(limits.frame_bodies_max / 4)))).toBe('parcels')
    expect(outcome(parcels(list(limits.frame_bodies_max / 4 + 1)))).toBe('malformed_frame')
  })
  it('so are commits', () => {
    const list = (count: number): readonly Packable[] => Array.from({ length: count }, () => [noise(20), 0]).flat()
    expect(outcome(parcels(list(limits.frame_commits_max)))).toBe('parcels')
    expect(outcome(parcels(list(limits.frame_commits_max + 1)))).toBe('malformed_frame')
    expect(outcome(parcels([]))).toBe('malformed_frame')
    expect(outcome(parcels([noise(20)]))).toBe('malformed_frame')
  })
  it('no frame of ours goes beyond them', () => {
    const bodies = Array.from({ length: 3_000 }, (_, n) =>
      makeBody(sha256('salt', String(n)).slice(0, 16), new Uint8Array(0)),
    )
    const many = Array.from({ length: 3_000 }, (_, n) => ({
      chain: other,
      seq: n + 1,
      bytes: noise(30),
      bodies: n % 500 === 0 ? bodies : [],
    }))
    const frames = parcelFrames(many)
    const read = frames.map(({ content }) => decode(content, as('open')))
    expect(read.filter((frame) => !frame.ok)).toEqual([])
    const sent = read.flatMap((frame) => (frame.ok && frame.message.type === 'parcels' ? frame.message.parcels : []))
    expect(sent.map(({ seq }) => seq)).toEqual(many.map(({ seq }) => seq))
  })
  it.each<[string, Uint8Array]>([
    ['a float', Uint8Array.of(0x92, TAGS.since, 0xcb, 0x40, 0, 0, 0, 0, 0, 0, 0)],
    ['a negative number', Uint8Array.of(0x92, TAGS.since, 0xff)],
    ['a longer form of a number', Uint8Array.of(0x92, TAGS.since, 0xcc, 5)],
    ['a map', Uint8Array.of(0x92, TAGS.since, 0x80)],
    ['a date', Uint8Array.of(0x92, TAGS.since, 0xd6, 0xff, 0, 0, 0, 1)],
    ['text', Uint8Array.of(0x92, TAGS.since, 0xa1, 0x31)],
    ['nothing', Uint8Array.of(0x92, TAGS.since)],
    ['a byte more', Uint8Array.of(0x92, TAGS.since, 5, 0)],
    ['a field more', Uint8Array.of(0x93, TAGS.since, 5, 5)],
    ['an array with a long head', Uint8Array.of(0xdc, 0, 2, TAGS.since, 5)],
  ])('SE4 %s is malformed_frame', (_, frame) => expect(outcome(frame)).toBe('malformed_frame'))
})

describe('SE6, SE8 compressed frames', () => {
  const inner = parcels([noise(3_000), 0])
  it('of commits and bodies are taken from an open link', () => expect(outcome(deflated(inner))).toBe('parcels'))
  it.each<[string, Uint8Array, string]>([
    ['announces another length', deflated(inner, inner.length + 1), 'bad_compression'],
    ['announces more than its bytes may become', deflated(new Uint8Array(limits.frame_bytes_max)), 'bad_compression'],
    ['is damaged', pack([TAGS.deflated, 100, Uint8Array.of(255, 1, 2, 3)]), 'bad_compression'],
    ['holds a compressed frame', deflated(deflated(inner)), 'malformed_frame'],
    ['holds another frame', deflated(encode({ type: 'since', cursor: 1 })), 'malformed_frame'],
    ['holds no frame', deflated(noise(2_000)), 'malformed_frame'],
  ])('one that %s is refused', (_, frame, reason) => expect(outcome(frame)).toBe(reason))
  it('one that may become too much is refused before it is inflated', () => {
    const frame = deflated(new Uint8Array(limits.frame_bytes_max))
    let asked = 0
    const counting = { ...zlibCompression, inflate: () => ((asked += 1), null) }
    expect(decode(frame, { ...as('open'), compression: counting })).toEqual({ ok: false, reason: 'bad_compression' })
    expect(asked).toBe(0)
  })
})
