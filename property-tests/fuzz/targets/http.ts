/**
 * A real peer with its HTTP door on loopback: mutated bodies on real sockets.
 *
 * What must hold: every answer is one that the API names, in its shape; a body that must not come in is refused as 4xx; what is
 * answered 201 reads back as it was given; the peer answers its health afterwards.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pack } from '../../../crdt/msgpack.ts'
import { STATUS_BY_CODE } from '../../../src/errors.ts'
import { initMesh } from '../../../src/membership/found.ts'
import { makeInvite } from '../../../src/membership/index.ts'
import { startNode } from '../../../src/node.ts'
import type { Draw } from '../draw.ts'
import { parsed, textOf } from '../dumb/json.ts'
import { mutateJson } from '../mutate-json.ts'
import { unpackLoose } from '../loose.ts'
import { mutatePacked } from '../mutate-packed.ts'
import { REQUESTS, requestBodies } from '../requests.ts'
import { ACCEPTED, judge, mutant, refused, type Target } from '../target.ts'
import { encodeJoin, encodeRevoke } from '../../../crdt/invite.ts'
import { keyPairFromSeed } from '../../../crdt/signature.ts'
import type { PeerId } from '../../../crdt/ids.ts'
import { acceptableRequest } from './json.ts'
import { logTo } from '../../../src/testing/log.ts'

const http: Target = {
  name: 'http',
  micros: 2_500,
  // Writes stay: after this many the peer begins anew.
  inputsPerOpening: 400,
  open: async () => {
    const dir = await mkdtemp(join(tmpdir(), 'mnemesh-fuzz-'))
    const saying = {
      clock: { now: () => Date.now() },
      random: { bytes: (count: number) => new Uint8Array(randomBytes(count)) },
    }
    const { mesh_id } = await initMesh({ dir, name: 'fuzz', ...saying })
    const invite = await makeInvite({ dir, role: 'voter', ttl_ms: 60_000, ...saying })
    const node = await startNode({
      dir,
      host: '127.0.0.1',
      port: 0,
      peers: [],
      projection: 'none',
      keys: [],
      log: logTo(),
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const send = sender(node.url, agent)
    const keys = keyPairFromSeed(new Uint8Array(32).fill(5))
    // Signed by a stranger, so that none of them may ever succeed.
    const signed = [
      encodeJoin(`${invite}A`, 'stranger', keys),
      encodeRevoke(mesh_id, '00'.repeat(32) as PeerId, 1, keys),
    ]
    return {
      make: (draw) => made(draw, signed),
      readAlone: async (input) => {
        const [at, body] = unpackLoose(input) as readonly [number, Uint8Array]
        const { method, path, type } = ROUTES[at]!
        await send(method, path, type, body)
      },
      feed: async (input) => {
        const [at, body] = unpackLoose(input) as readonly [number, Uint8Array]
        const { method, path, type } = ROUTES[at]!
        const answer = await send(method, path, type, body)
        checkShape(answer)
        if (type === JSON_TYPE && acceptableRequest(body) === undefined)
          judge(answer.status >= 400 && answer.status < 500, `${answer.status} for a body that must not come in`)
        if (type === OCTETS) judge(answer.status >= 400, 'a statement that nobody signed is carried out')
        if (answer.status === 201 && path === '/memories') await checkReadsBack(send, answer, body)
        return answer.status < 300 ? ACCEPTED : refused(`${answer.status} ${String(fieldOf(answer, 'error'))}`)
      },
      close: async () => {
        const health = await send('GET', '/health', JSON_TYPE, null)
        agent.destroy()
        await node.stop()
        await rm(dir, { recursive: true })
        judge(health.status === 200, `health says ${health.status} after it all`)
      },
    }
  },
}

const JSON_TYPE = 'application/json'
const OCTETS = 'application/octet-stream'
const ROUTES: readonly { readonly method: string; readonly path: string; readonly type: string }[] = [
  ...REQUESTS.map(({ method, path }) => ({ method, path, type: JSON_TYPE })),
  { method: 'POST', path: '/mesh/join', type: OCTETS },
  { method: 'POST', path: '/mesh/revoke', type: OCTETS },
  { method: 'POST', path: '/mesh/leave-behind', type: OCTETS },
  { method: 'POST', path: '/mesh/level', type: OCTETS },
]

/** A body for a route: its own sample mutated, or another route's. */
const made = (draw: Draw, signed: readonly Uint8Array[]): Uint8Array => {
  const at = draw.below(ROUTES.length)
  if (ROUTES[at]!.type === OCTETS) return pack([at, mutant(draw, signed, mutatePacked)])
  const bodies = requestBodies()
  return pack([at, mutant(draw, draw.chance(8) ? bodies : [bodies[at]!], mutateJson)])
}

