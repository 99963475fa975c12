/**
 * `import` and `export` from end to end: real files, a real git repository, a real HTTP server that keeps keys.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runCli, succeeded, type Ran } from '../testing/run-cli.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

let server: TestServer
let dir: string
beforeEach(async () => {
  server = await startTestServer()
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-import-'))
})
afterEach(async () => {
  await server.close()
  await rm(dir, { recursive: true })
})

const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(dir, name), text)
  return join(dir, name)
}
const lines = (...values: readonly unknown[]): string => `${values.map((value) => JSON.stringify(value)).join('\n')}\n`
const importing = (...words: string[]): Promise<Ran> => runCli(['import', ...words, '--url', server.url])
const summary = async (...words: string[]): Promise<Record<string, unknown>> => {
  const ran = await importing(...words, '--json')
  succeeded(ran)
  return JSON.parse(ran.out) as Record<string, unknown>
}
const rowBy = (field: string, value: unknown): Record<string, unknown> => {
  const row = [...server.rows.values()].find((candidate) => candidate[field] === value)
  if (row === undefined) throw new Error(`no memory whose ${field} is ${String(value)}`)
  return row
}

describe('markdown', () => {
  test('a folder goes into the namespace of its name, and again adds nothing', async () => {
    await mkdir(join(dir, 'Team Notes'))
    await writeFile(join(dir, 'Team Notes', 'a.md'), '# A\none\n## B\ntwo\n')
    const first = await importing(join(dir, 'Team Notes'))
    expect([first.exit, first.out]).toEqual([0, 'imported 2 memories into team-notes: 2 new, 0 there already\n'])
    expect(first.err).toContain('as markdown into team-notes')
    const again = await importing(join(dir, 'Team Notes'))
    expect([again.exit, again.out]).toEqual([0, 'imported 2 memories into team-notes: 0 new, 2 there already\n'])
    expect(server.rows.size).toBe(2)
  })

  test('a text above 64 KiB comes in parts', async () => {
    const text = Array.from({ length: 3_000 }, (_, i) => `Paragraph ${i} ${'x'.repeat(30)}`).join('\n\n')
    expect(await summary(await file('long.md', `# Long\n\n${text}\n`))).toMatchObject({
      format: 'markdown',
      memories: 3,
      created: 3,
    })
    expect([...server.rows.values()].map((row) => row.title)).toEqual(['Long (1/3)', 'Long (2/3)', 'Long (3/3)'])
    expect([...server.rows.values()].map((row) => row.content).join('')).toBe(text)
  })
})

describe('jsonl', () => {
  test('fields as given, what is unknown in metadata, namespaces as named or forced', async () => {
    const path = await file(
      'm.jsonl',
      `\ufeff${lines({ content: 'a', title: 'T', tags: ['x'], priority: 3, colour: 'red', metadata: { n: 1 } }, { content: 'b', namespace: 'other/place' })}\n\n`,
    )
    expect(await summary(path)).toMatchObject({
      format: 'jsonl',
      namespaces: ['m', 'other/place'],
      memories: 2,
      created: 2,
      existing: 0,
    })
    expect(rowBy('content', 'a')).toMatchObject({
      title: 'T',
      tags: ['x'],
      priority: 3,
      metadata: { n: 1, colour: 'red' },
      namespace: 'm',
    })
    expect(await summary(path, '--namespace', 'forced')).toMatchObject({ namespaces: ['forced'], created: 2 })
  })

  test('bad lines are named, the good ones get in, exit 1', async () => {
    const path = await file(
      'bad.jsonl',
      [
        '{"content":"good"}',
        '{nonsense',
        '[1]',
        '{"title":"no content"}',
        '{"content":"spoil it"}',
        `{"content":"x","namespace":"_mesh"}`,
      ].join('\n'),
    )
    const ran = await importing(path)
    expect(ran.exit).toBe(1)
    expect(ran.out).toContain('imported 1 memory into bad')
    for (const said of [
      'line 2: not JSON',
      'line 3: not a JSON object',
      'line 4: no content',
      'line 5: content is spoilt (refused)',
      "line 6: '_mesh' is no namespace",
    ])
      expect(ran.err).toContain(said)
    expect(ran.err).toContain('error: 5 entries could not be imported')
  })

  test('one memory that spoils its whole request is found, the others get through', async () => {
    const all = Array.from({ length: 50 }, (_, i) => ({ content: i === 37 ? 'nul \u0000' : `memory ${i}` }))
    const ran = await importing(await file('nul.jsonl', lines(...all)))
    expect(ran.exit).toBe(1)
    expect(ran.err).toContain('line 38: NUL in a text')
    expect(server.rows.size).toBe(49)
  })

  test('requests are bounded in count and bytes, and two are under way', async () => {
    const all = [
      ...Array.from({ length: 500 }, (_, i) => ({ content: `small ${i}` })),
      ...Array.from({ length: 40 }, (_, i) => ({ content: `${i} ${'y'.repeat(60_000)}` })),
    ]
    expect(await summary(await file('many.jsonl', lines(...all)))).toMatchObject({ memories: 540, created: 540 })
    const bulks = server.seen.filter((request) => request.path === '/memories/bulk')
    expect(Math.max(...bulks.map((request) => (request.body as { memories: unknown[] }).memories.length))).toBe(200)
    expect(Math.max(...bulks.map((request) => request.bytes))).toBeLessThan(1024 * 1024)
    expect(server.bulkOpenMost).toBe(2)
  })

  test('not now is tried again with the same keys, and no longer than it makes sense', async () => {
    const path = await file('r.jsonl', lines({ content: 'a' }))
    const busy = (status: number) => (request: { path: string }) =>
      request.path === '/memories/bulk'
        ? { status, body: { error: 'quorum_not_met', message: 'no quorum' }, headers: { 'retry-after': '2' } }
        : null
    server.scripted.push(busy(503), busy(429))
    const ran = await importing(path)
    expect([ran.exit, ran.err]).toEqual([0, expect.stringContaining('importing')])
    expect(ran.slept_ms).toBeGreaterThanOrEqual(4_000)
    const bulks = server.seen
      .filter((request) => request.path === '/memories/bulk')
      .map((request) => JSON.stringify(request.body))
    expect([bulks.length, new Set(bulks).size]).toEqual([3, 1])

    server.scripted.push(...Array.from({ length: 20 }, () => busy(503)))
    const failed = await importing(path)
    expect(failed.exit).toBe(1)
    expect(failed.err).toContain('error: stopped after 0 memories: no quorum')
    expect(server.scripted).toHaveLength(11)
  })
})

describe('export and back', () => {
  test('into the same namespace it is a no-op, into another mesh everything is there again', async () => {
    await summary(
      await file(
        'src.jsonl',
        lines(
          {
            content: 'a',
            title: 'A',
            id: '1',
            links: [{ to: '2', relation: 'supports', valid_from: '2026-01-01T00:00:00.000Z' }],
          },
          { content: 'b', id: 2, metadata: { k: [1] } },
        ),
      ),
      '--namespace',
      'team/x',
    )
    expect(server.links).toHaveLength(1)
    const out = (await runCli(['export', '--namespace', 'team/x', '--url', server.url])).out
    expect(out.trim().split('\n')).toHaveLength(2)
    const path = await file('export.jsonl', out)

    const writes = (): number => server.seen.filter((request) => request.method !== 'GET').length
    const before = writes()
    expect(await summary(path)).toMatchObject({
      namespaces: ['team/x'],
      memories: 2,
      created: 0,
      existing: 2,
      links: 0,
      links_existing: 1,
    })
    expect(writes()).toBe(before)

    const other = await startTestServer()
    try {
      const [first, again] = [
        await runCli(['import', path, '--json', '--url', other.url]),
        await runCli(['import', path, '--json', '--url', other.url]),
      ]
      expect(JSON.parse(first.out)).toMatchObject({ created: 2, existing: 0, links: 1, errors: [] })
      expect(JSON.parse(again.out)).toMatchObject({ created: 0, existing: 2, links: 0, links_existing: 1 })
      const [a, b] = ['a', 'b'].map((content) => [...other.rows.values()].find((row) => row.content === content))
      expect(a).toMatchObject({ title: 'A', namespace: 'team/x', metadata: {} })
      expect(b).toMatchObject({ metadata: { k: [1] }, tags: [] })
      expect(other.links).toMatchObject([
        { from: a?.id, to: b?.id, relation: 'supports', valid_from: '2026-01-01T00:00:00.000Z' },
      ])
    } finally {
      await other.close()
    }
  })
})

describe('export to other forms', () => {
  const brought = async (): Promise<void> =>
    void (await summary(
      await file(
        'src.jsonl',
        lines(
          {
            content: 'likes tea\n# not a heading: yet',
            title: '../Ann: "x"',
            id: '1',
            tags: ['t'],
            metadata: { n: 1 },
            links: [{ to: '2', relation: 'works_at' }],
          },
          { content: 'b', title: 'Acme', id: 2 },
          { content: 'c', title: 'Acme', id: 3 },
        ),
      ),
      '--namespace',
      'team/x',
    ))

  test('a folder of notes, each a file of its own inside the folder, with links that lead to them', async () => {
    await brought()
    const out = join(dir, 'out')
    succeeded(await runCli(['export', '--namespace', 'team/x', '--to', 'markdown', '--out', out, '--url', server.url]))
    const names = (await readdir(out)).sort()
    expect(names.map((name) => name.replace(/ [0-9a-f]{12}\.md$/, ''))).toEqual(['Acme', 'Acme', 'Ann x'])
    const text = await readFile(join(out, names[2]!), 'utf8')
    expect(text).toMatch(/^---\ntitle: '\.\.\/Ann: "x"'\nkind: note\n/)
    expect(text).toContain('---\n\nlikes tea\n# not a heading: yet\n\n## Links\n\n- works_at [[Acme ')
    for (const name of names.slice(0, 2)) expect(await readFile(join(out, name), 'utf8')).toContain('title: Acme')
    const again = await runCli([
      'export',
      '--namespace',
      'team/x',
      '--to',
      'markdown',
      '--out',
      out,
      '--url',
      server.url,
    ])
    expect([again.exit, again.err]).toEqual([1, expect.stringContaining('is not empty')])
    expect((await runCli(['export', '--namespace', 'team/x', '--to', 'markdown', '--url', server.url])).exit).toBe(2)
  })

  test("the reference MCP memory server's file comes back as it was, two of one name with their links too", async () => {
    await brought()
    const out = succeeded(
      await runCli(['export', '--namespace', 'team/x', '--to', 'mcp-memory', '--url', server.url]),
    ).out
    const said = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(said).toHaveLength(4)
    expect(said).toContainEqual({
      type: 'entity',
      name: '../Ann: "x"',
      entityType: 'note',
      observations: ['likes tea', '# not a heading: yet'],
    })
    const [relation] = said.filter((each) => each['type'] === 'relation')
    expect(said.find((each) => each['name'] === relation?.['to'])).toMatchObject({ observations: ['b'] })

    expect(await summary(await file('graph.jsonl', out), '--namespace', 'graph')).toMatchObject({
      format: 'mcp-memory',
      created: 3,
      links: 1,
    })
    const back = succeeded(
      await runCli(['export', '--namespace', 'graph', '--to', 'mcp-memory', '--url', server.url]),
    ).out
    expect(back.trim().split('\n').sort()).toEqual(out.trim().split('\n').sort())
  })
})

describe('git', () => {
  const git = (at: string, ...words: string[]): string =>
    execFileSync('git', ['-C', at, ...words], {
      encoding: 'utf8',
      env: {
        ...process.env,
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_SYSTEM: '/dev/null',
        GIT_AUTHOR_NAME: 'Änn O',
        GIT_AUTHOR_EMAIL: 'ann@example.org',
        GIT_AUTHOR_DATE: '2026-03-04T05:06:07+02:00',
        GIT_COMMITTER_NAME: 'C',
        GIT_COMMITTER_EMAIL: 'c@example.org',
        GIT_COMMITTER_DATE: '2026-03-05T00:00:00Z',
      },
    })
  const repository = async (): Promise<string> => {
    const at = join(dir, 'repo')
    await mkdir(at)
    git(at, 'init', '-q')
    await writeFile(join(at, 'a b.txt'), '1')
    await writeFile(join(at, 'ü.txt'), '1')
    git(at, 'add', '.')
    git(at, 'commit', '-q', '-m', 'First subject\n\nIts body,\ntwo lines.')
    git(at, 'commit', '-q', '--allow-empty', '--allow-empty-message', '-m', '')
    for (let i = 0; i < 60; i++) await writeFile(join(at, `file-${i}`), '')
    git(at, 'add', '.')
    git(at, 'commit', '-q', '-m', 'Many files')
    return at
  }

  test('one memory a commit, with author, date and files', async () => {
    const at = await repository()
    expect(await summary(at)).toMatchObject({ format: 'git', namespaces: ['repo'], memories: 3, created: 3 })
    const sha = git(at, 'rev-list', '--max-parents=0', 'HEAD').trim()
    expect(rowBy('title', 'First subject')).toMatchObject({
      content: 'First subject\n\nIts body,\ntwo lines.',
      kind: 'commit',
      source: `git:${sha.slice(0, 12)}`,
      tags: ['a b.txt', 'ü.txt'],
      occurred_at: '2026-03-04T03:06:07.000Z',
      metadata: { commit: sha, author: 'Änn O', email: 'ann@example.org', files: ['a b.txt', 'ü.txt'] },
    })
    const many = rowBy('title', 'Many files')
    expect((many['tags'] as string[]).length).toBe(40)
    expect((many['metadata'] as { files: string[] }).files.length).toBe(60)
    expect([...server.rows.values()].some((row) => row.content.startsWith('commit '))).toBe(true)
  })

  test('another checkout, a bare one and a shallow one add nothing that is there', async () => {
    const at = await repository()
    await summary(at)
    git(dir, 'clone', '-q', '--bare', at, 'bare.git')
    git(dir, 'clone', '-q', at, 'checkout')
    expect(await summary(join(dir, 'bare.git'), '--namespace', 'repo')).toMatchObject({
      format: 'git',
      created: 0,
      existing: 3,
    })
    expect(await summary(join(dir, 'checkout'), '--namespace', 'repo')).toMatchObject({ created: 0, existing: 3 })
    expect(server.rows.size).toBe(3)
  })

  test("the environment's GIT_DIR, log.showRoot and a repository's notes do not change what is read", async () => {
    const [at, other] = [await repository(), join(dir, 'other')]
    git(dir, 'init', '-q', 'other')
    git(other, 'commit', '-q', '--allow-empty', '-m', 'Of another repository')
    git(at, 'config', 'log.showRoot', 'false')
    process.env['GIT_DIR'] = join(other, '.git')
    try {
      expect(await summary(at)).toMatchObject({ created: 3 })
    } finally {
      delete process.env['GIT_DIR']
    }
    expect(rowBy('title', 'First subject')).toMatchObject({ tags: ['a b.txt', 'ü.txt'] })
  })

  test('a shallow clone says so, leaves out its edge, and contradicts nothing', async () => {
    const at = await repository()
    git(dir, 'clone', '-q', '--depth', '2', `file://${at}`, 'shallow')
    const ran = await importing(join(dir, 'shallow'), '--namespace', 'repo')
    expect([ran.exit, ran.out]).toEqual([0, 'imported 1 memory into repo: 1 new, 0 there already\n'])
    expect(ran.err).toContain('this is a shallow clone: what came before its 2 commits is not here')
    expect(ran.err).toContain('passed over: 1 commit at the edge of a shallow clone')
    expect(await summary(at)).toMatchObject({ created: 2, existing: 1, errors: [] })
    git(dir, 'clone', '-q', '--depth', '1', `file://${at}`, 'edge')
    const none = await importing(join(dir, 'edge'))
    expect([none.exit, none.err]).toEqual([1, expect.stringContaining('nothing to import: it is a shallow clone')])
  })

  test('notes under git are notes, code with notes is a history, and each says what else there is', async () => {
    const at = join(dir, 'vault')
    await mkdir(at)
    git(at, 'init', '-q')
    for (const name of ['a.md', 'b.md', 'c.png']) await writeFile(join(at, name), '# A\nnote\n')
    const vault = await importing(at)
    expect([vault.exit, vault.err]).toEqual([0, expect.stringContaining('it is a git repository of notes')])
    expect(vault.out).toContain('imported 2 memories')
    const code = await importing(await repository())
    expect(code.err).toContain('--format markdown takes its 2 notes')
    expect(code.out).toContain('imported 3 memories')
  })

  test('an empty repository and a folder that is none: one line', async () => {
    git(dir, 'init', '-q', 'empty')
    for (const path of [join(dir, 'empty'), dir]) {
      const ran = await importing(path, '--format', 'git')
      expect(ran.exit).toBe(1)
      expect(ran.err.trim().split('\n')).toHaveLength(1)
      expect(ran.err).toContain('cannot read the git history of')
    }
  })
})

describe('mcp-memory', () => {
  const graph = lines(
    { type: 'relation', from: 'Ann', to: 'Acme', relationType: 'works_at' },
    { type: 'entity', name: 'Ann', entityType: 'person', observations: ['likes tea', 'lives in Ulm'] },
    { type: 'entity', name: 'Acme', entityType: 'company', observations: [] },
  )

  test('entities are memories, relations are links, and again adds nothing', async () => {
    const path = await file('memory.json', graph)
    expect(await summary(path)).toMatchObject({ format: 'mcp-memory', memories: 2, created: 2, links: 1 })
    const [ann, acme] = [rowBy('title', 'Ann'), rowBy('title', 'Acme')]
    expect(ann).toMatchObject({ kind: 'person', content: 'likes tea\nlives in Ulm' })
    expect(acme).toMatchObject({ kind: 'company', content: 'Acme' })
    expect(server.links).toMatchObject([{ from: ann['id'], to: acme['id'], relation: 'works_at' }])
    expect(await summary(path)).toMatchObject({ created: 0, existing: 2, links: 0, links_existing: 1 })
  })

  test('a relation without its end is named', async () => {
    const ran = await importing(
      await file(
        'm.jsonl',
        graph + lines({ type: 'relation', from: 'Ann', to: 'Nobody', relationType: 'knows' }, { type: 'thing' }),
      ),
    )
    expect(ran.exit).toBe(1)
    expect(ran.err).toContain("line 4: links to 'Nobody', which was not imported")
    expect(ran.err).toContain('line 5: neither an entity nor a relation')
    expect(server.links).toHaveLength(1)
  })
})

describe('paths', () => {
  test.each([
    ['missing.md', 'auto', 'no such file or folder; check the path'],
    ['x.bin', 'auto', 'cannot tell what'],
    ['.', 'jsonl', 'is a folder, and jsonl is a file; name the file'],
  ])('%s as %s: one line', async (name, format, said) => {
    await file('x.bin', 'x')
    const ran = await importing(join(dir, name), '--format', format)
    expect(ran.exit).toBe(1)
    expect(ran.err.trim().split('\n')).toHaveLength(1)
    expect(ran.err).toContain(said)
  })
})
