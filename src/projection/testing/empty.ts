/** Empties every table between two tests: a reset makes the embedded database anew, which takes seconds. */
import { present, type Sql } from '../sql.ts'

const TABLES = [
  'memories',
  'postings',
  'words',
  'tags',
  'spaces',
  'runs',
  'links',
  'episodes',
  'events',
  'conflicts',
  'namespaces',
  'counts',
  'set_hashes',
  'chains',
  'cursor',
  'languages',
  'embedders',
  'unembedded',
  'embeddings',
] as const

export const empty = (sql: Sql): Promise<void> =>
  sql.transaction(async (query) => {
    for (const { id } of await query<{ id: number }>('select id::float8 as id from embedders'))
      await query(`drop index if exists embeddings_near_${id}`)
    // Not `truncate`, which makes each table's and index's file anew.
    for (const table of await present(query, TABLES)) await query(`delete from ${table}`)
  })
