/**
 * Opens a crash state with the real store and holds it against what had been acknowledged.
 *
 *   whole    the first k batches, no more and no less, k at least the acknowledged ones; nothing is told as amiss
 *   told     something is missing, and the opening, the scan or a read names that
 *   refused  a StoreFailure says why it does not open
 *
 * After a crash (power or kill) only `whole` will do. After damage all three will, but never a wrong byte nor a silent loss.
 */
import { StoreFailure } from '../../src/ports/store.ts'
import type { CommitStore, ScannedCommit, StoreDamage } from '../../src/ports/store.ts'
import { openLevelStore } from '../../src/store/level.ts'
import { scanAll, seeded } from '../../src/store/testing/samples.ts'
import { batchOf, commitsOf, factAfter, isErasedAfter, type Kind } from './history.ts'

export type Expected = {
  readonly kind: Kind
  /** At least so many batches must be there. */
  readonly acknowledged: number
  /** At most so many were ever begun. */
  readonly begun: number
  readonly after: 'crash' | 'damage'
  /**
   * A crash that may leave a manifest LevelDB does not open: it is repaired, and that is told, though nothing is missing. So is a
   * table that was being written: without a manifest nobody can say that it was not needed.
   */
  readonly mayNeedRepair?: boolean
  /** Exactly so many are there, where that is known. */
  readonly exactly?: number
}
export type Outcome = 'whole' | 'told' | 'refused'

export class Silent extends Error {}

const demand = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new Silent(otherwise)
}

const random = seeded('judge')
const REPAIRED = /and was repaired/
const HALF_TABLE = /^a table of the log is unusable \(its footer is damaged\)/
/** Every laid out image is a copy, and the opening says so. */
const isCopyNote = (note: string): boolean => /copied or restored/.test(note)

/** @param goOn also writes the next batch, and opens again. @throws Silent when what must hold does not. */
export const judge = async (dir: string, expected: Expected, goOn: boolean): Promise<Outcome> => {
  let store: CommitStore
  try {
    store = await openLevelStore(dir, { random })
  } catch (error) {
    if (!(error instanceof StoreFailure)) throw error
    demand(expected.after === 'damage', `refused after a crash: ${error.message}`)
    demand(error.code === 'unreadable' || error.code === 'io_error', `refused as ${error.code}: ${error.message}`)
    return 'refused'
  }
  try {
    const damages: StoreDamage[] = []
    store.onDamage((damage) => damages.push(damage))
    const met = await scanAll(store)
    const notes = store.opening.notes.filter((note) => !isCopyNote(note))
    const amiss = [
      ...notes,
      ...(store.opening.tail === null ? [] : [`tail ${store.opening.tail.found} of ${store.opening.tail.expected}`]),
      ...met.flatMap((one) => (one.kind === 'commit' ? [] : [`${one.kind} ${one.reason}`])),
    ]
    demand(!store.opening.continuable, 'continuable, though it was not stopped')
    checkBytes(met, expected)
    const batches = batchesIn(met, expected)
    const isWhole = batches !== null && batches >= expected.acknowledged && restIsThere(store, expected.kind, batches)
    demand(
      isWhole || amiss.length + damages.length > 0,
      `${batches ?? 'an odd number of'} batches of ${expected.acknowledged} acknowledged are there, and nothing is said`,
    )
    if (expected.after === 'crash') {
      const isRepaired = expected.mayNeedRepair === true && amiss.some((what) => REPAIRED.test(what))
      const told = isRepaired ? amiss.filter((what) => !REPAIRED.test(what) && !HALF_TABLE.test(what)) : amiss
      demand(
        isWhole && told.length === 0,
        `after a crash: ${batches ?? 'parts of'} batches of ${expected.acknowledged}, ${amiss.join('; ') || 'something beside the commits is missing'}`,
      )
    }
    if (expected.exactly !== undefined)
      demand(batches === expected.exactly, `${batches ?? 'parts of'} batches, not ${expected.exactly}`)
    if (goOn && isWhole) await write(store, dir, expected.kind, batches)
    return isWhole && amiss.length === 0 ? 'whole' : 'told'
  } finally {
    await store.close()
  }
}

/** Whatever is read was written just so. */
const checkBytes = (met: readonly ScannedCommit[], { kind, begun }: Expected): void => {
  const writtenByHash = new Map(commitsOf(kind, begun).map((commit) => [commit.hash, commit]))
  for (const one of met) {
    if (one.kind !== 'commit') continue
    const written = writtenByHash.get(one.commit.hash)
    demand(
      written !== undefined &&
        written.chain === one.commit.chain &&
        written.seq === one.commit.seq &&
        Buffer.compare(written.bytes, one.commit.bytes) === 0,
      `arrival ${one.n} is not what was written`,
    )
  }
}

/** How many first batches the arrivals are, or null when they are no such thing. */
const batchesIn = (met: readonly ScannedCommit[], { kind, begun }: Expected): number | null => {
  let at = 0
  for (let n = 0; n <= begun; n++) {
    if (at === met.length) return n
    const { commits } = batchOf(kind, n)
    if (n === begun || !commits.every((commit, i) => isAt(met[at + i], commit.hash))) return null
    at += commits.length
  }
  return null
}

const isAt = (one: ScannedCommit | undefined, hash: string): boolean =>
  one?.kind === 'commit' && one.commit.hash === hash

/** Bodies, erasures and facts belong to their batch: all there, or none. */
const restIsThere = (store: CommitStore, kind: Kind, batches: number): boolean => {
  for (let n = 0; n < batches; n++) {
    for (const body of batchOf(kind, n).bodies) {
      const found = store.body(body.ref)
      if (isErasedAfter(kind, n, batches))
        demand(found === 'erased' || found === null, `the text of batch ${n} was erased, and is read`)
      if (isErasedAfter(kind, n, batches) ? found !== 'erased' : found === null || found === 'erased') return false
      if (found !== null && typeof found !== 'string')
        demand(Buffer.compare(found.text, body.text) === 0, `the text of batch ${n} is another`)
    }
    for (const { hash, chain, seq } of batchOf(kind, n).commits) {
      const place = store.find(hash)
      if (place?.chain !== chain || place.seq !== seq) return false
    }
  }
  if (batches === 0) return store.fact('last') === null
  const facts = Array.from({ length: 4 }, (_, slot) => [`fact ${slot}`, factAfter(slot, batches)] as const)
  return [['last', batches - 1] as const, ...facts].every(([name, n]) => (store.fact(name)?.[0] ?? null) === n)
}

/** Goes on where it broke off: the next batch, a clean stop, and all is well. */
const write = async (store: CommitStore, dir: string, kind: Kind, batches: number): Promise<void> => {
  await store.write(batchOf(kind, batches))
  await store.close()
  const again = await openLevelStore(dir, { random })
  try {
    demand(
      again.opening.continuable && again.opening.tail === null && again.opening.notes.length === 0,
      `after going on and a clean stop: ${JSON.stringify(again.opening)}`,
    )
    const met = await scanAll(again)
    demand(
      batchesIn(met, { kind, acknowledged: 0, begun: batches + 1, after: 'crash' }) === batches + 1 &&
        restIsThere(again, kind, batches + 1),
      'after going on not everything is there',
    )
  } finally {
    await again.close()
  }
}
