/**
 * Markdown → memories: sections, front matter, keys.
 */
import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MemoryItem } from './item.ts'
import { markdownItems, markdownSource } from './markdown.ts'

const items = (text: string, path = 'notes/a.md'): MemoryItem[] =>
  [...markdownItems(text, path)].filter((item) => item.kind === 'memory')
const said = (text: string): string[] =>
  [...markdownItems(text, 'a.md')].flatMap((item) => (item.kind === 'note' ? [item.message] : []))
const shown = (text: string): unknown[] =>
  items(text).map(({ draft }) => [draft.title, draft.content, draft.metadata?.['heading_path']])

describe('sections', () => {
  test('one memory a heading with its own text, and one for what stands before the first', () => {
    expect(shown('before\n\n# One\n\nfirst\n\n## Two *and* `three`\nsecond\n\nmore\n\n# Four\nlast\n')).toEqual([
      ['a', 'before', undefined],
      ['One', 'first', ['One']],
      ['Two and three', 'second\n\nmore', ['One', 'Two and three']],
      ['Four', 'last', ['Four']],
    ])
  })

  test('a # in code or a quote is no heading, an underlined line is one', () => {
    expect(shown('Top\n===\n```sh\n# not one\n```\n> # nor this\n')).toEqual([
      ['Top', '```sh\n# not one\n```\n> # nor this', ['Top']],
    ])
  })

  test('a heading over headings is no memory, a leaf without text stays, deeper steps close', () => {
    expect(shown('# A\n### B\n## C\ntext\n')).toEqual([
      ['B', 'B', ['A', 'B']],
      ['C', 'text', ['A', 'C']],
    ])
  })

  test('indentation of the first line is text', () => {
    expect(shown('# A\n\n    code\n')).toEqual([['A', '    code', ['A']]])
  })

  test('no text, no memory', () => {
    expect(items('')).toEqual([])
    expect(items('\n \n')).toEqual([])
  })
})

describe('front matter', () => {
  test('known names are fields of every section, the rest is metadata', () => {
    const [first, second] = items(
      '---\ntitle: Doc\ntags: [a, "#b"]\nkind: decision\ndate: 2026-11-20\nexpires: 2027-01-01T10:00:00+02:00\npriority: 9\nstatus: open\nnested: {n: 1}\n---\nintro\n# H\ntext\n',
    )
    const fields = {
      tags: ['a', 'b'],
      kind: 'decision',
      occurred_at: '2026-11-20T00:00:00.000Z',
      expires_at: '2027-01-01T08:00:00.000Z',
      priority: 9,
      source: 'notes/a.md',
    }
    expect(first?.draft).toEqual({
      ...fields,
      title: 'Doc',
      content: 'intro',
      metadata: { status: 'open', nested: { n: 1 }, path: 'notes/a.md' },
    })
    expect(second?.draft).toEqual({
      ...fields,
      title: 'H',
      content: 'text',
      metadata: { status: 'open', nested: { n: 1 }, document: 'Doc', path: 'notes/a.md', heading_path: ['H'] },
    })
  })

  test('what is no YAML mapping stays text', () => {
    for (const head of ['---\n- a\n---\n', '---\na: [\n---\n', '---\n\n---\n'])
      expect(
        items(`${head}text\n`)
          .map((item) => item.draft.content)
          .join('\n'),
      ).toContain('text')
    const broken = '---\na:\n  - {b: [\n c: d\n---\n'
    expect(shown(`${broken}text\n`)).toEqual([['a', `${broken}\ntext`, undefined]])
    expect(said(`${broken}text\n`)).toEqual([expect.stringContaining('its front matter is kept as text')])
  })

  test('what YAML dislikes is read as it is meant, and said', () => {
    const [item] = items('---\ntitle: Deploy: how we do it\ntags:\n\t- a\n\t-\n---\ntext\n')
    expect(item?.draft).toMatchObject({ title: 'Deploy: how we do it', tags: ['a'], content: 'text' })
    expect(said('---\ntitle: Deploy: how\n---\ntext\n')).toEqual([
      expect.stringContaining('its front matter is no YAML'),
    ])
  })

  test('a value that does not fit its field is kept as metadata', () => {
    const [item] = items('---\npriority: high\ndate: some day\nkind: [x]\n---\ntext\n')
    expect(item?.draft).toMatchObject({
      content: 'text',
      metadata: { priority: 'high', date: 'some day', kind: ['x'] },
    })
    expect(Object.keys(item?.draft ?? {})).not.toContain('priority')
    expect(said('---\npriority: high\n---\ntext\n')).toEqual([
      "priority 'high' is not a whole number from 1 to 10; it stays in the metadata",
    ])
  })
})

describe('keys', () => {
  test('a place keeps its key, whatever stands before it or becomes of it', () => {
    const before = items('# A\none\n# B\ntwo\n').map((item) => item.key)
    expect(
      items('new\n# A\none\n# B\ntwo!\n')
        .map((item) => item.key)
        .slice(1),
    ).toEqual(before)
    expect(items('# A\none\n# C\ntwo\n').map((item) => item.key)[1]).not.toBe(before[1])
  })

  test('two sections that say the same are two memories', () => {
    const keys = items('# A\nsame\n# A\nsame\n').map((item) => item.key)
    expect(new Set(keys).size).toBe(2)
  })
})

describe('folders', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mnemesh-md-'))
  })
  afterEach(() => rm(dir, { recursive: true }))

  test('hidden folders, node_modules, links and other files are passed over', async () => {
    for (const folder of ['sub/deep', '.hidden', 'node_modules/x']) await mkdir(join(dir, folder), { recursive: true })
    for (const file of [
      'b.md',
      'a.MD',
      'sub/deep/c.markdown',
      '.hidden/d.md',
      'node_modules/x/e.md',
      '.f.md',
      'g.txt',
      'h.png',
    ])
      await writeFile(join(dir, file), file)
    await symlink(join(dir, 'sub'), join(dir, 'loop'))
    const source = await markdownSource(dir)
    const found: string[] = []
    for await (const item of source.memories()) found.push(item.where)
    expect(found).toEqual(['a.MD', 'b.md', 'g.txt', 'sub/deep/c.markdown'])
    expect([source.done(), source.total]).toEqual([4, 4])
    expect(Object.fromEntries(source.skipped ?? [])).toEqual({
      'dot folder (.hidden)': 1,
      'dot file': 1,
      node_modules: 1,
      'symbolic link': 1,
      '.png': 1,
    })
  })
})
