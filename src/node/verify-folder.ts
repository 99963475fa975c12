/**
 * Verifies the log of a stopped peer. Apart from what serves, so that it starts in a third of the time.
 */
import type { VerifyAnswer } from '../api.ts'
import { requireIdentity } from '../membership/folder.ts'
import type { Random } from '../ports/clock.ts'
import { verifyStopped } from '../service/verify.ts'
import { openLevelStore } from '../store/level.ts'
import { arrivalsInLostLogs } from '../store/lost.ts'

/** @throws NodeError, StoreFailure with a line that names cause and mend. */
export const verifyFolder = async ({
  dir,
  random,
  onProgress,
}: {
  readonly dir: string
  readonly random: Random
  readonly onProgress?: (done: number, total: number) => void
}): Promise<VerifyAnswer> => {
  const identity = await requireIdentity(dir)
  const store = await openLevelStore(dir, { random })
  try {
    return await verifyStopped(identity.mesh, store, await arrivalsInLostLogs(dir), onProgress)
  } finally {
    await store.close()
  }
}
