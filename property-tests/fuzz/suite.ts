/** What the test files of this folder have in common: a target under its share of the suite's inputs. */
import { performance } from 'node:perf_hooks'
import { liveBytes } from './memory.ts'
import { shares } from './plan.ts'
import { createFeeder, emptyTally, type Tally } from './run.ts'
import { TARGETS } from './targets.ts'
import type { Target } from './target.ts'

/** Every run of the suite feeds the same inputs; fresh ones come of `npm run fuzz`. */
export const SUITE_SEED = 20_260_101
/** Over all targets. */
export const SUITE_INPUTS = 110_000

const inputsByTarget = shares(TARGETS, SUITE_INPUTS)

/** @returns the tally of all inputs, and how much memory those after the first quarter left behind. */
export const underFuzz = async (target: Target): Promise<{ readonly tally: Tally; readonly grownBytes: number }> => {
  const inputs = inputsByTarget.get(target.name) ?? 0
  const feeder = createFeeder(target, SUITE_SEED, () => performance.now())
  const tally = emptyTally(target.name)
  const warm = Math.ceil(inputs / 4)
  await feeder.run(0, warm, tally)
  const before = await liveBytes()
  await feeder.run(warm, inputs, tally)
  const grownBytes = (await liveBytes()) - before
  await feeder.close()
  return { tally, grownBytes }
}
