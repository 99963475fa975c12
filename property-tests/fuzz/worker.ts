/**
 * The child process of a run: works off the chunks it is sent, one at a time, and answers each with a tally.
 *
 * Before each input its index is written to the black box, a file of eight bytes, so that whoever finds this process dead or
 * hanging knows on which input. A write to the page cache survives any end of the process.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { HEAP_GROWTH_BYTES_MAX, liveBytes } from './memory.ts'
import type { Chunk } from './plan.ts'
import { createFeeder, emptyTally, type Feeder, type Tally } from './run.ts'
import { TARGETS } from './targets.ts'

export type Done = { readonly tally: Tally; readonly grownBytes: number }

/** @param send answers a chunk; `receive` is told of the next. */
export const serveChunks = (
  seed: number,
  blackBox: string,
  send: (done: Done) => void,
): { receive(chunk: Chunk): Promise<void>; close(): Promise<void> } => {
  const feeders = new Map<string, Feeder>()
  const grownByTarget = new Map<string, number>()
  const box = openSync(blackBox, 'r+')
  const place = Buffer.alloc(8)
  const note = (index: number): void => {
    place.writeDoubleLE(index)
    writeSync(box, place, 0, 8, 0)
  }
  return {
    receive: async ({ target: name, from, to }) => {
      const target = TARGETS.find((one) => one.name === name)
      if (target === undefined) throw new RangeError(`there is no target ${name}`)
      const isWarm = feeders.has(name)
      const feeder = feeders.get(name) ?? createFeeder(target, seed, () => performance.now())
      feeders.set(name, feeder)
      const before = await liveBytes()
      const tally = emptyTally(name)
      await feeder.run(from, to, tally, note)
      // The first chunk compiles code and fills caches; what grows after that is kept of inputs.
      const grown = (grownByTarget.get(name) ?? 0) + (isWarm ? (await liveBytes()) - before : 0)
      grownByTarget.set(name, grown)
      if (grown > HEAP_GROWTH_BYTES_MAX) {
        tally.failed++
        tally.failures.push({
          kind: 'memory',
          target: name,
          index: from,
          hex: '',
          says: `${grown} bytes more are alive than before, of the inputs up to ${to}`,
        })
        grownByTarget.set(name, 0)
      }
      send({ tally, grownBytes: grown })
    },
    close: async () => {
      for (const feeder of feeders.values()) await feeder.close()
      closeSync(box)
    },
  }
}
