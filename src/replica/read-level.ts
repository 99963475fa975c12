/**
 * Up to which format level the log was read when its rows were made. A build that reads more shows commits that the one before it left
 * out, one that reads less leaves out what was shown: then all rows are gone through once more, as after any change of the past.
 */
import { FIRST_LEVEL } from '../../crdt/level.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore } from '../ports/store.ts'
import type { LogIndex } from './log-index.ts'
import type { Revision } from './revision.ts'

const FACT = 'log/read-level'

/** After the opening scan. Answers, for health, why it could not be written; it is tried again at the next start. */
export const restoreReadLevel = async (
  { control, reads }: Pick<LogIndex, 'control' | 'reads'>,
  store: CommitStore,
  revision: Pick<Revision, 'facts' | 'applied'>,
): Promise<string | null> => {
  const before = readBefore(store)
  if (before === reads.level) return null
  const [low, high] = [Math.min(before, reads.level), Math.max(before, reads.level)]
  const differs = control.levels.some(({ level }) => level > low && level <= high)
  return store.write({ facts: [[FACT, pack(reads.level)], ...(differs ? revision.facts('everything') : [])] }).then(
    () => {
      if (differs) revision.applied()
      return null
    },
    (error: unknown) =>
      `up to which format level the log is read could not be written (${error instanceof Error ? error.message : String(error)}): it is tried again at the next start`,
  )
}

/** A folder that no other build has had says nothing of it. */
const readBefore = (store: CommitStore): number => {
  const bytes = store.fact(FACT)
  const value = bytes instanceof Uint8Array ? unpack(bytes) : null
  return typeof value === 'number' ? value : FIRST_LEVEL
}
