/**
 * Ours: a fleet of three real peers, written to over HTTP. Counted only until all three hold equal frontiers, documents and rows.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expecting } from '../local/http.ts'
import { startFleet } from '../local/fleet.ts'
import type { Contender } from './contender.ts'
import { openConnection } from './http.ts'

const SETTLE_MS = 120_000
const POLL_MS = 200
const WATCH = fileURLToPath(
  new URL(
    import.meta.url.includes('/dist/') ? '../../../deploy/bench/loop-watch.cjs' : './loop-watch.cjs',
    import.meta.url,
  ),
)

/** @param main the compiled command of another build, to compare it with this one. */
export const mnemesh = (projection: 'none' | 'pglite', label = '', main?: string): Contender => ({
  name: `mnemesh${label === '' ? '' : ` ${label}`}, ${projection === 'none' ? 'no search' : 'search embedded'}`,
  promises:
    'signed, flushed and acknowledged by signature on 2 of 3 disks; any peer takes writes, concurrent ones merge',
  missing: () => null,
  start: async (dir) => {
    const turns = join(dir, 'turns')
    const fleet = await startFleet({
      projection,
      quorum: 2,
      quorumTimeoutMs: 10_000,
      environment: { NODE_OPTIONS: `--require ${WATCH}`, MNEMESH_BENCH_TURNS: turns },
      ...(main !== undefined && { main }),
    })
    const { port } = fleet.peer(0)
    return {
      connect: async () => {
        const connection = await openConnection('127.0.0.1', port)
        const send = async (path: string, body: unknown): Promise<void> => {
          const answer = await connection.post(path, JSON.stringify(body))
          if (answer.status !== 201) throw new Error(`answered ${answer.status}: ${answer.body.slice(0, 300)}`)
        }
        const memory = (content: string): object => ({ content, namespace: 'bench' })
        return {
          write: (values) =>
            values.length === 1
              ? send('/api/v1/memories', memory(values[0]!))
              : send('/api/v1/memories/bulk', values.map(memory)),
          close: connection.close,
        }
      },
      pids: () => fleet.peers.map((peer) => peer.pid()),
      settled: async () => {
        const end = performance.now() + SETTLE_MS
        for (;;) {
          const all = await Promise.all(fleet.peers.map((peer) => expecting(200, peer.call('GET', '/digests'))))
          const lags = await Promise.all(fleet.peers.map(async (peer) => (await peer.health())['projection_lag']))
          const seen = all.map(({ frontier, documents, projection: rows }) =>
            JSON.stringify([frontier, documents, rows]),
          )
          if (seen.every((one) => one === seen[0]) && all[0]?.['documents'] !== null && lags.every((lag) => lag === 0))
            return
          if (performance.now() > end)
            throw new Error(
              `peers do not hold the same after ${SETTLE_MS} ms: ${seen.join(' ')} lags ${lags.join(' ')}`,
            )
          await pause(POLL_MS)
        }
      },
      longestTurn: (sinceMs) => {
        if (!existsSync(turns)) return 0
        return readFileSync(turns, 'utf8')
          .split('\n')
          .reduce((most, line) => {
            const [at, ms] = line.split(' ').map(Number)
            return line !== '' && at! >= sinceMs ? Math.max(most, ms!) : most
          }, 0)
      },
      stop: fleet.dispose,
    }
  },
})
