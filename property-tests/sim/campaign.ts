/**
 * Many schedules, and what came of them in numbers. The schedules of a seed are `seed:0`, `seed:1`, …: each can be played alone.
 */
import { generate } from './generate.ts'
import { runSchedule } from './run.ts'
import type { Schedule } from './schedule.ts'

export type Campaign = {
  readonly seed: string
  readonly from: number
  readonly count: number
  readonly peers: number | null
}

export type Failure = { readonly index: number; readonly violations: readonly string[] }

export type Tally = {
  schedules: number
  simulatedMs: number
  healMsMax: number
  acknowledged: number
  lost: number
  diverged: number
  wedged: number
  /** An answer knew less than its peer, and did not say so. */
  partial: number
  /** Of any other kind. */
  broken: number
  readonly happened: Map<string, number>
  readonly failures: Failure[]
}

export const emptyTally = (): Tally => ({
  schedules: 0,
  simulatedMs: 0,
  healMsMax: 0,
  acknowledged: 0,
  lost: 0,
  diverged: 0,
  wedged: 0,
  partial: 0,
  broken: 0,
  happened: new Map(),
  failures: [],
})

/** Failing schedules kept in full; a broken build fails thousands alike. */
const FAILURES_KEPT_MAX = 50

export const addTo = (sum: Tally, part: Tally): void => {
  for (const field of [
    'schedules',
    'simulatedMs',
    'acknowledged',
    'lost',
    'diverged',
    'wedged',
    'partial',
    'broken',
  ] as const)
    sum[field] += part[field]
  sum.healMsMax = Math.max(sum.healMsMax, part.healMsMax)
  for (const [what, times] of part.happened) sum.happened.set(what, (sum.happened.get(what) ?? 0) + times)
  sum.failures.push(...part.failures.slice(0, FAILURES_KEPT_MAX - sum.failures.length))
}

export const scheduleOf = ({ seed, peers }: Pick<Campaign, 'seed' | 'peers'>, index: number): Schedule =>
  generate(`${seed}:${index}`, { peers })

/** Plays them one after the other. @param told after each. */
export const play = async (campaign: Campaign, told: (tally: Tally) => void = () => undefined): Promise<Tally> => {
  const tally = emptyTally()
  for (let index = campaign.from; index < campaign.from + campaign.count; index++) {
    const one = emptyTally()
    one.schedules = 1
    try {
      const verdict = await runSchedule(scheduleOf(campaign, index))
      one.simulatedMs = verdict.simulatedMs
      one.healMsMax = verdict.wedged ? 0 : verdict.healMs
      one.acknowledged = verdict.acknowledged
      for (const [what, times] of verdict.happened) one.happened.set(what, times)
      count(one, index, verdict.violations)
    } catch (error) {
      count(one, index, [`it threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`])
    }
    addTo(tally, one)
    told(one)
  }
  return tally
}

const count = (tally: Tally, index: number, violations: readonly string[]): void => {
  if (violations.length === 0) return
  tally.failures.push({ index, violations })
  const is = (pattern: RegExp): number => (violations.some((violation) => pattern.test(violation)) ? 1 : 0)
  tally.lost = is(/^I4 /)
  tally.diverged = is(/^(I1|I2|I3) /)
  tally.wedged = is(/^wedged/)
  tally.partial = is(/^I14 /)
  tally.broken = tally.lost + tally.diverged + tally.wedged + tally.partial === 0 ? 1 : 0
}
