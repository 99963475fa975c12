/**
 * Mutations of JSON that keep it JSON: keys added, dropped, renamed, doubled; values of another type, at the edges; nesting,
 * counts. Written canonically mostly, so that a mutant comes past the check of its bytes and meets the schema behind it.
 */
import { canonicalText, parsed, textOf, type JsonTree } from './dumb/json.ts'
import type { Draw } from './draw.ts'
import { mutateBytes } from './mutate-bytes.ts'

export const mutateJson = (draw: Draw, sample: Uint8Array): Uint8Array => {
  const value = parsed(textOf(sample) ?? '')
  if (value === undefined || draw.chance(12)) return mutateBytes(draw, sample, sample)
  let tree = value as JsonTree
  for (let left = 1 + draw.small(3); left > 0; left--) tree = mutateTree(draw, tree, value as JsonTree)
  return encoder.encode(written(draw, tree))
}

const encoder = new TextEncoder()

const mutateTree = (draw: Draw, node: JsonTree, whole: JsonTree): JsonTree => {
  if (isObject(node)) return mutateObject(draw, node, whole)
  if (isList(node)) return mutateList(draw, node, whole)
  if (typeof node === 'string' && draw.chance(2)) return mutateText(draw, node)
  if (typeof node === 'number' && draw.chance(2)) return draw.pick([node + 1, node - 1, -node, node + 0.5, node * 2])
  return anyValue(draw, whole)
}

const mutateObject = (draw: Draw, node: Readonly<Record<string, JsonTree>>, whole: JsonTree): JsonTree => {
  const entries = Object.entries(node)
  const at = draw.below(entries.length)
  const [key, value] = entries[at] ?? ['a', null]
  switch (draw.below(10)) {
    case 0:
      return fromEntries(entries.filter((_, i) => i !== at))
    case 1:
      return fromEntries([...entries, [draw.pick(KEYS), anyValue(draw, whole)]])
    case 2:
      return fromEntries(entries.map((entry, i) => (i === at ? [draw.pick(KEYS), value] : entry)))
    case 3:
      return fromEntries(entries.map((entry, i) => (i === at ? [key, entries[draw.below(entries.length)]![1]] : entry)))
    case 4:
      return draw.chance(40)
        ? fromEntries(Array.from({ length: draw.pick([65, 129, 1_000, 20_000]) }, (_, i) => [`k${i}`, 0]))
        : anyValue(draw, whole)
    default:
      return fromEntries(entries.map((entry, i) => (i === at ? [key, mutateTree(draw, value, whole)] : entry)))
  }
}

const mutateList = (draw: Draw, node: readonly JsonTree[], whole: JsonTree): JsonTree => {
  const at = draw.below(node.length)
  switch (draw.below(7)) {
    case 0:
      return node.filter((_, i) => i !== at)
    case 1:
      return node.toSpliced(at, 0, anyValue(draw, whole))
    case 2:
      return [...node, ...node]
    case 3:
      if (draw.chance(20)) return longList(node[0], draw.pick([64, 65, 1_001, 100_000]))
      return Array.from({ length: draw.below(5) }, (_, i) => node[0] ?? `t${i}`)
    case 4:
      return node.toReversed()
    default:
      return node.map((item, i) => (i === at ? mutateTree(draw, item, whole) : item))
  }
}

/** Of what the list held where that stays within a request's size, else of little texts. */
const longList = (item: JsonTree | undefined, length: number): JsonTree =>
  Array.from({ length }, (_, i) => (item === undefined || length > 2_000 ? `t${i}` : item))

const mutateText = (draw: Draw, text: string): string => {
  const at = draw.below(text.length + 1)
  switch (draw.below(8)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return (
        text.slice(0, at) +
        String.fromCodePoint(
          draw.pick([0, 0x1f, 0x22, 0x2f, 0x5c, 0x7f, 0x80, 0x301, 0x2028, 0xfeff, 0xffff, 0x1f600]),
        ) +
        text.slice(at)
      )
    case 2:
      return text.toUpperCase()
    case 3:
      return `${text}${text}`
    case 4:
      return text.slice(0, at) + draw.pick(['0', '9', 'f', '-', 'Z', '.']) + text.slice(at + 1)
    case 5:
      return draw.chance(20) ? text.padEnd(draw.pick([65, 129, 257, 1_025, 16_385, 65_537]), 'ä') : ` ${text}`
    default:
      return draw.pick(TEXTS)
  }
}

