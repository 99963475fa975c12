/**
 * Bodies, read as they arrive: what has come is counted, not what was announced, and it has to keep coming.
 *
 * A body that is too large is refused at once, by what it announces or by what has come. One that stands still is 408. Where all bodies
 * together exceed their bound, the one under way for longest gives way if it has had its time, else the one that asks for more.
 */
import type { FastifyRequest } from 'fastify'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'

import { limits } from '../../crdt/limits.ts'
import { NodeError } from '../errors.ts'
import type { Connections } from './connections.ts'
import { httpLimits } from './limits.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What the request is answered with. */
    response: ServerResponse | null
  }
}

export type BodyLimits = {
  readonly bytes: number
  readonly paceMs: number
  readonly paceBytes: number
  readonly keptMs: number
}
export const BODY_LIMITS: BodyLimits = {
  bytes: httpLimits.http_bytes_in_flight_max,
  paceMs: httpLimits.http_pace_ms,
  paceBytes: httpLimits.http_pace_bytes,
  keptMs: httpLimits.http_body_kept_ms,
}

export type Bodies = {
  /** The whole body. @throws NodeError too_large, too_slow, too_many_requests. */
  read(request: FastifyRequest): Promise<Buffer>
}

type Upload = { readonly startedMs: number; readonly giveWay: () => void }

/** @param connections told of every step, or null where there are none to mind. */
export const createBodies = (
  connections: Pick<Connections, 'awaiting' | 'received'>,
  bounds: BodyLimits = BODY_LIMITS,
): Bodies => {
  /** Bytes of bodies that are here, until their responses are closed. */
  let bytes = 0
  /** In the order in which they began. */
  const uploads = new Set<Upload>()
  const oldest = (): Upload | undefined => {
    for (const upload of uploads) return upload
    return undefined
  }

  const read = (request: FastifyRequest): Promise<Buffer> => {
    const source = request.raw
    const { socket } = source
    const most = request.routeOptions.bodyLimit ?? limits.request_bytes_max
    if (Number(source.headers['content-length'] ?? 0) > most) return Promise.reject(tooLarge(most))
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let here = 0
      let atLastLook = 0
      const upload: Upload = { startedMs: performance.now(), giveWay: () => end(tooSlow()) }
      const free = (): void => {
        bytes -= here
        here = 0
      }
      // Parsed, they are as large at least, until the answer is out.
      request.response?.once('close', free)

      const end = (error: NodeError | null): void => {
        clearInterval(watch)
        uploads.delete(upload)
        source.off('data', take).off('end', whole).off('error', broken).off('close', broken)
        connections.received(socket)
        if (error === null) return resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, here))
        chunks.length = 0
        free()
        reject(error)
      }
      const take = (chunk: Buffer): void => {
        if (here + chunk.length > most) return end(tooLarge(most))
        while (bytes + chunk.length > bounds.bytes) {
          const first = oldest()
          if (first === undefined || first === upload || performance.now() - first.startedMs < bounds.keptMs)
            return end(
              new NodeError(
                'too_many_requests',
                'this peer has as many bytes of requests in hand as it takes; try again in a second',
              ),
            )
          first.giveWay()
        }
        here += chunk.length
        bytes += chunk.length
        chunks.push(chunk)
        connections.awaiting(socket)
      }
      const whole = (): void => end(null)
      const broken = (): void => end(new NodeError('malformed', 'the body ended before its announced length'))
      const watch = setInterval(() => {
        if (here - atLastLook < bounds.paceBytes) end(tooSlow())
        atLastLook = here
      }, bounds.paceMs)

      uploads.add(upload)
      connections.awaiting(socket)
      source.on('data', take).once('end', whole).once('error', broken).once('close', broken)
    })
  }
  return { read }
}

/** Whether its sender may still be at it. */
const isUnread = ({ complete, destroyed, headers }: IncomingMessage): boolean =>
  !complete && !destroyed && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)

/**
 * Answers a request whose body is still coming: at once, and whole by its length; the connection ends only when the rest has been read
 * and dropped within a bound. A client that sends first and reads afterwards finds its answer so, not a broken pipe.
 * @returns false when there is nothing to wait for, and nothing was done.
 */
export const answerUnread = (
  request: IncomingMessage,
  response: ServerResponse,
  answer: { readonly status: number; readonly headers: OutgoingHttpHeaders; readonly body: string },
): boolean => {
  if (!isUnread(request)) return false
  response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) })
  response.write(answer.body)
  drain(request, () => response.end())
  return true
}

/** The same for what is answered without its body being looked at. */
export const drainUnread = (request: IncomingMessage, response: ServerResponse): void => {
  response.once('finish', () => {
    if (isUnread(request)) drain(request, () => undefined)
  })
}

/** Past the bound the socket goes. */
const drain = (request: IncomingMessage, done: () => void): void => {
  const { socket } = request
  let bytes = 0
  const late = setTimeout(() => socket.destroy(), httpLimits.http_drain_ms_max)
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > httpLimits.http_drain_bytes_max) socket.destroy()
  })
  request
    .once('close', () => clearTimeout(late))
    .once('end', () => {
      clearTimeout(late)
      done()
    })
  request.resume()
}

const tooLarge = (most: number): NodeError =>
  new NodeError('too_large', `the request is larger than the ${most} bytes this route takes; send it in parts`)
const tooSlow = (): NodeError =>
  new NodeError(
    'too_slow',
    `the body stood still; send at least ${httpLimits.http_pace_bytes} bytes in ${httpLimits.http_pace_ms / 1000} s, or the rest of it`,
  )
