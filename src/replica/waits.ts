/**
 * Waits: requests on our disk whose quorum has not been reached yet.
 *
 * Indexed by chain, so that an ack looks only at the requests it can end.
 */
import type { ChainId, EventId } from '../../crdt/ids.ts'
import type { RequestId, WrittenAt } from './types.ts'

export type Wait = {
  readonly request: RequestId
  readonly written: readonly WrittenAt[]
  readonly needed: number
  readonly deadlineMs: number
  readonly existing: EventId | null
}

export type Waits = {
  add(wait: Wait): void
  remove(request: RequestId): void
  on(chain: ChainId): readonly Wait[]
  all(): Iterable<Wait>
  expired(nowMs: number): readonly Wait[]
  /** The earliest deadline, or null. */
  nextDeadlineMs(): number | null
}

export const createWaits = (): Waits => {
  const waitById = new Map<RequestId, Wait>()
  const idsByChain = new Map<ChainId, Set<RequestId>>()
  return {
    add: (wait) => {
      waitById.set(wait.request, wait)
      for (const { chain } of wait.written)
        idsByChain.set(chain, (idsByChain.get(chain) ?? new Set()).add(wait.request))
    },
    remove: (request) => {
      const wait = waitById.get(request)
      waitById.delete(request)
      for (const { chain } of wait?.written ?? []) {
        const ids = idsByChain.get(chain)
        ids?.delete(request)
        if (ids?.size === 0) idsByChain.delete(chain)
      }
    },
    on: (chain) => [...(idsByChain.get(chain) ?? [])].map((id) => waitById.get(id)!),
    all: () => waitById.values(),
    expired: (nowMs) => [...waitById.values()].filter((wait) => wait.deadlineMs <= nowMs),
    nextDeadlineMs: () => {
      let earliest: number | null = null
      for (const { deadlineMs } of waitById.values())
        if (earliest === null || deadlineMs < earliest) earliest = deadlineMs
      return earliest
    },
  }
}
