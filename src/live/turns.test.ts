/** Turns: one client's work never keeps the others waiting. */
import { expect, test } from 'vitest'
import { createTurns, type Worker } from './turns.ts'
import { liveLimits } from './limits.ts'

/** A world in which a piece of work takes `stepMs`, and later is when it is told. */
const createWorld = (stepMs: number) => {
  let nowMs = 0
  const deferred: (() => void)[] = []
  const done: string[] = []
  const rests: { readonly atMs: number; readonly call: () => void }[] = []
  const turns = createTurns({
    now: () => nowMs,
    defer: (call) => void deferred.push(call),
    after: (ms, call) => void rests.push({ atMs: nowMs + ms, call }),
  })
  /** What was put off; when nothing was, the next rest ends. */
  const later = (): void => {
    const calls = deferred.splice(0)
    for (const call of calls) call()
    if (calls.length > 0) return
    const [next] = rests.splice(0, 1)
    if (next === undefined) return
    nowMs = Math.max(nowMs, next.atMs)
    next.call()
  }
  const worker = (name: string, pieces: number): Worker => ({
    step: () => {
      done.push(name)
      nowMs += stepMs
      return --pieces > 0
    },
    failed: (error) => void done.push(`${name} ${String(error)}`),
  })
  return { turns, done, deferred, rests, now: () => nowMs, worker, later }
}

test('workers take turns, a piece each', () => {
  const { turns, done, worker, later } = createWorld(0)
  turns.wake(worker('a', 3))
  turns.wake(worker('b', 2))
  expect(done).toEqual([])
  later()
  expect(done.join('')).toBe('ababa')
})

test('after a while everybody else has a turn, and then it goes on where it was', () => {
  const { turns, done, deferred, worker, later } = createWorld(liveLimits.live_turn_ms_max / 2)
  for (const name of ['a', 'b', 'c', 'd']) turns.wake(worker(name, 1))
  later()
  expect(done.join('')).toBe('ab')
  later()
  expect(done.join('')).toBe('abcd')
  expect(deferred).toHaveLength(0)
})

test('a flood gets a quarter of the time, and others are not kept waiting by it', () => {
  const { turns, done, rests, deferred, worker, later, now } = createWorld(5)
  const flood = worker('flood', 100)
  turns.wake(flood)
  later()
  // It is told of more while it rests: that changes nothing.
  turns.wake(flood)
  turns.wake(worker('other', 1))
  later()
  expect(done).toEqual(['flood', 'other'])
  while (deferred.length > 0 || rests.length > 0) later()
  expect(done).toHaveLength(101)
  expect(now()).toBeGreaterThanOrEqual(99 * 5 * 4)
})

test('one that throws is told and is out; one that is forgotten is not called', () => {
  const { turns, done, worker, later } = createWorld(0)
  const gone = worker('gone', 1)
  turns.wake({
    ...worker('bad', 1),
    step: () => {
      throw new Error('broken')
    },
  })
  turns.wake(gone)
  turns.wake(worker('good', 1))
  turns.forget(gone)
  later()
  expect(done).toEqual(['bad Error: broken', 'good'])
})
