/** Connections held, dribbled, flooded and never read; pages of other origins; names that point here. */
import { randomBytes } from 'node:crypto'
import { get } from 'node:http'
import type { Attack, Stage } from '../attack.ts'
import { openConnection, type Connection } from '../raw-http.ts'
import { upgradeStatus } from './handshake.ts'

const HOST = 'host: 127.0.0.1'
/** Why the quick form leaves a row out. */
const FLOOD = 'a flood: takes seconds of processor'
const opened = async (stage: Stage, count: number): Promise<readonly Connection[]> => {
  const all: Connection[] = []
  for (let n = 0; n < count && !stage.over(); n += 50) {
    const batch = await Promise.all(
      Array.from({ length: Math.min(50, count - n) }, () => openConnection(stage.victim.url).catch(() => null)),
    )
    for (const connection of batch) if (connection !== null) all.push(connection)
  }
  stage.later(() => all.forEach((connection) => connection.end()))
  return all
}
const newcomer = async (stage: Stage): Promise<string> => {
  const connection = await openConnection(stage.victim.url)
  stage.later(connection.end)
  connection.write(`GET /api/v1/health HTTP/1.1\r\n${HOST}\r\nconnection: close\r\n\r\n`)
  const status = await connection.status(5_000)
  return status === '200' ? 'a newcomer is answered' : `a newcomer: ${status}`
}
const headed =
  (headers: Readonly<Record<string, string>>, method = 'POST', path = '/api/v1/memories') =>
  async (stage: Stage): Promise<string> => {
    const connection = await openConnection(stage.victim.url)
    stage.later(connection.end)
    const body = method === 'POST' ? '{"content":"x","namespace":"never"}' : ''
    connection.write(
      [
        `${method} ${path} HTTP/1.1`,
        ...Object.entries({
          'content-type': 'application/json',
          'content-length': String(body.length),
          connection: 'close',
          ...headers,
        }).map(([name, value]) => `${name}: ${value}`),
        '',
        body,
      ].join('\r\n'),
    )
    return connection.status()
  }
const here = (stage: Stage): string => new URL(stage.victim.url).host
const client = (id: string, what: string, expect: string | RegExp, run: Attack['run'], slow?: string): Attack => ({
  id,
  who: 'client',
  what,
  expect,
  run,
  ...(slow === undefined ? {} : { slow }),
})
const stranger = (id: string, what: string, expect: string | RegExp, run: Attack['run'], slow?: string): Attack => ({
  ...client(id, what, expect, run, slow),
  who: 'stranger',
})

