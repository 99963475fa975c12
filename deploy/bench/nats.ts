/**
 * NATS JetStream: a stream of three replicas on disk, a message published and its acknowledgement awaited.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../local/ports.ts'
import { until } from '../local/until.ts'
import type { Contender } from './contender.ts'
import { found, startDaemon, stopAll, type Daemon } from '../local/daemon.ts'
import { openLines, type LineSocket } from './line-socket.ts'

const STREAM_MS = 30_000
/** A question that gets lost while the servers find one another is asked again. */
const ASKED_MS = 3_000
/** From this version on a stream can be told to flush before it answers (`sync_interval: always`). */
const [SYNC_MAJOR, SYNC_MINOR] = [2, 10]
let inboxes = 0

const syncs = (): boolean => {
  const [major = 0, minor = 0] = (
    /v(\d+)\.(\d+)/.exec(execFileSync(found('nats-server')!, ['--version'], { encoding: 'utf8' })) ?? []
  )
    .slice(1)
    .map(Number)
  return major > SYNC_MAJOR || (major === SYNC_MAJOR && minor >= SYNC_MINOR)
}

export const nats: Contender = {
  name: 'JetStream, 3 replicas',
  get promises() {
    return found('nats-server') !== null && syncs()
      ? 'flushed on 2 of 3 disks; one leader a stream; no signatures'
      : 'written by 2 of 3, flushed every two minutes (this version cannot flush first): a power cut loses acknowledged messages; one leader a stream'
  },
  missing: () => (found('nats-server') === null ? 'no `nats-server` on PATH (Debian: nats-server)' : null),
  start: async (dir) => {
    const first = await freePorts(6)
    const routes = [0, 1, 2].map((n) => `nats://127.0.0.1:${first + 2 * n + 1}`)
    const daemons: Daemon[] = []
    const stop = (): Promise<void> => stopAll(daemons)
    try {
      for (const n of [0, 1, 2]) {
        const file = join(dir, `n${n}.conf`)
        writeFileSync(
          file,
          `server_name: n${n}\nlisten: 127.0.0.1:${first + 2 * n}\njetstream { store_dir: "${join(dir, `n${n}`)}"${syncs() ? ', sync_interval: always' : ''} }\ncluster { name: bench, listen: 127.0.0.1:${first + 2 * n + 1}, routes: [${routes.join(', ')}] }\n`,
        )
        daemons.push(await startDaemon(found('nats-server')!, ['-c', file], first + 2 * n))
      }
      await until('the stream has three replicas', STREAM_MS, async () => {
        const client = await open(first)
        const timer = setTimeout(client.close, ASKED_MS)
        try {
          const answer = await client.request(
            '$JS.API.STREAM.CREATE.BENCH',
            JSON.stringify({
              name: 'BENCH',
              subjects: ['bench'],
              storage: 'file',
              num_replicas: 3,
              retention: 'limits',
            }),
          )
          const { error, cluster } = JSON.parse(answer) as {
            error?: unknown
            cluster?: { replicas?: readonly unknown[] }
          }
          return error === undefined && cluster?.replicas?.length === 2 ? true : null
        } finally {
          clearTimeout(timer)
          client.close()
        }
      })
      return {
        connect: async () => {
          const client = await open(first)
          return {
            write: async (values) => {
              for (const answer of await Promise.all(values.map((value) => client.request('bench', value))))
                if (!answer.includes('"seq"')) throw new Error(`JetStream answered ${answer}`)
            },
            close: client.close,
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

const open = async (
  port: number,
): Promise<{ request(subject: string, payload: string): Promise<string>; close(): void }> => {
  const socket = await openLines(port)
  await socket.line()
  const inbox = `_INBOX.bench.${inboxes++}`
  socket.send(`CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\nSUB ${inbox}.* 1\r\n`)
  const waiting = new Map<string, { resolve(payload: string): void; reject(error: Error): void }>()
  void listen(socket, waiting)
  let requests = 0
  return {
    request: (subject, payload) =>
      new Promise((resolve, reject) => {
        const reply = `${inbox}.${requests++}`
        waiting.set(reply, { resolve, reject })
        socket.send(`PUB ${subject} ${reply} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`)
      }),
    close: socket.close,
  }
}

/** Until the connection is closed. Answers are one line of JSON each. */
const listen = async (
  socket: LineSocket,
  waiting: Map<string, { resolve(payload: string): void; reject(error: Error): void }>,
): Promise<void> => {
  try {
    for (;;) {
      const head = await socket.line()
      if (head === 'PING') socket.send('PONG\r\n')
      // Nobody is there yet who would answer (status 503 in a header).
      if (head.startsWith('HMSG')) throw new Error('JetStream is not up yet')
      if (!head.startsWith('MSG ')) continue
      const subject = head.split(' ')[1]!
      waiting.get(subject)?.resolve(await socket.line())
      waiting.delete(subject)
    }
  } catch (error) {
    for (const one of waiting.values()) one.reject(error instanceof Error ? error : new Error(String(error)))
  }
}
