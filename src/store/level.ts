/**
 * The commit store on disk: LevelDB (classic-level 3) in `DIR/log/db`, with what LevelDB does not notice watched from outside.
 *
 * - Records carry their own checks (records.ts): LevelDB reads without verifying its checksums. Tables are checked before
 *   LevelDB sees them (table.ts): on damage it may end the process. Assumption: tables do not change under an open store.
 *   Consequence of violation: the process may end there and then; what was acknowledged is whole, and the next opening mends.
 * - A batch is one synced LevelDB batch; each has a number, so one that is missing is noticed (opening.ts).
 * - The end of the log is held against a mark in another file (mark.ts).
 * - LevelDB may acknowledge and then lose what it writes *after* a write that failed (seen on a full disk: its log's blocks
 *   are out of step). So the free space is looked at before each batch, and after a failed one nothing is written until the
 *   database was opened anew (healing.ts says when, reopen.ts how). Reads go on.
 * - A full disk does not keep it from opening: a reserve makes room (reserve.ts).
 *
 * Measured with 100,000 commits of 600 B on four cores that others kept busy (load 4–6), where SHA-256 of 600 B took 2.5–5 µs
 * and the barest synced LevelDB batch (64 puts of 600 B, nothing else) 20–38 µs a commit: written in batches of 64
 * 50–77 µs a commit (23–27 µs of it on the main thread), scanned at 27,000–33,000 commits a second, a table check of
 * 500–700 MB a second at opening.
 */
