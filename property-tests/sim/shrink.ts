/**
 * Cuts a failing schedule down: the fewest steps that still fail in the same way (delta debugging, Zeller and Hildebrandt,
 * "Simplifying and Isolating Failure-Inducing Input", 2002). Steps name times and slots, so every subset is a schedule.
 */
import { runSchedule } from './run.ts'
import type { Schedule, Step } from './schedule.ts'

/** What failed, without ids and numbers: 'I4', 'wedged', … */
export const kindOf = (violation: string): string =>
  /^(I\d+|wedged)/.exec(violation)?.[0] ?? violation.slice(0, 24).replace(/\d+/g, '#')

/** @param runsMax bounds the search. @returns the smallest that failed alike, and how often it ran. */
export const shrink = async (
  schedule: Schedule,
  runsMax: number,
): Promise<{ readonly schedule: Schedule; readonly runs: number }> => {
  const wanted = await kindsOf(schedule)
  let runs = 1
  const fails = async (steps: readonly Step[]): Promise<boolean> => {
    if (runs >= runsMax) return false
    runs++
    const kinds = await kindsOf({ ...schedule, steps })
    return [...kinds].some((kind) => wanted.has(kind))
  }
  let steps = schedule.steps
  if (wanted.size === 0) return { schedule, runs }
  for (let parts = 2; steps.length > 1 && runs < runsMax;) {
    const size = Math.ceil(steps.length / parts)
    const smaller = await firstThatFails(
      Array.from({ length: parts }, (_, part) =>
        steps.filter((_step, i) => i < part * size || i >= (part + 1) * size),
      ).filter((left) => left.length < steps.length),
      fails,
    )
    if (smaller !== null) {
      steps = smaller
      parts = Math.max(2, parts - 1)
    } else if (size === 1) break
    else parts = Math.min(steps.length, 2 * parts)
  }
  return { schedule: { ...schedule, steps }, runs }
}

const firstThatFails = async (
  candidates: readonly (readonly Step[])[],
  fails: (steps: readonly Step[]) => Promise<boolean>,
): Promise<readonly Step[] | null> => {
  for (const candidate of candidates) if (await fails(candidate)) return candidate
  return null
}

const kindsOf = async (schedule: Schedule): Promise<ReadonlySet<string>> =>
  new Set(
    await runSchedule(schedule).then(
      ({ violations }) => violations.map(kindOf),
      (error: unknown) => [kindOf(error instanceof Error ? error.message : String(error))],
    ),
  )
