/**
 * Where a page of a list ends: the place (happened, id) of its last row, with a hash of the filter it belongs to. The same whether
 * the rows answer or the log, so that a list may go on from either.
 */
import { canonicalize } from '../../crdt/canonical.ts'
import { sha256 } from '../../crdt/hash.ts'
import { BadCursor, type MemoryFilter as Now } from '../ports/projection.ts'

/** `as_of`: of a list as of a time; its pages are no pages of another time's. */
type MemoryFilter = Now & { readonly as_of?: string }
/** `happened`: ms since 1970. */
export type Place = readonly [happened: number, id: string]

const CURSOR = /^2,(-?\d{1,16}),([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}),([0-9a-f]{16})$/

export const formatCursor = ([happened, id]: Place, filter: MemoryFilter): string =>
  Buffer.from(`2,${happened},${id},${filterHash(filter)}`).toString('base64url')

export const parseCursor = (cursor: string, filter: MemoryFilter): Place => {
  const parsed = CURSOR.exec(cursor.length > 256 ? '' : Buffer.from(cursor, 'base64url').toString('latin1'))
  if (parsed === null)
    throw new BadCursor('list: that is no cursor of this list; take next_cursor as it was given, or start without one')
  if (parsed[3] !== filterHash(filter))
    throw new BadCursor(
      'list: that cursor belongs to a list with other filters; repeat its filters, or start without one',
    )
  return [Number(parsed[1]), parsed[2]!]
}

/** The same for filters that mean the same: the order of kinds and tags does not matter. */
const filterHash = ({
  namespace,
  kinds,
  tier,
  tags,
  agent_id,
  run_id,
  since,
  until,
  stored_since,
  stored_until,
  as_of,
}: MemoryFilter): string => {
  const asSet = (items: readonly string[] | undefined): readonly string[] => [...new Set(items)].sort()
  const meaning = canonicalize([
    namespace ?? null,
    asSet(kinds),
    tier ?? null,
    asSet(tags),
    agent_id ?? null,
    run_id ?? null,
    since ?? null,
    until ?? null,
    stored_since ?? null,
    stored_until ?? null,
    ...(as_of === undefined ? [] : [as_of]),
  ])
  return Buffer.from(sha256('mnemesh/list/1', meaning)).toString('hex', 0, 8)
}
