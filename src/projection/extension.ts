/**
 * Extensions of the database that recall is better with and works without: made where that is allowed.
 */
import type { Query } from './sql.ts'

export type Extension = { /** As an identifier. */ readonly schema: string; readonly version: string }

/** The extension, made where it is missing and may be made; null when it is not to be had. */
export const extension = async (query: Query, name: string): Promise<Extension | null> => {
  const found = async (): Promise<Extension | null> => {
    const [row] = await query<Extension>(
      'select quote_ident(nspname) as schema, extversion as version from pg_extension join pg_namespace on pg_namespace.oid = extnamespace where extname = $1',
      [name],
    )
    return row ?? null
  }
  const before = await found()
  if (before !== null) return before
  // Refused, too, when another peer makes it at this moment.
  await attempted(query, `create extension ${name} schema public`)
  return found()
}

/** Within a transaction a failed statement would end all; what is refused here is only done without. */
export const attempted = async (query: Query, statement: string): Promise<boolean> => {
  await query('savepoint attempt')
  try {
    await query(statement)
    await query('release savepoint attempt')
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    await query('rollback to savepoint attempt')
    return false
  }
}
