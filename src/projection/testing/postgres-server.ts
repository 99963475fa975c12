/**
 * A Postgres server for tests: the one that TEST_DATABASE_URL names, or one of our own from installed programs, in a temporary
 * folder, on a Unix socket in it. The programs refuse to run as root, so root runs them as `nobody`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Server = { readonly url: string; readonly stop: () => Promise<void> }

const INSTALLED = '/usr/lib/postgresql'
const NOBODY = 65_534

/** Folder of the newest installed programs, or null. */
const programs = (): string | null => {
  if (!existsSync(INSTALLED)) return null
  const versions = readdirSync(INSTALLED).sort((a, b) => Number(b) - Number(a))
  const found = versions.map((version) => join(INSTALLED, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')))
  return found ?? null
}

/** Why there is no server to test with; null when there is one. */
export const missingServer = (): string | null =>
  process.env['TEST_DATABASE_URL'] !== undefined || programs() !== null ? null : `set TEST_DATABASE_URL or install Postgres under ${INSTALLED}`

export const startServer = async (): Promise<Server> => {
  const given = process.env['TEST_DATABASE_URL']
  if (given !== undefined) return { url: given, stop: async () => undefined }
  const bin = programs()
  if (bin === null) throw new Error('no Postgres programs')
  const dir = mkdtempSync(join(tmpdir(), 'mnemesh-pg-'))
  const as = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  if (as.uid !== undefined) chownSync(dir, as.uid, as.gid)
  const data = join(dir, 'data')
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'tester', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], { ...as, cwd: dir, stdio: 'pipe' })
  const server = spawn(join(bin, 'postgres'), ['-D', data, '-k', dir, '-c', 'listen_addresses=', '-c', 'fsync=off'], { ...as, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    let said = ''
    server.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_096)
      if (said.includes('ready to accept connections')) resolve()
    })
    server.once('exit', () => reject(new Error(`postgres did not start: ${said}`)))
  })
  return {
    url: `postgres:///postgres?host=${encodeURIComponent(dir)}&user=tester`,
    stop: async () => {
      server.kill('SIGINT')
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
