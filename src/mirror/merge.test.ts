/** The merge by lines: a table of what people do, and what holds for any three texts. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isUnsettled, MARKS, merge } from './merge.ts'

const marked = (one: string, other: string): string => [MARKS.first, one, MARKS.between, other, MARKS.last].join('\n')

test.each<readonly [what: string, base: string | null, left: string, right: string, merged: string]>([
  ['one side alone', 'a\nb', 'a\nb\nc', 'a\nb', 'a\nb\nc'],
  ['the same on both', 'a\nb', 'a\nB', 'a\nB', 'a\nB'],
  ['different lines', 'a\nb\nc\nd', 'A\nb\nc\nd', 'a\nb\nc\nD', 'A\nb\nc\nD'],
  ['lines beside one another', 'a\nb', 'A\nb', 'a\nB', 'A\nB'],
  ['both at the end', 'a\n', 'a\nleft\n', 'a\nright\n', 'a\nleft\nright\n'],
  ['both at the end, the same line first', 'a\n', 'a\nsame\nx\n', 'a\nsame\ny\n', 'a\nsame\nx\ny\n'],
  ['one removes, the other adds below', 'a\nb\nc', 'a\nc', 'a\nb\nc\nd', 'a\nc\nd'],
  ['the same line', 'a\nport 1\nc', 'a\nport 2\nc', 'a\nport 3\nc', `a\n${marked('port 2', 'port 3')}\nc`],
  [
    'one removes what the other changes',
    'a\nb\nc',
    'a\nc',
    'a\nB\nc',
    `a\n${[MARKS.first, MARKS.between, 'B', MARKS.last].join('\n')}\nc`,
  ],
  ['added above a line that the other changed', 'a\nb', 'a\nnew\nb', 'a\nB', 'a\nnew\nB'],
  ['no base, one has more', null, 'a\nb', 'a\nb\nc', 'a\nb\nc'],
  ['no base, another line', null, 'a\nx\nc', 'a\ny\nc', `a\n${marked('x', 'y')}\nc`],
  ['an end of file without a line end', 'a', 'a\nb', 'a\nb', 'a\nb'],
])('%s', (_what, base, left, right, merged) => {
  expect(merge(base, left, right)).toBe(merged)
  expect(merge(base, right, left)).toBe(merged)
  expect(isUnsettled(merged)).toBe(merged.includes('<<<<<<<'))
})

const line = fc.constantFrom('a', 'b', 'c', 'd', '', MARKS.last)
const text = fc.array(line, { maxLength: 8 }).map((lines) => lines.join('\n'))

test('for any texts: the sides do not matter, one side alone is taken, and no line that a side brought is lost', () => {
  fc.assert(
    fc.property(fc.option(text), text, text, (base, left, right) => {
      const merged = merge(base, left, right)
      expect(merge(base, right, left)).toBe(merged)
      if (base !== null) expect(merge(base, left, base)).toBe(left)
      expect(merge(base, left, left)).toBe(left)
      const there = new Set(merged.split('\n'))
      const before = new Set(base?.split('\n') ?? [])
      for (const line of [...left.split('\n'), ...right.split('\n')])
        if (!before.has(line)) expect(there).toContain(line)
      if (base === null) expect(merge(null, merged, left)).toBe(merged)
    }),
    { numRuns: 3_000 },
  )
})

test('lines that stand once: the one that a side kept unchanged and the other left out goes, every other stays', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(99), { minLength: 1, maxLength: 12 }),
      fc.uniqueArray(fc.nat(11)),
      fc.nat(11),
      (numbers, removed, at) => {
        const base = numbers.map(String)
        const left = base.filter((_, i) => !removed.includes(i))
        const right = base.toSpliced(Math.min(at, base.length), 0, 'new')
        const merged = merge(base.join('\n'), left.join('\n'), right.join('\n')).split('\n')
        expect(merged).toContain('new')
        for (const one of left) expect(merged).toContain(one)
      },
    ),
    { numRuns: 1_000 },
  )
})

test('the largest texts that share nothing take no time to speak of', () => {
  const big = (word: string): string =>
    Array.from({ length: 20_000 }, (_, i) => `${word}${i}`)
      .join('\n')
      .slice(0, 65_535)
  const merged = merge(big('a'), big('b'), big('c'))
  expect([merged.includes('b17'), merged.includes('c17'), isUnsettled(merged)]).toEqual([true, true, true])
})
