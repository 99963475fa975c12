/**
 * What an opened folder is found to hold, held against what the mark, the clean stop and the trail of batches say.
 *
 *   the database ends before the mark          → tail lost: said in `tail`, new epoch, not continuable
 *   another lock file than at the last opening → copied or restored folder: new epoch, not continuable
 *   a batch number missing, or a file damaged  → lost from the middle: said in `notes`, not continuable
 *   no clean stop, or not of this state        → not continuable
 *
 * A new epoch ends other peers' cursors into this log, which count arrivals that may be others now.
 */
import { limits } from '../../crdt/limits.ts'
import { bytesToHex } from '../../crdt/ids.ts'
import type { Random } from '../ports/clock.ts'
import type { StoreOpening } from '../ports/store.ts'
import { entriesOf, lastKey } from './database.ts'
import type { Database } from './database.ts'
import { claim, identityOf, removeClean, settleLogs, wasLeftClean } from './folder.ts'
import type { Folder } from './folder.ts'
import type { Mark } from './mark.ts'
import {
  ARRIVAL_KEY_BYTES,
  letters,
  META_KEY,
  metaEntry,
  NOTHING,
  rangeOf,
  readMeta,
  readTrail,
  sameExtent,
  TRAIL_KEY_BYTES,
  trailEntry,
  trailKey,
} from './records.ts'
import type { Extent } from './records.ts'

export type Opened = { readonly opening: StoreOpening; readonly extent: Extent; readonly identity: string }

/**
 * Judges the folder, then claims it: from its return on a crash is not taken for a clean stop.
 * @param damage why the database had to be repaired, or null; a sentence for each table or log that had to be mended.
 * Throws what LevelDB throws at damage, before it changed anything.
 */
export const settleOpening = async (
  folder: Folder,
  db: Database,
  mark: Mark,
  damage: { readonly repaired: string | null; readonly files: readonly string[] },
  random: Random,
  pid: number,
): Promise<Opened> => {
  const { repaired, files } = damage
  const before = identityOf(folder)
  const ownRecord = db.getSync(META_KEY)
  const meta = ownRecord === undefined ? null : readMeta(ownRecord)
  const trail = await readTrailOf(db, meta?.trailFrom ?? null)
  const found = trail.last
  const marked = typeof mark.read === 'string' ? null : mark.read
  const isNew = meta === null && found.batches === 0 && mark.read === 'absent' && repaired === null

  const tailLost = marked !== null && found.batches < marked.extent.batches
  const there = marked === null ? undefined : trail.at(marked.extent.batches)
  const foreign =
    marked !== null &&
    !tailLost &&
    (marked.epoch !== meta?.epoch || (there !== undefined && !sameExtent(there, marked.extent)))
  const moved = meta !== null && meta.folder !== before

  const notes: string[] = [...files]
  if (repaired !== null)
    notes.push(
      `the database did not open (${repaired}) and was repaired; what could not be read is kept in ${folder.db}/lost`,
    )
  if (trail.missing > 0)
    notes.push(
      `${trail.missing} batches are missing from the middle of the log; other peers are asked for what they held`,
    )
  if (!isNew && meta === null) notes.push(`the log's own record is ${ownRecord === undefined ? 'missing' : 'damaged'}`)
  if (!isNew && typeof mark.read === 'string')
    notes.push(`the high-water mark is ${mark.read}: a lost tail could not have been noticed`)
  if (foreign) notes.push('the high-water mark is of another log')
  if (moved) notes.push('the folder was copied or restored since it was last open')

  const whole = trail.missing === 0 && files.length === 0
  const sameLog = meta !== null && marked !== null && repaired === null && !tailLost && !foreign && !moved
  const epoch = sameLog ? meta.epoch : bytesToHex(random.bytes(16))
  const continuable = sameLog && whole && wasLeftClean(folder, epoch, found, meta.folder)
  // What is missing is said once; from here on the trail is whole again, past every number that was ever used.
  const extent =
    sameLog && whole
      ? found
      : { ...found, batches: Math.max(trail.top, found.batches, marked?.extent.batches ?? 0) + 1 }

  const identity = claim(folder, pid)
  removeClean(folder)
  const own = metaEntry({ epoch, trailFrom: sameLog && whole ? meta.trailFrom : extent.batches, folder: identity })
  const base = trailEntry(extent)
  await db.batch().put(own.key, own.value).put(base.key, base.value).write({ sync: true })
  if (!sameLog || !whole) mark.reset({ epoch, extent })
  settleLogs(folder, isNew || (sameLog && whole) ? null : `${epoch}-${extent.batches}`)
  return {
    opening: {
      epoch,
      continuable,
      tail: tailLost ? { expected: marked.extent.arrivals, found: found.arrivals } : null,
      notes,
    },
    extent,
    identity,
  }
}

type Trail = {
  /** The log's end: the last trail record, with what the arrival log shows beyond it. */
  readonly last: Extent
  /** The greatest batch number that has a record, sound or not. */
  readonly top: number
  /** Batch numbers up to the last that are not there, among those the trail still keeps. */
  readonly missing: number
  at(batch: number): Extent | undefined
}

/** @param from the batch that the trail is whole from, null when nothing says so. */
const readTrailOf = async (db: Database, from: number | null): Promise<Trail> => {
  const kept = new Map<number, Extent>()
  const end = await lastKey(db, rangeOf(letters.trail))
  const top = end !== null && end.length === TRAIL_KEY_BYTES ? end.readUIntBE(1, 6) : 0
  const first = Math.max(from ?? 0, top - limits.store_trail_batches_max + 1)
  for await (const { key, value } of entriesOf(db, letters.trail, trailKey(first))) {
    const extent = readTrail(key, value)
    if (extent !== null) kept.set(extent.batches, extent)
  }
  const last = [...kept.values()].at(-1) ?? NOTHING
  const arrived = await lastArrival(db)
  const gaps = from === null ? 0 : Math.max(top, first) - first + 1 - kept.size
  return {
    last: arrived > last.arrivals ? { ...last, arrivals: arrived } : last,
    top,
    missing: gaps > 0 ? gaps : arrived > last.arrivals ? 1 : 0,
    at: (batch) => kept.get(batch),
  }
}

/** The greatest number in the arrival log, 0 when empty. */
const lastArrival = async (db: Database): Promise<number> => {
  const key = await lastKey(db, rangeOf(letters.arrival))
  return key !== null && key.length === ARRIVAL_KEY_BYTES ? key.readUIntBE(1, 6) : 0
}
