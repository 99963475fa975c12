/**
 * What the writer of the crash states writes: batch after batch, each a function of its number, so that a store can be held
 * against it without having been watched. Commits small and large (over LevelDB's 32 KiB log blocks), several chains, bodies, facts.
 */
import type { Body } from '../../crdt/body.ts'
import type { StoreBatch, StoredCommit } from '../../src/ports/store.ts'
import { run, sampleBody, sampleCommit } from '../../src/store/testing/samples.ts'

export type Batch = StoreBatch & { readonly commits: readonly StoredCommit[]; readonly bodies: readonly Body[] }

/** What kind of history: `small` batches, some with a commit over a log block; `large` ones, a dozen of which fill LevelDB's write buffer; `erasing` ones, which destroy an earlier text. */
export type Kind = 'small' | 'large' | 'erasing'

const made = new Map<string, Batch>()

/** @param n from 0. */
export const batchOf = (kind: Kind, n: number): Batch => {
  const key = `${kind} ${n}`
  const batch = made.get(key) ?? make(kind, n)
  made.set(key, batch)
  return batch
}

const make = (kind: Kind, n: number): Batch => ({
  commits: [
    ...run('a', 2 * n, 2, 300),
    ...(n % 3 === 0 ? [sampleCommit('b', n, 90)] : []),
    ...(kind === 'small' && n % 5 === 4 ? [sampleCommit('over a block', n, 40_000)] : []),
    ...(kind === 'large' ? [sampleCommit('large', n, 500_000)] : []),
  ],
  bodies: [sampleBody(`body ${n}`, 120)],
  facts: [
    ['last', Uint8Array.of(n)],
    [`fact ${n % 4}`, Uint8Array.of(n, n)],
  ],
  ...(erasedBy(kind, n) === null ? {} : { erase: [sampleBody(`body ${erasedBy(kind, n)}`, 120).ref] }),
})

/** The batch whose body batch `n` erases, or null. */
const erasedBy = (kind: Kind, n: number): number | null => (kind === 'erasing' && n % 2 === 1 ? n - 1 : null)

/** Whether the body of batch `n` is erased once `batches` batches are there. */
export const isErasedAfter = (kind: Kind, n: number, batches: number): boolean =>
  kind === 'erasing' && n % 2 === 0 && n + 1 < batches

/** Commits of the first `batches` batches, in their order. */
export const commitsOf = (kind: Kind, batches: number): readonly StoredCommit[] =>
  Array.from({ length: batches }, (_, n) => batchOf(kind, n).commits).flat()

/** The last batch that wrote fact `slot` among the first `batches`, or null. */
export const factAfter = (slot: number, batches: number): number | null => {
  for (let n = batches - 1; n >= 0; n--) if (n % 4 === slot) return n
  return null
}
