/** The verb `doctor`: what it finds on machines that lack something, each with its mend. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runCli, type Ran } from '../testing/run-cli.ts'
import type { Finding } from './finding.ts'
import { room, versionsFound } from './machine.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mnemesh-doctor-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

const findingsOf = ({ out }: Ran): readonly Finding[] => (JSON.parse(out) as { findings: Finding[] }).findings
const doctor = (words: readonly string[] = []) =>
  runCli(['doctor', '--json', ...words], {
    env: { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: join(home, '.config') },
  })
const of = (findings: readonly Finding[], what: string) => findings.filter((finding) => finding.what === what)

test('a machine without a peer', async () => {
  const ran = await doctor()
  expect(ran.exit).toBe(1)
  expect(of(findingsOf(ran), 'peer')).toEqual([
    { what: 'peer', state: 'wrong', found: 'there is none yet', mend: 'run `mnemesh up`' },
  ])
  expect(ran.err).toContain('1 thing to mend: peer')
})

test('a peer that is meant to run, and a folder that others may read', async () => {
  await mkdir(join(home, 'mnemesh'), { mode: 0o755 })
  await chmod(join(home, 'mnemesh'), 0o755)
  await writeFile(join(home, 'mnemesh', 'wanted'), '')
  const findings = findingsOf(await doctor())
  expect(of(findings, 'peer')[0]).toMatchObject({
    state: 'wrong',
    found: 'it is meant to run and does not',
    mend: expect.stringContaining('mnemesh up') as string,
  })
  expect(of(findings, 'rights')[0]).toMatchObject({ state: 'wrong', mend: `chmod go= ${join(home, 'mnemesh')}` })
  expect(of(findings, 'disk')).toHaveLength(1)
})

test('somebody else at its address, who is told nothing', async () => {
  const heard: string[] = []
  const thief = createServer((request, response) => {
    heard.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    response.end('{}')
  })
  await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve))
  try {
    await mkdir(join(home, 'mnemesh', 'peer'), { recursive: true, mode: 0o700 })
    await writeFile(join(home, 'mnemesh', 'key'), 'secret-key\n', { mode: 0o600 })
    await writeFile(
      join(home, 'mnemesh', 'peer', 'run.json'),
      JSON.stringify({ url: `http://127.0.0.1:${(thief.address() as AddressInfo).port}`, pid: 1 }),
    )
    const findings = findingsOf(await doctor())
    expect(of(findings, 'peer')[0]).toMatchObject({
      state: 'wrong',
      found: expect.stringContaining('a program answers that is no peer') as string,
    })
    expect(of(findings, 'port')[0]).toMatchObject({ state: 'note' })
    expect(of(findings, 'a write')).toEqual([])
    expect(heard).toHaveLength(1)
    expect(heard.join()).not.toContain('secret-key')
  } finally {
    await new Promise((resolve) => thief.close(resolve))
  }
})

test('a peer that is named and not there', async () => {
  const ran = await doctor(['--url', 'http://127.0.0.1:9'])
  expect(ran.exit).toBe(1)
  expect(of(findingsOf(ran), 'answer')[0]).toMatchObject({
    state: 'wrong',
    found: expect.stringContaining('cannot reach http://127.0.0.1:9') as string,
  })
})

test('configurations that are broken, not set up, or start what is gone', async () => {
  await mkdir(join(home, '.cursor'))
  await writeFile(
    join(home, '.cursor', 'mcp.json'),
    JSON.stringify({ mcpServers: { mnemesh: { command: process.execPath, args: [join(home, 'gone.js'), 'mcp'] } } }),
  )
  await mkdir(join(home, '.gemini'))
  await writeFile(join(home, '.gemini', 'settings.json'), '{ "a": ')
  await mkdir(join(home, '.claude'))
  const findings = findingsOf(await doctor())
  expect(of(findings, 'cursor')[0]).toMatchObject({
    state: 'wrong',
    found: expect.stringContaining('gone.js') as string,
    mend: 'mnemesh setup cursor --replace',
  })
  expect(of(findings, 'gemini-cli')[0]).toMatchObject({ state: 'wrong' })
  expect(of(findings, 'claude-code')[0]).toMatchObject({ state: 'note', mend: 'mnemesh setup claude-code' })
  expect(of(findings, 'zed')).toEqual([])
})

test('bounds of room and versions', () => {
  const mib = 2 ** 20
  expect([100 * mib, 500 * mib, 5_000 * mib].map((free) => room(free, 'x').state)).toEqual(['wrong', 'note', 'ok'])
  expect(['v18.20.0', 'v20.18.9', 'v20.19.0', 'v22.0.0'].map((node) => versionsFound(node, '1').state)).toEqual([
    'wrong',
    'wrong',
    'ok',
    'ok',
  ])
})
