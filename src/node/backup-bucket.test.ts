/**
 * Backups in a bucket, against a server that speaks S3 over a real socket, through the official client: made, made again, checked, damaged,
 * restored, kept to a number; and what is said when the store refuses.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { AgentId, Namespace } from '../../crdt/ids.ts'
import { parseBucket } from '../../snapshots/bucket.ts'
import { initMesh } from '../membership/found.ts'
import { startNode, type RunningNode } from '../node.ts'
import { logTo } from '../testing/log.ts'
import { makeBackup } from './backup.ts'
import { listBackups, verifyBackups } from './backup-read.ts'
import { restoreBackup } from './restore.ts'
import { verifyFolder } from './verify-folder.ts'

type Server = { run(): Promise<AddressInfo>; close(): Promise<void> }
// It has no types and no ES module.
const S3rver = createRequire(import.meta.url)('s3rver') as new (options: object) => Server

const root = mkdtempSync(join(tmpdir(), 'mnemesh-bucket-'))
const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) }
/** A second a backup, so that two never have one name. */
let seconds = 1_790_000_000
const clock = { now: () => ++seconds * 1000 }
const dir = join(root, 'peer')
const server = new S3rver({
  address: '127.0.0.1',
  port: 0,
  silent: true,
  directory: join(root, 'store'),
  configureBuckets: [{ name: 'team' }],
})
let env: Record<string, string> = {}
let running: RunningNode
const write = (text: string): Promise<unknown> =>
  running.node.remember('default' as Namespace, { content: text }, { agent: 'ai:alice' as AgentId, quorum: 1 })
const backup = (to = 's3://team/mesh/', keep?: number) =>
  makeBackup({ dir, to, clock, random, env, ...(keep === undefined ? {} : { keep }) })

beforeAll(async () => {
  const { port } = await server.run()
  env = { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` }
  const given = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' }
  for (const [name, value] of Object.entries(given)) vi.stubEnv(name, value)
  await initMesh({ dir, name: 'alone', clock: { now: () => Date.now() }, random })
  running = await startNode({
    dir,
    host: '127.0.0.1',
    port: 0,
    peers: [],
    quorum: 1,
    projection: 'none',
    embedder: null,
    keys: [],
    log: logTo(),
  })
  for (let n = 0; n < 10; n++) await write(`memory ${n} ${'x'.repeat(20_000)}`)
}, 60_000)
afterAll(async () => {
  vi.unstubAllEnvs()
  await running?.stop()
  await server.close()
  rmSync(root, { recursive: true, force: true })
})

/** Where the server keeps the bodies of objects. */
const objects = (): string[] =>
  readdirSync(join(root, 'store', 'team'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('_object'))
    .map((entry) => join(entry.parentPath, entry.name))

test('made while the peer runs, verified, restored as the log that was there', { timeout: 60_000 }, async () => {
  const first = await backup()
  expect(first.manifest).toBe(`s3://team/mesh/backups/${first.backup}.json`)
  await write('one more')
  const second = await backup()
  expect(second.commits).toBe(first.commits + 1)
  const place = { from: 's3://team/mesh', env }
  expect((await verifyBackups(place)).map(({ backup: name }) => name)).toEqual([first.backup, second.backup])
  const to = join(root, 'restored')
  expect(await restoreBackup({ from: first.manifest, dir: to, env })).toMatchObject({ commits: first.commits })
  expect(await verifyFolder({ dir: to, random })).toMatchObject({ ok: true })
  await expect(restoreBackup({ ...place, dir: to })).rejects.toMatchObject({ code: 'conflict' })
})

test('an object that is changed or gone is refused by name', { timeout: 60_000 }, async () => {
  const { manifest } = await backup('s3://team/hurt')
  const chunk = objects()
    .filter((path) => path.includes('/hurt/chunks/'))
    .toSorted((a, b) => readFileSync(b).length - readFileSync(a).length)[0]!
  const whole = readFileSync(chunk)
  const changed = Buffer.from(whole)
  changed[whole.length >> 1]! ^= 1
  writeFileSync(chunk, changed)
  await expect(verifyBackups({ from: manifest, env })).rejects.toThrow(/is not what was written/)
  rmSync(chunk)
  const to = join(root, 'never')
  await expect(restoreBackup({ from: manifest, dir: to, env })).rejects.toThrow(/missing/)
  expect(existsSync(to)).toBe(false)
})

test('--keep lets older ones go, and the chunks that only they name', { timeout: 60_000 }, async () => {
  for (let n = 0; n < 3; n++) {
    await write(`kept ${n}`)
    await backup('s3://team/kept')
  }
  const before = objects().filter((path) => path.includes('/kept/chunks/')).length
  expect((await backup('s3://team/kept', 1)).removed).toHaveLength(3)
  expect(await listBackups({ from: 's3://team/kept', env })).toHaveLength(1)
  expect(objects().filter((path) => path.includes('/kept/chunks/')).length).toBeLessThan(before)
  await verifyBackups({ from: 's3://team/kept', env })
})

test('a store that refuses is named, with the mend', { timeout: 60_000 }, async () => {
  await expect(backup('s3://nobodys/x')).rejects.toThrow(/s3:\/\/nobodys\/x\/: there is no such bucket/)
  await expect(listBackups({ from: 's3://team/empty', env })).rejects.toMatchObject({ code: 'not_found' })
  await expect(backup('s3://')).rejects.toThrow(/no address of a bucket/)
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'nobody')
  await expect(backup()).rejects.toThrow(/access is denied: check the credentials/)
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'S3RVER')
})

test('addresses of buckets', () => {
  expect([
    parseBucket('s3://team'),
    parseBucket('s3://team/'),
    parseBucket('s3://team/a/b//'),
    parseBucket('s3://T/a'),
    parseBucket('/s3'),
  ]).toEqual([
    { bucket: 'team', prefix: '' },
    { bucket: 'team', prefix: '' },
    { bucket: 'team', prefix: 'a/b/' },
    null,
    null,
  ])
})
