/**
 * How often keys may be guessed, by address.
 *
 * A right key always passes at once: nobody locks out who holds one. Wrong ones are told so freely a few times; each further one is 429 with
 * a doubling `Retry-After`, and its answer is held back. An address from which no right key has come is not even compared until
 * that time is over. Loopback always is: it is one address for everybody on the machine and behind its proxy, and refusing it
 * unseen would refuse them all, so there the delay alone slows guessing, and what stops it is a key that can't be guessed.
 */
import { isLoopback } from './loopback.ts'
import { httpLimits } from './limits.ts'

export type Delay = { readonly retry_after_ms: number; /** Before the refusal is answered. */ readonly hold_ms: number }

export type Guesses = {
  /** Null when the key is to be compared, else how long the address has to wait. */
  refused(address: string): Delay | null
  right(address: string): void
  /** Null when the refusal goes out at once. */
  wrong(address: string): Delay | null
}

type Seen = { wrong: number; lastMs: number; held: number; proven: boolean }

/** @param now in ms, never going back. */
export const createGuesses = (now: () => number): Guesses => {
  /** In the order of their last word, so that the first is forgotten first. */
  const seenByAddress = new Map<string, Seen>()

  const seen = (address: string): Seen => {
    let entry = seenByAddress.get(address)
    if (entry === undefined || now() - entry.lastMs > httpLimits.key_guesses_forgotten_ms)
      entry = { wrong: 0, lastMs: now(), held: 0, proven: false }
    seenByAddress.delete(address)
    seenByAddress.set(address, entry)
    if (seenByAddress.size > httpLimits.key_guess_addresses_max)
      for (const first of seenByAddress.keys()) {
        seenByAddress.delete(first)
        break
      }
    return entry
  }
  const delayMs = ({ wrong }: Seen): number =>
    wrong <= httpLimits.key_guesses_free
      ? 0
      : Math.min(
          httpLimits.key_guess_delay_ms_max,
          httpLimits.key_guess_delay_ms_min * 2 ** (wrong - httpLimits.key_guesses_free - 1),
        )

  return {
    refused: (address) => {
      const entry = seenByAddress.get(address)
      if (entry === undefined || entry.proven || isLoopback(address)) return null
      const left = delayMs(entry) - (now() - entry.lastMs)
      return left > 0 ? { retry_after_ms: left, hold_ms: 0 } : null
    },
    right: (address) => {
      // Not `seen`: on a peer that nobody guesses at, a request costs one look.
      const entry = seenByAddress.get(address)
      if (entry?.proven === true) return
      seen(address).proven = true
    },
    wrong: (address) => {
      const entry = seen(address)
      entry.wrong++
      entry.lastMs = now()
      const ms = delayMs(entry)
      if (ms === 0) return null
      if (entry.held >= httpLimits.key_guesses_held_max) return { retry_after_ms: ms, hold_ms: 0 }
      entry.held++
      setTimeout(() => entry.held--, httpLimits.key_guess_hold_ms).unref()
      return { retry_after_ms: ms, hold_ms: httpLimits.key_guess_hold_ms }
    },
  }
}
