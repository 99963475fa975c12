/** RFC 3339 times as the tables have them: ms since 1970. */
import { ProjectionFailure } from '../ports/projection.ts'

/** Null when it is no time. */
export const msOf = (time: string): number | null => {
  const ms = Date.parse(time)
  return Number.isNaN(ms) ? null : ms
}

export const msOrNull = (time: string | null): number | null => (time === null ? null : msOf(time))

/** ms of a time that somebody asked with. */
export const timeOf = (time: string, what: string): number => {
  const ms = msOf(time)
  if (ms === null)
    throw new ProjectionFailure(`projection: ${what} ${JSON.stringify(time.slice(0, 64))} is not a time; use RFC 3339`)
  return ms
}
