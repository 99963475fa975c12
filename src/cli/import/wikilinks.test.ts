/**
 * Vaults: links between notes become links of the memories, from a folder or out of a zip, and again adds nothing.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runCli, succeeded, type Ran } from '../testing/run-cli.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'
import { zipOf, type ZipEntry } from './testing/zip.ts'
import { noteIndex, wikilinks } from './wikilinks.ts'

describe('a link', () => {
  test.each([
    ['[[Note]] and [[Note]] again', ['Note']],
    ['[[a/b#c d|shown]] ![[embedded]] [[#here]]', ['a/b#c d', 'embedded', '#here']],
    ['| [[Note\\|in a table]] |', ['Note']],
    ['`[[code]]` and\n```\n[[code]]\n```', []],
    ['![[picture.png]] [[paper.PDF#page=2]] [[v1.2]]', ['v1.2']],
    ['[[]] [[ ]] [[a\nb]] [[a]b]] [x](y.md)', []],
    [`[[${'x'.repeat(2_000)}]] ${'['.repeat(50_000)}`, []],
  ])('%j', (text, targets) => expect(wikilinks(text)).toEqual(targets))
})

describe('a note is found', () => {
  const index = noteIndex()
  const add = (path: string, headings: readonly string[] = [], aliases: readonly string[] = []): void =>
    index.add(path, headings, aliases, [path, ...headings].join(' > '))
  add('a/Plan.md', [], ['The Plan'])
  add('a/Plan.md', ['Plan', 'Costs: all'])
  add('b/Plan.md', ['Start'])
  add('deep/down/Plan.md')
  add('Größe.md')
  add('b/index.md')

  test.each([
    ['by its name, whatever the case, and of several the nearest', 'plan', 'a/x.md', 'a/Plan.md'],
    ['the nearest for another', 'Plan', 'b/x.md', 'b/Plan.md > Start'],
    ['else the one with the shortest path', 'Plan', 'x.md', 'a/Plan.md'],
    ['by the end of its path', 'down/Plan.md', 'a/x.md', 'deep/down/Plan.md'],
    ['by a path from here', '../b/Plan', 'a/x.md', 'b/Plan.md > Start'],
    ['by its heading', 'Plan#Costs all', 'a/x.md', 'a/Plan.md > Plan > Costs: all'],
    ['by the last of its headings', 'a/Plan#Plan#Costs: all', 'x.md', 'a/Plan.md > Plan > Costs: all'],
    ['in itself', '#costs: ALL', 'a/Plan.md', 'a/Plan.md > Plan > Costs: all'],
    ['where the heading is not there', 'b/Plan#nowhere', 'x.md', 'b/Plan.md > Start'],
    ['by an alias', 'the plan', 'x.md', 'a/Plan.md'],
    ['by a name with other accents', 'Gro\u0308ße', 'x.md', 'Größe.md'],
    ['not where it is another', 'own/Plan', 'x.md', null],
    ['not where there is none', 'Nobody', 'x.md', null],
  ])('%s', (_how, target, from, name) => expect(index.find(target, from)).toBe(name))
})

let server: TestServer
let dir: string
beforeEach(async () => {
  server = await startTestServer()
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-vault-'))
})
afterEach(async () => {
  await server.close()
  await rm(dir, { recursive: true })
})

const VAULT: Readonly<Record<string, string>> = {
  'Home.md':
    '---\naliases: [Start]\nrelated: "[[Deploy]]"\n---\nSee [[Deploy#Rollback|how to go back]] and [[Missing]]. #top/level\n\n# Below\n[[people/Ada]]\n',
  'ops/Deploy.md': '# Deploy\nto the [[start]] and ![[chart.png]]\n## Rollback\ngo back, [[#Deploy]]\n',
  'people/Ada.md': 'Ada\n',
  '.obsidian/app.json': '{}',
  'chart.png': 'x',
}
const LINKS = ['Below > Ada', 'Deploy > Home', 'Home > Deploy', 'Home > Rollback', 'Rollback > Deploy']
const importing = (path: string, ...words: string[]): Promise<Ran> =>
  runCli(['import', path, '--namespace', 'vault', '--url', server.url, ...words])
const linked = (): readonly string[] => {
  const title = (id: string): string => server.rows.get(id)?.title ?? id
  return server.links
    .map(({ from, to, relation }) => `${title(from)} ${relation === 'links_to' ? '>' : relation} ${title(to)}`)
    .sort((a, b) => (a < b ? -1 : 1))
}
const folder = async (): Promise<string> => {
  for (const [name, text] of Object.entries(VAULT)) {
    await mkdir(dirname(join(dir, 'Vault', name)), { recursive: true })
    await writeFile(join(dir, 'Vault', name), text)
  }
  return join(dir, 'Vault')
}
const zipped = async (entries: readonly ZipEntry[], name = 'Vault.zip'): Promise<string> => {
  await writeFile(join(dir, name), zipOf(entries))
  return join(dir, name)
}
const entry = (name: string, text: string): ZipEntry => ({ name, data: Buffer.from(text) })
const vaultEntries = (change: Readonly<Record<string, string>> = {}): readonly ZipEntry[] =>
  Object.entries({ ...VAULT, ...change }).map(([name, text]) => entry(`Vault/${name}`, text))

test('links, tags and aliases of a vault come in, what leads nowhere is counted, and again adds nothing', async () => {
  const ran = await importing(await folder())
  expect([ran.exit, linked()]).toEqual([0, LINKS])
  expect(ran.err).toContain('1 link to notes that are not there: left out')
  const home = [...server.rows.values()].find(({ title }) => title === 'Home')
  expect(home).toMatchObject({ tags: ['top/level'], metadata: { aliases: ['Start'] } })
  const again = JSON.parse((await importing(await folder(), '--json')).out) as Record<string, unknown>
  expect(again).toMatchObject({ created: 0, links: 0, links_existing: 5, links_nowhere: 1, errors: [] })
  expect(linked()).toEqual(LINKS)
})

test('a note that was forgotten takes its links with it, and nothing fails for that', async () => {
  await importing(await folder())
  const ada = [...server.rows.values()].find(({ title }) => title === 'Ada')!
  succeeded(await runCli(['forget', ada.id, '--url', server.url]))
  const ran = await importing(await folder(), '--json')
  expect([ran.exit, JSON.parse(ran.out)]).toMatchObject([0, { forgotten: 1, links_nowhere: 2, errors: [] }])
})

test('a zipped vault is the same as its folder; the next one of its name changes what the last one brought', async () => {
  const ran = await importing(await zipped(vaultEntries()))
  expect([ran.exit, linked(), server.rows.size]).toEqual([0, LINKS, 5])
  expect(ran.err).toContain('as markdown into vault')
  expect(ran.err).toMatch(/passed over: .*1 \.obsidian/)
  const changed = await importing(await zipped(vaultEntries({ 'people/Ada.md': 'Ada L.\n' })), '--json')
  expect(JSON.parse(changed.out)).toMatchObject({ created: 0, changed: 1, existing: 4, links: 0, gone: 0 })
  const without = vaultEntries().filter(({ name }) => !name.endsWith('Ada.md'))
  const pruned = await importing(await zipped(without), '--prune', '--json')
  expect(JSON.parse(pruned.out)).toMatchObject({ gone: 1, pruned: 1 })
  expect(server.rows.size).toBe(4)
})

test.each([
  ['that slips out', [entry('../a.md', 'x')], 'cannot read'],
  ['with a link', [{ ...entry('a.md', '/etc/passwd'), mode: 0o120777 }], 'a.md is a symbolic link'],
  ['under lock', [{ ...entry('a.md', 'x'), encrypted: true }], 'is encrypted'],
  ['that is a bomb', [{ name: 'a.md', data: Buffer.alloc(32 * 1024 * 1024, 0x20) }], '(a bomb)'],
  ['that lies about a size', [{ ...entry('a.md', 'x'.repeat(5_000)), claims: 10 }], 'as a zip'],
] as const)('a zipped vault %s is refused by name', async (_what, entries, said) => {
  const ran = await importing(await zipped(entries))
  expect([ran.exit, server.rows.size]).toEqual([1, 0])
  expect(ran.err).toContain(said)
})

test('a note that is too large is a problem, the others come in', async () => {
  const large = { name: 'large.md', data: Buffer.from('0123456789abcdef\n'.repeat(600_000)) }
  const bytes = new Uint8Array(large.data.map((_, n) => 97 + ((n * 7919 + (n >> 5) * 31) % 26)))
  const ran = await importing(await zipped([{ ...large, data: bytes }, entry('small.md', 'small')]))
  expect([ran.exit, server.rows.size]).toEqual([1, 1])
  expect(ran.err).toContain('large.md: larger than 8 MiB')
})
