/**
 * Whether the other side still lives (PROTOCOL HB1–HB5): a ping every `ping_every_ms`, and a probe after a second of
 * silence, answered at once. State alone; the link sends what `tick` asks for.
 */
import { limits } from '../crdt/limits.ts'
import type { CloseReason } from './reasons.ts'

export type Beat =
  | { readonly kind: 'rest' }
  | { readonly kind: 'ping' | 'probe'; readonly id: number }
  | { readonly kind: 'close'; readonly reason: CloseReason }

export type Heartbeat = {
  heard(nowMs: number): void
  /** A ping came; false when they come in a flood. */
  pinged(nowMs: number): boolean
  /** Whether it is the answer that is due: `roundTripMs` is its. */
  ponged(id: number, nowMs: number): boolean
  /** @param isDoubted a clock is to be read: a probe each second, also while others are heard. */
  tick(nowMs: number, isDoubted: boolean): Beat
  roundTripMs(): number
  /** Nothing heard for `quiet_ms`. */
  isQuiet(nowMs: number): boolean
}

/** @param roundTripMs as the handshake measured it. */
export const createHeartbeat = (nowMs: number, roundTripMs: number): Heartbeat => {
  let heardAtMs = nowMs
  let pingedAtMs = nowMs
  let askedAtMs = nowMs
  let waiting: { readonly id: number; readonly sentAtMs: number } | null = null
  let id = 0
  let flood = { sinceMs: nowMs, pings: 0 }
  return {
    heard: (now) => {
      heardAtMs = now
    },
    pinged: (now) => {
      if (now - flood.sinceMs > limits.ping_every_ms) flood = { sinceMs: now, pings: 0 }
      flood.pings++
      return flood.pings <= limits.pings_per_interval_max
    },
    ponged: (ponged, now) => {
      if (waiting?.id !== ponged) return false
      roundTripMs = now - waiting.sentAtMs
      waiting = null
      return true
    },
    tick: (now, isDoubted) => {
      if (now - heardAtMs > limits.silence_ms_max) return { kind: 'close', reason: 'silence' }
      if (waiting !== null)
        return now - waiting.sentAtMs > limits.silence_ms_max ? { kind: 'close', reason: 'ping_timeout' } : REST
      const isDue = now - pingedAtMs >= limits.ping_every_ms
      if (!isDue && now - (isDoubted ? askedAtMs : heardAtMs) < limits.probe_after_ms) return REST
      if (isDue) pingedAtMs = now
      askedAtMs = now
      id++
      waiting = { id, sentAtMs: now }
      return { kind: isDue ? 'ping' : 'probe', id }
    },
    roundTripMs: () => roundTripMs,
    isQuiet: (now) => now - heardAtMs >= limits.quiet_ms,
  }
}

const REST: Beat = { kind: 'rest' }
