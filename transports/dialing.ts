/**
 * Whom to dial, and when (PROTOCOL DL1–DL4): configured and learned addresses in turn, with jittered exponential backoff
 * that ends only when a link has become open; what is merely reached and refuses us is no success.
 */
import type { PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import type { Dialer, RandomBytes, Socket, Timers } from './ports.ts'

export type Target = {
  readonly url: string
  /** Whom its signed record promises there; null for an address that somebody configured. */
  readonly audience: PeerId | null
  /** Who was there last. */
  peer: PeerId | null
  state: 'idle' | 'dialing' | 'connected'
  failures: number
  dueAtMs: number
  lastError: string | null
}

export type DialingOptions = {
  readonly dialer: Dialer
  readonly timers: Timers
  readonly random: RandomBytes
  /** False while there is a link to that peer, or it is not to be dialed at all. */
  readonly wanted: (target: Target) => boolean
  readonly connected: (socket: Socket, target: Target) => void
  readonly count: (name: string, by: number) => void
}

export type Dialing = {
  configure(url: string): void
  /** The learned addresses as they are now; the ones no longer named are dropped. */
  learned(targets: readonly { readonly peer: PeerId; readonly url: string }[]): void
  tick(): void
  /** The connection to the target has ended. @param refuted another peer than the one that signed the address answers there. */
  ended(target: Target, reason: string, refuted: boolean): void
  succeeded(target: Target): void
  targets(): readonly Target[]
  stop(): void
}

export const createDialing = (options: DialingOptions): Dialing => {
  const { dialer, timers, random, count } = options
  /** By address and by whom we expect there: whoever signs somebody else's address cannot stand in the way of its own record. */
  const targetByKey = new Map<string, Target>()
  const keyOf = (url: string, audience: PeerId | null): string => `${url} ${audience ?? ''}`
  const cancels = new Set<() => void>()

  const add = (url: string, audience: PeerId | null): void => {
    const key = keyOf(url, audience)
    if (targetByKey.has(key) || targetByKey.size >= limits.dial_targets_max) return
    targetByKey.set(key, { url, audience, peer: audience, state: 'idle', failures: 0, dueAtMs: 0, lastError: null })
  }
  /** Half the wait is fixed, half random: peers that lost one another together do not come back together. */
  const backoffMs = (failures: number): number => {
    const waitMs = Math.min(limits.reconnect_ms_max, limits.reconnect_ms_min * 2 ** Math.min(failures, 20))
    const [high = 0, low = 0] = random.bytes(2)
    return waitMs / 2 + (waitMs / 2) * ((high * 256 + low) / 65_536)
  }
  const rest = (target: Target, reason: string): void => {
    target.state = 'idle'
    target.lastError = reason
    target.dueAtMs = timers.now() + backoffMs(target.failures)
    target.failures++
  }
  const dial = (target: Target): void => {
    target.state = 'dialing'
    count('dials', 1)
    const cancel = dialer.dial(
      target.url,
      (socket) => {
        cancels.delete(cancel)
        target.state = 'connected'
        options.connected(socket, target)
      },
      (reason) => {
        cancels.delete(cancel)
        count('dial_failures', 1)
        rest(target, reason)
      },
    )
    cancels.add(cancel)
  }

  return {
    configure: (url) => add(url, null),
    learned: (targets) => {
      const named = new Set(targets.map(({ url, peer }) => keyOf(url, peer)))
      for (const [key, target] of targetByKey)
        if (target.audience !== null && target.state === 'idle' && !named.has(key)) targetByKey.delete(key)
      for (const { url, peer } of targets) add(url, peer)
    },
    tick: () => {
      const busyUrls = new Set([...targetByKey.values()].flatMap(({ state, url }) => (state === 'idle' ? [] : [url])))
      for (const target of targetByKey.values()) {
        // An address that two names share is dialed for one of them at a time: they may be one peer.
        if (
          target.state !== 'idle' ||
          target.dueAtMs > timers.now() ||
          busyUrls.has(target.url) ||
          !options.wanted(target)
        )
          continue
        busyUrls.add(target.url)
        dial(target)
      }
    },
    ended: (target, reason, refuted) => {
      rest(target, reason)
      if (refuted && target.audience !== null) target.dueAtMs = timers.now() + limits.dial_refuted_ms
    },
    succeeded: (target) => {
      target.failures = 0
      target.lastError = null
    },
    targets: () => [...targetByKey.values()],
    stop: () => {
      for (const cancel of cancels) cancel()
      cancels.clear()
    },
  }
}
