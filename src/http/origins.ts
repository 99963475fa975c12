/**
 * Names and origins: under which name this door may be asked, and the pages of which origins may ask.
 *
 * A browser is a process of the machine and a client of the network like any other, but it speaks for pages of any site: under
 * their own name (Origin) or under a name that they have pointed here (DNS rebinding, seen in Host). So both are checked always, of reads,
 * writes, event streams and upgrades alike, with keys and without. Pages of other origins are let in by name only (CORS), and
 * their preflights are answered before a key is asked for: a browser sends none with them.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'

import { NodeError } from '../errors.ts'
import { isLoopback } from './loopback.ts'

export type OriginOptions = {
  /** Where the door listens. */
  readonly host: string
  /** Origins whose pages may ask, such as `https://app.example.org`. */
  readonly cors?: readonly string[]
  /** Further names under which a door on loopback is asked, behind a proxy say; without port, in lower case. */
  readonly trustedHosts?: readonly string[]
}

export type Origins = {
  /** @throws NodeError forbidden. */
  check(headers: IncomingHttpHeaders): void
  /** Adds what a browser needs to show the answer to a page of an allowed origin. */
  allow(headers: IncomingHttpHeaders, response: ServerResponse): void
  /** Adds the answer to a preflight; false when the request is none, or of an origin that is not allowed. */
  preflight(method: string, headers: IncomingHttpHeaders, response: ServerResponse): boolean
}

/**
 * Who asks under two names may be judged by one and routed by the other (RFC 9112 §3.2); Node hands on the first alone.
 * @param rawHeaders names and values in turn. @throws NodeError malformed.
 */
export const checkOneHost = (rawHeaders: readonly string[]): void => {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]!.length === 4 && rawHeaders[at]!.toLowerCase() === 'host') hosts++
  if (hosts > 1) throw new NodeError('malformed', 'the request has more than one Host header; send one')
}

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const HEADERS =
  'accept, authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, mcp-method, mcp-name, mcp-protocol-version, mcp-session-id, x-agent-id, x-api-key, x-causal-token, x-causal-wait'
const EXPOSED = 'allow, etag, location, retry-after, www-authenticate, x-causal-token'
/** In seconds: a new origin is let in, or one taken out, with a restart. */
const PREFLIGHT_KEPT = '600'

/** @throws Error for an origin that is none. */
export const createOrigins = ({ host, cors = [], trustedHosts = [] }: OriginOptions): Origins => {
  for (const origin of cors)
    if (!isOrigin(origin))
      throw new Error(
        `${JSON.stringify(origin)} is no origin: give a scheme and a host, like https://app.example.org, without a path`,
      )
  const allowed = new Set(cors)
  const names = new Set([host.toLowerCase(), ...trustedHosts.map((name) => name.toLowerCase())])
  // Other machines know a door that is open to them by names that it can't know; there the key keeps pages out.
  const checksNames = isLoopback(host) || trustedHosts.length > 0
  // One client names one host, request after request.
  let lastAdmitted: string | null = null

  return {
    check: (headers) => {
      // A browser always names the host; what does not (HTTP/1.0 probes) is none.
      const named = headers.host
      if (checksNames && named !== undefined && named !== lastAdmitted) {
        const name = hostnameOf(named)
        if (!names.has(name) && !isLoopback(name))
          throw new NodeError(
            'forbidden',
            'the Host header names no loopback address; use http://127.0.0.1, or allow the name with --trusted-host',
          )
        lastAdmitted = named
      }
      const { origin } = headers
      if (origin !== undefined && !allowed.has(origin) && !isSameHost(origin, named))
        throw new NodeError('forbidden', 'a page of another origin may not ask here; allow its origin with --cors')
    },
    allow: ({ origin }, response) => {
      if (allowed.size === 0) return
      response.setHeader('vary', 'origin')
      if (origin === undefined || !allowed.has(origin)) return
      response.setHeader('access-control-allow-origin', origin)
      response.setHeader('access-control-expose-headers', EXPOSED)
    },
    preflight: (method, headers, response) => {
      if (
        method !== 'OPTIONS' ||
        headers['access-control-request-method'] === undefined ||
        headers.origin === undefined ||
        !allowed.has(headers.origin)
      )
        return false
      response.setHeader('access-control-allow-methods', METHODS)
      response.setHeader('access-control-allow-headers', HEADERS)
      response.setHeader('access-control-max-age', PREFLIGHT_KEPT)
      // Chrome asks before a page of the network may reach this machine.
      if (headers['access-control-request-private-network'] === 'true')
        response.setHeader('access-control-allow-private-network', 'true')
      return true
    },
  }
}

/** As a browser writes it: lower case, no path, no default port. */
const isOrigin = (text: string): boolean =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text

const isSameHost = (origin: string, host: string | undefined): boolean =>
  URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()

/** `name:port`, `[v6]:port` or either without port → the name, in lower case, without brackets. */
const hostnameOf = (authority: string): string => {
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(authority)
  return (bracketed?.[1] ?? authority.replace(/:\d+$/, '')).toLowerCase()
}
