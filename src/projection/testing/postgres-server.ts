/**
 * A real Postgres server for tests: the one that TEST_DATABASE_URL names, or one of our own (`postgres-programs.ts`) on a free
 * loopback port, with fsync on and its data in a temporary folder, which may be killed and started again.
 *
 * Tests ask `missingServer()` first and are skipped with its words; each file starts its own server (about a second), so that
 * none disturbs another, and a run without such files pays nothing.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { findPrograms, isRoot, NOBODY, type Programs } from './postgres-programs.ts'

export type Server = {
  /** As its superuser, to the database `postgres`. */
  readonly url: string
  /** Which of `vector`, `age` can be created. */
  readonly extensions: readonly string[]
  /** Makes an empty database; answers its URL. @param options as SQL says them behind `create database NAME`. */
  createDatabase(name: string, options?: string): Promise<string>
  /** One statement in the database that `url` names, as the superuser, on a connection of its own. */
  ask<Row>(text: string, params?: readonly unknown[], url?: string): Promise<readonly Row[]>
  /** Only of a server of our own. */
  readonly own: OwnServer | null
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

export type OwnServer = {
  /** `data`, as the tests and as the server call it. */
  readonly folder: string
  inside(path: string): string
  /** SIGKILL: nothing is flushed, nobody is told. Resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port and data. */
  start(): Promise<void>
}

const READY_MS_MAX = 30_000
const ENCODING = ['-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']

/** Why there is no server to test with; null when there is one. May take a minute, once on a machine. */
export const missingServer = async (): Promise<string | null> => {
  if (process.env['TEST_DATABASE_URL'] !== undefined) return null
  const programs = await findPrograms()
  return 'missing' in programs ? programs.missing : null
}

export const startServer = async (): Promise<Server> => {
  const given = process.env['TEST_DATABASE_URL']
  if (given !== undefined) return givenServer(given)
  const programs = await findPrograms()
  if ('missing' in programs) throw new Error(programs.missing)
  sweep(programs.folder)
  const dir = mkdtempSync(join(programs.folder, `mnemesh-pg-${process.pid}-`))
  if (isRoot) chownSync(dir, NOBODY, NOBODY)
  const [file, ...args] = programs.command('initdb')
  execFileSync(file, [...args, '-D', programs.inside(join(dir, 'data')), '-U', 'tester', ...ENCODING], {
    cwd: '/',
    stdio: 'pipe',
  })
  const port = await freePort()
  const url = `postgres://tester@127.0.0.1:${port}/postgres`
  let running = await launch(programs, dir, port)
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const gone = new Promise<void>((resolve) => running.once('exit', () => resolve()))
    if (running.exitCode !== null || running.signalCode !== null || !running.kill(signal)) return
    await gone
  }
  return {
    ...asked(url),
    url,
    extensions: programs.extensions,
    own: {
      folder: dir,
      inside: programs.inside,
      kill: () => end('SIGKILL'),
      start: async () => {
        running = await launch(programs, dir, port)
      },
    },
    stop: async () => {
      await end('SIGINT')
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

const givenServer = async (url: string): Promise<Server> => {
  const server = asked(url)
  const found = await server.ask<{ name: string }>(
    "select name from pg_available_extensions where name in ('vector', 'age')",
  )
  return { ...server, url, extensions: found.map(({ name }) => name), own: null, stop: async () => undefined }
}

const asked = (url: string): Pick<Server, 'ask' | 'createDatabase'> => {
  const ask: Server['ask'] = async <Row>(text: string, params: readonly unknown[] = [], at = url) => {
    const client = new pg.Client({ connectionString: at })
    await client.connect()
    try {
      return (await client.query(text, [...params])).rows as Row[]
    } finally {
      await client.end()
    }
  }
  return {
    ask,
    createDatabase: async (name, options = '') => {
      await ask(`drop database if exists ${name} with (force)`)
      await ask(`create database ${name} ${options}`)
      return Object.assign(new URL(url), { pathname: `/${name}` }).href
    },
  }
}

/** Resolves when it accepts connections. Processes of a killed one may hold its memory for a moment: then it is tried again. */
const launch = async (programs: Programs, dir: string, port: number): Promise<ChildProcess> => {
  const until = performance.now() + READY_MS_MAX
  for (;;) {
    const [file, ...args] = programs.command('postgres')
    const server = spawn(
      file,
      [
        ...args,
        '-D',
        programs.inside(join(dir, 'data')),
        '-k',
        programs.inside(dir),
        '-p',
        String(port),
        '-c',
        'listen_addresses=127.0.0.1',
      ],
      { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const said = await new Promise<string | null>((resolve) => {
      let text = ''
      server.stderr.on('data', (chunk: Buffer) => {
        text = (text + chunk.toString()).slice(-4_096)
        if (text.includes('ready to accept connections')) resolve(null)
      })
      server.once('error', (error) => resolve(error.message))
      server.once('exit', () => resolve(text))
    })
    if (said === null) return server
    if (!said.includes('still in use') || performance.now() > until) throw new Error(`postgres did not start: ${said}`)
  }
}

/** Data of servers whose tests were killed. */
const sweep = (folder: string): void => {
  for (const name of readdirSync(folder)) {
    const pid = Number(/^mnemesh-pg-(\d+)-/.exec(name)?.[1] ?? 0)
    if (pid === 0 || isAlive(pid)) continue
    try {
      rmSync(join(folder, name), { recursive: true, force: true })
    } catch (error) {
      // A small disk that a killed test has mounted there, for one.
      process.stderr.write(
        `${join(folder, name)} of an earlier run stays: ${error instanceof Error ? error.message : String(error)}\n`,
      )
    }
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
