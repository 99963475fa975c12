/** Several texts as one: what both were made from is found in the history, or nothing is lost for want of it. */
import { expect, test } from 'vitest'
import { kept, parentsOf } from '../input/memory-file.ts'
import { commonAncestor, together } from './remote.ts'
import type { Row, Version } from './ports.ts'

const version = (content: string, ...parents: readonly string[]): Version => ({ content, ...parentsOf(parents) })
const row = (id: string, created_at: string, content: string): Row => ({
  id,
  title: '/memories/a.md',
  content,
  version: 'v',
  tags: [],
  created_at,
  conflicts: 0,
  metadata: {},
})

test('the latest text from which both were made', () => {
  const history = [
    version('a'),
    version('b', 'a'),
    version('c', 'b'),
    version('d', 'b'),
    version('e', 'c', 'd'),
    version('f', 'e'),
    version('g', 'd'),
  ]
  expect(commonAncestor(['c', 'd'], history)).toBe('b')
  expect(commonAncestor(['f', 'g'], history)).toBe('d')
  expect(commonAncestor(['f', 'c'], history)).toBe('c')
  expect(commonAncestor(['f', 'unheard'], history)).toBeNull()
  expect(commonAncestor(['a'], history)).toBeNull()
  expect(commonAncestor(['x', 'y'], [version('a'), { content: 'x', parents: null }, version('y', 'a')])).toBeNull()
})

test('a history that leads in circles, or names what is not in it, ends', () => {
  const history = [version('a', 'b'), version('b', 'a'), version('a', 'b', 'gone'), version('b', 'a')]
  expect(commonAncestor(['a', 'b'], history)).toBe('a')
})

test('one memory, two texts; two memories of one name; each in any order', () => {
  const head = (content: string) => ({ content: kept(content), agent: `ai:${content.length}` })
  const base = kept('a\nb\nc')
  const part = {
    row: row('1', '2', ''),
    heads: [head('A\nb\nc'), head('a\nb\nC')],
    versions: [version(base), version(kept('A\nb\nc'), base), version(kept('a\nb\nC'), base)],
  }
  expect(together([part])).toMatchObject({ text: 'A\nb\nC', isSettled: false })
  expect(together([{ ...part, heads: part.heads.toReversed() }]).text).toBe('A\nb\nC')
  expect(together([{ ...part, heads: [head('x'), head('x')] }])).toMatchObject({ text: 'x', isSettled: true })
  const twins = [
    { row: row('2', '1', ''), heads: [head('same\none')], versions: [] },
    { row: row('1', '2', ''), heads: [head('same\none\ntwo')], versions: [] },
  ]
  for (const order of [twins, twins.toReversed()])
    expect(together(order)).toMatchObject({
      text: 'same\none\ntwo',
      isSettled: false,
      row: { id: '2' },
      twins: [{ id: '1' }],
    })
})
