/**
 * What a start did not read of the log, since a checkpoint spoke for it, is read afterwards, a little at a time: damage in it is told to the
 * replica as if a read had met it, so that it is fetched again.
 *
 * Where something is gone of which not even the name is left, the checkpoint is: the next start reads all of the log, and sees what is missing.
 */
import type { ChainId } from '../../crdt/ids.ts'
import type { CommitStore } from '../ports/store.ts'
import type { Shell } from '../replica/effects.ts'

/** Between two batches of the scan (512 commits, 10 to 20 ms of reading): some eighth of the time is spent. */
const REST_MS = 100

export type RecheckOptions = {
  readonly store: Pick<CommitStore, 'scan'>
  readonly shell: Pick<Shell, 'feed' | 'isStopping'>
  /** The last arrival that was not read, 0 when all was; and how many numbers up to it were lost when the checkpoint was made. */
  readonly upTo: number
  readonly lost: number
  readonly after: (ms: number, call: () => void) => unknown
  /** More is lost than that. */
  readonly giveUp: (() => Promise<void>) | undefined
  readonly trouble: (message: string) => void
}

/** Resolves when it is through, or the peer stops. Never rejects. */
export const recheck = async ({ store, shell, upTo, lost, after, giveUp, trouble }: RecheckOptions): Promise<void> => {
  if (upTo === 0) return
  let gone = 0
  try {
    for await (const batch of store.scan(1, upTo)) {
      if (shell.isStopping()) return
      for (const met of batch) {
        if (met.kind === 'lost') gone++
        else if (met.kind === 'damaged') tell(shell, met.arrival.chain, met.arrival.seq)
      }
      await new Promise<void>((resolve) => void after(REST_MS, resolve))
      if (shell.isStopping()) return
    }
    if (gone > lost) {
      trouble(
        `${gone - lost} commits are missing from the log: start this peer again, then it fetches them from others`,
      )
      await giveUp?.()
    }
  } catch (error) {
    if (!shell.isStopping())
      trouble(`the log could not be read to its end (${error instanceof Error ? error.message : String(error)})`)
  }
}

const tell = (shell: Pick<Shell, 'feed'>, chain: ChainId, seq: number): void =>
  shell.feed({ kind: 'damaged', what: { kind: 'commit', chain, seq } })
