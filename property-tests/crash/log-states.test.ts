/** Crash states of the write-ahead log and the mark: cut at any byte, torn at sectors, garbled. What was acknowledged is there, or missed aloud. */
import { performance } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { logStates } from './families.ts'
import { runStates } from './run.ts'

const STATES = 1_300

test(`some ${STATES} states: acknowledged batches are all there after a crash, nothing is silently wrong after damage`, async () => {
  const { byFamily, failures } = await runStates(await logStates(20_260_101, STATES), () => performance.now())
  expect(failures).toEqual([])
  expect([...byFamily.keys()].sort()).toEqual([
    'batch over another',
    'batch torn at sectors',
    'log cut, mark of the end',
    'log cut, mark of then',
    'log garbled by sectors',
    'mark torn',
    'mark unreadable',
  ])
  expect([...byFamily.values()].reduce((sum, { states }) => sum + states, 0)).toBeGreaterThan(STATES * 0.9)
  // Damage that nobody notices would make these whole, and a crash that is taken for damage would make those told.
  expect(byFamily.get('log garbled by sectors')?.told).toBeGreaterThan(100)
  expect(byFamily.get('log cut, mark of the end')?.told).toBeGreaterThan(250)
  for (const family of ['batch torn at sectors', 'log cut, mark of then', 'mark torn'])
    expect(byFamily.get(family)).toMatchObject({ told: 0, refused: 0 })
}, 120_000)
