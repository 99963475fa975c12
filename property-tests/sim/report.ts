/**
 * What a run says at its end: one table, then each failure with the line that plays it again.
 */
import type { Tally } from './campaign.ts'
import { MARKS, missedMarks } from './marks.ts'

export const FAULT =
  /^(cut|crash|disk|damage|unsynced|slow link|reset|pause|clock|power|rollback|clean stop|projection lost|evil|clone)/

/** Whether nothing failed and nothing that had to be met was missed. */
export const isGood = (tally: Tally): boolean =>
  tally.failures.length === 0 && missedMarks(tally.happened, tally.schedules).length === 0

/** @param again the command that plays one schedule, without its index. @param seconds of real time. */
export const summary = (tally: Tally, again: (index: number) => string, seconds: number): string => {
  const byName = (pick: (what: string) => boolean): string[] =>
    [...tally.happened]
      .filter(([what]) => pick(what))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, times]) => `  ${what.padEnd(40)}${times.toLocaleString('en').padStart(10)}`)
  const missed = missedMarks(tally.happened, tally.schedules)
  const hit = Object.keys(MARKS).filter((mark) => tally.happened.has(mark)).length
  return [
    'faults',
    ...byName((what) => FAULT.test(what)),
    'met on the way',
    ...byName((what) => !FAULT.test(what)),
    '',
    ...Object.entries({
      schedules: `${tally.schedules.toLocaleString('en')} in ${seconds.toFixed(1)} s, ${(tally.schedules / seconds).toFixed(1)} a second`,
      simulated: `${(tally.simulatedMs / 3_600_000).toFixed(1)} hours; the longest healing took ${(tally.healMsMax / 1_000).toFixed(1)} s`,
      marks: `${hit} of ${Object.keys(MARKS).length}`,
      acknowledged: tally.acknowledged.toLocaleString('en'),
      lost: tally.lost,
      diverged: tally.diverged,
      wedged: tally.wedged,
      partial: tally.partial,
      'failed otherwise': tally.broken,
    }).map(([name, value]) => `${name.padEnd(18)}${value}`),
    ...missed.map((mark) => `never met         ${mark} (${MARKS[mark]})`),
    ...tally.failures.flatMap(({ index, violations }) => [
      '',
      `schedule ${index}: ${again(index)}`,
      ...violations.slice(0, 5).map((violation) => `  ${violation}`),
      ...(violations.length > 5 ? [`  … and ${violations.length - 5} more`] : []),
    ]),
  ].join('\n')
}
