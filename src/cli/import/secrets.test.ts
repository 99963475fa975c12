/**
 * Secrets in what is imported: held back before anything of them is sent, asked about where somebody can be asked, named elsewhere.
 */
import { generateKeyPairSync } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runCli, succeeded, type Ran, type RunOptions } from '../testing/run-cli.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

let server: TestServer
let dir: string
beforeEach(async () => {
  server = await startTestServer()
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-secrets-'))
})
afterEach(async () => {
  await server.close()
  await rm(dir, { recursive: true })
})

const WORDS = { password: ['hunter', '22'].join(''), token: ['ghp', 'a1B2'.repeat(9)].join('_') }
const KEYS = [
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
  generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs1', format: 'pem' }),
]
const notes = async (): Promise<string> => {
  const folder = join(dir, 'notes')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'plain.md'), '# Plain\nthe token is missing\n')
  await writeFile(join(folder, 'login.md'), `# Safe\nno secret\n# Login\npassword: ${WORDS.password}\n`)
  await writeFile(join(folder, 'front.md'), `---\napi_key: ${WORDS.token}\n---\ntext\n`)
  return folder
}
const importing = (path: string, words: readonly string[] = [], options: RunOptions = {}): Promise<Ran> =>
  runCli(['import', path, '--url', server.url, ...words], options)
const titles = (): unknown[] => [...server.rows.values()].map(({ title }) => String(title)).sort(byText)
const byText = (a: string, b: string): number => (a < b ? -1 : 1)
const sentBytes = (): string => JSON.stringify(server.seen.map(({ body }) => body))

test('where nobody can be asked, what holds a secret is named and not sent, and the rest comes in', async () => {
  const ran = await importing(await notes())
  expect(ran.exit).toBe(1)
  expect(titles()).toEqual(['Plain', 'Safe'])
  expect(ran.err).toMatch(/login\.md: looks as if it held a secret, and was not sent; .*--secrets allow/)
  expect(ran.err).toContain('front.md: looks as if')
  for (const secret of Object.values(WORDS)) {
    expect(sentBytes()).not.toContain(secret)
    expect(ran.err + ran.out).not.toContain(secret)
  }
})

test('on a terminal one question is asked about all of them, and a yes takes them along', async () => {
  const no = await importing(await notes(), [], { answer: '' })
  expect([no.exit, titles()]).toEqual([1, ['Plain', 'Safe']])
  expect(no.err).toContain('2 memories look as if they held a secret (front.md, login.md). Import them all the same?')
  const yes = succeeded(await importing(await notes(), [], { answer: 'y' }))
  expect(yes.out).toContain('2 new, 2 there already')
  expect(titles()).toEqual(['Login', 'Plain', 'Safe', 'front'])
})

test('--secrets allow does not look, skip never asks, and --json counts', async () => {
  const skipped = await importing(await notes(), ['--secrets', 'skip', '--json'], { answer: 'y' })
  expect(JSON.parse(skipped.out)).toMatchObject({ secrets: 2, memories: 2, errors_total: 2 })
  succeeded(await importing(await notes(), ['--secrets', 'allow']))
  expect(titles()).toEqual(['Login', 'Plain', 'Safe', 'front'])
  expect((await importing(await notes(), ['--secrets', 'maybe'])).exit).toBe(2)
})

test('what came in before and holds a secret now is still there: --prune leaves it', async () => {
  const folder = await notes()
  succeeded(await importing(folder, ['--secrets', 'allow']))
  const ran = await importing(folder, ['--prune'])
  expect(ran.err).not.toContain('no longer there')
  expect(server.rows.size).toBe(4)
})

test.each([
  ['a title', { content: 'x', title: `password=${WORDS.password}` }],
  ['metadata, by its name', { content: 'x', metadata: { deep: [{ password: WORDS.password }] } }],
  ['a short private key', { content: `key:\n${KEYS[0]!.toString()}` }],
  ['a long private key', { content: `key:\n${KEYS[1]!.toString()}` }],
  ['an address', { content: 'x', source: `postgres://joe:${WORDS.password}@db.example.com/x` }],
  [
    'what was said before',
    {
      id: '019b76da-a805-783f-a04c-fd6589b5d65f',
      content: 'x',
      said: [
        { kind: 'put', agent: 'a', at: '2020-01-01T00:00:00Z', set: { content: WORDS.token } },
        { kind: 'patch', agent: 'a', at: '2020-01-02T00:00:00Z', set: { content: 'x' } },
      ],
    },
  ],
])('%s is looked at', async (_what, line) => {
  const path = join(dir, 'm.jsonl')
  await writeFile(path, `${JSON.stringify(line)}\n${JSON.stringify({ content: 'plain' })}\n`)
  const ran = await importing(path)
  expect([ran.exit, server.rows.size]).toEqual([1, 1])
  expect(ran.err).toContain('line 1: looks as if it held a secret')
})
