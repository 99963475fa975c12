/**
 * One live client: a socket, the documents it follows, and its bounds.
 *
 * Frames wait in an inbox for the client's turn (`turns.ts`); a change only marks a document, and what to send is decided when
 * the client can take it, so nothing is queued for a reader that does not read, whatever happens meanwhile.
 *
 * Invariants:
 * 1. Nothing but hashes and ids leaves this file towards the documents: `readClientMessage` and `readSyncMessage` first.
 * 2. `ended` is called once, after which this client does nothing.
 * 3. At most `live_inbox_frames_max` frames and what one read of the socket holds are waiting; then the socket is not read.
 */
import type { WebSocket } from 'ws'
import { limits } from '../../crdt/limits.ts'
import type { DocumentKey } from './document-id.ts'
import { parseDocumentId } from './document-id.ts'
import type { LiveDocument } from './live-document.ts'
import {
  PROTOCOL_VERSION,
  errorFrame,
  peerFrame,
  readClientMessage,
  syncFrame,
  unavailableFrame,
  type ClientMessage,
} from './envelope.ts'
import { answer, newFollow, push, type Follow } from './follow.ts'
import { CLOSE_CODE_BY_REASON, type Reason } from './reasons.ts'
import { readSyncMessage } from './sync-message.ts'
import type { Turns, Worker } from './turns.ts'
import { liveLimits } from './limits.ts'

/** Structurally `Timers` of the mesh. */
export type LiveTimers = {
  /** Milliseconds. */
  now(): number
  /** Calls once, after `ms`; answers the function that cancels. */
  after(ms: number, call: () => void): () => void
}

export type ClientHost = {
  /** The door's name among automerge-repo peers. */
  readonly senderId: string
  readonly timers: LiveTimers
  readonly turns: Turns
  find(key: DocumentKey): LiveDocument | null
  joined(): void
  followed(client: LiveClient, key: DocumentKey): void
  /** The client sent changes of its own; they went nowhere. */
  dropped(changes: number): void
  /** The socket is closed or about to be. @param cause an error, where there is one. */
  ended(client: LiveClient, reason: Reason | 'left', cause: unknown): void
}

export type LiveClient = {
  readonly follows: ReadonlyMap<DocumentKey, unknown>
  changed(key: DocumentKey): void
  close(reason: Reason): void
  /** Without a word; for one that does not answer. */
  terminate(): void
}

type Followed = Follow & { readonly documentId: string }

