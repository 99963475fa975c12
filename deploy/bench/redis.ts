/**
 * Redis: a primary and two replicas, append-only files flushed at every write, and each write waits for one replica: `WAITAOF 1 1` where the
 * server has it (7.2 and later), else `WAIT 1`.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../local/ports.ts'
import { until } from '../local/until.ts'
import type { Contender } from './contender.ts'
import { found, startDaemon, stopAll, type Daemon } from '../local/daemon.ts'
import { openLines, type LineSocket } from './line-socket.ts'

const REPLICAS_MS = 30_000
const WAIT_MS = 10_000
let keys = 0

const waitsForFiles = (): boolean => {
  const [major = 0, minor = 0] = (
    /v=(\d+)\.(\d+)/.exec(execFileSync(found('redis-server')!, ['--version'], { encoding: 'utf8' })) ?? []
  )
    .slice(1)
    .map(Number)
  return major > 7 || (major === 7 && minor >= 2)
}

export const redis: Contender = {
  name: 'Redis, AOF always, 1 of 2 replicas',
  get promises() {
    return found('redis-server') !== null && waitsForFiles()
      ? 'flushed on the primary and on one replica; a failover may still choose a replica without it'
      : 'flushed on the primary, received by one replica (this version cannot wait for its flush); a failover may lose it'
  },
  missing: () => (found('redis-server') === null ? 'no `redis-server` on PATH (Debian: redis-server)' : null),
  start: async (dir) => {
    const first = await freePorts(3)
    const wait = waitsForFiles() ? `WAITAOF 1 1 ${WAIT_MS}` : `WAIT 1 ${WAIT_MS}`
    const daemons: Daemon[] = []
    const stop = (): Promise<void> => stopAll(daemons)
    try {
      for (const n of [0, 1, 2]) {
        const folder = join(dir, `r${n}`)
        mkdirSync(folder, { mode: 0o700 })
        daemons.push(
          await startDaemon(
            found('redis-server')!,
            [
              '--port',
              String(first + n),
              '--bind',
              '127.0.0.1',
              '--dir',
              folder,
              '--appendonly',
              'yes',
              '--appendfsync',
              'always',
              '--save',
              '',
              ...(n === 0 ? [] : ['--replicaof', `127.0.0.1 ${first}`]),
            ],
            first + n,
          ),
        )
      }
      await until('both replicas follow', REPLICAS_MS, async () => {
        const socket = await openLines(first)
        socket.send(command(['WAIT', '2', '500']))
        const answer = await socket.line()
        socket.close()
        return answer === ':2' ? true : null
      })
      return {
        connect: async () => {
          const socket = await openLines(first)
          return {
            write: async (values) => {
              socket.send(
                values.map((value) => command(['SET', `k${keys++}`, value])).join('') + command(wait.split(' ')),
              )
              for (const _ of values) if ((await socket.line()) !== '+OK') throw new Error('Redis did not take a value')
              await acknowledged(socket)
            },
            close: socket.close,
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

const command = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`

/** `:N` for WAIT, an array of two numbers for WAITAOF. */
const acknowledged = async (socket: LineSocket): Promise<void> => {
  const head = await socket.line()
  const counts = head.startsWith('*') ? [await socket.line(), await socket.line()] : [head]
  if (!counts.every((count) => count.startsWith(':') && Number(count.slice(1)) >= 1))
    throw new Error(`Redis answered ${counts.join(' ')}`)
}
