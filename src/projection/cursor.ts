/** The one row that says which log, and how much of it, the other rows reflect. */
import { ProjectionFailure, type ProjectionBatch, type ProjectionCursor } from '../ports/projection.ts'
import type { Query } from './sql.ts'

type Stored = { readonly epoch: string; readonly revision: number; readonly arrival: number; readonly frontier: ProjectionCursor['frontier'] }

export const readCursor = async (query: Query): Promise<ProjectionCursor | null> => {
  const [row] = await query<Stored>('select epoch, revision::float8 as revision, arrival::float8 as arrival, frontier from cursor')
  return row === undefined ? null : { epoch: row.epoch, revision: row.revision, arrival: row.arrival, frontier: row.frontier }
}

type Follows = Pick<ProjectionBatch, 'cursor' | 'after' | 'mends'>

/**
 * True when the batch has yet to be applied. One of another log asks for a rebuild; one that does not follow the rows is refused, and
 * whoever brought it asks where to go on.
 */
export const isAhead = ({ cursor: next, after, mends }: Follows, stored: ProjectionCursor | null): boolean => {
  if (stored === null && mends !== undefined) throw notNext('are gone', `mends revision ${mends}`)
  const place = stored ?? { epoch: next.epoch, revision: next.revision, arrival: 0 }
  if (place.epoch !== next.epoch) throw new ProjectionFailure('projection: its rows are of another log; they are rebuilt from this one', true)
  const before = mends ?? next.revision
  if (mends !== undefined && place.revision > mends) return false
  if (place.revision !== before || (mends !== undefined && place.arrival !== next.arrival)) throw notNext(`show revision ${place.revision} of arrival ${place.arrival}`, `mends revision ${before} of ${next.arrival}`)
  if (mends !== undefined) return true
  if (next.arrival <= place.arrival) return false
  if ((after ?? 0) > place.arrival) throw notNext(`end at arrival ${place.arrival}`, `follows ${after}`)
  return true
}

const notNext = (rows: string, batch: string): ProjectionFailure => new ProjectionFailure(`projection: its rows ${rows} and the batch ${batch}; it is asked where to go on`)

/** @param fresh memories that were not there before, less those that are gone. @param scrub whether this batch removed a text that was there before. */
export const writeCursor = async (query: Query, next: ProjectionCursor, fresh: number, scrub: boolean): Promise<void> => {
  await query(
    `insert into cursor (epoch, arrival, frontier, memories, scrub, revision) values ($1, $2::bigint, $3::text::jsonb, $4::bigint, $5, $6::bigint)
     on conflict (one) do update set epoch = excluded.epoch, revision = excluded.revision, arrival = excluded.arrival, frontier = excluded.frontier,
       memories = cursor.memories + excluded.memories, scrub = cursor.scrub or excluded.scrub`,
    [next.epoch, next.arrival, JSON.stringify(next.frontier), fresh, scrub, next.revision])
}
