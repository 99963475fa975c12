/**
 * Who may come in: API keys, and, where none is configured, only what a loopback address can vouch for.
 *
 * A door without keys is open to every process of the machine, and a browser is one of them: a page of any site can send
 * requests to 127.0.0.1, under its own name (Origin) or under a name that it has pointed there (DNS rebinding, seen in Host).
 * Both are refused. With keys the question does not arise, because a browser sends none by itself.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

import { NodeError } from '../errors.ts'
import { isLoopback } from './loopback.ts'

export type Access = {
  /** Checks a request. @throws NodeError unauthorized or forbidden. */
  admit(request: { readonly method: string; readonly headers: IncomingHttpHeaders; readonly open: boolean }): void
  /** Null when an upgrade to a WebSocket may go on to its handler, else the refusal. */
  refuseUpgrade(request: IncomingMessage): NodeError | null
}

/** True when `host` reaches beyond this machine, so that a door there must have a key. */
export const requiresKey = (host: string): boolean => !isLoopback(host)

/** @param keys accepted API keys; with none the door must stand on a loopback address. */
export const createAccess = (keys: readonly string[], host: string): Access => {
  const digests = keys.map(digestOf)
  const keyless = keys.length === 0
  const guardLoopback = loopbackGuard(host)
  return {
    admit: ({ method, headers, open }) => {
      if (keyless) guardLoopback(headers, method !== 'GET' && method !== 'HEAD')
      else if (!open && !isKnown(keyOf(headers), digests)) throw new NodeError('unauthorized', 'no or unknown API key; send Authorization: Bearer KEY or x-api-key: KEY')
    },
    refuseUpgrade: (request) => {
      if (!keyless) return null
      try {
        // A WebSocket is not bound by the same-origin rule: whoever opens one may read, so it counts as a write.
        guardLoopback(request.headers, true)
        return null
      } catch (error) {
        if (error instanceof NodeError) return error
        throw error
      }
    },
  }
}

const keyOf = (headers: IncomingHttpHeaders): string | null => {
  const apiKey = headers['x-api-key']
  if (typeof apiKey === 'string') return apiKey
  const match = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')
  return match?.[1] ?? null
}

const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()

/** Compares digests, so neither the length nor the place of the first wrong letter shows in the time; and all of them. */
const isKnown = (key: string | null, digests: readonly Buffer[]): boolean => {
  if (key === null) return false
  const given = digestOf(key)
  let known = false
  for (const digest of digests) known = timingSafeEqual(given, digest) || known
  return known
}

const loopbackGuard = (boundHost: string): ((headers: IncomingHttpHeaders, writes: boolean) => void) => {
  // One client names one host, request after request.
  let lastAdmitted: string | null = null
  return (headers, writes) => {
    // A browser always names the host; what does not (HTTP/1.0 probes) is none.
    const named = headers.host
    if (named !== undefined && named !== lastAdmitted) {
      const name = hostnameOf(named)
      if (!isLoopback(name) && name !== boundHost.toLowerCase()) throw new NodeError('forbidden', 'the Host header names no loopback address; use http://127.0.0.1, or configure an API key')
      lastAdmitted = named
    }
    const origin = headers.origin
    if (writes && origin !== undefined && !isSameHost(origin, named)) throw new NodeError('forbidden', 'a page of another origin may not write here; configure an API key and send it')
  }
}

const isSameHost = (origin: string, host: string | undefined): boolean => URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()

/** `name:port`, `[v6]:port` or either without port → the name, in lower case, without brackets. */
const hostnameOf = (authority: string): string => {
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(authority)
  return (bracketed?.[1] ?? authority.replace(/:\d+$/, '')).toLowerCase()
}
