/**
 * The load: clients in a closed loop, each with one write under way, and what they saw.
 */
import type { Client, Running } from './contender.ts'

/** 500 bytes of English-like words, so that an index has something to do; the same for everybody. */
const VALUE_BYTES = 500
const WORDS = 4_000

/** What a measurement shows: writes acknowledged and the waits of requests. */
export type Seen = {
  readonly writes: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failed: number
  readonly firstFailure: string | null
}

/** Draws values; the same seed draws the same ones. */
export const values = (seed: number): (() => string) => {
  let state = seed >>> 0 || 1
  const draw = (below: number): number => {
    // xorshift32: enough for words.
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
  const letters = 'etaoinshrdlucmfwypvbgkjqxz'
  const words = Array.from({ length: WORDS }, () =>
    Array.from({ length: 3 + draw(8) }, () => letters[draw(draw(26) + 1)]).join(''),
  )
  return () => {
    let text = ''
    // Common words are common: the square of an even draw.
    while (text.length < VALUE_BYTES) text += `${words[Math.floor((draw(WORDS) * draw(WORDS)) / WORDS)]} `
    return text.slice(0, VALUE_BYTES)
  }
}

/** @param bulk values in one request. @param answerMsMax a request under way at the end is answered within this, or failed. */
export const measure = async (
  running: Running,
  clients: number,
  bulk: number,
  ms: number,
  next: () => string,
  answerMsMax = 30_000,
): Promise<Seen> => {
  const open = await Promise.all(Array.from({ length: clients }, () => running.connect()))
  const waits: number[] = []
  let failed = 0
  let firstFailure: string | null = null
  const start = performance.now()
  const loop = async (client: Client): Promise<void> => {
    while (performance.now() - start < ms) {
      const batch = Array.from({ length: bulk }, next)
      const begin = performance.now()
      try {
        await client.write(batch)
        waits.push(performance.now() - begin)
      } catch (error) {
        firstFailure ??= error instanceof Error ? error.message : String(error)
        failed++
        // Whoever answers nothing but errors must not be asked without end.
        if (failed > FAILED_MAX) return
      }
    }
  }
  const closeAll = (): void => {
    for (const client of open) client.close()
  }
  // Whoever never answers is told so by the end of his connection.
  const timer = setTimeout(closeAll, ms + answerMsMax)
  await Promise.all(open.map(loop))
  clearTimeout(timer)
  const seconds = (performance.now() - start) / 1_000
  closeAll()
  waits.sort((a, b) => a - b)
  return { writes: waits.length * bulk, seconds, p50Ms: at(waits, 0.5), p99Ms: at(waits, 0.99), failed, firstFailure }
}

const FAILED_MAX = 100

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
