/**
 * A folder that people go on editing: changed, removed, forgotten, moved and doubled sections, from a peer's point of view.
 */
import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runCli, succeeded } from '../testing/run-cli.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

let server: TestServer
let dir: string
beforeEach(async () => {
  server = await startTestServer()
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-places-'))
  await mkdir(join(dir, 'notes', 'sub'), { recursive: true })
  await put('notes/a.md', '# One\n1\n# Two\n2\n')
  await put('notes/sub/b.md', '---\ntags: [x]\n---\n# Three\n3\n')
})
afterEach(async () => {
  await server.close()
  await rm(dir, { recursive: true })
})

const put = (path: string, text: string): Promise<void> => writeFile(join(dir, path), text)
const brought = async (path: string, ...words: string[]): Promise<Record<string, unknown>> => {
  const ran = succeeded(
    await runCli(['import', join(dir, path), '--namespace', 'n', '--json', '--url', server.url, ...words]),
  )
  const { created, existing, changed, forgotten, gone, pruned } = JSON.parse(ran.out) as Record<string, unknown>
  return { created, existing, changed, forgotten, gone, pruned }
}
const nothing = { created: 0, existing: 0, changed: 0, forgotten: 0, gone: 0, pruned: 0 }
const texts = (): string[] => [...server.rows.values()].map((row) => row.content).sort()
const idOf = (content: string): string => [...server.rows.values()].find((row) => row.content === content)!.id

test('a changed section is a change of the same memory, there and back', async () => {
  expect(await brought('notes')).toEqual({ ...nothing, created: 3 })
  const id = idOf('2')
  for (const text of ['2!', '2', '2!']) {
    await put('notes/a.md', `# One\n1\n# Two\n${text}\n`)
    expect(await brought('notes')).toEqual({ ...nothing, existing: 2, changed: 1 })
    expect(server.rows.get(id)?.content).toBe(text)
    expect(await brought('notes')).toEqual({ ...nothing, existing: 3 })
  }
  await put('notes/sub/b.md', '# Three\n3\n')
  expect(await brought('notes')).toEqual({ ...nothing, existing: 2, changed: 1 })
  expect(server.rows.get(idOf('3'))?.['tags']).toEqual([])
})

test('what people made of a memory stays as long as its source says the same', async () => {
  await brought('notes')
  const id = idOf('1')
  succeeded(await runCli(['update', id, '--content', 'mended', '--url', server.url]))
  expect(await brought('notes')).toEqual({ ...nothing, existing: 3 })
  expect(server.rows.get(id)?.content).toBe('mended')
})

test('what is gone is told, and forgotten when asked for', async () => {
  await brought('notes')
  await put('notes/a.md', '# One\n1\n')
  await rm(join(dir, 'notes', 'sub', 'b.md'))
  const told = await runCli(['import', join(dir, 'notes'), '--namespace', 'n', '--url', server.url])
  expect([told.exit, texts()]).toEqual([0, ['1', '2', '3']])
  for (const said of [
    'no longer there: a.md: Two',
    'no longer there: sub/b.md: Three',
    '2 memories came from there before, and their place is gone: --prune forgets them',
  ])
    expect(told.err).toContain(said)
  expect(await brought('notes', '--prune')).toEqual({ ...nothing, existing: 1, gone: 2, pruned: 2 })
  expect([texts(), await brought('notes')]).toEqual([['1'], { ...nothing, existing: 1 }])
})

test('one file, and one folder, answer for themselves alone', async () => {
  await brought('notes')
  await rm(join(dir, 'notes', 'sub', 'b.md'))
  await put('notes/sub/c.md', 'c')
  await put('notes/a.md', '# One\n1\n')
  expect(await brought('notes/a.md')).toEqual({ ...nothing, existing: 1, gone: 1 })
  expect(await brought('notes/sub')).toEqual({ ...nothing, created: 1, gone: 1 })
})

test('a forgotten memory stays forgotten, also when its source changes, and is counted', async () => {
  await brought('notes')
  succeeded(await runCli(['forget', idOf('2'), '--url', server.url]))
  expect(await brought('notes')).toEqual({ ...nothing, existing: 2, forgotten: 1 })
  await put('notes/a.md', '# One\n1\n# Two\nother\n')
  expect(await brought('notes')).toEqual({ ...nothing, existing: 2, forgotten: 1 })
  expect(texts()).toEqual(['1', '3'])
})

test('a parent folder, its subfolder and a file of it do not double, in any order', async () => {
  expect(await brought('notes/sub')).toEqual({ ...nothing, created: 1 })
  expect(await brought('notes')).toEqual({ ...nothing, created: 2, existing: 1 })
  expect(await brought('notes/sub')).toEqual({ ...nothing, existing: 1 })
  expect(await brought('notes/sub/b.md')).toEqual({ ...nothing, existing: 1 })
  expect(await brought('.')).toEqual({ ...nothing, existing: 3 })
})

test('a copy elsewhere adds nothing that is there, a checkout changes what it changed', async () => {
  await brought('notes')
  await cp(join(dir, 'notes'), join(dir, 'copy'), { recursive: true })
  expect(await brought('copy')).toEqual({ ...nothing, existing: 3 })

  const git = (at: string, ...words: string[]): string =>
    execFileSync('git', ['-C', at, '-c', 'user.name=A', '-c', 'user.email=a@example.org', ...words], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
    })
  await mkdir(join(dir, 'repo'))
  git(join(dir, 'repo'), 'init', '-q')
  await put('repo/r.md', '# R\nr\n')
  git(join(dir, 'repo'), 'add', '.')
  git(join(dir, 'repo'), 'commit', '-q', '-m', 'first')
  git(dir, 'clone', '-q', 'repo', 'checkout')
  expect(await brought('repo')).toEqual({ ...nothing, created: 1 })
  const id = idOf('r')
  await put('checkout/r.md', '# R\nr!\n')
  expect(await brought('checkout')).toEqual({ ...nothing, changed: 1 })
  expect(server.rows.get(id)?.content).toBe('r!')
})

test('a long section grows and shrinks in its parts', async () => {
  const paragraphs = (count: number): string =>
    Array.from({ length: count }, (_, i) => `Paragraph ${i} ${'x'.repeat(30)}`).join('\n\n')
  await put('notes/a.md', paragraphs(3_000))
  expect(await brought('notes/a.md')).toEqual({ ...nothing, created: 3 })
  await put('notes/a.md', paragraphs(2_000))
  expect(await brought('notes/a.md', '--prune')).toEqual({ ...nothing, existing: 0, changed: 2, gone: 1, pruned: 1 })
})
