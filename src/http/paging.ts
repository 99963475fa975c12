/** Lists that are short for most and long for some, a page at a time. */
import { limits } from '../../crdt/limits.ts'
import { NodeError } from '../errors.ts'
import { cursorField, limitField } from './schemas.ts'

export type PageQuery = { readonly limit?: number; readonly cursor?: string }

export const pageFields = {
  limit: limitField(limits.list_limit_default, limits.list_limit_max),
  cursor: cursorField('next_cursor of the page before'),
}

/** What the node takes of it. */
export const pageOf = ({ limit, cursor }: PageQuery): PageQuery => ({
  ...(limit === undefined ? {} : { limit }),
  ...(cursor === undefined ? {} : { cursor }),
})

/** Rows behind the one whose key is the cursor, in the order of their keys. */
export const pageBy = <Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  { limit = limits.list_limit_default, cursor }: PageQuery,
): { readonly rows: readonly Row[]; readonly next_cursor: string | null } => {
  if (cursor === '')
    throw new NodeError('malformed', 'cursor is empty; send back next_cursor, unchanged, or leave it out to start')
  const behind = rows
    .map((row) => ({ row, key: keyOf(row) }))
    .filter(({ key }) => cursor === undefined || key > cursor)
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  return {
    rows: behind.slice(0, limit).map(({ row }) => row),
    next_cursor: behind.length > limit ? behind[limit - 1]!.key : null,
  }
}
