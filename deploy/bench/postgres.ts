/**
 * Postgres with synchronous replication to any one of two standbys: a 500-byte row is inserted and committed.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { freePorts } from '../local/ports.ts'
import { until } from '../local/until.ts'
import type { Contender } from './contender.ts'
import { accountOf, folderOf, found, giveTo, startDaemon, stopAll, type Daemon } from '../local/daemon.ts'

const STANDBYS_MS = 30_000

export const postgres: Contender = {
  name: 'Postgres, ANY 1 of 2 standbys',
  promises:
    'flushed on the primary and on one standby; one primary takes all writes, and a failover is somebody else’s work; no signatures',
  missing: () => (found('postgres') === null ? 'no `postgres` on PATH (Debian: postgresql)' : null),
  start: async (dir) => {
    const account = accountOf('postgres')
    const programs = folderOf('postgres')
    const first = await freePorts(3)
    chmodSync(dir, 0o755)
    const run = (program: string, words: readonly string[]): void =>
      void execFileSync(join(programs, program), words, { stdio: 'pipe', cwd: '/', ...account })
    const folder = (n: number): string => {
      const path = join(dir, `p${n}`)
      mkdirSync(path, { mode: 0o700 })
      giveTo(path, account)
      return path
    }
    const daemons: Daemon[] = []
    const serve = async (path: string, n: number): Promise<void> => {
      daemons.push(
        await startDaemon(
          join(programs, 'postgres'),
          ['-D', path, '-p', String(first + n), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
          first + n,
          account,
        ),
      )
    }
    const open = async (): Promise<pg.Client> => {
      const client = new pg.Client({ host: '127.0.0.1', port: first, user: 'bench', database: 'postgres' })
      client.on('error', () => undefined)
      await client.connect()
      return client
    }
    const stop = (): Promise<void> => stopAll(daemons)
    try {
      const primary = folder(0)
      run('initdb', ['-D', primary, '-U', 'bench', '-A', 'trust', '--no-sync'])
      appendFileSync(join(primary, 'postgresql.conf'), 'max_connections = 150\nshared_buffers = 128MB\n')
      await serve(primary, 0)
      // It takes connections before it answers.
      await until('the primary answers', STANDBYS_MS, async () =>
        open()
          .then((client) => client.end())
          .then(() => true),
      )
      for (const n of [1, 2]) {
        const path = folder(n)
        run('pg_basebackup', [
          '-D',
          path,
          '-h',
          '127.0.0.1',
          '-p',
          String(first),
          '-U',
          'bench',
          '-R',
          '--checkpoint=fast',
          '--no-sync',
        ])
        appendFileSync(
          join(path, 'postgresql.auto.conf'),
          `\nprimary_conninfo = 'host=127.0.0.1 port=${first} user=bench application_name=s${n}'\n`,
        )
        await serve(path, n)
      }
      const admin = await open()
      await admin.query("alter system set synchronous_standby_names = 'ANY 1 (s1, s2)'")
      await admin.query('select pg_reload_conf()')
      await until('both standbys follow', STANDBYS_MS, async () => {
        const { rows } = await admin.query<{ n: number }>(
          "select count(*)::int as n from pg_stat_replication where state = 'streaming' and sync_state = 'quorum'",
        )
        return rows[0]?.n === 2 ? true : null
      })
      await admin.query('create table bench (id bigserial primary key, value text not null)')
      await admin.end()
      return {
        connect: async () => {
          const client = await open()
          return {
            write: async (values) =>
              void (await client.query({
                name: `insert ${values.length}`,
                text: `insert into bench (value) values ${values.map((_, i) => `($${i + 1})`).join(', ')}`,
                values: [...values],
              })),
            close: () => void client.end().catch(() => undefined),
          }
        },
        pids: () => daemons.map(({ pid }) => pid),
        settled: async () => undefined,
        longestTurn: () => null,
        stop,
      }
    } catch (error) {
      await stop()
      throw error
    }
  },
}
