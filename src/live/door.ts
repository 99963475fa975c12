/**
 * The live door: a stock automerge-repo client connects a WebSocket to `/live` and follows a namespace's documents as they
 * change. Read-only: what a client writes reaches no document, no peer and no other client.
 *
 * A reader finds a namespace's index under `indexUrl`, and in it the URL of each segment. Documents hold what segments hold:
 * registers, tags, links and references to bodies; the texts themselves are answered by the HTTP door.
 *
 * A reader cannot take back what it has merged: when a fork or a revocation takes commits out of a document, those who hold
 * them keep them in their copies until they drop these and ask again; new readers never see them.
 *
 * Flow: source says 'changed' → after `live_batch_ms` the documents' followers are marked → each in its turn is told what it
 * lacks. While nobody is connected nothing is listened to.
 *
 * Invariants:
 * 1. No byte of a client's sync message reaches Automerge; only hashes do, as heads to compare with (`sync-message.ts`).
 * 2. A client's failure ends that client: every step of its work is caught by `turns.ts`.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { MeshId, Namespace, PeerId, SegmentId } from '../../crdt/ids.ts'
import type { LiveSource } from '../ports/live.ts'
import { createAdmission, type Refusal } from './admit.ts'
import { serveClient, type ClientHost, type LiveClient, type LiveTimers } from './client.ts'
import { indexUrl, segmentUrl, type DocumentKey, type DocumentUrl } from './document-id.ts'
import { createDocuments } from './documents.ts'
import type { Reason } from './reasons.ts'
import { createTurns } from './turns.ts'
import { liveLimits } from './limits.ts'

/** What the door tells of clients it sent away; a pino logger fits. */
export type LiveLog = {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

export type LiveDoorOptions = {
  readonly mesh: MeshId
  readonly peer: PeerId
  readonly source: LiveSource
  /** API keys; with none the door must stand on a loopback address. */
  readonly keys: readonly string[]
  readonly log: LiveLog
  readonly timers: LiveTimers
  /** Calls later, after other events had their turn (`setImmediate`). */
  readonly defer: (call: () => void) => void
}

export type LiveDoor = {
  readonly path: '/live'
  /** Takes over a socket that asks for `/live`. Never throws; refuses with an HTTP answer or a named close. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Says goodbye to every client; resolves when all are gone. */
  close(): Promise<void>
  clients(): number
  /** How often clients were sent away, by reason. */
  refusals(): Readonly<Partial<Record<Reason, number>>>
  indexUrl(namespace: Namespace): DocumentUrl
  documentUrl(namespace: Namespace, segment: SegmentId): DocumentUrl
}

export const createLiveDoor = (options: LiveDoorOptions): LiveDoor => {
  const { mesh, peer, source, log, timers } = options
  const admit = createAdmission(options.keys)
  // Deflate would cost more than it saves, and a small frame could become a large one. Pings are counted and answered in `client.ts`:
  // the library ends a socket without a word when many come at once.
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: liveLimits.live_message_bytes_max,
  })
  const turns = createTurns({
    now: () => timers.now(),
    defer: options.defer,
    after: (ms, call) => void timers.after(ms, call),
  })
  const fullNamespaces = new Set<Namespace>()
  const documents = createDocuments(mesh, source, turns, {
    grown: (key) => followersOf(key).forEach((client) => client.changed(key)),
    full: (namespace, left) => {
      if (fullNamespaces.has(namespace)) return
      fullNamespaces.add(namespace)
      log.warn(
        { namespace, left },
        'live: the index of a namespace is full; further segments are served by their id alone',
      )
    },
    failed: (error) =>
      log.error({ err: error }, 'live: an index could not be brought up to date; it is when a follower comes anew'),
  })
  /** Being served. */
  const clients = new Set<LiveClient>()
  /** Those, and the ones whose sockets are still closing. */
  const sockets = new Set<LiveClient>()
  const followersByKey = new Map<DocumentKey, Set<LiveClient>>()
  const followersOf = (key: DocumentKey): ReadonlySet<LiveClient> => followersByKey.get(key) ?? NOBODY
  const refusals: Partial<Record<Reason, number>> = {}
  let closing = false
  let allGone: (() => void) | null = null

  // ── what changed ──────────────────────────────────────────────────────────────────────────────────────────────────

  const changedKeys = new Set<DocumentKey>()
  let stopListening: (() => void) | null = null
  let cancelBatch: (() => void) | null = null

  const changed = (namespace: Namespace, segment: SegmentId): void => {
    const key = documents.changed(namespace, segment)
    if (!followersByKey.has(key)) return
    changedKeys.add(key)
    cancelBatch ??= timers.after(liveLimits.live_batch_ms, tellFollowers)
  }
  const tellFollowers = (): void => {
    cancelBatch = null
    for (const key of changedKeys) for (const client of followersOf(key)) client.changed(key)
    changedKeys.clear()
  }
  const stop = (): void => {
    stopListening?.()
    cancelBatch?.()
    stopListening = cancelBatch = null
    changedKeys.clear()
  }

  // ── clients ───────────────────────────────────────────────────────────────────────────────────────────────────────

  const host: ClientHost = {
    senderId: `mnemesh-${peer}`,
    timers,
    turns,
    find: (key) => documents.find(key),
    joined: () => {
      stopListening ??= source.onChanged(changed)
      documents.refresh()
    },
    followed: (client, key) => {
      const followers = followersByKey.get(key)
      if (followers === undefined) followersByKey.set(key, new Set([client]))
      else followers.add(client)
    },
    ended: (client, reason, cause) => {
      clients.delete(client)
      for (const key of client.follows.keys()) {
        const followers = followersByKey.get(key)
        followers?.delete(client)
        if (followers?.size !== 0) continue
        followersByKey.delete(key)
        documents.release(key)
      }
      if (clients.size === 0) stop()
      tell(reason, cause)
    },
    dropped: (changes) =>
      log.warn({ changes }, 'live: a client sent changes; they were dropped, because this door is read-only'),
  }
  const tell = (reason: Reason | 'left', cause: unknown): void => {
    if (reason === 'left' || reason === 'going_away') return
    refusals[reason] = (refusals[reason] ?? 0) + 1
    if (reason === 'internal') log.error({ err: cause }, 'live: a client was closed because serving it failed')
    else log.warn({ reason }, 'live: a client was closed')
  }

  return {
    path: '/live',
    upgrade: (request, socket, head) => {
      const refusal: Refusal | null = closing
        ? { status: 503, code: 'shutting_down', message: 'this peer is stopping; try another' }
        : admit(request)
      if (refusal !== null) return refuse(socket, refusal)
      server.handleUpgrade(request, socket, head, (webSocket) => {
        const client = serveClient(webSocket, host)
        // Refused behind the upgrade: a stock client tries a closed socket again, and throws at a refused upgrade.
        const full = clients.size >= liveLimits.live_clients_max
        clients.add(client)
        sockets.add(client)
        webSocket.once('close', () => {
          sockets.delete(client)
          if (sockets.size === 0) allGone?.()
        })
        if (full) client.close('too_many_clients')
      })
    },
    close: async () => {
      closing = true
      for (const client of clients) client.close('going_away')
      stop()
      if (sockets.size > 0) await new Promise<void>((resolve) => (allGone = resolve))
    },
    clients: () => clients.size,
    refusals: () => ({ ...refusals }),
    indexUrl: (namespace) => indexUrl(mesh, namespace),
    documentUrl: (namespace, segment) => segmentUrl(mesh, namespace, segment),
  }
}

const NOBODY: ReadonlySet<LiveClient> = new Set()
const REASON_PHRASE = { 401: 'Unauthorized', 403: 'Forbidden', 503: 'Service Unavailable' } as const

const refuse = (socket: Duplex, { status, code, message }: Refusal): void => {
  const body = JSON.stringify({ error: code, message })
  // The other side may be gone already; then there is nobody to tell.
  socket.once('error', () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} ${REASON_PHRASE[status]}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  )
}
