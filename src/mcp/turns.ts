/** One after the other: who reads and then writes by what was read, so that of two who do so at once neither writes over the other. */
import { NodeError } from '../errors.ts'
import { takeTurns, type Turns as InTurn } from '../turns.ts'

export type Turns = {
  /** @throws NodeError too_many_requests. */
  take<T>(key: string, work: () => Promise<T>): Promise<T>
}

/** Of one key; each waits for those before it, some ms each. */
const WAITING_MAX = 256

export const createTurns = (): Turns => {
  const waitingByKey = new Map<string, { readonly inTurn: InTurn; count: number }>()
  return {
    take: async (key, work) => {
      const waiting = waitingByKey.get(key) ?? { inTurn: takeTurns(), count: 0 }
      if (waiting.count >= WAITING_MAX)
        throw new NodeError(
          'too_many_requests',
          `${WAITING_MAX} changes wait for their turn here; try again in a moment`,
        )
      waitingByKey.set(key, waiting)
      waiting.count++
      try {
        return await waiting.inTurn(work)
      } finally {
        waiting.count--
        if (waiting.count === 0) waitingByKey.delete(key)
      }
    },
  }
}
