/**
 * The HTTP door: routes over a `Node`, on one port with whatever is upgraded to a WebSocket there.
 *
 * A request passes, in this order: its turn on its socket (`pipelines.ts`) → connection bounds (`connections.ts`) → in-flight bounds → access → its body
 * (`bodies.ts`), scan and parse (`json.ts`) → schema → its route → the node → JSON. Every way out that is not an answer goes through `failure.ts`. Nothing is
 * logged for a request that succeeds.
 */
import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createServer, STATUS_CODES } from 'node:http'
import type { ServerOptions, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

import { limits } from '../../crdt/limits.ts'
import type { Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import { aboutRoutes, metricsRoute } from './about.ts'
import { addressOfRequest, createAccess, requiresKey } from './access.ts'
import { createBodies, drainUnread } from './bodies.ts'
import type { Bodies } from './bodies.ts'
import { bulkRoutes } from './bulk.ts'
import { diffRoutes } from './diff.ts'
import { watchConnections } from './connections.ts'
import { documentRoute, publishDocument } from './document.ts'
import { episodeRoutes } from './episodes.ts'
import { eventRoutes } from './events.ts'
import type { Streams } from './events.ts'
import { answerFailure, rawFailure } from './failure.ts'
import { NOT_FOUND_MESSAGE } from '../input/ids.ts'
import type { DoorLog } from './failure.ts'
import { createInFlight } from './in-flight.ts'
import { parseJson, parseLargeJson } from './json.ts'
import { graphRoutes } from './graph.ts'
import { linkRoutes } from './links.ts'
import { listenHereOrFree } from './listen.ts'
import { memoryRoutes } from './memories.ts'
import { mcpRoute } from './mcp.ts'
import type { McpHandler } from './mcp.ts'
import { meshRoutes } from './mesh.ts'
import { checkOneHost, createOrigins } from './origins.ts'
import type { OriginOptions } from './origins.ts'
import { convertQueries } from './query.ts'
import { nextTurn, PART_BYTES } from './parts.ts'
import { createPipelines, type Pipelines } from './pipelines.ts'
import { recallRoutes } from './recall.ts'
import { watchRoutes } from './route-table.ts'
import type { Route } from './route-table.ts'
import { ajvOptions } from '../input/keywords.ts'
import { sharedSchemas } from './schemas.ts'
import { createUnread } from './unread.ts'
import type { UnreadLimits } from './unread.ts'
import { routeUpgrades } from './upgrades.ts'
import type { UpgradeHandler } from './upgrades.ts'
import { validatorsOnDemand } from './validators.ts'
import { versionRoutes } from './versions.ts'
import { httpLimits } from './limits.ts'

export type HttpDoorOptions = OriginOptions & {
  /** 0 takes any free one. */
  readonly port: number
  /** Any free one also where that one is taken. */
  readonly orFreePort?: boolean
  /** API keys; none is allowed on a loopback address only. */
  readonly keys: readonly string[]
  readonly version: string
  /** By path, such as `/mesh`. */
  readonly upgrades: Readonly<Record<string, UpgradeHandler>>
  readonly log: DoorLog
  /** Other bounds than the door's own, for tests. */
  readonly unread?: UnreadLimits
  /** What answers at `/mcp`; without it there is no such route. */
  readonly mcp?: McpHandler
}

export type HttpDoor = {
  /** Starts to accept. @returns the address as a URL without a slash at the end. */
  listen(): Promise<string>
  /** Stops accepting, finishes what is in flight within `http_close_ms_max`, cuts the rest. */
  close(): Promise<void>
  openapi(): object
  /** What is served, as it was registered. */
  readonly routes: readonly Route[]
}

/** @throws Error when a key is missing or empty, or an origin is none. */
export const createHttpDoor = async (node: Node, options: HttpDoorOptions): Promise<HttpDoor> => {
  const { host, port, keys, log } = options
  if (keys.length === 0 && requiresKey(host))
    throw new Error(
      `an API key is needed to listen on ${host}: other machines can reach it; configure one, or listen on 127.0.0.1`,
    )
  if (keys.some((key) => key.trim() === '')) throw new Error('an API key is empty; configure one that is not')

  const pipelines = createPipelines()
  const app = newApp(pipelines)
  const origins = createOrigins(options)
  const access = createAccess(keys, origins)
  const connections = watchConnections(app.server)
  const inFlight = createInFlight()
  const unread = createUnread(options.unread)
  let closing = false

  app.decorateRequest('writeStage', 'before')
  app.decorateRequest('response', null)
  app.decorateRequest('known', false)
  app.setErrorHandler(answerFailure(log))
  app.setNotFoundHandler((_request, reply) =>
    reply
      .code(404)
      .send({ error: 'not_found', message: 'there is no such route; see /api/v1/openapi.json for those that exist' }),
  )
  app.addHook('onSend', (_request, reply, payload, done) => {
    unread.owe(reply.raw, payload)
    done()
  })
  app.addHook('onRequest', (request, reply, done) => {
    request.response = reply.raw
    drainUnread(request.raw, reply.raw)
    connections.enter(request.raw.socket, reply.raw)
    inFlight.enter(reply.raw)
    if (closing) {
      void reply.header('connection', 'close')
      return done(new NodeError('shutting_down', 'this peer is stopping; ask another, or this one in a moment'))
    }
    const encoding = request.headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity')
      throw new NodeError('unsupported_media_type', 'compressed bodies are not taken; send it plain')
    checkOneHost(request.raw.rawHeaders)
    origins.check(request.headers)
    origins.allow(request.headers, reply.raw)
    if (origins.preflight(request.method, request.headers, reply.raw)) return void reply.code(204).send()
    const { known, refusal, hold_ms } = access.admit({
      headers: request.headers,
      open: request.routeOptions.config.open === true,
      address: addressOfRequest(request.raw),
    })
    request.known = known
    if (refusal === null) done()
    else if (hold_ms === 0) done(refusal)
    else setTimeout(() => done(refusal), hold_ms)
  })
  takeBodies(app, createBodies(connections))
  // What answers look like is published, and tests hold every answer to it; a writer compiled for each took 0.5 s of every start.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer))
  const routes = watchRoutes(app)
  convertQueries(app)
  for (const schema of sharedSchemas) app.addSchema(schema)
  await publishDocument(app, options.version)
  const streams = registerRoutes(app, node, log, options.mcp)
  routes.refuseOtherMethods()
  await app.ready()

  const upgraded = routeUpgrades(app.server, options.upgrades, { access, connections })
  app.server.maxHeadersCount = httpLimits.http_headers_max

  return {
    listen: async () => {
      // `localhost` would open a second server for ::1, with its own connections to close.
      const at = host === 'localhost' ? '127.0.0.1' : host
      await listenHereOrFree((taken) => app.listen({ host: at, port: taken }), {
        host: at,
        port,
        orFree: options.orFreePort ?? false,
      })
      return urlOf(app.server.address() as AddressInfo)
    },
    close: async () => {
      closing = true
      streams.endAll()
      const closed = app.close()
      await within(limits.http_close_ms_max, inFlight.finish())
      app.server.closeAllConnections()
      upgraded.destroyAll()
      await closed
    },
    openapi: () => app.swagger(),
    routes: routes.list,
  }
}

const SERVER_OPTIONS: ServerOptions = {
  requestTimeout: httpLimits.http_request_ms_max,
  keepAliveTimeout: httpLimits.http_keep_alive_ms_max,
  headersTimeout: httpLimits.http_headers_ms_max,
  connectionsCheckingInterval: httpLimits.http_headers_ms_max / 2,
  maxHeaderSize: httpLimits.http_header_bytes_max,
}

const newApp = (pipelines: Pipelines): FastifyInstance =>
  Fastify({
    // Its turn comes before everything else: of a thousand requests that come in one moment only those begun are routed.
    serverFactory: (serve) => {
      const server = createServer(SERVER_OPTIONS, (request, response) =>
        pipelines.turn(response, request.socket, () => serve(request, response)),
      )
      server.setTimeout(httpLimits.http_silence_ms_max)
      return server
    },
    logger: false,
    ajv: ajvOptions,
    schemaController: { compilersFactory: { buildValidator: validatorsOnDemand } },
    bodyLimit: limits.request_bytes_max,
    // The door says so itself, in the shape of every other refusal.
    return503OnClosing: false,
    routerOptions: {
      // An agent's id of 128 bytes, each percent-encoded, and longer ones that get their own refusal.
      maxParamLength: 1_024,
      onBadUrl: (_path, _request, response) =>
        refuseRaw(response, 400, 'malformed', 'the path is not percent-encoded UTF-8; encode it so'),
      onMaxParamLength: (_path, _request, response) => refuseRaw(response, 404, 'not_found', NOT_FOUND_MESSAGE),
    },
    clientErrorHandler: refuseConnection,
  })

const registerRoutes = (app: FastifyInstance, node: Node, log: DoorLog, mcp: McpHandler | undefined): Streams => {
  let streams: Streams = { endAll: () => undefined }
  void app.register(
    async (api) => {
      memoryRoutes(api, node)
      versionRoutes(api, node)
      diffRoutes(api, node)
      bulkRoutes(api, node)
      recallRoutes(api, node)
      linkRoutes(api, node)
      graphRoutes(api, node)
      episodeRoutes(api, node)
      aboutRoutes(api, node)
      meshRoutes(api, node)
      metricsRoute(api, node, '/metrics')
      if (mcp !== undefined) mcpRoute(api, mcp)
      documentRoute(api)
      streams = eventRoutes(api, node, log)
    },
    { prefix: '/api/v1' },
  )
  metricsRoute(app, node, '/metrics')
  if (mcp !== undefined) mcpRoute(app, mcp)
  return { endAll: () => streams.endAll() }
}

/** JSON through our own scan; bytes for the mesh; nothing else. */
const takeBodies = (app: FastifyInstance, bodies: Bodies): void => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async (request: FastifyRequest) => {
    const bytes = await bodies.read(request)
    // A client that sets the type on every request sends nothing with it where nothing is due.
    if (bytes.length === 0) return undefined
    return bytes.length > PART_BYTES ? parseLargeJson(bytes, nextTurn) : parseJson(bytes)
  })
  app.addContentTypeParser('application/octet-stream', (request: FastifyRequest) => bodies.read(request))
}

/** For what the router refuses before there is a reply. */
const refuseRaw = (response: ServerResponse, status: number, code: string, message: string): void => {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
    .end(JSON.stringify({ error: code, message }))
}

/** What Node's HTTP parser refuses before there is a request. */
const refuseConnection = (error: Error & { readonly code?: string }, socket: Socket): void => {
  // Who leaves in the middle of a request reads no answer, and a write to a socket that was reset costs as much as a request.
  if (error.code === 'ECONNRESET' || error.code === 'HPE_INVALID_EOF_STATE' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, why } = CONNECTION_REFUSALS[error.code ?? ''] ?? {
    status: 400,
    why: 'this is not HTTP/1.1; check the client',
  }
  socket.end(rawFailure(status, STATUS_CODES[status] ?? '', 'malformed', why), () => socket.destroy())
}
const CONNECTION_REFUSALS: Readonly<Record<string, { readonly status: number; readonly why: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, why: 'the headers are too large; send fewer' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, why: 'the request took too long to arrive; send it faster' },
}

const urlOf = ({ address, family, port }: AddressInfo): string =>
  `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`

const within = async (ms: number, done: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([done, timeout])
  clearTimeout(timer)
}
