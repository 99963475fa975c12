/** The one row that says which log, and how much of it, the other rows reflect. */
import { emptyFrontierSum, frontierToken, type FrontierSum } from '../../crdt/frontier-token.ts'
import {
  ProjectionFailure,
  type FrontierForm,
  type ProjectionBatch,
  type ProjectionCursor,
  type Reflects,
} from '../ports/projection.ts'
import { frontierIn } from './chains.ts'
import type { Query } from './sql.ts'

export const readCursor = async (query: Query): Promise<ProjectionCursor | null> => {
  const [row] = await query<ProjectionCursor>(
    'select epoch, revision::float8 as revision, arrival::float8 as arrival from cursor',
  )
  return row ?? null
}

/** What an answer of this moment shows. */
export const reflects = async (query: Query, form: FrontierForm | undefined): Promise<Reflects> => {
  const [row] = await query<ProjectionCursor & { readonly token: string }>(
    'select epoch, revision::float8 as revision, arrival::float8 as arrival, token from cursor',
  )
  return reflectsOf(query, row ?? null, form)
}

/** The token of rows that show nothing. */
export const NOTHING = frontierToken(emptyFrontierSum())

/** The same where the cursor has been read along with something else. */
export const reflectsOf = async (
  query: Query,
  row: (ProjectionCursor & { readonly token: string }) | null,
  form: FrontierForm | undefined,
): Promise<Reflects> => {
  const frontier = form === 'full' ? await frontierIn(query) : (row?.token ?? NOTHING)
  return { at: row && { epoch: row.epoch, revision: row.revision, arrival: row.arrival }, frontier }
}

type Follows = Pick<ProjectionBatch, 'cursor' | 'after' | 'mends'>

/**
 * True when the batch has yet to be applied. One of another log asks for a rebuild; one that does not follow the rows is refused, and
 * whoever brought it asks where to go on.
 */
export const isAhead = ({ cursor: next, after, mends }: Follows, stored: ProjectionCursor | null): boolean => {
  if (stored === null && mends !== undefined) throw notNext('are gone', `mends revision ${mends}`)
  const place = stored ?? { epoch: next.epoch, revision: next.revision, arrival: 0 }
  if (place.epoch !== next.epoch)
    throw new ProjectionFailure('projection: its rows are of another log; they are rebuilt from this one', true)
  const before = mends ?? next.revision
  if (mends !== undefined && place.revision > mends) return false
  if (place.revision !== before || (mends !== undefined && place.arrival !== next.arrival))
    throw notNext(
      `show revision ${place.revision} of arrival ${place.arrival}`,
      `mends revision ${before} of ${next.arrival}`,
    )
  if (mends !== undefined) return true
  if (next.arrival <= place.arrival) return false
  if ((after ?? 0) > place.arrival) throw notNext(`end at arrival ${place.arrival}`, `follows ${after}`)
  return true
}

const notNext = (rows: string, batch: string): ProjectionFailure =>
  new ProjectionFailure(`projection: its rows ${rows} and the batch ${batch}; it is asked where to go on`)

/** What the chains' rows add up to. */
export const readSum = async (query: Query): Promise<FrontierSum> => {
  const [row] = await query<{ commits: number; chains: Uint8Array }>(
    'select commits::float8 as commits, chains from cursor',
  )
  const sum = emptyFrontierSum()
  if (row === undefined) return sum
  sum.commits = row.commits
  sum.set.set(row.chains)
  return sum
}

/** @param fresh memories that were not there before, less those that are gone. @param scrub whether this batch removed a text that was there before. */
export const writeCursor = async (
  query: Query,
  next: ProjectionCursor,
  sum: FrontierSum,
  fresh: number,
  scrub: boolean,
): Promise<void> => {
  await query(
    `insert into cursor (epoch, arrival, token, commits, chains, memories, scrub, revision) values ($1, $2::bigint, $3, $4::bigint, $5::bytea, $6::bigint, $7, $8::bigint)
     on conflict (one) do update set epoch = excluded.epoch, revision = excluded.revision, arrival = excluded.arrival, token = excluded.token, commits = excluded.commits,
       chains = excluded.chains, memories = cursor.memories + excluded.memories, scrub = cursor.scrub or excluded.scrub`,
    [next.epoch, next.arrival, frontierToken(sum), sum.commits, sum.set, fresh, scrub, next.revision],
  )
}
