/** Empties every table between two tests: a reset makes the embedded database anew, which takes seconds. */
import type { Sql } from '../sql.ts'

export const empty = (sql: Sql): Promise<void> =>
  sql.transaction(async (query) => {
    for (const { id } of await query<{ id: number }>('select id::float8 as id from embedders')) await query(`drop index if exists embeddings_near_${id}`)
    await query('truncate memories, postings, words, spaces, runs, links, episodes, cursor, embedders, unembedded, embeddings')
  })
