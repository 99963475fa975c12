/**
 * Backups of a real folder: consistent while it is written to, incremental, refused when any part is cut or changed, encrypted on request,
 * and what is restored is the log that was there, under a new incarnation.
 */
import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentId, Namespace } from '../../crdt/ids.ts'
import { initMesh } from '../membership/found.ts'
import { startNode, type RunningNode } from '../node.ts'
import { logTo } from '../testing/log.ts'
import { makeBackup } from './backup.ts'
import { listBackups, verifyBackups } from './backup-read.ts'
import { restoreBackup } from './restore.ts'
import { verifyFolder } from './verify-folder.ts'

const root = mkdtempSync(join(tmpdir(), 'mnemesh-backup-'))
const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) }
const clock = { now: () => Date.now() }
const dir = join(root, 'peer')
const agent = 'ai:alice' as AgentId
const NS = 'team/api' as Namespace
const start = (folder: string): Promise<RunningNode> =>
  startNode({
    dir: folder,
    host: '127.0.0.1',
    port: 0,
    peers: [],
    quorum: 1,
    projection: 'none',
    embedder: null,
    keys: [],
    log: logTo(),
  })
let running: RunningNode
beforeAll(async () => {
  await initMesh({ dir, name: 'alone', clock, random })
  running = await start(dir)
})
afterAll(async () => {
  await running?.stop()
  rmSync(root, { recursive: true, force: true })
})

const write = async (text: string): Promise<void> => {
  await running.node.remember(NS, { content: text }, { agent, quorum: 1 })
}
const backup = (to: string, more: { readonly keep?: number; readonly passphrase?: string } = {}) =>
  makeBackup({ dir, to: join(root, to), clock, random, ...more })
const contents = async (node: RunningNode['node']): Promise<readonly (string | null)[]> =>
  (await node.list({}, { limit: 1000 }, {})).rows.map(({ content }) => content)
const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()

test(
  'while the peer writes, a backup holds all that was acknowledged before, and a second takes little',
  { timeout: 60_000 },
  async () => {
    for (let n = 0; n < 30; n++) await write(`before ${n} ${'x'.repeat(20_000)}`)
    let writing = true
    const meanwhile = (async () => {
      for (let n = 0; writing; n++) await write(`meanwhile ${n}`)
    })()
    const [first, second] = [await backup('running'), await backup('running')]
    writing = false
    await meanwhile
    expect(first).toMatchObject({ encrypted: false, removed: [] })
    // Nothing is left beside the log, and what was there already is not stored again.
    expect(readdirSync(dir)).not.toContain('backing-up')
    expect(second.commits).toBeGreaterThanOrEqual(first.commits)
    expect(await verifyBackups({ from: join(root, 'running') })).toHaveLength(2)
    const to = join(root, 'restored')
    await restoreBackup({ from: join(root, 'running'), backup: first.backup, dir: to })
    expect((await verifyFolder({ dir: to, random })).ok).toBe(true)
    const restored = await start(to)
    const found = await contents(restored.node)
    expect(found.filter((text) => text?.startsWith('before'))).toHaveLength(30)
    // Another incarnation writes now: nothing is said twice in one place.
    await restored.node.remember(NS, { content: 'after' }, { agent, quorum: 1 })
    const entries = (await restored.node.events(undefined, { limit: 1000 })).events.filter(
      ({ event }) => event['kind'] === 'memory.put',
    )
    const chains = entries.map(({ chain }) => chain)
    expect(chains.at(-1)).not.toBe(chains[0])
    await restored.stop()
    await expect(restoreBackup({ from: join(root, 'running'), dir: to })).rejects.toMatchObject({ code: 'conflict' })
    // Of a folder at rest, what is the same takes nothing.
    await running.stop()
    const [, again] = [await backup('still'), await backup('still')]
    expect(again.stored_bytes).toBeLessThan(again.bytes / 4)
    running = await start(dir)
  },
)

