/**
 * What a test run plays of the simulated world. The seed is the same for a whole run and printed: `MNEMESH_SIM_SEED` sets it, so
 * that a nightly run sees new weather; without it every run sees the same, and a failure is of the change at hand.
 */
import { expect, test } from 'vitest'
import { addTo, emptyTally } from './campaign.ts'
import { summary } from './report.ts'
import { startThread } from './thread.ts'

/** What fits beside all the other tests into twenty minutes on two cores; `npm test` asks for fewer, `npm run sim` plays as many as one likes. */
const SCHEDULES = Number(process.env['MNEMESH_SIM_SCHEDULES'] ?? 500)
/** Several times what they take on a busy core. */
const REAL_MS_MAX = 600_000

export const simulated = (name: string, from: number): void => {
  test(
    `${SCHEDULES} schedules, ${name}: nothing acknowledged is lost, nobody differs, nothing wedges`,
    { timeout: REAL_MS_MAX },
    async () => {
      const seed = process.env['MNEMESH_SIM_SEED'] ?? '1'
      const started = performance.now()
      const tally = emptyTally()
      const thread = startThread()
      try {
        await thread.play({ seed, peers: null, from, count: SCHEDULES }, (one) => addTo(tally, one))
      } finally {
        await thread.end()
      }
      const report = `seed ${seed}\n${summary(tally, (index) => `npm run sim -- --replay ${seed}:${index}`, (performance.now() - started) / 1_000)}`
      expect([tally.schedules, tally.failures], report).toEqual([SCHEDULES, []])
      // A world in which nothing is written proves nothing.
      expect(tally.acknowledged, report).toBeGreaterThan(SCHEDULES)
    },
  )
}
