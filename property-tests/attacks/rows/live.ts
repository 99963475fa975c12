/** The live door (`/live`), which speaks CBOR and Automerge's sync messages with whoever comes. */
import { randomBytes } from 'node:crypto'
import { Encoder } from 'cbor-x'
import bs58check from 'bs58check'
import type { Attack, Stage } from '../attack.ts'
import { connect, joined, type RawLink } from '../../hostile/mesh-link.ts'

const cbor = new Encoder({ tagUint8Array: false, useRecords: false })
const encoded = (message: object): Uint8Array => new Uint8Array(cbor.encode(message))
const JOIN = encoded({ type: 'join', senderId: 'evil', supportedProtocolVersions: ['1'] })
const documentId = (): string => bs58check.encode(randomBytes(16))
const SAME = documentId()
/** Knows nothing, needs nothing. */
const EMPTY_SYNC = Uint8Array.of(0x42, 0, 0, 0, 0)
const sync = (data: Uint8Array, id = documentId()): Uint8Array =>
  encoded({ type: 'sync', senderId: 'evil', targetId: 'x', documentId: id, data })

const knock = async (stage: Stage): Promise<RawLink> => {
  const raw = await connect(`${stage.victim.url.replace('http', 'ws')}/live`)
  stage.later(raw.end)
  return raw
}
const joining = async (stage: Stage): Promise<RawLink> => {
  const raw = await knock(stage)
  raw.send(JOIN)
  await raw.next()
  return raw
}
const saying =
  (...frames: readonly (Uint8Array | string)[]) =>
  async (stage: Stage): Promise<string> => {
    const raw = await joining(stage)
    for (const frame of frames) raw.send(frame)
    return raw.closed()
  }
const first =
  (frame: Uint8Array | string) =>
  async (stage: Stage): Promise<string> => {
    const raw = await knock(stage)
    raw.send(frame)
    return raw.closed()
  }
const bearing =
  (frames: (n: number) => Uint8Array, count: number) =>
  async (stage: Stage): Promise<string> => {
    const raw = await joining(stage)
    for (let n = 0; n < count && raw.reason() === null && !stage.over(); n++) {
      raw.send(frames(n))
      if (n % 100 === 99) await stage.pause(0)
    }
    await stage.pause(300)
    return raw.reason() ?? 'borne'
  }
const row = (id: string, what: string, expect: string | RegExp, run: Attack['run']): Attack => ({
  id,
  who: 'client',
  what,
  expect,
  run,
})
/** Left out of the quick form. */
const flood = (id: string, what: string, expect: string | RegExp, run: Attack['run']): Attack => ({
  ...row(id, what, expect, run),
  slow: 'a flood: takes seconds of processor',
})
const leb128 = (value: number): readonly number[] =>
  value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...leb128(Math.floor(value / 0x80))]
const head = (major: number, length: number): Uint8Array =>
  Uint8Array.of((major << 5) | 26, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff)

const MANY_HEADS = sync(new Uint8Array([0x42, ...leb128(2_000), ...randomBytes(64_000), 0, 0, 0]), SAME)
const EMPTY_CHANGES = sync(new Uint8Array([0x42, 0, 0, 0, ...leb128(200_000), ...new Uint8Array(200_000)]), SAME)

