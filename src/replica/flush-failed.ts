/**
 * What a request is told whose flush failed: not here; and whether it may be elsewhere all the same, with a neighbour that it was sent
 * to, or on this very disk, which after an i/o error may hold what it called lost.
 */
import type { StoreFailure } from '../ports/store.ts'
import type { Refusal } from './types.ts'

export const flushFailed = (failure: StoreFailure, wasPushed: boolean): Refusal => {
  const code = failure.code === 'disk_full' ? 'disk_full' : 'internal'
  if (!wasPushed && !failure.mayBeThere && failure.code !== 'io_error')
    return {
      code,
      message: `not stored, and nobody was sent it: ${failure.message}`,
      fields: { local_committed: false },
    }
  const where = wasPushed ? 'peers it was sent to may keep it' : 'the disk may hold it when it is read again'
  return {
    code,
    message: `not stored here, though ${where} (repeat it with its Idempotency-Key): ${failure.message}`,
    fields: { local_committed: false, may_be_elsewhere: true },
  }
}
