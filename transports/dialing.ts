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
  /** The connection to the target has ended. */
  ended(target: Target, reason: string): void
  succeeded(target: Target): void
  targets(): readonly Target[]
  stop(): void
}

export const createDialing = (options: DialingOptions): Dialing => {
  const { dialer, timers, random, count } = options
  const targetByUrl = new Map<string, Target>()
  const cancels = new Set<() => void>()

  const add = (url: string, audience: PeerId | null): void => {
    if (targetByUrl.has(url) || targetByUrl.size >= limits.dial_targets_max) return
    targetByUrl.set(url, { url, audience, peer: audience, state: 'idle', failures: 0, dueAtMs: 0, lastError: null })
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
      const urls = new Map(targets.map((target) => [target.url, target.peer]))
      for (const target of targetByUrl.values()) if (target.audience !== null && target.state === 'idle' && urls.get(target.url) !== target.audience) targetByUrl.delete(target.url)
      for (const { url, peer } of targets) add(url, peer)
    },
    tick: () => {
      for (const target of targetByUrl.values()) if (target.state === 'idle' && target.dueAtMs <= timers.now() && options.wanted(target)) dial(target)
    },
    ended: rest,
    succeeded: (target) => {
      target.failures = 0
      target.lastError = null
    },
    targets: () => [...targetByUrl.values()],
    stop: () => {
      for (const cancel of cancels) cancel()
      cancels.clear()
    },
  }
}
