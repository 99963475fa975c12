/**
 * One peer for this user, in real processes: found by every verb without an address, one however many start it at once, back
 * after a kill, and its key told to nobody who has not proved that he is it.
 */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isAlive, mnemesh, mnemeshOk } from './command.ts'
import { until } from './until.ts'

const LONG_MS = 120_000

let home = ''
let env: Readonly<Record<string, string>> = {}
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mnemesh-user-'))
  env = { XDG_DATA_HOME: home }
})
afterEach(async () => {
  await mnemesh(['down'], env)
  await rm(home, { recursive: true, force: true })
})

type Up = { readonly url: string; readonly pid: number; readonly started: boolean }
const up = async (): Promise<Up> => JSON.parse(await mnemeshOk(['up', '--json'], env)) as Up
const id = async (text: string): Promise<string> =>
  (JSON.parse(await mnemeshOk(['store', text, '--json'], env)) as { id: string }).id

test(
  'up starts it once, verbs find it, a kill is made good by the next call, down stops it',
  async () => {
    const first = await up()
    expect(first.started).toBe(true)
    expect(await up()).toEqual({ ...first, started: false })
    const stored = await id('The deploy key rotates on Fridays')
    for (const file of ['key', 'peer/run.json', 'peer/identity.json'])
      expect((await stat(join(home, 'mnemesh', file))).mode & 0o077, file).toBe(0)
    expect((await fetch(`${first.url}/api/v1/memories`)).status).toBe(401)

    const seen = JSON.parse(await mnemeshOk(['doctor', '--json'], { ...env, HOME: home })) as {
      ok: boolean
      findings: { what: string; state: string }[]
    }
    expect([seen.ok, seen.findings.filter(({ state }) => state === 'ok').map(({ what }) => what)]).toEqual([
      true,
      ['versions', 'peer', 'disk', 'health', 'peer version', 'clock', 'disk', 'a write', 'a recall'],
    ])
    expect(JSON.parse(await mnemeshOk(['list', '--namespace', 'mnemesh-doctor', '--json'], env))).toMatchObject({
      memories: [],
    })

    process.kill(first.pid, 'SIGKILL')
    await until('it is gone', 5_000, async () => (isAlive(first.pid) ? null : true))
    expect(JSON.parse(await mnemeshOk(['get', stored, '--json'], env))).toMatchObject({
      memory: { content: 'The deploy key rotates on Fridays' },
    })
    const again = await up()
    expect(again.started).toBe(false)
    expect(again.pid).not.toBe(first.pid)

    expect(JSON.parse(await mnemeshOk(['down', '--json'], env))).toEqual({ stopped: true })
    expect(isAlive(again.pid)).toBe(false)
    expect(JSON.parse(await mnemeshOk(['down', '--json'], env))).toEqual({ stopped: false })
  },
  LONG_MS,
)

test(
  'started by four programs at once it is one peer',
  async () => {
    const ups = await Promise.all([up(), up(), up(), up()])
    expect(new Set(ups.map(({ pid, url }) => `${pid} ${url}`)).size).toBe(1)
    expect(ups.filter(({ started }) => started)).toHaveLength(1)
  },
  LONG_MS,
)

test(
  'several users who start theirs in the same moment, all of whom want the first port, get one each',
  async () => {
    const homes = [home, ...(await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), 'mnemesh-user-')))))]
    try {
      const ups = await Promise.all(
        homes.map(async (dir) => JSON.parse(await mnemeshOk(['up', '--json'], { XDG_DATA_HOME: dir })) as Up),
      )
      const ports = ups.map(({ url }) => Number(new URL(url).port))
      expect(new Set(ports).size).toBe(homes.length)
      for (const port of ports) expect([7701, 7702, 7703]).not.toContain(port)
    } finally {
      for (const dir of homes.slice(1)) {
        await mnemesh(['down'], { XDG_DATA_HOME: dir })
        await rm(dir, { recursive: true, force: true })
      }
    }
  },
  LONG_MS,
)

test(
  'who sits at its old address is told nothing, and it is started elsewhere',
  async () => {
    const { pid } = await up()
    process.kill(pid, 'SIGKILL')
    await until('it is gone', 5_000, async () => (isAlive(pid) ? null : true))
    const heard: string[] = []
    const thief = createServer((request, response) => {
      heard.push(JSON.stringify(request.headers))
      response.end('{}')
    })
    await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(thief.address() as AddressInfo).port}`
    try {
      await writeFile(join(home, 'mnemesh', 'peer', 'run.json'), JSON.stringify({ url, pid: 1 }), { mode: 0o600 })
      await id('Not for thieves')
      const key = (await readFile(join(home, 'mnemesh', 'key'), 'utf8')).trim()
      expect(heard.length).toBeGreaterThan(0)
      expect(heard.join()).not.toContain(key)
      expect((await up()).url).not.toBe(url)
    } finally {
      await new Promise((resolve) => thief.close(resolve))
    }
  },
  LONG_MS,
)
