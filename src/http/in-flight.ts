/**
 * How many requests the door has in hand, bounded, so that load turns into 429 before it turns into memory. The bytes of their bodies
 * are bounded as they arrive (`bodies.ts`).
 */
import type { ServerResponse } from 'node:http'

import { limits } from '../../crdt/limits.ts'
import { NodeError } from '../errors.ts'

export type InFlight = {
  /** Takes a request in until its response is closed. @throws NodeError too_many_requests. */
  enter(response: ServerResponse): void
  /** Tells those whose answer is still to come that their connection ends with it; resolves when nothing is in hand. */
  finish(): Promise<void>
}

export const createInFlight = (): InFlight => {
  const responses = new Set<ServerResponse>()
  const waiting = new Set<() => void>()

  return {
    enter: (response) => {
      if (responses.size >= limits.http_requests_in_flight_max)
        throw new NodeError(
          'too_many_requests',
          'this peer has as many requests in hand as it takes; try again in a second',
        )
      responses.add(response)
      response.once('close', () => {
        responses.delete(response)
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
