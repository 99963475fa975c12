/**
 * Rows that go, because what made them counts no longer: a memory's words, tags, vectors and vertices go with it, a link's edge too.
 *
 * They are written once more as if they had been forgotten, which takes away all that hangs on them by the same code that keeps
 * it, and then deleted; all in the transaction of the batch.
 */
import type { LinkRow, MemoryRow, ProjectionBatch } from '../ports/projection.ts'
import type { Query } from './sql.ts'
import { createTally, type Count, type Counted } from './tallies.ts'

/** @param write a batch's rows, with all that hangs on them. Answers how many memories are gone. */
export const removeRows = async (
  query: Query,
  batch: ProjectionBatch,
  write: (rows: ProjectionBatch) => Promise<unknown>,
): Promise<number> => {
  const { memories = [], links = [], episodes = [], commits = [] } = batch.removed ?? {}
  if (commits.length > 0) await query('delete from events where commit_hash = any($1::text[])', [commits])
  const going = await query<{ row: string }>('select row from memories where id = any($1::uuid[])', [memories])
  const cut = await query<{ row: string }>('select row from links where id = any($1::uuid[])', [links])
  if (going.length + cut.length > 0) {
    await write({
      memories: going.map(({ row }) => hidden(JSON.parse(row) as MemoryRow)),
      links: cut.map(({ row }) => ({ ...(JSON.parse(row) as LinkRow), removed: true })),
      episodes: [],
      events: [],
      conflicts: [],
      chains: [],
      cursor: batch.cursor,
    })
  }
  const tally = createTally(query)
  const uncount = async (deletion: string, ids: readonly string[], of: readonly Count[]): Promise<void> => {
    if (ids.length === 0) return
    for (const row of await query<Pick<Counted, 'namespace' | 'hash'>>(
      `delete from ${deletion} returning namespace, hash`,
      [ids],
    ))
      tally.remove({ ...row, of })
  }
  // Hidden, they are counted as rows alone.
  await uncount('memories where id = any($1::uuid[])', memories, [])
  await uncount('links where id = any($1::uuid[])', links, [])
  await uncount(
    'episodes where id = any($1::uuid[]) and not exists (select 1 from events where events.id = episodes.id)',
    episodes,
    [['episodes', '']],
  )
  await tally.write()
  return going.length
}

const hidden = (row: MemoryRow): MemoryRow => ({
  ...row,
  title: null,
  content: null,
  tags: [],
  metadata: {},
  forgotten: true,
  conflicts: 0,
})
