/**
 * Between sockets and sessions (PROTOCOL WK): each frame waits for its turn at the expense of whoever it comes from.
 *
 *   accepted ── hello ──▶ whom it names, when that is a member and its purse has something; else a stranger of its address
 *            ── authenticated ──▶ the member, or still a stranger      dialed by us ──▶ a purse of its own until then
 */
import { bytesToHex, type PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { guard, type Caught } from './guard.ts'
import { claimedIn } from './handshake.ts'
import type { MemberState } from './host.ts'
import type { Socket, Timers } from './ports.ts'
import { priceOfGreeting } from './prices.ts'
import { createPurse, createPurses, type Purse } from './purses.ts'
import { createWork, type Lane, type LaneBounds } from './work.ts'

export type GateOptions = {
  readonly member: (peer: PeerId) => MemberState
  readonly timers: Timers
  readonly count: (name: string, by: number) => void
}

export type MeteredOptions = {
  readonly dialed: boolean
  readonly caught: Caught
  /** More frames wait than may. */
  readonly overrun: () => void
}

export type Metered = {
  /** For the session: its frames come when it is their turn. */
  readonly socket: Socket
  authenticated(peer: PeerId): void
  opened(peer: PeerId): void
  /** The link's frame took so much, beyond its bytes. */
  charge(units: number): void
  /** It names a member in its hello. */
  claims(): boolean
  /** The session has ended: what waits is dropped. */
  drop(): void
}

export type Gate = {
  meter(socket: Socket, options: MeteredOptions): Metered
  /** Whether another socket from there may be made now. @param claimed whom its dialer says that it is. */
  admits(address: string, claimed: PeerId | null): boolean
  waiting(): number
}

const EARLY: LaneBounds = { frames: limits.inbox_early_frames_max, bytes: limits.inbox_early_bytes_max }
const OPEN: LaneBounds = { frames: limits.inbox_frames_max, bytes: limits.inbox_bytes_max }

export const createGate = ({ member, timers, count }: GateOptions): Gate => {
  const purses = createPurses(timers.now())
  const work = createWork(timers, count)
  const isMember = (peer: PeerId): boolean => member(peer) === 'voter' || member(peer) === 'observer'

  const meter = (inner: Socket, { dialed, caught, overrun }: MeteredOptions): Metered => {
    const now = timers.now()
    const address = inner.remoteAddress
    let purse: Purse = dialed
      ? createPurse(limits.work_claim_per_ms, limits.work_claim_burst, now)
      : purses.stranger(address, now)
    let lane: Lane | null = null
    let greeted = dialed
    let claims = false
    let authenticated = false

    if (!dialed) purse.draw(limits.work_socket_units, now)
    /** The first frame decides who pays for the handshake. */
    const greet = (frame: Uint8Array): void => {
      greeted = true
      const peer = bytesToHex(claimedIn(frame)) as PeerId
      if (!isMember(peer)) return
      claims = true
      const own = purses.claimant(peer, address, timers.now())
      if (own.waitMs(timers.now()) > 0) return
      purse = own
      lane?.pays(purse, EARLY)
    }
    return {
      socket: {
        ...inner,
        listen: (events) => {
          const handle = (frame: Uint8Array): void => {
            if (!authenticated) lane?.charge(priceOfGreeting(frame))
            events.message(frame)
          }
          lane = work.lane({ purse, bounds: EARLY, handle: (frame) => guard(() => handle(frame), caught)(), overrun })
          const mine = lane
          inner.listen({
            message: (frame) => {
              if (!greeted) greet(frame)
              mine.push(frame)
            },
            drained: () => events.drained(),
            closed: (reason) => {
              // A member's last frames say why it goes; who has not shown who he is has nothing to say.
              if (!authenticated) mine.clear()
              mine.end(guard(() => events.closed(reason), caught))
            },
          })
        },
      },
      authenticated: (peer) => {
        authenticated = true
        lane?.pays(isMember(peer) ? purses.member(peer, timers.now()) : purses.stranger(address, timers.now()), EARLY)
      },
      opened: (peer) => lane?.pays(purses.member(peer, timers.now()), OPEN),
      charge: (units) => lane?.charge(units),
      claims: () => claims,
      drop: () => lane?.clear(),
    }
  }

  /** Who says that it is a member pays from that claim's purse once its address has nothing left: others there may be at fault. */
  const admits = (address: string, claimed: PeerId | null): boolean => {
    const now = timers.now()
    if (purses.stranger(address, now).waitMs(now) < limits.work_refuse_ms) return true
    if (claimed === null || !isMember(claimed)) return false
    const own = purses.claimant(claimed, address, now)
    if (own.waitMs(now) > 0) return false
    own.draw(limits.work_socket_units, now)
    return true
  }

  return { meter, admits, waiting: work.waiting }
}
