/**
 * Why a memory cannot be made under an id that an import names.
 */
import type { Namespace } from '../../crdt/ids.ts'
import type { MemoryRow } from '../ports/projection.ts'
import type { Refusal } from '../replica/types.ts'

export const ABSENT = { code: 'not_found', message: 'there is no such memory, or it is not visible to you' } as const

/** Documents that one memory may be in by imports: each change of it is written to all of them. */
const BESIDE_MAX = 32
const TAKEN = 'a memory has this id here: import it without X-Imported-Id, and it gets one of its own'
const TOO_MANY = `the memory has ${BESIDE_MAX} values beside one another, the most that an import makes: settle its conflicts first`

/** @param row what has the id here. @param beside whether it is to stand beside that. @param documents in which that is. */
export const idRefused = (
  row: MemoryRow | null,
  namespace: Namespace,
  beside: boolean,
  documents: number,
): Refusal | null => {
  if (!beside) return row === null ? null : { code: 'conflict', message: TAKEN, fields: { id: row.id } }
  if (row === null || row.forgotten || row.erased || row.namespace !== namespace) return ABSENT
  return documents < BESIDE_MAX ? null : { code: 'conflict', message: TOO_MANY }
}
