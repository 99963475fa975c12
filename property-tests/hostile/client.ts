/**
 * A peer that keeps to the handshake and to nothing else: dials a real peer over a real WebSocket, and sends what it is told to.
 */
import { randomBytes } from 'node:crypto'
import type { MeshId, PeerId } from '../../crdt/ids.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import { encode, type Message } from '../../transports/messages.ts'
import { createNonces } from '../../transports/nonces.ts'
import { openSession, type Session } from '../../transports/session.ts'
import { createWebSocketDialer, systemTimers } from '../../transports/websocket.ts'

export type HostileOptions = {
  /** `ws://host:port/mesh`. */
  readonly url: string
  readonly mesh: MeshId
  readonly keys: KeyPair
  /** The peer that is expected there, or null for whoever answers. */
  readonly audience?: PeerId | null
}

export type HostilePeer = {
  /** Seals and sends. */
  say(message: Message): void
  sayBytes(content: Uint8Array): void
  /** Contents of all frames that came. */
  readonly frames: readonly Uint8Array[]
  /** Why the link ended, as the other side gave it, or null while it is open. */
  closed(): string | null
  /** Resolves with that reason. */
  readonly ended: Promise<string>
  bufferedBytes(): number
  close(): void
}

/** Resolves once both sides are authenticated. @throws Error with the reason when that fails. */
export const dialHostile = (options: HostileOptions): Promise<HostilePeer> =>
  new Promise((resolve, reject) => {
    createWebSocketDialer(systemTimers).dial(options.url, (socket) => {
      const frames: Uint8Array[] = []
      let closed: string | null = null
      let tell: (reason: string) => void = () => {}
      const ended = new Promise<string>((heard) => {
        tell = heard
      })
      const session: Session = openSession({
        socket, role: { kind: 'dialer', audience: options.audience ?? null }, mesh: options.mesh, self: options.keys, nonces: createNonces(16, 1_000),
        random: { bytes: (count) => new Uint8Array(randomBytes(count)) }, timers: systemTimers, count: () => {},
        events: {
          authenticated: () => resolve({
            say: (message) => session.send(encode(message)), sayBytes: (content) => session.send(content), frames, closed: () => closed, ended,
            bufferedBytes: () => session.bufferedBytes(), close: () => session.close('stopping'),
          }),
          frame: (content) => frames.push(content),
          drained: () => {},
          closed: (reason, _by, detail) => {
            closed = reason === 'lost' ? `lost: ${detail}` : reason
            tell(closed)
            reject(new Error(closed))
          },
        },
      })
    }, (reason) => reject(new Error(reason)))
  })