export const serveClient = (socket: WebSocket, host: ClientHost): LiveClient => {
  const { timers, turns } = host
  const inbox: Uint8Array[] = []
  const follows = new Map<DocumentKey, Followed>()
  const dirty = new Set<DocumentKey>()
  let clientId: string | null = null
  let ended = false
  let framesThisInterval = 0
  let heardMs = timers.now()
  /** Since when it has had more unsent than it may, in ms. */
  let fullSinceMs: number | null = null

  // ── coming and going ──────────────────────────────────────────────────────────────────────────────────────────────

  const end = (reason: Reason | 'left', cause: unknown): boolean => {
    if (ended) return false
    ended = true
    cancelJoin()
    cancelBeat()
    turns.forget(worker)
    inbox.length = 0
    dirty.clear()
    host.ended(client, reason, cause)
    return true
  }
  const close = (reason: Reason, cause: unknown = null): void => {
    if (!end(reason, cause)) return
    // A paused socket would never see the other side's answer.
    socket.resume()
    socket.close(CLOSE_CODE_BY_REASON[reason], reason)
    const cancel = timers.after(limits.http_close_ms_max, () => socket.terminate())
    socket.once('close', cancel)
  }
  const beat = (): void => {
    const nowMs = timers.now()
    if (fullSinceMs !== null && nowMs - fullSinceMs >= liveLimits.live_stall_ms_max) return drop('slow_reader')
    if (fullSinceMs === null && nowMs - heardMs >= limits.silence_ms_max) return drop('silent')
    framesThisInterval = 0
    socket.ping()
    cancelBeat = timers.after(limits.ping_every_ms, beat)
  }
  /** For one that takes nothing: a close frame would wait behind all that it did not read. */
  const drop = (reason: Reason): void => {
    if (end(reason, null)) socket.terminate()
  }

  // ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────────

  const ends = () => ({ senderId: host.senderId, targetId: clientId ?? '' })
  const send = (frame: Uint8Array): void => {
    socket.send(frame, () => {
      // Called with an error too; then the socket's own events tell the rest.
      if (ended || fullSinceMs === null || socket.bufferedAmount > liveLimits.live_buffered_bytes_max) return
      fullSinceMs = null
      turns.wake(worker)
    })
    if (fullSinceMs === null && socket.bufferedAmount > liveLimits.live_buffered_bytes_max) fullSinceMs = timers.now()
  }

  // ── a turn ────────────────────────────────────────────────────────────────────────────────────────────────────────

  const worker: Worker = {
    step: () => {
      if (ended || fullSinceMs !== null) return false
      const frame = inbox.shift()
      if (frame !== undefined) {
        if (inbox.length === 0) socket.resume()
        take(frame)
      } else {
        const [key] = dirty
        if (key !== undefined) {
          dirty.delete(key)
          pushTo(key)
        }
      }
      return inbox.length > 0 || dirty.size > 0
    },
    failed: (error) => close('internal', error),
  }

  const take = (frame: Uint8Array): void => {
    const message = readClientMessage(frame)
    if (message === null) return close('bad_frame')
    if (message.type === 'join') return join(message)
    if (clientId === null) return close('not_joined')
    if (message.type !== 'other') hear(message)
  }

  const join = ({ senderId, versions }: Extract<ClientMessage, { type: 'join' }>): void => {
    if (clientId !== null) return close('joined_twice')
    clientId = senderId
    cancelJoin()
    if (!versions.includes(PROTOCOL_VERSION)) {
      send(errorFrame(ends(), 'unsupported protocol version'))
      return close('unsupported_protocol_version')
    }
    host.joined()
    send(peerFrame(ends()))
  }

  const hear = ({ documentId, data }: Extract<ClientMessage, { type: 'request' | 'sync' }>): void => {
    const key = parseDocumentId(documentId)
    if (key === null) return close('bad_frame')
    const said = readSyncMessage(data)
    if ('refused' in said) return close(said.refused)
    if (said.changes > 0) host.dropped(said.changes)
    const followed = follows.get(key) ?? follow(key, documentId)
    if (followed === null) return close('too_many_documents')

    const document = host.find(key)
    const reply = answer(followed, document, said)
    // What is not here is followed all the same: it is sent when it comes.
    if (document === null) send(unavailableFrame(ends(), documentId))
    else if (reply !== null) send(syncFrame(ends(), documentId, reply))
  }

  const follow = (key: DocumentKey, documentId: string): Followed | null => {
    if (follows.size >= liveLimits.live_documents_per_client_max) return null
    const followed = { ...newFollow(), documentId }
    follows.set(key, followed)
    host.followed(client, key)
    return followed
  }

  const pushTo = (key: DocumentKey): void => {
    const followed = follows.get(key)
    const document = host.find(key)
    if (followed === undefined || document === null) return
    const message = push(followed, document)
    if (message !== null) send(syncFrame(ends(), followed.documentId, message))
  }

  /** Frames of any kind take work to read. */
  const isOneTooMany = (): boolean => {
    if (++framesThisInterval <= liveLimits.live_frames_per_interval_max) return false
    close('too_many_frames')
    return true
  }

  // ── the socket's events ───────────────────────────────────────────────────────────────────────────────────────────

  const client: LiveClient = {
    follows,
    changed: (key) => {
      if (ended) return
      dirty.add(key)
      turns.wake(worker)
    },
    close,
    terminate: () => socket.terminate(),
  }
  const cancelJoin = timers.after(limits.handshake_ms_max, () => close('not_joined'))
  let cancelBeat = timers.after(limits.ping_every_ms, beat)

  socket.on('message', (data, isBinary) => {
    if (ended) return
    heardMs = timers.now()
    if (!isBinary || !(data instanceof Uint8Array)) return close('not_binary')
    if (isOneTooMany()) return
    inbox.push(data)
    if (inbox.length >= liveLimits.live_inbox_frames_max) socket.pause()
    turns.wake(worker)
  })
  socket.on('ping', (data) => {
    heardMs = timers.now()
    // Above the bound it is not answered, as nothing else is.
    if (!ended && !isOneTooMany() && socket.bufferedAmount <= liveLimits.live_buffered_bytes_max) socket.pong(data)
  })
  socket.on('pong', () => {
    heardMs = timers.now()
    if (!ended) isOneTooMany()
  })
  socket.on('error', (error: Error & { readonly code?: string }) => {
    // The library has sent its close frame already.
    end(error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'frame_too_large' : 'socket_error', error)
  })
  socket.on('close', () => end('left', null))
  return client
}