test(
  'cut at every tenth of its bytes, or with one byte changed anywhere, it is refused',
  { timeout: 60_000 },
  async () => {
    const whole = await backup('cut')
    const files = filesIn(join(root, 'cut'))
    const total = files.reduce((sum, path) => sum + statSync(path).size, 0)
    const damaged = join(root, 'damaged')
    const refusedAfter = async (harm: () => void): Promise<void> => {
      rmSync(damaged, { recursive: true, force: true })
      cpSync(join(root, 'cut'), damaged, { recursive: true })
      harm()
      await expect(verifyBackups({ from: damaged })).rejects.toMatchObject({
        code: expect.stringMatching(/refused|not_found/) as string,
      })
      await expect(restoreBackup({ from: damaged, dir: join(root, 'never') })).rejects.toMatchObject({
        code: expect.stringMatching(/refused|not_found/) as string,
      })
    }
    for (const order of [files, files.toReversed()]) {
      for (let tenth = 0; tenth < 10; tenth++) {
        await refusedAfter(() => {
          let left = Math.floor((total * tenth) / 10)
          for (const path of order) {
            const copy = path.replace(join(root, 'cut'), damaged)
            const { size } = statSync(path)
            if (left <= 0) rmSync(copy)
            else if (left < size) truncateSync(copy, left)
            left -= size
          }
        })
      }
    }
    for (const path of files) {
      await refusedAfter(() => {
        const copy = path.replace(join(root, 'cut'), damaged)
        const bytes = readFileSync(copy)
        const at = Math.floor(bytes.length / 2)
        bytes[at] = bytes[at]! ^ 1
        writeFileSync(copy, bytes)
      })
    }
    expect((await verifyBackups({ from: join(root, 'cut') })).map(({ backup: name }) => name)).toEqual([whole.backup])
    expect(readdirSync(root)).not.toContain('never')
  },
)

test(
  'encrypted, no text is in any of its bytes, and it opens with its passphrase alone',
  { timeout: 60_000 },
  async () => {
    await write('the deploy key rotates on Fridays')
    const passphrase = 'correct horse battery'
    const [first, second] = [await backup('sealed', { passphrase }), await backup('sealed', { passphrase })]
    await backup('open')
    const holds = (folder: string): boolean =>
      filesIn(join(root, folder)).some((path) => readFileSync(path).includes('rotates on Fridays'))
    expect([holds('open'), holds('sealed')]).toEqual([true, false])
    expect([first.encrypted, second.stored_bytes < second.bytes / 2]).toEqual([true, true])
    expect(await verifyBackups({ from: join(root, 'sealed') })).toHaveLength(2)
    await expect(restoreBackup({ from: join(root, 'sealed'), dir: join(root, 'opened') })).rejects.toMatchObject({
      code: 'forbidden',
    })
    await expect(
      restoreBackup({ from: join(root, 'sealed'), dir: join(root, 'opened'), passphrase: 'wrong horse battery' }),
    ).rejects.toMatchObject({ code: 'forbidden' })
    expect(readdirSync(root)).not.toContain('opened')
    await restoreBackup({ from: join(root, 'sealed'), dir: join(root, 'opened'), passphrase })
    expect((await verifyFolder({ dir: join(root, 'opened'), random })).ok).toBe(true)
  },
)

test('of a damaged log nothing is backed up', { timeout: 60_000 }, async () => {
  const hurt = join(root, 'hurt')
  await backup('before-hurt')
  await restoreBackup({ from: join(root, 'before-hurt'), dir: hurt })
  const tables = filesIn(join(hurt, 'log', 'db')).filter((path) => path.endsWith('.ldb'))
  expect(tables.length).toBeGreaterThan(0)
  const bytes = readFileSync(tables[0]!)
  bytes[200] = bytes[200]! ^ 1
  writeFileSync(tables[0]!, bytes)
  await expect(makeBackup({ dir: hurt, to: join(root, 'of-hurt'), clock, random })).rejects.toMatchObject({
    code: 'unreadable',
    message: expect.stringContaining('is damaged') as string,
  })
  await expect(listBackups({ from: join(root, 'of-hurt') })).rejects.toMatchObject({ code: 'not_found' })
})

test(
  'as many are kept as were asked for, chunks of those let go are gone, and nothing is backed up of nothing',
  { timeout: 60_000 },
  async () => {
    const made: string[] = []
    for (let n = 0; n < 4; n++) {
      await write(`kept ${n}`)
      made.push((await backup('kept', { keep: 2 })).backup)
    }
    expect((await listBackups({ from: join(root, 'kept') })).map(({ backup: name }) => name)).toEqual(made.slice(-2))
    const named = new Set(
      (await verifyBackups({ from: join(root, 'kept') })).flatMap(({ backup: name }) =>
        [...readFileSync(join(root, 'kept', 'backups', `${name}.json`), 'utf8').matchAll(/[0-9a-f]{64}/g)].map(
          ([hash]) => hash,
        ),
      ),
    )
    expect(filesIn(join(root, 'kept', 'chunks')).filter((path) => !named.has(path.split('/').at(-1)!))).toEqual([])
    await expect(
      makeBackup({ dir: join(root, 'nowhere'), to: join(root, 'kept'), clock, random }),
    ).rejects.toMatchObject({ code: 'not_found' })
    await expect(makeBackup({ dir, to: join(dir, 'inside'), clock, random })).rejects.toMatchObject({
      code: 'malformed',
    })
    for (const ask of [listBackups({ from: join(root, 'nowhere') }), verifyBackups({ from: join(root, 'nowhere') })])
      await expect(ask).rejects.toMatchObject({ code: 'not_found' })
  },
)
