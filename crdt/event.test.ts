/** Events as bytes: the same bytes are signed, stored and relayed, and there is one form of each. */
import { describe, expect, it } from 'vitest'
import {
  bodyRefs,
  decodeEvent,
  encodeEvent,
  isDocumentEvent,
  type Event,
  type MemoryPatch,
  type MemoryPut,
} from './event.ts'
import { CONTROL_NAMESPACE, type AgentId, type PeerId } from './ids.ts'
import { limits } from './limits.ts'
import { body, genesisOf, record, said } from './test-support.ts'
import { fastestMs } from './timing.test-support.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const forget: Event = { ...said('memory.forget', 1), record: record(1) }
const put: MemoryPut = { ...said('memory.put', 2), record: record(1), set: { content: body('x'), kind: 'fact' } }
const text = new TextDecoder().decode(encodeEvent(forget))
const putText = new TextDecoder().decode(encodeEvent(put))
const reason = (bytes: Uint8Array): string => {
  const decoded = decodeEvent(bytes)
  return decoded.ok ? 'ok' : decoded.reason
}

describe('bytes of an event', () => {
  it('are canonical JSON, and come back as they were', () => {
    expect(text).toBe(
      '{"agent":"ai:alice","at":"2026-01-01T00:00:00.000Z","id":"0000000e-0000-4000-8000-000000000001","kind":"memory.forget","ns":"team/api","record":"0000000a-0000-4000-8000-000000000001","v":1}',
    )
    expect(decodeEvent(utf8(text))).toEqual({ ok: true, event: forget, unread: null })
  })

  it.each<[string, string, string]>([
    ['a duplicate key', text.replace('{', '{"agent":"ai:alice",'), 'event_not_canonical'],
    ['a duplicate key with another value', text.replace('"v":1', '"v":1,"v":1'), 'event_not_canonical'],
    [
      'keys in another order',
      text.replace('{"agent":"ai:alice",', '{').replace('"v":1', '"v":1,"agent":"ai:alice"'),
      'event_not_canonical',
    ],
    ['white space', text.replace(':', ': '), 'event_not_canonical'],
    ['an escaped letter', text.replace('alice', 'alic\\u0065'), 'event_not_canonical'],
    ['1.0', text.replace('"v":1', '"v":1.0'), 'event_not_canonical'],
    ['1e0', text.replace('"v":1', '"v":1e0'), 'event_not_canonical'],
    ['-0', text.replace('"v":1', '"v":-0'), 'event_not_canonical'],
    ['1e400', text.replace('"v":1', '"v":1e400'), 'event_not_canonical'],
    ['a big integer', text.replace('"v":1', '"v":9007199254740993'), 'event_not_canonical'],
    ['NaN', text.replace('"v":1', '"v":NaN'), 'event_not_json'],
    ['an escaped lone surrogate', text.replace('alice', '\\ud800'), 'event_not_canonical'],
    ['a byte order mark', `\ufeff${text}`, 'event_not_json'],
    ['a byte after', `${text} `, 'event_not_canonical'],
    ['two events', text + text, 'event_not_json'],
    ['nothing', '', 'event_not_json'],
    ['fields in __proto__ only', '{"__proto__":{"kind":"memory.forget"}}', 'event_schema: kind does not fit'],
  ])('refuse %s', (_, hostile, why) => expect(reason(utf8(hostile))).toBe(why))

  it.each<[string, string, string]>([
    ['a field __proto__', text.replace('{', '{"__proto__":{"record":"x"},'), '__proto__'],
    ['a register __proto__', putText.replace('"set":{', '"set":{"__proto__":{"kind":"x"},'), 'set.__proto__'],
    ['a field constructor', text.replace('"id"', '"constructor":1,"id"'), 'constructor'],
  ])('take %s for one that nobody knows, and make nothing of it', (_, hostile, field) => {
    const decoded = decodeEvent(utf8(hostile))
    expect(decoded).toEqual({
      ok: true,
      event: hostile.includes('memory.put') ? put : forget,
      unread: { fields: [field], texts: [] },
    })
    expect(decoded.ok && Object.getPrototypeOf(decoded.event)).toBe(Object.prototype)
  })

  it('refuse raw lone surrogates and bytes that are no UTF-8', () => {
    const at = text.indexOf('alice')
    const withBytes = (...bytes: readonly number[]): Uint8Array =>
      Uint8Array.from([...utf8(text.slice(0, at)), ...bytes, ...utf8(text.slice(at))])
    for (const bytes of [[0xed, 0xa0, 0x80], [0xc0, 0xa2], [0xff], [0xf4, 0x90, 0x80, 0x80]])
      expect(reason(withBytes(...bytes))).toBe('event_not_utf8')
  })

  it('keep NFC and NFD apart, byte for byte', () => {
    const tagged = (tag: string): MemoryPatch => ({
      ...said('memory.patch', 3),
      record: record(1),
      set: {},
      tags: { add: [tag], remove: [] },
    })
    const [nfc, nfd] = [encodeEvent(tagged('\u00e9')), encodeEvent(tagged('e\u0301'))]
    expect(nfc).not.toEqual(nfd)
    expect(
      [nfc, nfd].map((bytes) => {
        const decoded = decodeEvent(bytes)
        return decoded.ok && encodeEvent(decoded.event)
      }),
    ).toEqual([nfc, nfd])
  })

  it('hold at most the limit', () => {
    const long = (length: number): MemoryPatch => ({
      ...said('memory.patch', 3),
      record: record(1),
      set: {},
      tags: {
        add: Array.from({ length: 64 }, (_, i) => `${i}`.padStart(length, 'x')),
        remove: Array.from({ length: 64 }, (_, i) => `${i}`.padStart(length, 'y')),
      },
    })
    expect(decodeEvent(encodeEvent(long(120))).ok).toBe(true)
    expect(() => encodeEvent(long(128))).toThrow(TypeError)
    expect(reason(new Uint8Array(limits.event_bytes_max + 1).fill(0x20))).toBe('event_too_large')
  })

  it.each<[string, () => Uint8Array, string]>([
    ['depth 200,000', () => utf8('['.repeat(200_000)), 'event_too_large'],
    ['depth as far as the size allows', () => utf8(`{"a":${'['.repeat(limits.event_bytes_max - 5)}`), 'event_too_deep'],
    [
      '10^6 keys',
      () => utf8(`{${Array.from({ length: 1_000_000 }, (_, i) => `"k${i}":1`).join(',')}}`),
      'event_too_large',
    ],
    [
      'as many keys as fit',
      () => utf8(`{${Array.from({ length: 1_500 }, (_, i) => `"k${i + 1000}":1`).join(',')}}`),
      'event_schema: kind does not fit',
    ],
    ['a 16 MB string', () => utf8(`"${'x'.repeat(16_000_000)}"`), 'event_too_large'],
  ])('refuse %s within 50 ms', (_, make, why) => {
    const bytes = make()
    expect(fastestMs(() => expect(reason(bytes)).toBe(why))).toBeLessThan(50)
  })

  it('of as many unknown fields and texts as fit are read within 50 ms', () => {
    const fields = Array.from({ length: 1_400 }, (_, i) => `"k${i + 1000}":1`).join(',')
    const texts = Array.from({ length: 200 }, (_, i) => `{"ref":"${String(i).padStart(64, '0')}"}`).join(',')
    for (const more of [`${fields},`, `"k":[${texts}],`]) {
      const bytes = utf8(text.replace('"kind"', `${more}"kind"`))
      expect(fastestMs(() => expect(reason(bytes)).toBe('ok'))).toBeLessThan(50)
    }
  })

  it('with any byte changed are another event or none', () => {
    const bytes = encodeEvent(put)
    let others = 0
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 2, 4, 8, 16, 32, 64, 128]) {
        const decoded = decodeEvent(bytes.with(at, bytes[at]! ^ bit))
        if (!decoded.ok) continue
        others++
        if (decoded.unread === null) expect(encodeEvent(decoded.event)).not.toEqual(bytes)
        else if (decoded.event.kind !== 'unknown') expect(decoded.event).not.toEqual(put)
      }
    }
    expect(others).toBeGreaterThan(100)
  })

  it('are not made of what is no event', () => {
    expect(() => encodeEvent({ ...forget, agent: 'two words' as AgentId })).toThrow('not an event: agent does not fit')
    expect(() => encodeEvent({ ...put, set: { content: body('x'), confidence: NaN } })).toThrow(TypeError)
    expect(() => encodeEvent({ ...forget, at: 'a\ud800' })).toThrow(TypeError)
  })
})

describe('kinds', () => {
  const genesis: Event = genesisOf(0xaa)
  const enrol: Event = {
    ...said('peer.enrol', 5, CONTROL_NAMESPACE),
    peer: 'ab'.repeat(32) as PeerId,
    name: 'one',
    role: 'voter',
  }
  const episode: Event = { ...said('episode.append', 6), event_type: 'call', body: body('e') }

  it('belong to documents, or not', () => {
    expect([forget, put, genesis, enrol, episode].map(isDocumentEvent)).toEqual([true, true, false, false, false])
  })

  it('name their bodies, cleared ones not', () => {
    expect(bodyRefs({ ...put, set: { content: body('c'), title: body('t'), metadata: body('m') } })).toEqual([
      { field: 'title', ...body('t') },
      { field: 'content', ...body('c') },
      { field: 'metadata', ...body('m') },
    ])
    expect(
      bodyRefs({ ...said('memory.patch', 7), record: record(1), set: { title: null, metadata: body('m') } }),
    ).toEqual([{ field: 'metadata', ...body('m') }])
    expect(bodyRefs(episode)).toEqual([{ field: 'body', ...body('e') }])
    expect(bodyRefs(forget)).toEqual([])
  })
})
