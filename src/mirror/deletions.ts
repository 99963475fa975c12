/** Whether deletions may go on: many at once are more often a folder that was not there, or a slip, than what somebody wants. */
import { mirrorLimits } from './limits.ts'

export type Deletions = {
  /** Whether `count` more may go now, of `files`. */
  mayGo(count: number, files: number): boolean
  went(count: number): void
  /** Somebody said yes to all that wait. */
  allow(): void
}

export const createDeletions = (now: () => number): Deletions => {
  let recent: { readonly at: number; readonly count: number }[] = []
  let isAllowed = false
  return {
    mayGo: (count, files) => {
      recent = recent.filter(({ at }) => now() - at < mirrorLimits.deletions_ms)
      const gone = recent.reduce((sum, one) => sum + one.count, 0)
      return (
        isAllowed ||
        gone + count <=
          Math.max(mirrorLimits.deletions_least, Math.floor((files + gone) * mirrorLimits.deletions_share))
      )
    },
    went: (count) => {
      isAllowed = false
      if (count > 0) recent.push({ at: now(), count })
    },
    allow: () => {
      isAllowed = true
    },
  }
}
