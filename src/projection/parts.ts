/** Rows in parts that one statement takes. */
import { limits } from '../../crdt/limits.ts'

export function* parts<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let at = 0; at < rows.length; at += limits.projection_statement_rows_max)
    yield rows.slice(at, at + limits.projection_statement_rows_max)
}
