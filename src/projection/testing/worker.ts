/** The projection as a peer has it, in its worker, for tests of its files and its disk. */
import type { VectorStore } from '../../ports/embedding.ts'
import type { MemoryRow, Projection } from '../../ports/projection.ts'
import { openProjection } from '../projection.ts'
import { memory, NOW, seeded } from './rows.ts'

const timers = {
  after: (ms: number, run: () => void) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

export const embedded = (dir: string, log: (line: string) => void = () => undefined): Projection & VectorStore =>
  openProjection({ kind: 'pglite', dir }, { clock: { now: () => Date.parse(NOW) }, timers, log })

/** `count` memories of so many words each, of a vocabulary of 5,000. */
export const wordy = (from: number, count: number, words: number): readonly MemoryRow[] => {
  const random = seeded(from)
  return Array.from({ length: count }, (_, n) =>
    memory(from + n, {
      content: Array.from({ length: words }, () => `w${Math.floor(random() * 5_000).toString(36)}`).join(' '),
    }),
  )
}
