/**
 * The table of inputs: each kind of thing that people bring, what comes in of it, what is said, and that what came in is found again.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCli } from '../testing/run-cli.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'
import { fileInputs } from './testing/file-inputs.ts'
import { conversationInputs, memoryInputs } from './testing/format-inputs.ts'
import { frontMatterInputs } from './testing/front-matter-inputs.ts'
import type { Input } from './testing/input.ts'

let server: TestServer
let dir: string
let rows = 0
beforeAll(async () => {
  server = await startTestServer()
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-inputs-'))
})
afterAll(async () => {
  await server.close()
  await rm(dir, { recursive: true })
})

const brought = async ({ files }: Input, number: number): Promise<string> => {
  const root = join(dir, `row-${number}`)
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), content)
  }
  const [only, ...others] = Object.keys(files)
  return only !== undefined && others.length === 0 ? join(root, only) : root
}

const checked = async (input: Input): Promise<void> => {
  const number = ++rows
  const namespace = `row-${number}`
  const path = await brought(input, number)
  const words = ['import', path, '--namespace', namespace, '--url', server.url, ...(input.options ?? [])]
  const ran = await runCli(words)
  const here = (): Record<string, unknown>[] =>
    [...server.rows.values()]
      .filter((row) => row.namespace === namespace)
      .map((row) => ({ ...row, metadata: withoutPlace(row['metadata']) }))
  expect(here()).toHaveLength(input.came.length)
  for (const came of input.came) expect(here()).toContainEqual(expect.objectContaining(came))
  for (const said of input.says ?? []) expect(ran.err).toContain(said)
  // What nobody expects to be said is not said.
  if ((input.says ?? []).length === 0)
    expect(ran.err.trim().split('\n')).toEqual([expect.stringContaining('importing ')])
  expect(ran.exit).toBe(input.exit ?? 0)

  const found = await runCli(['list', '--namespace', namespace, '--json', '--url', server.url])
  for (const row of here()) expect(found.out).toContain(JSON.stringify(row['content']))
  // Again is a no-op, whatever it was.
  await runCli(words)
  expect(here()).toHaveLength(input.came.length)
}

/** The importer's own note of where it was is another test's matter. */
const withoutPlace = (metadata: unknown): unknown =>
  Object.fromEntries(Object.entries(metadata as object).filter(([name]) => name !== 'import'))

describe.each([
  ['front matter', frontMatterInputs],
  ['files', fileInputs],
  ['conversations', conversationInputs],
  ['other memories', memoryInputs],
])('%s', (_kind, inputs) => {
  test.each(inputs.map((input) => [input.what, input] as const))('%s', async (_what, input) => {
    await checked(input)
    expect(input.came.length + (input.says ?? []).length).toBeGreaterThan(0)
  })
})
