/**
 * Waiting for facts: asks again until the answer is there, or says what the last one was.
 */
import { setTimeout as pause } from 'node:timers/promises'

const POLL_MS = 50

/**
 * Resolves with the first answer of `look` that is neither null nor a rejection.
 *
 * @param what the fact waited for, named in the error: 'peer a is healthy'.
 * @param deadlineMs ms from now.
 * @throws Error that names the fact and what was seen last.
 */
export const until = async <T>(
  what: string,
  deadlineMs: number,
  look: () => Promise<T | null>,
  seen: () => string = () => '',
): Promise<T> => {
  const end = performance.now() + deadlineMs
  let last = 'no answer'
  for (;;) {
    try {
      const found = await look()
      if (found !== null) return found
      last = seen()
    } catch (error) {
      last =
        error instanceof Error
          ? `${error.message} ${error.cause instanceof Error ? error.cause.message : ''}`
          : String(error)
    }
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}; last seen: ${last}`)
    await pause(POLL_MS)
  }
}
