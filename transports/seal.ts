/**
 * Sealed frames (PROTOCOL SE1–SE3): what travels after the handshake.
 *
 * One frame on the wire is one `secretstream` message, 17 bytes longer than its content. A frame that was replayed, dropped,
 * reordered, changed, or sealed for another session does not open: the link closes as 'seal_broken', for the stream cannot go on.
 */
import { createOpener, createSealer, type Opener, type Sealer } from '../crdt/secret-stream.ts'

type StreamKey = { readonly key: Uint8Array; readonly header: Uint8Array }
export type SealKeys = { readonly send: StreamKey; readonly receive: StreamKey }
export type Seal = { readonly seal: Sealer; readonly open: Opener }

export const createSeal = (keys: SealKeys): Seal => ({
  seal: createSealer(keys.send.key, keys.send.header),
  open: createOpener(keys.receive.key, keys.receive.header),
})