import { readdir, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { limits } from '../../crdt/limits.ts'
import { StoreFailure } from '../ports/store.ts'
import type { Random } from '../ports/clock.ts'
import type { CommitStore, ScannedCommit, StoreBatch } from '../ports/store.ts'
import { assertBatch, isEmpty } from './batch.ts'
import { lastKey, lockFolder, mendLogs, mendTables, namedFiles, openDatabase, removeUnnamed } from './database.ts'
import type { DamagedFile } from './database.ts'
import { causeOf, closed, isDamage, toFailure } from './failure.ts'
import { leaveClean, openFolder, setLogsAside } from './folder.ts'
import type { Folder } from './folder.ts'
import { startHealing } from './healing.ts'
import { liveDatabase } from './live-database.ts'
import { openMark } from './mark.ts'
import { makePrivate } from './modes.ts'
import { settleOpening } from './opening.ts'
import { openPlanner } from './plan.ts'
import type { Planner } from './plan.ts'
import { startPurge } from './purge.ts'
import { damageReport, findArrival, findBody, findCommit, findFact, findHash, isDropped, isErased } from './reads.ts'
import { letters, rangeOf } from './records.ts'
import type { Entry } from './records.ts'
import { reopen } from './reopen.ts'
import type { Touched } from './reopen.ts'
import { freeBytesAt, giveReserve, RESERVE_BYTES, takeReserve } from './reserve.ts'
import { scanCommits } from './scan.ts'
import { takeTurns } from '../turns.ts'

export type LevelStoreOptions = {
  readonly random: Random
  /** Bytes that must be free for a batch to be begun. */
  readonly freeBytesMin?: number
  /** Whether a file keeps room for opening on a full disk (reserve.ts): a running peer's store, not a look into a folder. */
  readonly keepReserve?: boolean
}

/**
 * Opens (or makes) the store of the data folder `dir`, in `DIR/log/`.
 * @throws StoreFailure `locked`: open elsewhere; `unreadable`: damaged beyond repair; `disk_full`; `io_error`.
 */
export const openLevelStore = async (
  dir: string,
  { random, freeBytesMin = limits.store_free_bytes_min, keepReserve = false }: LevelStoreOptions,
): Promise<CommitStore> => {
  const { folder, lock, db: first, mark, opened, ...found } = await openAll(dir, random)
  const live = liveDatabase(first)
  const { db } = live
  const damage = damageReport()
  const planner = openPlanner(db, opened.extent)
  const inTurn = takeTurns()
  const { epoch } = opened.opening
  const any = { ...found.any }
  let isClosed = false
  if (keepReserve) await takeReserve(folder)

  const assertOpen = (): void => {
    if (isClosed) throw closed(dir)
  }

  const healing = startHealing<Touched>({
    dir,
    freeBytesMin,
    attemptBytesMin: REOPENING_BYTES,
    freeBytes: () => freeBytesAt(folder),
    mend: (touched) =>
      inTurn(async () => {
        await reopen(folder, live, { extent: planner.extent(), epoch }, touched)
        mark.reset({ epoch, extent: planner.extent() })
      }),
    probe: () => inTurn(() => db.batch().del(NO_KEY).write({ sync: true })),
  })
  healing.onHealed(() => {
    if (!isClosed) purge.wake()
    if (keepReserve) void takeReserve(folder)
  })

  /** A LevelDB write beside batches. */
  const append = async (write: () => Promise<unknown>): Promise<void> => {
    try {
      await write()
    } catch (error) {
      throw healing.fail(error, null)
    }
  }

  const perform = async (batch: StoreBatch): Promise<void> => {
    healing.assertWritable()
    const plan = await planner.plan(batch, any)
    const chained = db.batch()
    for (const { key, value } of plan.puts) chained.put(key, value)
    for (const key of plan.dels) chained.del(key)
    const [written, marked] = await Promise.allSettled([chained.write({ sync: true }), mark.flushed()])
    if (written.status === 'rejected') throw healing.fail(written.reason, plan)
    plan.done()
    const [erased, dropped] = [(batch.erase ?? []).length > 0, (batch.drop ?? []).length > 0]
    any.erased ||= erased
    any.dropped ||= dropped
    if (erased || dropped) purge.wake()
    // The batch is on stable storage: what befalls the mark fails nobody, and is mended before the next batch.
    try {
      if (marked.status === 'rejected') throw marked.reason
      mark.note(plan.extent)
    } catch (error) {
      healing.fail(error, null)
    }
  }

  const mend = (entries: readonly Entry[]): Promise<void> =>
    inTurn(async () => {
      if (healing.trouble() !== null) return
      const chained = db.batch()
      for (const { key, value } of entries) chained.put(key, value)
      await append(() => chained.write({ sync: true }))
    })

  const remove = (keys: readonly Buffer[]): Promise<void> =>
    inTurn(async () => {
      healing.assertWritable()
      const chained = db.batch()
      for (const key of keys) chained.del(key)
      await append(() => chained.write({ sync: true }))
    })
  const purge = startPurge(db, { remove, assertWritable: healing.assertWritable }, (error) => {
    damage.tell({
      kind: 'index',
      key: 'erased texts',
      reason: toFailure(error, `get erased texts off the disk in ${dir}`).message,
    })
  })
  purge.wake()

  return {
    opening: opened.opening,
    scan(from = 1, to = planner.extent().arrivals) {
      assertOpen()
      return quarantining(planner, scanCommits(db, from, to, mend), from === 1)
    },
    async write(batch) {
      assertOpen()
      assertBatch(batch)
      if (!isEmpty(batch)) await inTurn(() => perform(batch))
    },
    commit(chain, seq) {
      assertOpen()
      const found = findCommit(db, chain, seq)
      if (found.is === 'damaged') damage.tell({ kind: 'commit', chain, seq, reason: found.reason })
      return found.is === 'sound' ? found.value.commit : null
    },
    find(hash) {
      assertOpen()
      const found = findHash(db, hash)
      if (found.is === 'damaged') damage.tell({ kind: 'index', key: hash, reason: found.reason })
      return found.is === 'sound' ? found.value : null
    },
    arrival(n) {
      assertOpen()
      if (!Number.isSafeInteger(n) || n < 1 || n > planner.extent().arrivals) return null
      const found = findArrival(db, n)
      if (found.is === 'damaged') damage.tell({ kind: 'index', key: `arrival ${n}`, reason: found.reason })
      return found.is === 'sound' ? found.value : null
    },
    arrivals: () => planner.extent().arrivals,
    body(ref) {
      assertOpen()
      const erased = any.erased ? isErased(db, ref) : null
      if (erased?.is === 'sound') return 'erased'
      const found = erased?.is === 'damaged' ? erased : findBody(db, ref)
      if (found.is === 'damaged') damage.tell({ kind: 'body', ref, reason: found.reason })
      if (found.is === 'sound') return found.value
      return found.is === 'absent' && any.dropped && isDropped(db, ref).is === 'sound' ? 'dropped' : null
    },
    fact(name) {
      assertOpen()
      const found = findFact(db, name)
      if (found.is === 'damaged') damage.tell({ kind: 'fact', name, reason: found.reason })
      return found.is === 'sound' ? found.value : found.is === 'damaged' ? 'damaged' : null
    },
    async freeBytes() {
      const { bavail, bsize } = await statfs(folder.root)
      return bavail * bsize
    },
    diskBytes: () => bytesIn(folder.root),
    trouble: healing.trouble,
    onHealed: healing.onHealed,
    onDamage: damage.listen,
    async close() {
      if (isClosed) return
      isClosed = true
      await healing.stop()
      await purge.stop()
      await inTurn(async () => undefined)
      try {
        try {
          await mark.close()
        } finally {
          await live.current().close()
        }
        if (!healing.hasFailed()) leaveClean(folder, epoch, planner.extent(), opened.identity)
      } catch (error) {
        throw toFailure(error, `close the log in ${dir}`)
      } finally {
        await lock.close()
      }
    },
  }
}

const openAll = async (dir: string, random: Random) => {
  try {
    const folder = openFolder(dir)
    await makePrivate(folder.root)
    if (freeBytesAt(folder) < RESERVE_BYTES) giveReserve(folder)
    return await openLocked(folder, random).catch((error: unknown) => {
      // Full by another measure than free bytes (a quota), or filled up since.
      if (toFailure(error, '').code === 'disk_full' && giveReserve(folder)) return openLocked(folder, random)
      throw error
    })
  } catch (error) {
    throw toFailure(error, `open the log in ${dir}`)
  }
}

const openLocked = async (folder: Folder, random: Random) => {
  const lock = await lockFolder(folder)
  try {
    await rm(folder.reading, { recursive: true, force: true })
    setLogsAside(folder)
    const damaged = [...(await mendTables(folder)), ...(await mendLogs(folder))]
    return { folder, lock, ...(await openTwice(folder, damaged, random)) }
  } catch (error) {
    await lock.close()
    throw error
  }
}

/** No record has it. */
const NO_KEY = Buffer.from('?')

/** What opening anew writes at most: the same twice, for `reading/` and the database itself. */
const REOPENING_BYTES = 2 * RESERVE_BYTES

/** Some damage (a table that the manifest names and that is gone) shows only at the first look-up: repaired, then tried again. */
const openTwice = async (folder: Folder, damaged: readonly DamagedFile[], random: Random) => {
  try {
    return await openOnce(folder, damaged, null, random)
  } catch (error) {
    if (error instanceof StoreFailure || !isDamage(error)) throw error
    return await openOnce(folder, damaged, causeOf(error), random)
  }
}

const openOnce = async (folder: Folder, damaged: readonly DamagedFile[], damage: string | null, random: Random) => {
  const { db, repaired } = await openDatabase(folder, damage)
  try {
    const has = async (letter: string): Promise<boolean> => (await lastKey(db, rangeOf(letter))) !== null
    const any = { erased: await has(letters.erased), dropped: await has(letters.dropped) }
    const mark = openMark(folder.mark)
    const named = namedFiles(damaged, repaired)
    const opened = await settleOpening(
      folder,
      db,
      mark,
      { repaired, files: named.map(({ note }) => note) },
      random,
      process.pid,
    )
    await removeUnnamed(damaged, named)
    return { db, mark, any, opened }
  } catch (error) {
    await db.close()
    throw error
  }
}

/**
 * Tells the planner which commits are damaged, so that it knows them when they are written again.
 * @param isLast all that lies behind has been read.
 */
async function* quarantining(
  planner: Planner,
  batches: AsyncIterable<readonly ScannedCommit[]>,
  isLast: boolean,
): AsyncGenerator<readonly ScannedCommit[]> {
  for await (const batch of batches) {
    for (const met of batch) if (met.kind === 'damaged') planner.quarantine(met.arrival)
    yield batch
  }
  if (isLast) planner.scanned()
}

/** Sum of the sizes of all files below. Files that vanish meanwhile (a compaction) count nothing. */
const bytesIn = async (path: string): Promise<number> => {
  let sum = 0
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const size = await stat(join(entry.parentPath, entry.name)).then(
      (file) => file.size,
      (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? 0 : Promise.reject(error)),
    )
    sum += size
  }
  return sum
}
