/**
 * `/mesh`: what joins a peer to the mesh and takes one out. The requests are signed bytes that carry their own proof, so
 * they need no API key: whoever holds a token has none yet. The control log needs none either, here as on the mesh: it holds names,
 * public keys and roles, no text, and without it nobody could check anything.
 */
import type { FastifyInstance } from 'fastify'

import { limits } from '../../crdt/limits.ts'
import type { Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import { asking } from './request.ts'
import { answer, answers, boolean, integer, object, text } from './schemas.ts'
import { httpLimits } from './limits.ts'

const controlLog = {
  type: 'array',
  items: { type: 'string' },
  description: "the control log's commits in order, each in base64url",
}
const challenge = object(
  { challenge: { type: 'string', pattern: '^[0-9a-f]{64}$', description: '32 random bytes in hex' } },
  ['challenge'],
)
const proof = answer({
  peer_id: text,
  mesh_id: text,
  signature: { ...text, description: 'base64url; see crdt/FORMAT.md, identity proofs' },
})
const waitQuery = object({
  wait: { type: 'integer', minimum: 0, maximum: limits.control_wait_ms_max, description: 'ms' },
})
const voter = { peer_id: text, name: text }
const applied = answer({
  seq: integer,
  applied: { type: 'array', items: answer(voter) },
  not_yet: { type: 'array', items: answer({ ...voter, connected: boolean }) },
})
const raised = answer({
  level: integer,
  observers_below: { type: 'array', items: answer({ ...voter, reads: { type: ['integer', 'null'] } }) },
})
const octets = { content: { 'application/octet-stream': { schema: { type: 'string', contentEncoding: 'binary' } } } }

export const meshRoutes = (app: FastifyInstance, node: Node): void => {
  app.get(
    '/mesh/control',
    {
      config: { open: true },
      schema: {
        summary: 'The control log, which anybody can check against the mesh id',
        response: answers(200, controlLog),
      },
    },
    async () => encode(node.controlLog()),
  )

  app.get(
    '/identity',
    {
      config: { open: true },
      schema: {
        summary: 'Proof that this peer holds its key, for the port on which it is asked',
        querystring: challenge,
        response: answers(200, proof),
      },
    },
    async (request) => {
      const { challenge: text } = request.query as { readonly challenge: string }
      return node.identify(Buffer.from(text, 'hex'), request.socket.localPort ?? 0)
    },
  )

  app.get(
    '/mesh/applied',
    {
      config: { open: true },
      schema: {
        summary: 'Which voters have the control log as it is here; waits for those that are connected',
        querystring: waitQuery,
        response: answers(200, applied),
      },
    },
    async (request) => {
      const { wait = 0 } = request.query as { readonly wait?: number }
      return asking(request, () => node.controlApplied(wait))
    },
  )

  app.post(
    '/mesh/join',
    {
      bodyLimit: httpLimits.mesh_request_bytes_max,
      config: { open: true, documentedBody: octets },
      schema: {
        summary: 'Enrol the holder of a token',
        consumes: ['application/octet-stream'],
        response: answers(200, controlLog),
      },
    },
    async (request) => {
      const bytes = bytesOf(request.body)
      return encode(await asking(request, () => node.join(bytes)))
    },
  )

  app.post(
    '/mesh/revoke',
    {
      bodyLimit: httpLimits.mesh_request_bytes_max,
      config: { open: true, documentedBody: octets },
      schema: {
        summary: 'Take a member out, signed by the authority',
        consumes: ['application/octet-stream'],
        response: answers(200, answer({ ok: boolean })),
      },
    },
    async (request) => {
      const bytes = bytesOf(request.body)
      await asking(request, () => node.revoke(bytes))
      return { ok: true }
    },
  )

  app.post(
    '/mesh/leave-behind',
    {
      bodyLimit: httpLimits.mesh_request_bytes_max,
      config: { open: true, documentedBody: octets },
      schema: {
        summary: 'Let a member leave behind what it sealed in the future, and write it again; signed by the authority',
        consumes: ['application/octet-stream'],
        response: answers(200, answer({ ok: boolean })),
      },
    },
    async (request) => {
      const bytes = bytesOf(request.body)
      await asking(request, () => node.leaveBehind(bytes))
      return { ok: true }
    },
  )

  app.post(
    '/mesh/level',
    {
      bodyLimit: httpLimits.mesh_request_bytes_max,
      config: { open: true, documentedBody: octets },
      schema: {
        summary:
          'Raise the format level, signed by the authority; refused, with their names, while voters do not read it',
        consumes: ['application/octet-stream'],
        response: answers(200, raised),
      },
    },
    async (request) => {
      const bytes = bytesOf(request.body)
      return asking(request, () => node.raiseLevel(bytes))
    },
  )
}

const encode = (commits: readonly Uint8Array[]): readonly string[] =>
  commits.map((bytes) => Buffer.from(bytes).toString('base64url'))

const bytesOf = (body: unknown): Uint8Array => {
  if (body instanceof Uint8Array && body.length > 0) return body
  throw new NodeError(
    'malformed',
    'the body is empty or not application/octet-stream; send the signed request as bytes',
  )
}
