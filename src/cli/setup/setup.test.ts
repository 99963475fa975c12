/**
 * The verb `setup`: what it prints, what it asks, and what it leaves alone.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runCli, succeeded } from '../testing/run-cli.ts'

let home = ''
let env: Readonly<Record<string, string>> = {}
const before = '{\n  // mine\n  "theme": "dark",\n}\n'
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mnemesh-setup-'))
  env = { HOME: home }
  await mkdir(join(home, '.cursor'))
  await writeFile(join(home, '.cursor', 'mcp.json'), before)
})
afterEach(() => rm(home, { recursive: true, force: true }))
const cursor = (): Promise<string> => readFile(join(home, '.cursor', 'mcp.json'), 'utf8')

test('it shows the change, writes it when that is agreed to, does nothing the second time, and takes it out', async () => {
  const ran = succeeded(await runCli(['setup', 'cursor'], { env, answer: 'y' }))
  expect(ran.out).toContain('\n   // mine\n')
  expect(ran.out).toContain('\n+  "mcpServers": {\n')
  expect(ran.out).toContain('Cursor is set up; so that it takes effect: restart it')
  expect(ran.err).toMatch(/Write this\? \[y\/N\].*as it was: .*copies/s)
  const written = await cursor()
  expect(written).toContain(process.execPath)
  expect(succeeded(await runCli(['setup', 'cursor', '--yes'], { env })).out).toBe(
    'Cursor is set up already: nothing to do\n',
  )
  expect(JSON.parse(succeeded(await runCli(['setup', 'cursor', '--yes', '--json'], { env })).out)).toEqual({
    program: 'cursor',
    changed: false,
    dry_run: false,
    files: [{ file: join(home, '.cursor', 'mcp.json'), changed: false, diff: null, copy: null }],
  })
  const listed = JSON.parse(succeeded(await runCli(['setup', '--json'], { env })).out) as {
    command: { by: string; args: string[] }
    programs: { program: string; found: boolean; state: string }[]
  }
  expect(listed.command).toMatchObject({ by: 'node', args: [expect.stringMatching(/main\.js$/), 'mcp'] })
  expect(listed.programs.filter(({ found }) => found)).toEqual([
    { program: 'cursor', found: true, state: 'set up', file: join(home, '.cursor', 'mcp.json') },
  ])
  expect(listed.programs).toHaveLength(9)
  expect(succeeded(await runCli(['setup', 'cursor', '--remove', '--yes'], { env })).out).toContain(
    'taken out of Cursor\n',
  )
  expect(await cursor()).toBe(before)
  expect(succeeded(await runCli(['setup', 'cursor', '--remove', '--yes'], { env })).out).toBe(
    'Cursor is not set up: nothing to take out\n',
  )
})

test.each([
  ['not agreed to', [], { answer: 'n' }, 1, /nothing was changed/],
  ['nobody to ask', [], {}, 2, /nobody can be asked here: add --yes/],
  ['a dry run', ['--dry-run'], {}, 0, /nothing was written/],
] as const)('%s: nothing is written', async (_, words, options, exit, why) => {
  const ran = await runCli(['setup', 'cursor', ...words], { env, ...options })
  expect([ran.exit, ran.out.includes('+  "mcpServers"')]).toEqual([exit, true])
  expect(ran.err).toMatch(why)
  expect(await cursor()).toBe(before)
  expect(await readdir(home)).toEqual(['.cursor'])
})

test('hooks come in and go with the entry', async () => {
  succeeded(await runCli(['setup', 'claude-code', '--hooks', '--yes'], { env }))
  expect(await readFile(join(home, '.claude', 'settings.json'), 'utf8')).toContain('main.js hook session-start"')
  succeeded(await runCli(['setup', 'claude-code', '--remove', '--yes'], { env }))
  expect(await readdir(join(home, '.claude'))).toEqual([])
  expect((await runCli(['setup', 'cursor', '--hooks'], { env })).exit).toBe(2)
})

test('a configuration that cannot be read is listed with the reason; the instructions are ten lines', async () => {
  await writeFile(join(home, '.cursor', 'mcp.json'), '{,}')
  expect(succeeded(await runCli(['setup'], { env })).out).toMatch(
    /cursor +found +cannot be read +.*mcp\.json is no JSON/,
  )
  expect(succeeded(await runCli(['setup', '--instructions'], { env })).out.match(/^\d+\. /gm)).toHaveLength(10)
})
