/**
 * Answers that their clients have not taken yet, counted in bytes: where all together exceed their bound, the one unread for longest
 * goes with its socket. Who reads has its answer within ms, so that is one who does not.
 */
import { httpLimits } from './limits.ts'
import { PART_BYTES } from './parts.ts'

export type UnreadLimits = { readonly bytes: number; readonly counted: number }
const UNREAD_LIMITS: UnreadLimits = {
  bytes: httpLimits.http_unread_bytes_max,
  counted: httpLimits.http_unread_counted_bytes_min,
}

/** As much of a response as is needed to count it. */
export type Owed = { once(event: 'close', call: () => void): unknown; destroy(): unknown }

export type Unread = {
  /** Counts what is about to be sent until its response is closed. */
  owe(response: Owed, payload: unknown): void
  bytes(): number
}

export const createUnread = (bounds: UnreadLimits = UNREAD_LIMITS): Unread => {
  /** In the order in which they were sent. */
  const bytesByResponse = new Map<Owed, number>()
  let all = 0

  return {
    owe: (response, payload) => {
      const bytes = bytesOf(payload)
      if (bytes < bounds.counted) return
      bytesByResponse.set(response, bytes)
      all += bytes
      response.once('close', () => {
        if (bytesByResponse.delete(response)) all -= bytes
      })
      for (const [oldest, held] of bytesByResponse) {
        if (all <= bounds.bytes) return
        bytesByResponse.delete(oldest)
        all -= held
        oldest.destroy()
      }
    },
    bytes: () => all,
  }
}

/** Of a stream what it keeps ready. */
const bytesOf = (payload: unknown): number => {
  if (typeof payload === 'string') return payload.length
  if (payload instanceof Uint8Array) return payload.length
  return payload === null || payload === undefined ? 0 : 2 * PART_BYTES
}