type Answer = { readonly status: number; readonly body: unknown; readonly text: string }
type Send = (method: string, path: string, type: string, body: Uint8Array | null) => Promise<Answer>

const ANSWER_MS_MAX = 10_000

/** A kept connection may have been closed for its silence just now: then, as any client does, it is asked again on a new one. */
const sender = (url: string, agent: Agent): Send => {
  const send = (method: string, path: string, type: string, body: Uint8Array | null, again: boolean): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request(
        `${url}/api/v1${path}`,
        {
          method,
          agent,
          headers: { ...(body !== null && { 'content-type': type, 'content-length': body.length }) },
          timeout: ANSWER_MS_MAX,
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8')
            resolve({ status: response.statusCode ?? 0, body: parsed(text), text })
          })
          response.on('error', reject)
        },
      )
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${ANSWER_MS_MAX} ms`)))
      sent.on('error', (error: NodeJS.ErrnoException) => {
        if (!again && sent.reusedSocket && error.code === 'ECONNRESET') resolve(send(method, path, type, body, true))
        else reject(error)
      })
      sent.end(body ?? undefined)
    })
  return (method, path, type, body) => send(method, path, type, body, false)
}

const fieldOf = ({ body }: Answer, name: string): unknown =>
  typeof body === 'object' && body !== null ? Object.entries(body).find(([key]) => key === name)?.[1] : undefined

/** 503 and 507 of a peer without a search index, or on a nearly full disk, are answers too; 500 never is. */
const checkShape = (answer: Answer): void => {
  judge(answer.body !== undefined, `no JSON: ${answer.status} ${answer.text.slice(0, 200)}`)
  if (answer.status < 300) return
  const code = fieldOf(answer, 'error')
  judge(
    typeof code === 'string' && Object.hasOwn(STATUS_BY_CODE, code) && typeof fieldOf(answer, 'message') === 'string',
    `an error that the API does not know: ${answer.text.slice(0, 200)}`,
  )
  judge(
    Object.entries(STATUS_BY_CODE).some(([known, status]) => known === code && status === answer.status) &&
      answer.status !== 500,
    `${answer.status} with ${String(code)}: ${answer.text.slice(0, 200)}`,
  )
}

const checkReadsBack = async (send: Send, written: Answer, body: Uint8Array): Promise<void> => {
  const given = parsed(textOf(body) ?? '') as Readonly<Record<string, unknown>>
  const read = await send('GET', `/memories/${String(fieldOf(written, 'id'))}`, JSON_TYPE, null)
  const memory = fieldOf(read, 'memory') as Readonly<Record<string, unknown>> | undefined
  judge(memory?.['content'] === given['content'], `written and read back otherwise: ${read.text.slice(0, 200)}`)
  for (const field of ['title', 'kind', 'tier', 'priority', 'confidence', 'source', 'scope', 'run_id']) {
    if (given[field] !== undefined && given[field] !== null)
      judge(memory?.[field] === given[field], `${field} was written and read back otherwise`)
  }
}

export const httpTargets: readonly Target[] = [http]
