/**
 * Sends a request again while a peer says 'not now': no quorum, too many requests, or no answer at all.
 *
 * Only for requests that carry their own keys, so that one which did arrive is not stored twice. Bounded by
 * `import_retries_max`; the wait doubles, is jittered by half so that importers do not march in step, and is never shorter
 * than `Retry-After`.
 */
import { CallFailure } from '../../sdk/failure.ts'
import type { Io } from '../io.ts'
import { cliLimits } from '../limits.ts'

const PASSING: ReadonlySet<number> = new Set([0, 429, 503])

export const withRetries = async <T>(io: Io, send: () => Promise<T>, signal: AbortSignal): Promise<T> => {
  for (let attempt = 0; ; attempt++) {
    try {
      return await send()
    } catch (error) {
      if (!(error instanceof CallFailure) || !PASSING.has(error.status) || attempt >= cliLimits.import_retries_max)
        throw error
      const backoff = Math.min(cliLimits.import_retry_ms_max, cliLimits.import_retry_ms_min * 2 ** attempt)
      const jitter = 0.5 + (io.random.bytes(1)[0] ?? 0) / 512
      await io.sleep(
        Math.max(backoff * jitter, Math.min(error.retry_after_ms ?? 0, cliLimits.import_retry_ms_max)),
        signal,
      )
    }
  }
}