export const connectionAttacks: readonly Attack[] = [
  stranger('cn-uploads', '64 uploads declared as 4 MiB, never sent', 'a newcomer is answered', async (stage) => {
    for (const connection of await opened(stage, 64))
      connection.write(
        `POST /api/v1/memories HTTP/1.1\r\n${HOST}\r\ncontent-type: application/json\r\ncontent-length: 4194304\r\n\r\n{`,
      )
    await stage.pause(1_500)
    return newcomer(stage)
  }),
  stranger('cn-chunked', '64 uploads in chunks, never ended', 'a newcomer is answered', async (stage) => {
    for (const connection of await opened(stage, 64))
      connection.write(
        `POST /api/v1/memories HTTP/1.1\r\n${HOST}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n`,
      )
    await stage.pause(1_500)
    return newcomer(stage)
  }),
  stranger(
    'cn-idle-1000',
    '1,000 connections that ask once and then idle',
    'a newcomer is answered',
    async (stage) => {
      for (const connection of await opened(stage, 1_000))
        connection.write(`GET /api/v1/health HTTP/1.1\r\n${HOST}\r\n\r\n`)
      await stage.pause(500)
      return newcomer(stage)
    },
    FLOOD,
  ),
  stranger(
    'cn-idle-4096',
    '4,200 connections that idle, and a member that dials',
    'a newcomer is answered, the mesh too',
    async (stage) => {
      for (const connection of await opened(stage, 4_200))
        connection.write(`GET /api/v1/health HTTP/1.1\r\n${HOST}\r\n\r\n`)
      await stage.pause(1_000)
      const answered = await newcomer(stage)
      await stage.open()
      return `${answered}, the mesh too`
    },
    'needs 8,400 descriptors',
  ),
  stranger(
    'cn-silent',
    '500 connections that say nothing',
    'a newcomer is answered',
    async (stage) => {
      await opened(stage, 500)
      return newcomer(stage)
    },
    FLOOD,
  ),
  stranger(
    'cn-slowloris',
    '300 connections that dribble headers',
    'a newcomer is answered',
    async (stage) => {
      const all = await opened(stage, 300)
      for (const connection of all) connection.write(`GET /api/v1/health HTTP/1.1\r\n${HOST}\r\n`)
      for (let n = 0; n < 8; n++) {
        for (const connection of all) connection.write(`x-${n}: 1\r\n`)
        await stage.pause(100)
      }
      return newcomer(stage)
    },
    FLOOD,
  ),
  stranger(
    'cn-slow-upgrade',
    'an upgrade of the mesh that is never finished',
    '408',
    async (stage) => {
      const connection = await openConnection(stage.victim.url)
      stage.later(connection.end)
      connection.write(`GET /mesh HTTP/1.1\r\n${HOST}\r\nupgrade: websocket\r\n`)
      return connection.status(40_000)
    },
    'waits for the limit on headers',
  ),
  client(
    'cn-pipelined',
    '2,000 requests in one connection at once',
    '2000 answered',
    async (stage) => {
      const connection = await openConnection(stage.victim.url)
      stage.later(connection.end)
      connection.write(`GET /api/v1/quorum HTTP/1.1\r\n${HOST}\r\n\r\n`.repeat(2_000))
      let answered = 0
      for (let looks = 0; looks < 200 && answered < 2_000; looks++) {
        await stage.pause(50)
        answered = connection.received().split('HTTP/1.1 200').length - 1
      }
      return `${answered} answered`
    },
    FLOOD,
  ),
  client(
    'cn-never-reads',
    '20 clients that ask for lists and never read',
    'a newcomer is answered',
    async (stage) => {
      for (const connection of await opened(stage, 20)) {
        connection.socket.pause()
        connection.write(`GET /api/v1/memories?limit=1000 HTTP/1.1\r\n${HOST}\r\n\r\n`.repeat(50))
      }
      await stage.pause(1_000)
      return newcomer(stage)
    },
    FLOOD,
  ),
  client(
    'cn-event-streams',
    '300 event streams',
    /^256 open, 44 × 429$/,
    async (stage) => {
      const all = await opened(stage, 300)
      for (const connection of all)
        connection.write(`GET /api/v1/events HTTP/1.1\r\n${HOST}\r\naccept: text/event-stream\r\n\r\n`)
      const statuses = await Promise.all(all.map((connection) => connection.status()))
      return `${statuses.filter((status) => status === '200').length} open, ${statuses.filter((status) => status === '429').length} × 429`
    },
    FLOOD,
  ),
  client(
    'cn-event-stream-unread',
    'an event stream from the beginning that nobody reads',
    'a newcomer is answered',
    async (stage) => {
      const [connection] = await opened(stage, 1)
      connection!.socket.pause()
      connection!.write(`GET /api/v1/events?after= HTTP/1.1\r\n${HOST}\r\naccept: text/event-stream\r\n\r\n`)
      await stage.pause(500)
      return newcomer(stage)
    },
  ),
  client(
    'cn-digests',
    '40 questions for the digests at once',
    '40 × 200',
    (stage) => manyTimes(stage, 40, '/digests'),
    FLOOD,
  ),
  client(
    'cn-stats',
    '200 questions for stats and namespaces',
    '200 × 200',
    (stage) => manyTimes(stage, 200, '/namespaces'),
    FLOOD,
  ),
  client(
    'cn-big-lists',
    '60 lists of 1,000 at once',
    '60 × 200',
    (stage) => manyTimes(stage, 60, '/memories?namespace=default&limit=1000'),
    FLOOD,
  ),
  client(
    'cn-broken-off',
    '500 requests broken off in the middle',
    'a newcomer is answered',
    async (stage) => {
      for (const connection of await opened(stage, 500)) {
        connection.write(
          `POST /api/v1/memories HTTP/1.1\r\n${HOST}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"cont`,
        )
        connection.socket.resetAndDestroy()
      }
      return newcomer(stage)
    },
    FLOOD,
  ),

  stranger('or-foreign', 'a write from a page of another origin', '403', (stage) =>
    headed({ host: here(stage), origin: 'https://evil.example' })(stage),
  ),
  stranger('or-null', 'a write from a page without an origin', '403', (stage) =>
    headed({ host: here(stage), origin: 'null' })(stage),
  ),
  stranger('or-port', 'a write from a page of another port of this machine', '403', (stage) =>
    headed({ host: here(stage), origin: 'http://127.0.0.1:1' })(stage),
  ),
  stranger(
    'or-rebinding',
    'a read under a name that was pointed here',
    '403',
    headed({ host: 'evil.example' }, 'GET', '/api/v1/memories'),
  ),
  stranger(
    'or-rebinding-open',
    'the health under a name that was pointed here',
    '403',
    headed({ host: 'evil.example:80' }, 'GET', '/api/v1/health'),
  ),
  stranger(
    'or-rebinding-suffix',
    'the name 127.0.0.1.evil.example',
    '403',
    headed({ host: '127.0.0.1.evil.example' }, 'GET', '/api/v1/memories'),
  ),
  stranger('or-two-hosts', 'two Host headers', '400', async (stage) => {
    const connection = await openConnection(stage.victim.url)
    stage.later(connection.end)
    connection.write(`GET /api/v1/memories HTTP/1.1\r\n${HOST}\r\nhost: evil.example\r\n\r\n`)
    return connection.status()
  }),
  stranger('or-two-hosts-upgrade', 'an upgrade of the mesh with two Host headers', '400', async (stage) => {
    const connection = await openConnection(stage.victim.url)
    stage.later(connection.end)
    connection.write(
      `GET /mesh HTTP/1.1\r\n${HOST}\r\nHost: evil.example\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
    return connection.status()
  }),
  stranger('or-upgrade', 'the mesh, from a page of another origin', '403', (stage) =>
    upgradeStatus(stage, '/mesh', { origin: 'https://evil.example' }),
  ),
  stranger('or-live', 'the live door, from a page of another origin', '403', (stage) =>
    upgradeStatus(stage, '/live', { origin: 'https://evil.example' }),
  ),
  stranger('or-live-rebinding', 'the live door under a name that was pointed here', '403', (stage) =>
    upgradeStatus(stage, '/live', { host: 'evil.example' }),
  ),
  stranger('or-health-paths', 'the open health, looked at for paths of the machine', 'no path', async (stage) => {
    const text = JSON.stringify(await stage.victim.health())
    return text.includes(stage.victim.dir) || text.includes('/tmp/') || text.includes('/home/')
      ? `a path: ${text.slice(0, 200)}`
      : 'no path'
  }),
  stranger('or-enrol', 'a join request of random bytes', /^(400|401|403|404|422)$/, async (stage) => {
    const response = await fetch(`${stage.victim.url}/api/v1/mesh/join`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: randomBytes(2_000),
    })
    return String(response.status)
  }),
]

const manyTimes = async (stage: Stage, count: number, path: string): Promise<string> => {
  const statuses = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<number>((resolve, reject) => {
          get(`${stage.victim.url}/api/v1${path}`, { agent: false }, (response) => {
            response.resume()
            response.once('end', () => resolve(response.statusCode ?? 0))
          }).once('error', reject)
        }),
    ),
  )
  const other = statuses.filter((status) => status !== 200)
  return other.length === 0
    ? `${count} × 200`
    : `${count - other.length} × 200, ${other.length} × ${[...new Set(other)].join('/')}`
}
