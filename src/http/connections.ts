/**
 * Which sockets the door keeps when there are more than it has room for.
 *
 * Three pools, so that none starves another: newcomers (nothing asked yet, slow headers among them), HTTP (has asked), upgraded (mesh and
 * live, each with its own). Nothing is dropped unseen by a listener's backlog: where a pool is full the socket that has waited longest
 * for its own client gives way. Only where every socket of the pool has an answer to come is the newcomer refused.
 * One address holds at most its share; what comes from this machine is one address for everybody behind it (a proxy, other
 * users), so there a share would let one client lock out the rest: it is bounded by the pool alone.
 */
import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'

import { NodeError } from '../errors.ts'
import { isLoopback } from './loopback.ts'
import { httpLimits } from './limits.ts'

export type Connections = {
  /** A request has come: its socket is busy until the response is closed. @throws NodeError too_many_requests. */
  enter(socket: Socket, response: ServerResponse): void
  /** The client has more to send for a request that has come: its socket may give way. Called again at every step forward. */
  awaiting(socket: Socket): void
  /** It has sent all: what is owed now is the answer. */
  received(socket: Socket): void
  /** Takes a socket out of HTTP into the pool of `path`. Null when it may go on, else the refusal. */
  upgrade(socket: Duplex, path: string): NodeError | null
  /** Sockets by what they do, for tests and counters. */
  counts(): Readonly<Record<Standing, number>>
}

/** `fresh` has asked nothing, `idle` has had its answer, `sending` owes a part of its body, `busy` is owed an answer. */
type Standing = 'fresh' | 'idle' | 'sending' | 'busy' | 'upgraded'
type Held = { readonly socket: Duplex; readonly address: string; standing: Standing; path: string; requests: number }

export type ConnectionLimits = {
  readonly fresh: number
  readonly http: number
  readonly upgraded: number
  readonly shareOfHttp: number
  readonly shareOfUpgraded: number
}
export const CONNECTION_LIMITS: ConnectionLimits = {
  fresh: httpLimits.http_newcomers_max,
  http: httpLimits.http_connections_max,
  upgraded: httpLimits.upgraded_sockets_max,
  shareOfHttp: httpLimits.http_connections_per_address_max,
  shareOfUpgraded: httpLimits.upgraded_sockets_per_address_max,
}

/** Watches every socket of `server`. */
export const watchConnections = (server: Server, bounds: ConnectionLimits = CONNECTION_LIMITS): Connections => {
  const heldBySocket = new WeakMap<Duplex, Held>()
  // Sets keep the order of insertion, so the first has waited longest.
  const all: Readonly<Record<Standing, Set<Held>>> = {
    fresh: new Set(),
    idle: new Set(),
    sending: new Set(),
    busy: new Set(),
    upgraded: new Set(),
  }

  const move = (held: Held, standing: Standing): void => {
    all[held.standing].delete(held)
    held.standing = standing
    all[standing].add(held)
  }
  const drop = (held: Held): void => {
    all[held.standing].delete(held)
    held.socket.destroy()
  }
  /** The longest idle one goes, else the one whose body has stood still longest. False when none can. */
  const makeRoom = (address: string | null, except: Held): boolean => {
    for (const standing of ['idle', 'sending'] as const) {
      for (const held of all[standing]) {
        if (held === except || (address !== null && held.address !== address)) continue
        drop(held)
        return true
      }
    }
    return false
  }
  const holdsOf = (address: string, standings: readonly Standing[], path?: string): number => {
    let count = 0
    for (const standing of standings)
      for (const held of all[standing])
        if (held.address === address && (path === undefined || held.path === path)) count++
    return count
  }

  server.on('connection', (socket: Socket) => {
    const held: Held = { socket, address: addressOf(socket), standing: 'fresh', path: '', requests: 0 }
    heldBySocket.set(socket, held)
    all.fresh.add(held)
    socket.once('close', () => all[held.standing].delete(held))
    if (all.fresh.size > bounds.fresh) for (const oldest of all.fresh) return drop(oldest)
  })

  return {
    enter: (socket, response) => {
      const held = heldBySocket.get(socket)
      if (held === undefined) return
      const first = held.standing === 'fresh'
      const inHttp = all.idle.size + all.sending.size + all.busy.size
      if (
        first &&
        !isLoopback(held.address) &&
        inHttp >= bounds.shareOfHttp &&
        holdsOf(held.address, HTTP) >= bounds.shareOfHttp &&
        !makeRoom(held.address, held)
      )
        throw full(response)
      if (first && inHttp >= bounds.http && !makeRoom(null, held)) throw full(response)
      held.requests++
      move(held, 'busy')
      response.once('close', () => {
        held.requests--
        if (held.requests === 0 && held.standing !== 'upgraded' && !held.socket.destroyed) move(held, 'idle')
      })
    },
    awaiting: (socket) => {
      const held = heldBySocket.get(socket)
      if (held !== undefined && held.requests > 0) move(held, 'sending')
    },
    received: (socket) => {
      const held = heldBySocket.get(socket)
      if (held?.standing === 'sending') move(held, 'busy')
    },
    upgrade: (socket, path) => {
      const held = heldBySocket.get(socket)
      if (held === undefined) return null
      let inPool = 0
      for (const other of all.upgraded) if (other.path === path) inPool++
      const share = isLoopback(held.address) ? 0 : holdsOf(held.address, ['upgraded'], path)
      if (inPool >= bounds.upgraded || share >= bounds.shareOfUpgraded)
        return new NodeError(
          'too_many_requests',
          'as many sockets are upgraded here as may be; try again in a moment, or ask another peer',
        )
      held.path = path
      move(held, 'upgraded')
      return null
    },
    counts: () => ({
      fresh: all.fresh.size,
      idle: all.idle.size,
      sending: all.sending.size,
      busy: all.busy.size,
      upgraded: all.upgraded.size,
    }),
  }
}

const HTTP: readonly Standing[] = ['idle', 'sending', 'busy']

/** The socket goes with the refusal: kept, it would stand among the newcomers. */
const full = (response: ServerResponse): NodeError => {
  response.setHeader('connection', 'close')
  return new NodeError('too_many_requests', 'every connection here waits for an answer; try again in a second')
}

/** Addresses of this machine are one; of IPv6 the first 64 bits, which is what one customer is given. */
export const addressOf = (socket: { readonly remoteAddress?: string | undefined }): string => {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  if (isLoopback(address)) return '127.0.0.1'
  return address.includes(':') ? prefixOf(address) : address
}

/** `a:b::c` holds its first four groups, or fewer before the `::`, which then stand for noughts. */
const prefixOf = (address: string): string => {
  const [head = ''] = address.split('::')
  return `${head.split(':').slice(0, 4).join(':')}::/64`
}
