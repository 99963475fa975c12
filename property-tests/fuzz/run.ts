/**
 * Feeds a target its inputs and keeps the tally: accepted, refused by reason, slowest, failures.
 *
 * A stall is a feed that holds the event loop for over 250 ms: longer than that, and other clients wait. On a busy machine one slow
 * feed says nothing, so the input is fed again (to the reader alone, where that can be had) and the fastest time counts.
 */
import { createDraw } from './draw.ts'
import { WronglyJudged, type Opened, type Target } from './target.ts'

export const STALL_MS = 250
const STALL_TRIES = 3
/** Failures kept whole; the rest are counted. */
const FAILURES_SHOWN = 5
/** Reasons told apart; readers name some dozens. */
const REASONS_MAX = 64

export type Failure = {
  readonly kind: 'crash' | 'stall' | 'wrong' | 'death' | 'memory'
  readonly target: string
  readonly index: number
  readonly hex: string
  readonly says: string
}

export type Tally = {
  readonly target: string
  inputs: number
  accepted: number
  readonly refusals: Record<string, number>
  slowestMs: number
  slowestIndex: number
  failed: number
  readonly failures: Failure[]
}

export const emptyTally = (target: string): Tally => ({
  target,
  inputs: 0,
  accepted: 0,
  refusals: {},
  slowestMs: 0,
  slowestIndex: 0,
  failed: 0,
  failures: [],
})

export type Feeder = {
  run(from: number, to: number, tally: Tally, begun?: (index: number) => void): Promise<void>
  close(): Promise<void>
}

/** @param nowMs a clock that only goes forward. */
export const createFeeder = (target: Target, seed: number, nowMs: () => number): Feeder => {
  let opened: Opened | null = null
  let openedFor = -1

  const openingOf = (index: number): number =>
    target.inputsPerOpening === undefined ? 0 : Math.floor(index / target.inputsPerOpening)
  const close = async (): Promise<void> => {
    const old = opened
    opened = null
    await old?.close?.()
  }
  const openFor = async (index: number): Promise<Opened> => {
    if (opened !== null && openedFor === openingOf(index)) return opened
    await close()
    openedFor = openingOf(index)
    return (opened = await target.open())
  }

  const feedOnce = async (index: number, tally: Tally): Promise<void> => {
    const open = await openFor(index)
    const input = open.make(createDraw(seed, target.name, index))
    const fail = (kind: Failure['kind'], says: string): void => {
      tally.failed++
      if (tally.failures.length < FAILURES_SHOWN)
        tally.failures.push({ kind, target: target.name, index, hex: Buffer.from(input).toString('hex'), says })
    }
    tally.inputs++
    try {
      const { answer: verdict, heldMs } = await held(nowMs, () => open.feed(input))
      let tookMs = heldMs
      if (verdict.is === 'accepted') tally.accepted++
      else {
        const reason =
          verdict.reason in tally.refusals || Object.keys(tally.refusals).length < REASONS_MAX
            ? verdict.reason
            : 'other'
        tally.refusals[reason] = (tally.refusals[reason] ?? 0) + 1
      }
      for (let tries = 1; tookMs > STALL_MS && tries < STALL_TRIES; tries++) {
        const again = await held<unknown>(nowMs, () =>
          open.readAlone === undefined ? open.feed(input) : open.readAlone(input),
        )
        tookMs = Math.min(tookMs, again.heldMs)
      }
      if (tookMs > tally.slowestMs) [tally.slowestMs, tally.slowestIndex] = [tookMs, index]
      if (tookMs > STALL_MS) fail('stall', `${Math.round(tookMs)} ms`)
    } catch (error) {
      fail(
        error instanceof WronglyJudged ? 'wrong' : 'crash',
        error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' | ') : String(error),
      )
      // What the failure left behind must not be blamed on the next input.
      await close()
    }
  }

  return {
    run: async (from, to, tally, begun) => {
      for (let index = from; index < to; index++) {
        begun?.(index)
        await feedOnce(index, tally)
      }
    },
    close,
  }
}

/** Does it, and measures the longest that nobody else had a turn meanwhile. */
const held = async <T>(
  nowMs: () => number,
  run: () => T | Promise<T>,
): Promise<{ readonly answer: T; readonly heldMs: number }> => {
  let [turnMs, heldMs] = [nowMs(), 0]
  const turn = (): void => {
    const now = nowMs()
    ;[turnMs, heldMs] = [now, Math.max(heldMs, now - turnMs)]
  }
  const answer = run()
  turn()
  if (!(answer instanceof Promise)) return { answer, heldMs }
  let waits = true
  const look = (): void => {
    turn()
    if (waits) setImmediate(look)
  }
  setImmediate(look)
  try {
    const settled = await answer
    turn()
    return { answer: settled, heldMs }
  } finally {
    waits = false
  }
}

export const addTally = (sum: Tally, more: Tally): void => {
  sum.inputs += more.inputs
  sum.accepted += more.accepted
  sum.failed += more.failed
  for (const [reason, count] of Object.entries(more.refusals))
    sum.refusals[reason] = (sum.refusals[reason] ?? 0) + count
  for (const failure of more.failures) if (sum.failures.length < FAILURES_SHOWN) sum.failures.push(failure)
  if (more.slowestMs > sum.slowestMs) [sum.slowestMs, sum.slowestIndex] = [more.slowestMs, more.slowestIndex]
}
