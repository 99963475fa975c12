/**
 * What the log says, for those who ask in SQL: `events` (who said what of which record, when) with the views `versions` and `agents`
 * over it, and `conflicts` (which values stand side by side). Search reads none of them, and they hold no text.
 *
 * Both are functions of the log, as the other rows are; an event that was said again in another commit stands there twice.
 */
import type { ConflictRow, EventRow, MemoryRow } from '../ports/projection.ts'
import { parts } from './parts.ts'
import type { Query } from './sql.ts'
import { msOf } from './times.ts'

/** Told again, an event changes nothing. */
export const writeEvents = async (query: Query, events: readonly EventRow[]): Promise<void> => {
  for (const part of parts(events)) {
    await query(
      `insert into events (id, commit_hash, namespace, kind, record, agent_id, peer_id, at_ms, hlc)
       select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::bigint[], $9::bigint[]) on conflict do nothing`,
      [
        part.map(({ event_id }) => event_id),
        part.map(({ commit }) => commit),
        part.map(({ namespace }) => namespace),
        part.map(({ kind }) => kind),
        part.map(({ record }) => record),
        part.map(({ agent_id }) => agent_id),
        part.map(({ peer_id }) => peer_id),
        part.map(({ at }) => msOf(at) ?? 0),
        part.map(({ hlc }) => hlc),
      ],
    )
  }
}

/** In place of those that these memories had. */
export const writeConflicts = async (
  query: Query,
  memories: readonly MemoryRow[],
  conflicts: readonly ConflictRow[],
): Promise<void> => {
  for (const part of parts(memories))
    await query('delete from conflicts where memory = any($1::uuid[])', [part.map(({ id }) => id)])
  for (const part of parts(conflicts)) {
    await query(
      `insert into conflicts (memory, field, event, agent_id, peer_id, at_ms, shown)
       select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::boolean[]) on conflict do nothing`,
      [
        part.map(({ memory }) => memory),
        part.map(({ field }) => field),
        part.map(({ event_id }) => event_id),
        part.map(({ agent_id }) => agent_id),
        part.map(({ peer_id }) => peer_id),
        part.map(({ at }) => msOf(at) ?? 0),
        part.map(({ shown }) => shown),
      ],
    )
  }
}
