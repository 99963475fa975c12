/**
 * Rows that go, because what made them counts no longer: a memory's words, tags, vectors and vertices go with it, a link's edge too.
 *
 * They are written once more as if they had been forgotten, which takes away all that hangs on them by the same code that keeps
 * it, and then deleted; all in the transaction of the batch.
 */
import type { LinkRow, MemoryRow, ProjectionBatch } from '../ports.ts'
import type { Query } from './sql.ts'

/** @param write a batch's rows, with all that hangs on them. Answers how many memories are gone. */
export const removeRows = async (query: Query, batch: ProjectionBatch, write: (rows: ProjectionBatch) => Promise<unknown>): Promise<number> => {
  const { memories = [], links = [], episodes = [], commits = [] } = batch.removed ?? {}
  if (commits.length > 0) await query('delete from events where commit_hash = any($1::text[])', [commits])
  const going = await query<{ row: string }>('select row from memories where id = any($1::uuid[])', [memories])
  const cut = await query<{ row: string }>('select row from links where id = any($1::uuid[])', [links])
  if (going.length + cut.length > 0) {
    await write({
      memories: going.map(({ row }) => hidden(JSON.parse(row) as MemoryRow)), links: cut.map(({ row }) => ({ ...(JSON.parse(row) as LinkRow), removed: true })),
      episodes: [], events: [], conflicts: [], cursor: batch.cursor,
    })
  }
  for (const [table, ids] of [['memories', memories], ['links', links]] as const) if (ids.length > 0) await query(`delete from ${table} where id = any($1::uuid[])`, [ids])
  if (episodes.length > 0) await query('delete from episodes where id = any($1::uuid[]) and not exists (select 1 from events where events.id = episodes.id)', [episodes])
  return going.length
}

const hidden = (row: MemoryRow): MemoryRow => ({ ...row, title: null, content: null, tags: [], metadata: {}, forgotten: true, conflicts: 0 })
