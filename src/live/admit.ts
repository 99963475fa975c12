/**
 * Who may open a live socket: the same question as at the HTTP door, and one more way to answer it.
 *
 * Browsers cannot set headers on a WebSocket, so a key may also stand in the address as `?key=`. Without any key configured
 * the door is on a loopback address, open to every program of the machine; a page of another origin is one of those, and is
 * not bound by the same-origin rule here, so it is refused by its Origin, and a name pointed at this machine by its Host.
 */
import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { sha256 } from '../../crdt/hash.ts'

export type Refusal = {
  readonly status: 401 | 403 | 503
  readonly code: 'unauthorized' | 'forbidden' | 'shutting_down'
  readonly message: string
}

/** @param keys accepted API keys; with none only what a loopback address can vouch for. @returns null when the request may come in. */
export const createAdmission = (keys: readonly string[]): ((request: IncomingMessage) => Refusal | null) => {
  const digests = keys.map((key) => sha256(key))
  return (request) => {
    if (digests.length === 0) return guardLoopback(request)
    // Every key is compared, whole, by digest: neither its length nor the place of a wrong letter shows in the time.
    const given = keysOf(request).map((key) => sha256(key))
    let known = false
    for (const key of given) for (const digest of digests) known = timingSafeEqual(key, digest) || known
    return known
      ? null
      : {
          status: 401,
          code: 'unauthorized',
          message: 'no or unknown API key; send Authorization: Bearer KEY, x-api-key: KEY, or ?key=KEY in the address',
        }
  }
}

const keysOf = ({ headers, url }: IncomingMessage): readonly string[] => {
  const inAddress = new URLSearchParams((url ?? '').split('?').slice(1).join('?')).get('key')
  return [headers['x-api-key'], /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1], inAddress].filter(
    (key) => typeof key === 'string',
  )
}

const guardLoopback = ({ headers }: IncomingMessage): Refusal | null => {
  const { host, origin } = headers
  if (host !== undefined && !isLoopback(hostnameOf(host)))
    return {
      status: 403,
      code: 'forbidden',
      message: 'the Host header names no loopback address; use ws://127.0.0.1, or configure an API key',
    }
  if (origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()))
    return {
      status: 403,
      code: 'forbidden',
      message: 'a page of another origin may not read here; configure an API key and send it as ?key=',
    }
  return null
}

/** `name:port`, `[v6]:port` or either without port → the name, in lower case, without brackets. */
const hostnameOf = (authority: string): string =>
  (/^\[([^\]]*)\](:\d+)?$/.exec(authority)?.[1] ?? authority.replace(/:\d+$/, '')).toLowerCase()

const isLoopback = (name: string): boolean =>
  name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))
