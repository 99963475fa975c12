/**
 * The heap after a collection, so that a reader that keeps something of every input is seen to.
 *
 * `gc` is switched on at run time, so no flag is needed to start with.
 */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Growth over a run of one target that counts as a leak: caches and compiled code stay below, 100 bytes an input do not. */
export const HEAP_GROWTH_BYTES_MAX = 24 * 1024 * 1024

let collect: (() => void) | null = null

/** What one collection frees through finalisers (documents, buffers) is gone only after the next. */
const ROUNDS = 4

/** Bytes alive on the heap and beside it, when collections free no more. */
export const liveBytes = async (): Promise<number> => {
  if (collect === null) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    collect()
    await setImmediate()
    const { heapUsed, external } = process.memoryUsage()
    least = Math.min(least, heapUsed + external)
  }
  return least
}
