/**
 * The heap after a collection, so that a reader that keeps something of every input is seen to.
 *
 * `gc` is switched on at run time, so no flag is needed to start with.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Growth over a run of one target that counts as a leak: caches and compiled code stay below, 100 bytes an input do not. */
export const HEAP_GROWTH_BYTES_MAX = 24 * 1024 * 1024

let collect: (() => void) | null = null

/** Bytes alive on the heap and beside it, after a full collection. */
export const liveBytes = (): number => {
  if (collect === null) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
