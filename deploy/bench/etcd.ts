/**
 * etcd: three members, written to over gRPC at the first one, as its own clients do. gRPC is spoken here by hand: one call is five bytes and a
 * message of two fields.
 */
import { mkdirSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { connect, constants, type ClientHttp2Session } from 'node:http2'
import { join } from 'node:path'
import { freePorts } from '../local/ports.ts'
import { until } from '../local/until.ts'
import type { Contender } from './contender.ts'
import { found, startDaemon, stopAll, type Daemon } from '../local/daemon.ts'

const LEADER_MS = 20_000
let keys = 0

export const etcd: Contender = {
  name: 'etcd, 3 members',
  promises:
    'flushed on 2 of 3 disks, linearizable; one leader takes all writes, and nobody writes without it; no search, no signatures',
  missing: () => (found('etcd') === null ? 'no `etcd` on PATH (Debian: etcd-server)' : null),
  start: async (dir) => {
    const first = await freePorts(6)
    const clientPort = (n: number): number => first + 2 * n
    const peerUrl = (n: number): string => `http://127.0.0.1:${first + 2 * n + 1}`
    const cluster = [0, 1, 2].map((n) => `m${n}=${peerUrl(n)}`).join(',')
    const daemons: Daemon[] = []
    const stop = (): Promise<void> => stopAll(daemons)
    try {
      const starting = [0, 1, 2].map((n) => {
        mkdirSync(join(dir, `m${n}`), { mode: 0o700 })
        const url = `http://127.0.0.1:${clientPort(n)}`
        return startDaemon(
          found('etcd')!,
          [
            '--name',
            `m${n}`,
            '--data-dir',
            join(dir, `m${n}`),
            '--listen-client-urls',
            url,
            '--advertise-client-urls',
            url,
            '--listen-peer-urls',
            peerUrl(n),
            '--initial-advertise-peer-urls',
            peerUrl(n),
            '--initial-cluster',
            cluster,
            '--initial-cluster-state',
            'new',
            '--log-level',
            'error',
          ],
          clientPort(n),
        )
      })
      for (const daemon of await Promise.all(starting)) daemons.push(daemon)
      const open = (): ClientHttp2Session => connect(`http://127.0.0.1:${clientPort(0)}`)
      const probe = open()
      await until('etcd has a leader', LEADER_MS, async () => put(probe, 'probe', 'x').then(() => true))
      probe.close()
      return {
        connect: async () => {
          const session = open()
          return {
            write: (values) =>
              Promise.all(values.map((value) => put(session, `k${keys++}`, value))).then(() => undefined),
            close: () => session.destroy(),
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

/** `etcdserverpb.KV/Put`: a message whose fields 1 and 2 are the key and the value. */
const put = (session: ClientHttp2Session, key: string, value: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const message = Buffer.concat([field(1, key), field(2, value)])
    const stream = session.request({
      ':method': 'POST',
      ':path': '/etcdserverpb.KV/Put',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    let status: unknown = null
    const take = (headers: IncomingHttpHeaders): void => {
      status ??= headers['grpc-status'] ?? null
    }
    stream.on('response', take)
    stream.on('trailers', take)
    stream.on('error', reject)
    stream.on('close', () =>
      status === '0' && stream.rstCode === constants.NGHTTP2_NO_ERROR
        ? resolve()
        : reject(new Error(`etcd answered ${String(status)}`)),
    )
    stream.on('data', () => undefined)
    const frame = Buffer.alloc(5)
    frame.writeUInt32BE(message.length, 1)
    stream.end(Buffer.concat([frame, message]))
  })

const field = (number: number, text: string): Buffer => {
  const bytes = Buffer.from(text)
  const length: number[] = []
  for (let left = bytes.length; ; left >>>= 7) {
    if (left < 128) {
      length.push(left)
      break
    }
    length.push((left & 127) | 128)
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes])
}
