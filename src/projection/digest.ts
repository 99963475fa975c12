/**
 * One hash over memories, links and episodes: equal on two members that projected the same commits, whatever the order they came in.
 *
 * SHA-256 over, for memories, then links, then episodes: the table's name and a line feed, then each row's canonical JSON
 * (which holds no line feed) and a line feed, in the order of their ids. The cursor and arrival numbers are local and not
 * in it, nor what is derived from the same commits beside them (words, tags, vectors, events, conflicts).
 */
import { createHash } from 'node:crypto'
import { limits } from '../../crdt/limits.ts'
import type { Query } from './sql.ts'

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

/** Hex. @param query reads of one moment. */
export const digestOf = async (query: Query): Promise<string> => {
  const hash = createHash('sha256').update('mnemesh/projection/1\n')
  for (const table of ['memories', 'links', 'episodes']) {
    hash.update(`${table}\n`)
    let after: string | null = null
    for (;;) {
      const rows: readonly { id: string; row: string }[] = await query(
        `select id, row from ${table} where id > $1::uuid or ($2::boolean and id = $1::uuid) order by id limit ${limits.projection_digest_page_rows}`,
        [after ?? BEFORE_ALL, after === null])
      for (const { row } of rows) hash.update(row).update('\n')
      if (rows.length < limits.projection_digest_page_rows) break
      after = rows.at(-1)!.id
    }
  }
  return hash.digest('hex')
}
