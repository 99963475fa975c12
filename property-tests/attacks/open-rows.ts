/** Rows that fail today, by id: `npm run attacks` shows them as open, the quick form in `npm test` leaves them out. None may be added for a row that passed. */
export const OPEN_ROWS: ReadonlySet<string> = new Set([
  // A late or odd text reaches its neighbours.
  'tx-deep-metadata', 'tx-late-text',
  // Keys count for creations alone.
  'id-patch', 'id-delete', 'id-late-patch',
])