export const liveAttacks: readonly Attack[] = [
  row('lv-not-joined', 'a sync message before the join', 'not_joined', first(sync(EMPTY_SYNC))),
  row('lv-joined-twice', 'a second join', 'joined_twice', saying(JOIN)),
  row(
    'lv-version',
    'a join of another protocol',
    'unsupported_protocol_version',
    first(encoded({ type: 'join', senderId: 'evil', supportedProtocolVersions: ['9'] })),
  ),
  row('lv-text', 'a text message', 'not_binary', first('hello')),
  row('lv-junk', '500 random bytes', 'bad_frame', first(randomBytes(500))),
  row('lv-empty', 'an empty frame', 'bad_frame', first(new Uint8Array(0))),
  row('lv-large', 'a frame of 300 KiB', /^(frame_too_large|code 1009)$/, first(new Uint8Array(300 * 1024))),
  row('lv-depth', '200,000 lists within one another', 'bad_frame', first(new Uint8Array(200_000).fill(0x81))),
  row('lv-tag', 'a CBOR tag', 'bad_frame', first(joined(Uint8Array.of(0xc1), JOIN))),
  row('lv-shared', 'a shared reference', 'bad_frame', first(joined(Uint8Array.of(0xd8, 0x1c), JOIN))),
  row('lv-indefinite', 'a map without an end', 'bad_frame', first(Uint8Array.of(0xbf, 0x61, 0x61, 0x01))),
  row(
    'lv-false-length',
    'a list that claims 2^32 - 1 values',
    'bad_frame',
    first(joined(head(4, 0xffffffff), Uint8Array.of(0))),
  ),
  row(
    'lv-false-text',
    'a text that claims 2^32 - 1 bytes',
    'bad_frame',
    first(joined(head(3, 0xffffffff), Uint8Array.of(0))),
  ),
  row(
    'lv-values',
    '100,000 values in one frame',
    'bad_frame',
    first(joined(head(4, 100_000), new Uint8Array(100_000))),
  ),
  row(
    'lv-double-key',
    'one key twice',
    'bad_frame',
    first(
      joined(
        Uint8Array.of(0xa2),
        ...[0, 1].flatMap(() => [
          Uint8Array.of(0x64),
          new TextEncoder().encode('type'),
          Uint8Array.of(0x64),
          new TextEncoder().encode('join'),
        ]),
      ),
    ),
  ),
  row(
    'lv-big-integer',
    'an integer of 2^64 - 1',
    'bad_frame',
    first(Uint8Array.of(0x1b, 255, 255, 255, 255, 255, 255, 255, 255)),
  ),
  row(
    'lv-utf8',
    'a type that is no UTF-8',
    'bad_frame',
    first(Uint8Array.of(0xa1, 0x64, 0x74, 0x79, 0x70, 0x65, 0x62, 0xff, 0xfe)),
  ),
  row('lv-id', 'a document id of 250 letters', 'bad_frame', saying(sync(EMPTY_SYNC, 'z'.repeat(250)))),
  row('lv-proto-id', 'a document id __proto__', 'bad_frame', saying(sync(EMPTY_SYNC, '__proto__'))),
  row('lv-sync-junk', 'a sync message of junk', 'bad_sync_message', saying(sync(Uint8Array.of(0x41, 1, 2, 3)))),
  row('lv-sync-cut', 'a sync message cut short', 'bad_sync_message', saying(sync(EMPTY_SYNC.subarray(0, 3)))),
  row(
    'lv-hashes',
    'heads that claim to be 100,000',
    'too_many_hashes',
    saying(sync(Uint8Array.of(0x42, ...leb128(100_000), ...randomBytes(64)))),
  ),
  row(
    'lv-haves',
    '1,000 summaries',
    'too_many_haves',
    saying(sync(Uint8Array.of(0x42, 0, 0, ...leb128(1_000), ...randomBytes(64)))),
  ),
  row(
    'lv-leb128',
    'a count of ten bytes',
    'bad_sync_message',
    saying(sync(Uint8Array.of(0x42, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1))),
  ),
  row(
    'lv-bloom',
    'a filter that claims 2^31 bytes',
    'bad_sync_message',
    saying(sync(Uint8Array.of(0x42, 0, 0, 1, 0, ...leb128(2 ** 31), 0))),
  ),
  row(
    'lv-changes',
    'changes of its own, 200 KiB',
    'borne',
    bearing(() => sync(new Uint8Array([0x42, 0, 0, 0, ...leb128(1), ...leb128(200_000), ...randomBytes(200_000)])), 3),
  ),
  row(
    'lv-change-count',
    'a claim of 10^9 changes of no byte',
    'bad_sync_message',
    saying(sync(Uint8Array.of(0x42, 0, 0, 0, ...leb128(1_000_000_000), 0))),
  ),
  flood(
    'lv-empty-changes',
    '200,000 changes of no byte, 40 frames',
    'bad_sync_message',
    bearing(() => EMPTY_CHANGES, 40),
  ),
  row(
    'lv-document-chunk',
    'a whole document in version 2',
    'borne',
    bearing(() => sync(new Uint8Array([0x43, 0, 0, 0, 1, ...leb128(500), ...randomBytes(500)])), 1),
  ),
  flood(
    'lv-documents',
    '1,100 documents asked for by one client',
    /^(borne|too_many_documents)$/,
    bearing(() => sync(EMPTY_SYNC), 1_100),
  ),
  flood(
    'lv-flood',
    '9,000 frames at once',
    /^(borne|too_many_frames|work_overrun)$/,
    bearing(() => sync(EMPTY_SYNC, SAME), 9_000),
  ),
  flood(
    'lv-heads-flood',
    '200 frames of 2,000 heads each',
    /^(borne|too_many_frames|work_overrun)$/,
    bearing(() => MANY_HEADS, 200),
  ),
  flood('lv-clients', '100 clients at once', 'the first 64 stay', async (stage) => {
    const all = await Promise.all(Array.from({ length: 100 }, () => knock(stage)))
    for (const raw of all) raw.send(JOIN)
    await stage.pause(500)
    return all.filter((raw) => raw.reason() === null).length === 64
      ? 'the first 64 stay'
      : `${all.filter((raw) => raw.reason() === null).length} stay`
  }),
  flood('lv-never-reads', 'asks for everything and reads nothing', 'borne', async (stage) => {
    const raw = await joining(stage)
    raw.ws.pause()
    for (let n = 0; n < 2_000; n++) raw.send(sync(EMPTY_SYNC, SAME))
    await stage.pause(800)
    return 'borne'
  }),
  flood('lv-pings', '20,000 WebSocket pings', 'too_many_frames', async (stage) => {
    const raw = await joining(stage)
    for (let n = 0; n < 20_000; n++) raw.ws.ping()
    await stage.pause(500)
    return raw.reason() ?? 'borne'
  }),
]
