/**
 * Requests that wait for the next flush, first come, first served. How many may wait is the service's to decide, before it asks.
 */
import { requestBytes } from './forms.ts'
import type { WriteRequest } from './types.ts'

export type WriteQueue = {
  push(request: WriteRequest): void
  take(countMax: number): readonly WriteRequest[]
  waiting(): { readonly requests: number; readonly bytes: number }
}

export const createWriteQueue = (): WriteQueue => {
  const writes: WriteRequest[] = []
  let bytes = 0
  return {
    push: (request) => {
      writes.push(request)
      bytes += requestBytes(request)
    },
    take: (countMax) => {
      const taken = writes.splice(0, countMax)
      for (const request of taken) bytes -= requestBytes(request)
      return taken
    },
    waiting: () => ({ requests: writes.length, bytes }),
  }
}
