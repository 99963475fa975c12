/**
 * `POST /mcp`: carries a request of the Model Context Protocol to its door and the answer back, whole or as a stream of events.
 * Access, names and bounds are those of every route.
 */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { httpLimits } from './limits.ts'
import { ref } from './schemas.ts'

/** What answers there. @throws NodeError. */
export type McpHandler = { answer(request: Request, body: unknown): Promise<Response> }

const message = {
  type: 'object',
  additionalProperties: true,
  required: ['jsonrpc'],
  properties: { jsonrpc: { const: '2.0' } },
}
const schema = {
  summary: 'Model Context Protocol (streamable HTTP, stateless); a stream of events where the request asks for one',
  body: { type: 'object', description: 'one JSON-RPC message', additionalProperties: true },
  response: {
    200: { ...message, description: 'a JSON-RPC answer' },
    '4xx': { anyOf: [ref('Error'), message] },
    '5xx': { anyOf: [ref('Error'), message] },
  },
}

export const mcpRoute = (app: FastifyInstance, mcp: McpHandler): void => {
  app.post('/mcp', { bodyLimit: httpLimits.mcp_request_bytes_max, schema }, async (request, reply) => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const answer = await mcp.answer(webRequest(request, gone.signal), request.body)
    void reply.status(answer.status as 200)
    answer.headers.forEach((value, name) => void reply.header(name, value))
    if (answer.body === null) return reply.send('')
    if (answer.headers.get('content-type')?.startsWith('text/event-stream') === true)
      return reply.send(Readable.fromWeb(answer.body))
    return reply.send(await answer.text())
  })
}

/** The request as the library takes it. */
const webRequest = ({ url, headers }: FastifyRequest, signal: AbortSignal): Request => {
  const sent = new Headers()
  for (const [name, value] of Object.entries(headers)) if (typeof value === 'string') sent.set(name, value)
  // Who names nothing takes anything.
  if (acceptsAnything(headers.accept)) sent.set('accept', 'application/json, text/event-stream')
  return new Request(new URL(url, 'http://peer.invalid'), { method: 'POST', headers: sent, signal })
}

/** Answers are JSON but for streams that are asked for, so who takes JSON is answered too. */
const acceptsAnything = (accept: string | undefined): boolean =>
  accept === undefined || /(\*\/\*|application\/(\*|json))/.test(accept)
