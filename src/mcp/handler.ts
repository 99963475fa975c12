/**
 * Both eras of the protocol over one address, a server made for each request and nothing kept in between: 2026-07-28, whose requests
 * carry who asks and in which version, and those before it, whose answers are given as plain JSON too.
 */
import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
  type McpServerFactory,
  type Server,
} from '@modelcontextprotocol/server'

export type Handler = {
  /** @param body as it was parsed: one message. */
  answer(request: Request, body: unknown): Promise<Response>
  close(): Promise<void>
}

/** Open streams of `subscriptions/listen`; each holds a socket. */
const SUBSCRIPTIONS_MAX = 256

/** @param onError told of what the library could not answer; most of it is a client's fault. */
export const createHandler = (make: (request: Request) => Server, onError: (error: Error) => void): Handler => {
  // The library hands the request on to who makes the server, but may also ask for one of none.
  const factory: McpServerFactory = ({ requestInfo }) => make(requestInfo ?? new Request('http://peer.invalid/mcp'))
  const modern = createMcpHandler(factory, { legacy: 'reject', maxSubscriptions: SUBSCRIPTIONS_MAX, onerror: onError })
  return {
    answer: async (request, body) =>
      (await isLegacyRequest(request, body))
        ? answerLegacy(make(request), request, body)
        : modern.fetch(request, { parsedBody: body }),
    close: () => modern.close(),
  }
}

const answerLegacy = async (server: Server, request: Request, body: unknown): Promise<Response> => {
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
  await server.connect(transport)
  const gone = new Promise<null>((resolve) =>
    request.signal.addEventListener('abort', () => resolve(null), { once: true }),
  )
  try {
    // Nobody reads an answer whose client has gone, and the library would wait for it for ever once it is closed.
    return (
      (await Promise.race([transport.handleRequest(request, { parsedBody: body }), gone])) ??
      new Response(null, { status: 499 })
    )
  } finally {
    await server.close()
  }
}
