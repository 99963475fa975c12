/** Turns: one client's work never keeps the others waiting. */
import { expect, test } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import { createTurns, type Worker } from './turns.ts'

/** A world in which a piece of work takes `stepMs`, and later is when it is told. */
const createWorld = (stepMs: number) => {
  let nowMs = 0
  const deferred: (() => void)[] = []
  const done: string[] = []
  const turns = createTurns(() => nowMs, (call) => void deferred.push(call))
  const worker = (name: string, pieces: number): Worker => ({
    step: () => {
      done.push(name)
      nowMs += stepMs
      return --pieces > 0
    },
    failed: (error) => void done.push(`${name} ${String(error)}`),
  })
  return { turns, done, deferred, worker, later: () => deferred.splice(0).forEach((call) => call()) }
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
  const { turns, done, deferred, worker, later } = createWorld(limits.live_turn_ms_max / 2)
  turns.wake(worker('a', 2))
  turns.wake(worker('b', 2))
  later()
  expect(done.join('')).toBe('ab')
  expect(deferred).toHaveLength(1)
  later()
  expect(done.join('')).toBe('abab')
  expect(deferred).toHaveLength(0)
})

test('one that throws is told and is out; one that is forgotten is not called', () => {
  const { turns, done, worker, later } = createWorld(0)
  const gone = worker('gone', 1)
  turns.wake({ ...worker('bad', 1), step: () => { throw new Error('broken') } })
  turns.wake(gone)
  turns.wake(worker('good', 1))
  turns.forget(gone)
  later()
  expect(done).toEqual(['bad Error: broken', 'good'])
})
