/**
 * A link as the mesh sees it: what it is made of, what it tells, what may be asked of it. `link.ts` is the one that is real.
 */
import type { SignedAck } from '../crdt/ack.ts'
import type { CommitHash, PeerId } from '../crdt/ids.ts'
import type { AddressBook } from './addresses.ts'
import type { Fetches, LinkNumber } from './fetches.ts'
import type { Authenticated } from './handshake.ts'
import type { MeshHost, RefusedCommit, Run } from './host.ts'
import type { Message } from './messages.ts'
import type { ParcelFrame } from './parcels.ts'
import type { Compression, Timers } from './ports.ts'
import type { CloseReason } from './reasons.ts'

export type LinkEvents = {
  opened(): void
  /** Something came in or fell free: other links may have something to ask for now. */
  othersMayPlan(): void
  addresses(records: readonly Uint8Array[]): void
  /** Bodies or a run that were asked for to mend something: here, or not to be had from this link. */
  bodiesCame(message: Extract<Message, { readonly type: 'bodies' | 'absent_bodies' | 'dropped_bodies' }>): void
  runAbsent(run: Run): void
  /** What it has of the headers that were asked for is with the host. */
  headersCame(): void
}

export type LinkOptions = {
  readonly host: MeshHost
  readonly number: LinkNumber
  readonly session: Authenticated
  readonly roundTripMs: number
  readonly wire: { send(content: Uint8Array): void; bufferedBytes(): number; close(reason: CloseReason): void }
  readonly timers: Timers
  /** The call, as somebody else may make it: what it throws ends this link. */
  readonly guarded: (call: () => void) => () => void
  readonly fetches: Fetches
  readonly book: AddressBook
  readonly compression: Compression | null
  readonly count: (name: string, by: number) => void
  /** What a frame takes is charged before it is handled. */
  readonly charge: (units: number) => void
  readonly events: LinkEvents
}

export type Link = {
  readonly peer: PeerId
  readonly number: LinkNumber
  isOpen(): boolean
  start(): void
  receive(content: Uint8Array): void
  drained(): void
  tick(): void
  /** The control log has grown. */
  membershipChanged(): void
  plan(): void
  /** Fresh commits: sent to a reader that is directly before them and can take them, else left to be pulled. False when none was sent. */
  push(frames: readonly ParcelFrame[]): boolean
  send(message: Message): void
  wantHeaders(hashes: readonly CommitHash[]): void
  /** What we refuse of the other side's commits; beyond the bound of a link nothing is told. */
  refuse(refused: readonly RefusedCommit[]): void
  /** Our ack, already encoded; of what is said before the link is open another is asked of the host then. */
  acknowledge(content: Uint8Array, ack: SignedAck): void
  /** Content that is already encoded, for all links alike. */
  sendEncoded(content: Uint8Array): void
  /** The other side lacks so many of the commits we hold, as far as it has said. */
  behind(): number
  /** Whether there was a moment at which we held all that the other side had. */
  heldAll(): boolean
  roundTripMs(): number
  /** Nothing heard for `quiet_ms` (HB4). */
  isQuiet(): boolean
  bufferedBytes(): number
  /** Its own intake is under way: not to be blamed for slow answers. */
  busy(): boolean
  /** The session has ended. */
  ended(): void
}
