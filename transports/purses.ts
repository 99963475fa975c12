/**
 * Budgets of work (PROTOCOL WK): who pays for what, in the units of `prices.ts`, refilled as time passes.
 *
 *   a member        its own purse, kept across its links, so that dialing again fills nothing
 *   who is none     the purse of its address, and one for all strangers together
 *   who says it is  a purse for that id from that address, and one for all such claims: junk from elsewhere does not use it up
 *
 * A purse may be overdrawn by one frame; nothing more of its owner is handled until it is paid back. Invariant: each table of
 * purses is bounded; the one used longest ago goes first, and was mostly full by then.
 */
import type { PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'

export type Purse = {
  /** Ms until it may be drawn on; 0 at once. */
  waitMs(nowMs: number): number
  draw(units: number, nowMs: number): void
}

/** @param perMs units a ms. @param most units it holds, and begins with. */
export const createPurse = (perMs: number, most: number, nowMs: number): Purse => {
  let units = most
  let atMs = nowMs
  const refill = (now: number): void => {
    units = Math.min(most, units + Math.max(0, now - atMs) * perMs)
    atMs = now
  }
  return {
    waitMs: (now) => {
      refill(now)
      return units > 0 ? 0 : Math.ceil(-units / perMs) + 1
    },
    draw: (spent, now) => {
      refill(now)
      units -= spent
    },
  }
}

/** Drawn on together: waits for the one that needs longest. */
const both = (a: Purse, b: Purse): Purse => ({
  waitMs: (now) => Math.max(a.waitMs(now), b.waitMs(now)),
  draw: (units, now) => {
    a.draw(units, now)
    b.draw(units, now)
  },
})

export type Purses = {
  member(peer: PeerId, nowMs: number): Purse
  stranger(address: string, nowMs: number): Purse
  claimant(peer: PeerId, address: string, nowMs: number): Purse
}

export const createPurses = (nowMs: number): Purses => {
  const strangers = createPurse(limits.work_strangers_per_ms, limits.work_strangers_burst, nowMs)
  const claimants = createPurse(limits.work_strangers_per_ms, limits.work_strangers_burst, nowMs)
  const byMember = createTable(limits.work_member_per_ms, limits.work_member_burst)
  const byAddress = createTable(limits.work_address_per_ms, limits.work_address_burst)
  const byClaim = createTable(limits.work_claim_per_ms, limits.work_claim_burst)
  return {
    member: byMember,
    stranger: (address, now) => both(byAddress(networkOf(address), now), strangers),
    claimant: (peer, address, now) => both(byClaim(`${peer} ${networkOf(address)}`, now), claimants),
  }
}

const createTable = (perMs: number, most: number): ((key: string, nowMs: number) => Purse) => {
  const purseByKey = new Map<string, Purse>()
  return (key, nowMs) => {
    const purse = purseByKey.get(key) ?? createPurse(perMs, most, nowMs)
    // A Map iterates in insertion order: the first is the one used longest ago.
    purseByKey.delete(key)
    purseByKey.set(key, purse)
    if (purseByKey.size > limits.work_purses_max)
      for (const oldest of purseByKey.keys()) {
        purseByKey.delete(oldest)
        break
      }
    return purse
  }
}

/** Whoever has one IPv6 address has 2^64 of them: its network counts. */
export const networkOf = (address: string): string => {
  const groups = address.split(':')
  return groups.length > 2 && !address.startsWith('::ffff:') ? groups.slice(0, 4).join(':') : address
}
