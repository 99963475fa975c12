/** The memory tool's answers, word for word, and edits that lose no line. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inserted, merged, replaced, shownFile, shownFolder } from './file-text.ts'

test('a file is shown with its lines numbered, all or a part', () => {
  expect(shownFile('/memories/notes.txt', 'Hello World\nThis is line two')).toBe(
    "Here's the content of /memories/notes.txt with line numbers:\n     1\tHello World\n     2\tThis is line two",
  )
  const hundred = Array.from({ length: 100 }, (_, n) => `l${n + 1}`).join('\n')
  for (const [range, lines] of [
    [[2, 3], '     2\tl2\n     3\tl3'],
    [[99, -1], '    99\tl99\n   100\tl100'],
    [[-1, 1], '     1\tl1'],
    [[200, 300], ''],
  ] as const) {
    expect(shownFile('/memories/a', hundred, range)).toBe(
      `Here's the content of /memories/a with line numbers:\n${lines}`,
    )
  }
})

test('a folder is shown two levels deep with sizes, without what is hidden', () => {
  const files = [
    ['/memories/b.txt', 1_536],
    ['/memories/a/one.md', 10],
    ['/memories/a/deep/er/two.md', 1_048_576],
    ['/memories/.hidden', 5],
    ['/memories/node_modules/x', 5],
    ['/memories/a/.x/y', 5],
  ] as const
  expect(
    shownFolder(
      '/memories',
      files.map(([path, bytes]) => ({ path, bytes })),
    ),
  ).toBe(
    "Here're the files and directories up to 2 levels deep in /memories, excluding hidden items and node_modules:\n1.0M\t/memories\n1.0M\t/memories/a\n1M\t/memories/a/deep\n10B\t/memories/a/one.md\n1.5K\t/memories/b.txt",
  )
  expect(shownFolder('/memories', [])).toBe(
    "Here're the files and directories up to 2 levels deep in /memories, excluding hidden items and node_modules:\n0B\t/memories",
  )
})

test('str_replace: the one place, none, several', () => {
  expect(replaced('/memories/a', 'x\ncolour: blue\ny', 'blue', '$& green')).toEqual({
    text: 'x\ncolour: $& green\ny',
    told: 'The memory file has been edited.\n     1\tx\n     2\tcolour: $& green\n     3\ty',
  })
  expect(replaced('/memories/a', 'x', 'blue', '')).toEqual({
    refused: 'No replacement was performed, old_str `blue` did not appear verbatim in /memories/a.',
  })
  expect(replaced('/memories/a', 'x', '', 'y')).toMatchObject({
    refused: expect.stringContaining('did not appear verbatim') as string,
  })
  expect(replaced('/memories/a', 'a a\nb\na', 'a', 'c')).toEqual({
    refused:
      'No replacement was performed. Multiple occurrences of old_str `a` in lines: 1, 3. Please ensure it is unique',
  })
})

test('insert: behind any line, at neither end beyond', () => {
  expect([0, 1, 2].map((line) => inserted('/memories/a', 'one\ntwo', line, 'new\n'))).toEqual(
    ['new\none\ntwo', 'one\nnew\ntwo', 'one\ntwo\nnew'].map((text) => ({
      text,
      told: 'The file /memories/a has been edited.',
    })),
  )
  for (const line of [-1, 3])
    expect(inserted('/memories/a', 'one\ntwo', line, 'x')).toEqual({
      refused: `Error: Invalid \`insert_line\` parameter: ${line}. It should be within the range of lines of the file: [0, 2]`,
    })
})

test('merging texts keeps every line of each, and changes nothing of one alone', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 5 }).map((lines) => lines.join('\n'))
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (texts) => {
      const all = merged(texts)
      expect(all.startsWith(texts[0]!)).toBe(true)
      expect(merged([texts[0]!])).toBe(texts[0])
      const lines = new Set(all.split('\n'))
      for (const line of texts.flatMap((one) => one.split('\n'))) if (line !== '') expect(lines.has(line)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})
