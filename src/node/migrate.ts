/**
 * Moves the search index of a peer between its embedded database and a schema on a server, or between two servers, as it is: so that
 * the peer starts there without making or embedding anything again.
 *
 * The peer is stopped, and stays so while it lasts: the log is held, so no peer can start. Between two servers it may run: the rows of
 * one moment are read beside it, and what it writes meanwhile it adds by itself when it is started there, as after any other pause.
 *
 * What was moved is removed where it was, unless it is to be kept: a copy that nobody keeps up would keep texts that are erased later.
 */
import { NodeError } from '../errors.ts'
import { requireIdentity, type Identity } from '../membership/folder.ts'
import { whenStopped } from '../membership/stopped.ts'
import type { ProjectionCursor } from '../ports/projection.ts'
import { heldBy, moveRows, type Moved } from '../projection/move.ts'
import { openPglite } from '../projection/pglite.ts'
import { openPostgres } from '../projection/postgres.ts'
import type { Sql } from '../projection/sql.ts'
import { folderOfRows, schemaOf } from './projection.ts'

export type MigrateOptions = {
  /** The peer's folder. */
  readonly dir: string
  /** `pglite`, or `postgres://…`, as `serve --projection` takes it. */
  readonly from: string
  readonly to: string
  /** Leave the rows where they were. */
  readonly keep: boolean
  readonly log: (line: string) => void
  readonly onProgress?: (done: number, total: number) => void
}

export type MigrateAnswer = Omit<Moved, 'cursor' | 'without_vectors'> & {
  readonly arrival: number
  /** Commits of the log that these rows do not show yet; null beside a running peer. */
  readonly commits_behind: number | null
  /** Whether the rows are gone where they were. */
  readonly removed: boolean
}

type Log = { readonly epoch: string; readonly arrivals: number }

/** @throws NodeError, StoreFailure, ProjectionFailure with a line that names cause and mend. */
export const migrateFolder = async (options: MigrateOptions): Promise<MigrateAnswer> => {
  if (options.from === options.to)
    throw new NodeError('malformed', 'the rows are there already: --from and --to name the same place')
  const identity = await requireIdentity(options.dir)
  const stopped = await whenStopped(identity, async (store) =>
    migrate(options, identity, { epoch: store.opening.epoch, arrivals: store.arrivals() }),
  )
  if (stopped !== null) return stopped.result
  if (options.from === 'pglite' || options.to === 'pglite')
    throw new NodeError(
      'conflict',
      `the peer of ${options.dir} runs, and its embedded database is open to nobody else: stop it, migrate, and start it with --projection ${options.to === 'pglite' ? 'pglite' : 'as --to says'}`,
    )
  return migrate(options, identity, null)
}

/** @param log null beside a running peer. */
const migrate = async (options: MigrateOptions, identity: Identity, log: Log | null): Promise<MigrateAnswer> => {
  const from = opened(options.from, options, identity, log === null)
  const to = opened(options.to, options, identity, false)
  try {
    await from.connect()
    await to.connect()
    const moved = await moving(from, to, options, log)
    if (moved.without_vectors !== null)
      options.log(
        `vectors stay behind, for ${moved.without_vectors}; search there is by words until they are made again`,
      )
    const removed = log !== null && !options.keep && (await heldBy(from)) !== null
    if (removed) await from.wipe()
    const { cursor, without_vectors: _told, ...told } = moved
    return {
      ...told,
      arrival: cursor.arrival,
      commits_behind: log === null ? null : Math.max(0, log.arrivals - cursor.arrival),
      removed,
    }
  } finally {
    await from.close()
    await to.close()
  }
}

/** Rows of this log that are there, and none here any more, have been moved before. */
const moving = async (from: Sql, to: Sql, { onProgress }: MigrateOptions, log: Log | null): Promise<Moved> => {
  const here = await heldBy(from)
  const there = here === null && log !== null ? await heldBy(to) : null
  if (here !== null && log !== null) requireOfLog(here.cursor, log)
  if (there === null || there.cursor.epoch !== log?.epoch)
    return moveRows(from, to, { ...(onProgress && { onProgress }) })
  const { cursor, digest, memories, vectors } = there
  return { outcome: 'already', rows: 0, cursor, digest, memories, vectors, without_vectors: null }
}

const requireOfLog = ({ epoch, arrival }: ProjectionCursor, log: Log): void => {
  if (epoch === log.epoch && arrival <= log.arrivals) return
  throw new NodeError(
    'conflict',
    'the rows there are of another log than this folder holds: start the peer with --projection as --to says, and they are made anew there',
  )
}

const opened = (where: string, { dir, log }: MigrateOptions, identity: Identity, beside: boolean): Sql =>
  where === 'pglite' ? openPglite(folderOfRows(dir), log) : openPostgres(where, schemaOf(identity), log, beside)
