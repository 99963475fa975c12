/**
 * How much the door has in hand: requests and the bytes of their bodies, both bounded, so that load turns into 429 before it
 * turns into memory.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

import { limits } from '../../crdt/limits.ts'
import { NodeError } from '../errors.ts'

export type InFlight = {
  /** Takes a request in until its response is closed. @throws NodeError too_many_requests. */
  enter(request: IncomingMessage, response: ServerResponse): void
  /** Tells those whose answer is still to come that their connection ends with it; resolves when nothing is in hand. */
  finish(): Promise<void>
}

export const createInFlight = (): InFlight => {
  const responses = new Set<ServerResponse>()
  let bytes = 0
  const waiting = new Set<() => void>()

  return {
    enter: (request, response) => {
      const size = declaredBytes(request)
      if (responses.size >= limits.http_requests_in_flight_max || bytes + size > limits.http_bytes_in_flight_max) throw new NodeError('too_many_requests', 'this peer has as many requests in hand as it takes; try again in a second')
      responses.add(response)
      bytes += size
      response.once('close', () => {
        responses.delete(response)
        bytes -= size
        if (responses.size === 0) for (const wake of waiting) wake()
      })
    },
    finish: () => {
      for (const response of responses) if (!response.headersSent) response.setHeader('connection', 'close')
      return new Promise((resolve) => {
        if (responses.size === 0) return resolve()
        const wake = () => {
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
      })
    },
  }
}

/** A body without a declared length may turn out as large as any. */
const declaredBytes = (request: IncomingMessage): number => {
  const declared = Number(request.headers['content-length'] ?? Number.NaN)
  if (!Number.isNaN(declared)) return Math.min(declared, limits.request_bytes_max)
  return request.headers['transfer-encoding'] === undefined ? 0 : limits.request_bytes_max
}
