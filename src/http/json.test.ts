/** The scan: what it lets through, what it refuses, and how soon. */
import { describe, expect, test } from 'vitest'

import { limits } from '../../crdt/limits.ts'
import { parseJson } from './json.ts'
import { fastestMs } from '../../crdt/timing.test-support.ts'

const parse = (text: string) => parseJson(Buffer.from(text))

describe('parseJson', () => {
  test('answers what JSON.parse answers for what is fit to be kept', () => {
    for (const text of [
      '{}',
      '[]',
      '"\\ud83c\\udf31 \\\\u0000 \\" é"',
      '{"a":[1,2.5,-3e2,1e-7,true,false,null,"e1"],"b":{"c":"constructor"}}',
      '0.12345678901234567890',
      '9007199254740991',
      '[123456789012345.5e3]',
      ' \n{"e":1}\t',
    ])
      expect(parse(text)).toEqual(JSON.parse(text))
  })

  test('nesting is allowed to its bound and no further', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(parse(nested(limits.request_json_depth_max))).toBeInstanceOf(Array)
    expect(() => parse(nested(limits.request_json_depth_max + 1))).toThrow('nests deeper')
    expect(parse(JSON.stringify('['.repeat(1_000)))).toBe('['.repeat(1_000))
  })

  test('what stands in a string is no structure, whatever stands before it', () => {
    const text = JSON.stringify({ _a: '\u0001', b: `\\"${'['.repeat(100)}` })
    expect(parse(text)).toEqual(JSON.parse(text))
    expect(() => parse(`{"_a":"\\"}","b":${'['.repeat(100)}`)).toThrow('nests deeper')
  })

  test('an integer that would lose digits is refused wherever it stands, at the end of the text too', () => {
    for (const text of [
      '9007199254740993',
      '-9007199254740992',
      '[9007199254740993]',
      '{"a":9007199254740993}',
      '9007199254740993 ',
    ])
      expect(() => parse(text)).toThrow('2^53')
  })

  test('values are counted to their bound', () => {
    const list = (count: number) => `[${Array.from({ length: count }, () => '1').join()}]`
    expect(parse(list(limits.request_json_values_max - 1))).toHaveLength(limits.request_json_values_max - 1)
    expect(() => parse(list(limits.request_json_values_max + 1))).toThrow('values')
  })

  test.each([
    ['200,000 brackets', '['.repeat(200_000), 'nests'],
    ['200,000 objects', '{"a":'.repeat(200_000), 'nests'],
    ['10^6 keys', `{${Array.from({ length: 1_000_000 }, (_, i) => `"${i}":1`).join()}}`, 'values'],
    ['a string that never ends, of escaped quotes', `"${'\\"'.repeat(2_000_000)}`, 'not JSON'],
    ['a number of 4 million digits', '9'.repeat(4_000_000) + ' ', '2^53'],
  ])('%s are refused within 50 ms', (_name, text, says) => {
    const bytes = Buffer.from(text)
    expect(fastestMs(() => expect(() => parseJson(bytes)).toThrow(says))).toBeLessThan(50)
  })
})
