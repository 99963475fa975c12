/**
 * Mutations of MessagePack that keep it MessagePack: fields swapped, dropped, doubled, of another type, at the edges of their
 * range; lists grown and nested. What lies inside a byte string (a header, an event) is mutated by its own shape.
 */
import type { Draw } from './draw.ts'
import { readStrictly, writeNode, type Node } from './dumb/msgpack.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateJson } from './mutate-json.ts'

/** Bytes of `sample` with one to four places of its tree changed; bytes that are no MessagePack are mutated as bytes. */
export const mutatePacked = (draw: Draw, sample: Uint8Array): Uint8Array => {
  const tree = readStrictly(sample, VALUES_MAX)
  return tree === undefined ? mutateBytes(draw, sample, sample) : writeNode(mutateTree(draw, tree))
}

/** Larger trees than any sample has. */
const VALUES_MAX = 100_000

export const mutateTree = (draw: Draw, tree: Node): Node => {
  let mutant = tree
  for (let left = 1 + draw.small(3); left > 0; left--) mutant = mutateOnce(draw, mutant, tree)
  return mutant
}

/** Changes one place: the walk goes down at random and stops where it will. @param whole where pieces come from. */
const mutateOnce = (draw: Draw, node: Node, whole: Node): Node => {
  if (isList(node) && node.length > 0 && !draw.chance(5)) {
    const at = draw.below(node.length)
    return node.map((item, i) => (i === at ? mutateOnce(draw, item, whole) : item))
  }
  if (isList(node)) return draw.pick(LIST_MUTATIONS)(draw, node, whole)
  if (node instanceof Uint8Array && !draw.chance(4)) return mutateInside(draw, node)
  if (typeof node === 'number' && draw.chance(2))
    return Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, node + draw.pick([-1, 1, -1, 1, 256, -256, 65_536])))
  if (typeof node === 'string' && draw.chance(2))
    return draw.pick([
      `${node}x`,
      node.slice(1),
      node.toUpperCase(),
      `${node}\u0000`,
      node.normalize('NFD'),
      `${node}/${node}`,
      ` ${node}`,
    ])
  return anyNode(draw, whole)
}

type ListMutation = (draw: Draw, list: readonly Node[], whole: Node) => Node
const LIST_MUTATIONS: readonly ListMutation[] = [
  (draw, list) => list.toSpliced(draw.below(list.length), 1),
  (draw, list, whole) => list.toSpliced(draw.below(list.length + 1), 0, anyNode(draw, whole)),
  (draw, list) => (list.length === 0 ? list : [...list, draw.pick(list)]),
  (draw, list) => {
    const [a, b] = [draw.below(list.length), draw.below(list.length)]
    return list.map((item, i) => (i === a ? list[b]! : i === b ? list[a]! : item))
  },
  (_, list) => list.toReversed(),
  (draw, list) => list.slice(0, draw.below(list.length + 1)),
  (draw, list) => {
    const length = draw.chance(100) ? draw.pick([255, 256, 257, 1_025, 4_097, 16_385, 70_000]) : draw.small(20)
    return Array.from({ length }, () => (length > 2_000 ? 0 : (list[0] ?? 0)))
  },
  (_, list) => [list],
]

const mutateInside = (draw: Draw, bytes: Uint8Array): Uint8Array => {
  if (bytes.length > 2 && bytes[0] === 0x7b && !draw.chance(6)) return mutateJson(draw, bytes)
  if (bytes.length > 8 && (bytes[0]! & 0xf0) === 0x90 && !draw.chance(6)) return mutatePacked(draw, bytes)
  if (draw.chance(3))
    return draw.pick([
      bytes.slice(1),
      new Uint8Array(0),
      new Uint8Array(bytes.length),
      draw.bytes(bytes.length),
      Uint8Array.of(...bytes.subarray(0, 64), 0),
    ])
  return mutateBytes(draw, bytes, bytes)
}

const EDGE_NUMBERS = [
  0,
  1,
  2,
  0x7f,
  0x80,
  0xff,
  0x100,
  0xffff,
  0x10000,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 48 - 1,
  2 ** 48,
  2 ** 48 + 1,
  Number.MAX_SAFE_INTEGER,
]
/** Forms that the product never writes: other widths, floats, negatives, maps, extensions, lengths that lie. */
const RAW_FORMS = [
  'c1',
  'cc01',
  'cd0001',
  'ce00000001',
  'cf0000000000000001',
  'cfffffffffffffffff',
  'd30000000000000001',
  'd3ffffffffffffffff',
  'd37fffffffffffffff',
  'd30020000000000000',
  'e0',
  'ff',
  'd0ff',
  'd1ffff',
  'd2ffffffff',
  'ca3f800000',
  'cb3ff0000000000000',
  'cb7ff8000000000000',
  'cb7ff0000000000000',
  '80',
  '8101a0',
  'de000101c0',
  'df0000000101c0',
  'd4ff00',
  'd6ff00000000',
  'd7ff0000000000000000',
  'c7ff',
  'c70c7200000000000000000000000000',
  'd47240',
  'd57240c0',
  'd66900000000',
  'd6700000000091',
  'dd10000000',
  'ddffffffff',
  'dcffff',
  'dfffffffff',
  'c6ffffffff',
  'c6000000ff',
  'dbffffffff',
  'da0001ff',
  'a1ff',
  'a2c0af',
  'a3eda080',
  'a3efbbbf',
  'd90161',
  'c500010a',
  'c60000000100',
  'dc0001c0',
  'dd00000001c0',
  'c8ffff01',
  'c9ffffffff01',
].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')))
const EDGE_TEXTS = [
  '',
  'a',
  '__proto__',
  'constructor',
  '../..',
  'é'.normalize('NFD'),
  '\u0000',
  '\ud83d\ude00',
  'x'.repeat(31),
  'x'.repeat(32),
  'x'.repeat(256),
  'default',
  '_mesh',
  'ws://a:1/mesh',
]

const anyNode = (draw: Draw, whole: Node): Node => {
  switch (draw.below(10)) {
    case 0:
    case 1:
      return draw.pick(EDGE_NUMBERS)
    case 2:
      return { raw: draw.pick(RAW_FORMS) }
    case 3:
      return draw.pick([null, true, false])
    case 4:
      return draw.pick(EDGE_TEXTS)
    case 5:
      return draw.bytes(draw.pick([0, 1, 8, 16, 31, 32, 33, 36, 64, 65]))
    case 6:
      return new Uint8Array(draw.pick([16, 32, 36, 64]))
    case 7:
      return draw.chance(20) ? nested(draw.pick([2, 17, 100, 1_000, 20_000])) : []
    default:
      return pieceOf(draw, whole)
  }
}

const pieceOf = (draw: Draw, node: Node): Node =>
  isList(node) && node.length > 0 && !draw.chance(4) ? pieceOf(draw, draw.pick(node)) : node

/** Written at once: a writer that calls itself would meet the depth before the product's reader does. */
const nested = (depth: number): Node => ({ raw: new Uint8Array(depth + 1).fill(0x91, 0, depth) })

const isList = (node: Node): node is readonly Node[] => Array.isArray(node)
