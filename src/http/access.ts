/**
 * Who may come in: by API keys where there are any, else everybody whom a loopback address can vouch for.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

import { NodeError } from '../errors.ts'
import { addressOf } from './connections.ts'
import { createGuesses } from './guesses.ts'
import { isLoopback } from './loopback.ts'
import { checkOneHost } from './origins.ts'
import type { Origins } from './origins.ts'

/** `known`: may see what a key is needed for. `refusal`: nothing more for this request, told after `hold_ms`. */
export type Admission = { readonly known: boolean; readonly refusal: NodeError | null; readonly hold_ms: number }

export type Access = {
  /** Checks a request that its name and origin do not refuse. @param open needs no key; a wrong one is refused all the same, or it could be guessed there. */
  admit(request: { readonly headers: IncomingHttpHeaders; readonly open: boolean; readonly address: string }): Admission
  /** Null when an upgrade to a WebSocket may go on to its handler, else the refusal. Keys are that handler's business. */
  refuseUpgrade(request: IncomingMessage): NodeError | null
}

/** True when `host` reaches beyond this machine, so that a door there must have a key. */
export const requiresKey = (host: string): boolean => !isLoopback(host)

/** @param keys accepted API keys; with none the door must stand on a loopback address. */
export const createAccess = (keys: readonly string[], origins: Pick<Origins, 'check'>): Access => {
  const digests = keys.map(digestOf)
  const guesses = createGuesses(() => performance.now())
  return {
    admit: ({ headers, open, address }) => {
      if (digests.length === 0) return ADMITTED
      const key = keyOf(headers)
      if (key === null)
        return open ? STRANGER : { known: false, refusal: new NodeError('unauthorized', NO_KEY), hold_ms: 0 }
      const early = guesses.refused(address)
      if (early !== null) return tooMany(early)
      if (isKnown(key, digests)) {
        guesses.right(address)
        return ADMITTED
      }
      const delay = guesses.wrong(address)
      return delay === null
        ? { known: false, refusal: new NodeError('unauthorized', NO_KEY), hold_ms: 0 }
        : tooMany(delay)
    },
    refuseUpgrade: (request) => {
      try {
        checkOneHost(request.rawHeaders)
        origins.check(request.headers)
        return null
      } catch (error) {
        if (error instanceof NodeError) return error
        throw error
      }
    },
  }
}

/** For the table of guesses. */
export const addressOfRequest = (request: IncomingMessage): string => addressOf(request.socket)

const ADMITTED: Admission = { known: true, refusal: null, hold_ms: 0 }
const STRANGER: Admission = { known: false, refusal: null, hold_ms: 0 }
const NO_KEY = 'no or unknown API key; send Authorization: Bearer KEY or x-api-key: KEY'

const tooMany = ({
  retry_after_ms,
  hold_ms,
}: {
  readonly retry_after_ms: number
  readonly hold_ms: number
}): Admission => ({
  known: false,
  refusal: new NodeError(
    'too_many_requests',
    'too many wrong API keys from this address; send the right one, or wait',
    { retry_after_ms },
  ),
  hold_ms,
})

const keyOf = (headers: IncomingHttpHeaders): string | null => {
  const apiKey = headers['x-api-key']
  if (typeof apiKey === 'string') return apiKey
  const match = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')
  return match?.[1] ?? (headers.authorization === undefined ? null : '')
}

const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()

/** Compares digests, so neither the length nor the place of the first wrong letter shows in the time; and all of them. */
const isKnown = (key: string, digests: readonly Buffer[]): boolean => {
  const given = digestOf(key)
  let known = false
  for (const digest of digests) known = timingSafeEqual(given, digest) || known
  return known
}
