/**
 * A Postgres server of our own: Debian's programs, found on PATH or below /usr/lib/postgresql, on a free loopback port, with its data in a folder that is given. It may be killed
 * and started again.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import pg from 'pg'
import { accountOf, giveTo, startDaemon, type Daemon } from './daemon.ts'
import { freePorts } from './ports.ts'
import { until } from './until.ts'

const INSTALLED = '/usr/lib/postgresql'
/** Processes of a killed server may hold its memory for a moment: it is started so often, so long apart. */
const [STARTS_MAX, AGAIN_MS] = [20, 500]
/** It takes connections before it answers, and recovers before that. */
const ANSWERS_MS = 60_000

export type Database = {
  readonly url: string
  /** Of the server's first process. */
  pid(): number
  /** SIGKILL: nothing is flushed, nobody is told. Resolves when it is gone. */
  kill(): Promise<void>
  /** Again, on the same port and data. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** The folder of the newest programs; null when there are none. */
const programs = (): string | null => {
  const versions = existsSync(INSTALLED) ? readdirSync(INSTALLED).toSorted((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...versions.map((version) => join(INSTALLED, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ]
  const found = folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
  return found === undefined ? null : dirname(realpathSync(join(found, 'postgres')))
}

/** Why there is no server here, or null. */
export const whyNoDatabase = (): string | null => {
  if (programs() === null)
    return `no Postgres server is installed below ${INSTALLED} or on PATH (Debian: apt-get install postgresql)`
  try {
    accountOf('postgres')
    return null
  } catch (error) {
    return `Postgres does not run as root, and there is no user postgres: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** @param dir a folder of its own; made. Those above it are opened for passing through. @throws Error when there are no programs or they fail. */
export const startDatabase = async (dir: string): Promise<Database> => {
  const bin = programs()
  if (bin === null) throw new Error(whyNoDatabase() ?? 'no Postgres')
  const account = accountOf('postgres')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  chmodSync(dirname(dir), 0o711)
  giveTo(dir, account)
  const data = join(dir, 'data')
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'mnemesh', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
    { stdio: 'pipe', cwd: '/', ...account },
  )
  const port = await freePorts(1)
  const url = `postgres://mnemesh@127.0.0.1:${port}/postgres`
  const answers = async (): Promise<true> => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    await client.end()
    return true
  }
  const launch = async (): Promise<Daemon> => {
    for (let n = 1; ; n++) {
      try {
        const daemon = await startDaemon(
          join(bin, 'postgres'),
          ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
          port,
          account,
        )
        await until('Postgres answers', ANSWERS_MS, answers)
        return daemon
      } catch (error) {
        if (n === STARTS_MAX) throw error
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
      }
    }
  }
  let running = await launch()
  return {
    url,
    pid: () => running.pid,
    kill: () => running.kill(),
    start: async () => {
      running = await launch()
    },
    stop: () => running.stop(),
  }
}
