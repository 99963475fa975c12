/**
 * `/mesh`: what joins a peer to the mesh and takes one out. The requests are signed bytes that carry their own proof, so
 * they need no API key: whoever holds a token has none yet.
 */
import type { FastifyInstance } from 'fastify'

import { limits } from '../../crdt/limits.ts'
import type { Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import { asking } from './request.ts'
import { answer, answers, boolean } from './schemas.ts'

const controlLog = { type: 'array', items: { type: 'string' }, description: 'the control log\'s commits in order, each in base64url' }
const octets = { content: { 'application/octet-stream': { schema: { type: 'string', contentEncoding: 'binary' } } } }

export const meshRoutes = (app: FastifyInstance, node: Node): void => {
  app.get('/mesh/control', { schema: { summary: 'The control log, which anybody can check against the mesh id', response: answers(200, controlLog) } }, async () => encode(node.controlLog()))

  app.post('/mesh/join', { bodyLimit: limits.mesh_request_bytes_max, config: { open: true, documentedBody: octets }, schema: { summary: 'Enrol the holder of a token', consumes: ['application/octet-stream'], response: answers(200, controlLog) } }, async (request) => {
    const bytes = bytesOf(request.body)
    return encode(await asking(request, () => node.join(bytes)))
  })

  app.post('/mesh/revoke', { bodyLimit: limits.mesh_request_bytes_max, config: { open: true, documentedBody: octets }, schema: { summary: 'Take a member out, signed by the authority', consumes: ['application/octet-stream'], response: answers(200, answer({ ok: boolean })) } }, async (request) => {
    const bytes = bytesOf(request.body)
    await asking(request, () => node.revoke(bytes))
    return { ok: true }
  })
}

const encode = (commits: readonly Uint8Array[]): readonly string[] => commits.map((bytes) => Buffer.from(bytes).toString('base64url'))

const bytesOf = (body: unknown): Uint8Array => {
  if (body instanceof Uint8Array && body.length > 0) return body
  throw new NodeError('malformed', 'the body is empty or not application/octet-stream; send the signed request as bytes')
}
