/**
 * What the mesh needs of the world: sockets, somebody who dials, time, randomness, compression.
 *
 * All calls are callbacks, not promises: a driver decides when they happen, so that a simulated world can order them.
 * Units: bytes, milliseconds.
 */

/** Told by a socket. `closed` comes exactly once, whoever closed, and nothing comes after it. */
export type SocketEvents = {
  message(frame: Uint8Array): void
  /** The socket has sent everything it was given. */
  drained(): void
  closed(reason: string): void
}

/** An open, ordered, reliable channel of whole binary frames. */
export type Socket = {
  /** Whose it is as far as the network tells: an address without a port, for shares of work. Anybody behind it may be meant. */
  readonly remoteAddress: string
  /** Takes over the events; called once, before anything arrives. */
  listen(events: SocketEvents): void
  /** Never throws; on a closed socket nothing happens. The bytes are the socket's from then on. */
  send(frame: Uint8Array): void
  /** Given and not yet handed to the network. */
  bufferedBytes(): number
  /** Sends what is buffered if it can, then closes; the other side's `closed` hears the reason. Idempotent. */
  close(reason: string): void
}

/** Opens a socket to `url`, or says in one line why not. Exactly one of the callbacks is called, later, unless cancelled. */
export type Dialer = {
  dial(url: string, opened: (socket: Socket) => void, failed: (reason: string) => void): () => void
}

export type Timers = {
  /** Wall clock, ms since 1970. */
  now(): number
  /** Calls once, after `ms`; answers the function that cancels. */
  after(ms: number, call: () => void): () => void
}

/** Structurally `Random` of `src/ports.ts`. */
export type RandomBytes = { bytes(count: number): Uint8Array }

/** Raw deflate, synchronous. `inflate` answers null for damaged input or more than `maxBytes`. */
export type Compression = {
  deflate(bytes: Uint8Array): Uint8Array
  inflate(bytes: Uint8Array, maxBytes: number): Uint8Array | null
}
