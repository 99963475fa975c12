/** The one row that says which log, and how much of it, the other rows reflect. */
import { ProjectionFailure, type ProjectionCursor } from '../ports.ts'
import type { Query } from './sql.ts'

type Stored = { readonly epoch: string; readonly arrival: number; readonly frontier: ProjectionCursor['frontier'] }

export const readCursor = async (query: Query): Promise<ProjectionCursor | null> => {
  const [row] = await query<Stored>('select epoch, arrival::float8 as arrival, frontier from cursor')
  return row === undefined ? null : { epoch: row.epoch, arrival: row.arrival, frontier: row.frontier }
}

/** True when the batch that ends at `next` has yet to be applied. A cursor of another log asks for a rebuild. */
export const isAhead = (next: ProjectionCursor, stored: ProjectionCursor | null): boolean => {
  if (stored === null) return true
  if (stored.epoch !== next.epoch) throw new ProjectionFailure('projection: its rows are of another log; they are rebuilt from this one', true)
  return next.arrival > stored.arrival
}

/** @param fresh memories that were not there before. @param scrub whether this batch removed a text that was there before. */
export const writeCursor = async (query: Query, next: ProjectionCursor, fresh: number, scrub: boolean): Promise<void> => {
  await query(
    `insert into cursor (epoch, arrival, frontier, memories, scrub) values ($1, $2::bigint, $3::text::jsonb, $4::bigint, $5)
     on conflict (one) do update set epoch = excluded.epoch, arrival = excluded.arrival, frontier = excluded.frontier,
       memories = cursor.memories + excluded.memories, scrub = cursor.scrub or excluded.scrub`,
    [next.epoch, next.arrival, JSON.stringify(next.frontier), fresh, scrub])
}