const KEYS = [
  'a',
  'v',
  'id',
  'ns',
  'kind',
  'record',
  'agent',
  'at',
  'set',
  'tags',
  'ref',
  'content',
  'title',
  'metadata',
  'priority',
  'from',
  'to',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '',
  '\u0000',
  '\ud800',
  '1',
  'é',
  'é'.normalize('NFD'),
]
const TEXTS = [
  '',
  'a',
  'memory.put',
  'memory.patch',
  'memory.erase',
  'link.put',
  'episode.append',
  'peer.enrol',
  'peer.revoke',
  'peer.cut',
  'peer.leave_behind',
  'toString',
  '__proto__',
  '_mesh',
  'default',
  'team/api',
  '../x',
  '2026-02-29T00:00:00.000Z',
  '9999-12-31T23:59:59.999Z',
  '0000-01-01T00:00:00.000Z',
  '\ud83d\ude00',
  '\udc00',
  '\u0000',
  '00000000-0000-0000-0000-000000000000',
  '0'.repeat(64),
  'f'.repeat(64),
]
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.1,
  1.5,
  5e-324,
  1.7976931348623157e308,
  10,
  11,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  1e21,
  1e-7,
]

const anyValue = (draw: Draw, whole: JsonTree): JsonTree => {
  switch (draw.below(8)) {
    case 0:
      return draw.pick(NUMBERS)
    case 1:
      return draw.pick(TEXTS)
    case 2:
      return draw.pick([null, true, false])
    case 3:
      return draw.pick<JsonTree>([[], {}, [[]], { a: {} }, [null]])
    case 4:
      return nested(draw.chance(10) ? draw.pick([15, 16, 17, 19, 20, 21, 64]) : 2)
    default:
      return pieceOf(draw, whole)
  }
}

const pieceOf = (draw: Draw, node: JsonTree): JsonTree => {
  const inside = typeof node === 'object' && node !== null ? (Object.values(node) as readonly JsonTree[]) : []
  return inside.length > 0 && !draw.chance(3) ? pieceOf(draw, draw.pick(inside)) : node
}

const nested = (depth: number): JsonTree =>
  depth <= 1 ? [] : depth % 2 === 0 ? [nested(depth - 1)] : { a: nested(depth - 1) }

/** Canonical text; now and then JSON that says the same otherwise, or says what no canonical text can. */
const written = (draw: Draw, tree: JsonTree): string => {
  const text = canonicalText(tree)
  if (!draw.chance(8)) return text
  switch (draw.below(8)) {
    case 0:
      return JSON.stringify(tree, null, 1)
    case 1:
      return ` ${text}`
    case 2:
      return text.replace(/[a-z]/, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`)
    case 3:
      return text.replace(/\d+/, (digits) =>
        draw.pick([
          `${digits}.0`,
          `${digits}e0`,
          `-${digits}`,
          `0${digits}`,
          '-0',
          '1e400',
          '9007199254740993',
          '123456789012345678901234567890',
          '0.1000000000000000055511151231257827',
          `${digits}E+2`,
        ]),
      )
    case 4:
      return text.replace('{', `{"a":1,"a":2,`)
    case 5:
      return text.replace(
        /"[^"]*"/,
        draw.pick(['"\\ud800"', '"\\u0000"', '"\\/"', '"\ud83d\ude00"', '"\\ud83d\\ude00"', '"\\q"']),
      )
    case 6:
      return '['.repeat(draw.pick([16, 17, 21, 1_000, 200_000])) + text
    default:
      return `\ufeff${text}`
  }
}

/** Keeps a key `__proto__` an own property, as JSON.parse does. */
const fromEntries = (entries: readonly (readonly [string, JsonTree])[]): JsonTree => Object.fromEntries(entries)
const isList = (node: JsonTree): node is readonly JsonTree[] => Array.isArray(node)
const isObject = (node: JsonTree): node is Readonly<Record<string, JsonTree>> =>
  typeof node === 'object' && node !== null && !Array.isArray(node)
