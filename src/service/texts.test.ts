/**
 * What the fields of detached texts allow, and what a member can put there instead: nothing throws, and nothing deep comes through.
 */
import { describe, expect, test } from 'vitest'
import { makeBody } from '../../crdt/body.ts'
import { canonicalize, type Json } from '../../crdt/canonical.ts'
import { sha256Hex } from '../../crdt/hash.ts'
import type { Ref } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { createTexts, readText, TEXT_BYTES_MAX, type TextField } from './texts.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

describe('a text that its field allows', () => {
  test.each<readonly [string, TextField, Uint8Array, unknown]>([
    ['a title', 'title', bytes('a line'), 'a line'],
    ['content with NUL and a byte order mark', 'content', bytes('\ufeffa\u0000b'), '\ufeffa\u0000b'],
    [
      'the longest title',
      'title',
      new Uint8Array(limits.title_bytes_max).fill(0x61),
      'a'.repeat(limits.title_bytes_max),
    ],
    [
      'metadata in another form than the canonical one',
      'metadata',
      bytes('{ "b": 1, "a": "\\u0000" }'),
      { b: 1, a: '\u0000' },
    ],
    [
      'metadata at the deepest',
      'metadata',
      bytes(nested(limits.json_depth_max)),
      JSON.parse(nested(limits.json_depth_max)),
    ],
    ["an episode's body", 'body', bytes('{}'), {}],
  ])('%s is read as it is', (_, field, text, value) => {
    expect(readText(field, text)).toEqual(value)
  })
})

describe('a text that its field does not allow', () => {
  const INVALID = Uint8Array.of(0x61, 0xff)
  test.each<readonly [string, TextField, Uint8Array]>([
    ['metadata nested 3,000 deep', 'metadata', bytes(nested(3_000 - 1))],
    ['metadata one deeper than may be', 'metadata', bytes(nested(limits.json_depth_max + 1))],
    ['arrays nested 8,000 deep', 'metadata', bytes(`{"a":${'['.repeat(8_000)}${']'.repeat(8_000)}}`)],
    ['brackets that are never closed', 'metadata', bytes('['.repeat(16_000))],
    ['metadata that is no JSON', 'metadata', bytes('{"a":')],
    ['metadata that is a list', 'metadata', bytes('[]')],
    ['metadata that is null', 'metadata', bytes('null')],
    ['metadata with a lone surrogate', 'metadata', bytes('{"a":"\\ud800"}')],
    ['metadata with one in a key', 'metadata', bytes('{"\\ud800":1}')],
    ['metadata with a number that is none', 'metadata', bytes('{"a":1e999}')],
    ['metadata too large', 'metadata', bytes(`{"a":"${'x'.repeat(limits.metadata_bytes_max)}"}`)],
    ["an episode's body too large", 'body', bytes(`{"a":"${'x'.repeat(limits.episode_body_bytes_max)}"}`)],
    ["an episode's body that is a text", 'body', bytes('"a"')],
    ['a title that is no UTF-8', 'title', INVALID],
    ['content that is no UTF-8', 'content', INVALID],
    ['content of half a character', 'content', Uint8Array.of(0xed, 0xa0, 0x80)],
    ["a title of two lines' worth of bytes", 'title', new Uint8Array(limits.title_bytes_max + 1).fill(0x61)],
    ['content too large', 'content', new Uint8Array(limits.content_bytes_max + 1).fill(0x61)],
    ['nothing where JSON should be', 'metadata', new Uint8Array()],
  ])('%s is unreadable', (_, field, text) => {
    expect(readText(field, text)).toBeNull()
  })

  test('is counted once, and one that is not here is not counted', () => {
    const bodies = new Map(
      [bytes('['), bytes('{')]
        .map((text) => makeBody(new Uint8Array(16), text))
        .map((body) => [body.ref, body] as const),
    )
    const texts = createTexts({ body: (ref) => bodies.get(ref) ?? null })
    for (const ref of [...bodies.keys(), ...bodies.keys(), sha256Hex('elsewhere') as Ref]) texts.read('metadata', ref)
    expect(texts.unreadable()).toBe(2)
  })
})

test('whatever is read as an object can be written out again', () => {
  for (let depth = 1; depth < 40; depth++) {
    const read = readText('metadata', bytes(nested(depth)))
    if (read !== null) expect(JSON.parse(canonicalize(read as Json))).toEqual(read)
    expect(read === null).toBe(depth > limits.json_depth_max)
  }
  expect(Object.values(TEXT_BYTES_MAX).every((max) => max <= limits.content_bytes_max)).toBe(true)
})
