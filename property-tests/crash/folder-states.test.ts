/** Crash states of several files: openings, closings, erasures, a full buffer, files of two moments, a process really stopped. */
import { performance } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { folderStates } from './families.ts'
import { runStates } from './run.ts'

const STATES = 700

test(`some ${STATES} states: acknowledged batches are all there after a crash, nothing is silently wrong after damage`, async () => {
  const { byFamily, failures } = await runStates(await folderStates(20_260_101, STATES), () => performance.now())
  expect(failures).toEqual([])
  expect([...byFamily.values()].reduce((sum, { states }) => sum + states, 0)).toBeGreaterThan(STATES * 0.7)
  for (const family of ['stopped alive, small', 'stopped alive, erasing', 'killed, erasing'])
    expect(byFamily.get(family)?.whole).toBeGreaterThan(20)
  expect(byFamily.get('files of two moments, small')?.told).toBeGreaterThan(30)
}, 120_000)
