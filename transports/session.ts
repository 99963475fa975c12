/**
 * One socket from its opening to its end: handshake, then sealed frames (PROTOCOL HS, SE1–SE3).
 *
 *   greeting ── authenticated ──▶ sealed ──▶ closed        any violation ──▶ closed(reason)
 *
 * Invariants: (1) before authentication only handshake frames are looked at; (2) `closed` is told exactly once and nothing
 * after it; (3) a link that has more unsent than `buffered_bytes_hard_max` is closed rather than fed.
 */
import type { MeshId, PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import type { KeyPair } from '../crdt/signature.ts'
import { acceptHandshake, dialHandshake, type Authenticated, type Handshake } from './handshake.ts'
import type { Nonces } from './nonces.ts'
import type { RandomBytes, Socket, Timers } from './ports.ts'
import { parseCloseReason, rangeIn, type CloseReason } from './reasons.ts'
import { createSeal, type Seal } from './seal.ts'
import { OWN_OFFER, rangeText, unsupportedText, type Offer } from './versions.ts'

export type SessionEvents = {
  /** @param roundTripMs from our last handshake frame to its answer. */
  authenticated(session: Authenticated, roundTripMs: number): void
  /** The content of the next sealed frame. */
  frame(content: Uint8Array): void
  drained(): void
  /** @param by who ended it. @param detail what the driver said, when nobody named one of our reasons; both ranges of versions, when they do not meet. */
  closed(reason: CloseReason, by: 'us' | 'them', detail: string): void
}

export type SessionOptions = {
  readonly socket: Socket
  /** The dialer may expect a certain peer; the acceptor never does. */
  readonly role: { readonly kind: 'dialer'; readonly audience: PeerId | null } | { readonly kind: 'acceptor' }
  readonly mesh: MeshId
  readonly self: KeyPair
  /** Default: this build's. */
  readonly offer?: Offer
  readonly nonces: Nonces
  readonly random: RandomBytes
  readonly timers: Timers
  readonly count: (name: string, by: number) => void
  readonly events: SessionEvents
}

export type Session = {
  /** Seals and sends; before authentication and after the end nothing happens. */
  send(content: Uint8Array): void
  bufferedBytes(): number
  close(reason: CloseReason): void
}

export const openSession = (options: SessionOptions): Session => {
  const { socket, timers, events, count, offer = OWN_OFFER } = options
  let handshake: Handshake | null = startHandshake(options)
  let seal: Seal | null = null
  let ended = false
  let sentAtMs = timers.now()

  const end = (reason: CloseReason, by: 'us' | 'them', detail: string): void => {
    if (ended) return
    ended = true
    cancelDeadline()
    handshake = null
    seal = null
    events.closed(reason, by, detail)
  }
  const close = (reason: CloseReason): void => {
    if (ended) return
    socket.close(reason)
    end(reason, 'us', '')
  }
  const closeUnsupported = (theirs: string): void => {
    const ours = rangeText(offer)
    socket.close(`version_unsupported ${ours}`)
    end('version_unsupported', 'us', unsupportedText(ours, theirs))
  }
  const transmit = (frame: Uint8Array): void => {
    count('bytes_out', frame.length)
    count('frames_out', 1)
    socket.send(frame)
  }
  const greet = (machine: Handshake, frame: Uint8Array): void => {
    if (frame.length > limits.handshake_frame_bytes_max) return close('malformed_handshake')
    const roundTripMs = timers.now() - sentAtMs
    const step = machine.receive(frame, timers.now())
    if (step.kind === 'refused' && step.theirs !== undefined) return closeUnsupported(step.theirs)
    if (step.kind === 'refused') return close(step.reason)
    if (step.send !== null) transmit(step.send)
    sentAtMs = timers.now()
    if (step.kind === 'wait') return
    cancelDeadline()
    handshake = null
    seal = createSeal(step.session.seal)
    events.authenticated(step.session, roundTripMs)
  }
  const unseal = (opened: Seal, frame: Uint8Array): void => {
    if (frame.length > limits.frame_bytes_max) return close('malformed_frame')
    const content = opened.open(frame)
    if (content === null) return close('seal_broken')
    events.frame(content)
  }

  const cancelDeadline = timers.after(limits.handshake_ms_max, () => close('handshake_timeout'))
  socket.listen({
    message: (frame) => {
      if (ended) return
      count('bytes_in', frame.length)
      count('frames_in', 1)
      if (seal !== null) unseal(seal, frame)
      else if (handshake !== null) greet(handshake, frame)
    },
    drained: () => {
      if (seal !== null) events.drained()
    },
    closed: (text) => {
      const theirs = rangeIn(text)
      end(parseCloseReason(text) ?? 'lost', 'them', theirs === null ? text : unsupportedText(rangeText(offer), theirs))
    },
  })
  if (handshake.first !== null) transmit(handshake.first)

  return {
    send: (content) => {
      if (seal === null) return
      if (socket.bufferedBytes() > limits.buffered_bytes_hard_max) return close('slow_reader')
      transmit(seal.seal(content))
    },
    bufferedBytes: () => (ended ? 0 : socket.bufferedBytes()),
    close,
  }
}

const startHandshake = (options: SessionOptions): Handshake => {
  const { mesh, self, nonces, offer = OWN_OFFER } = options
  const common = { mesh, self, nonces, offer, random: options.random.bytes(64), nowMs: options.timers.now() }
  return options.role.kind === 'dialer'
    ? dialHandshake({ ...common, audience: options.role.audience })
    : acceptHandshake(common)
}
