/**
 * A recording: a real store on a real disk, with an image after every acknowledgement and every opening and closing.
 *
 * LevelDB appends to its logs and manifests and never changes a table, so a file at any moment between two images is the
 * earlier one, the later one, or a part of what was appended: that is what the crash states are made of.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { openLevelStore } from '../../src/store/level.ts'
import { seeded } from '../../src/store/testing/samples.ts'
import { batchOf, type Kind } from './history.ts'
import { capture, type Image } from './image.ts'

/** `acknowledged`: batches that the writer was told are on stable storage. `what` names the moment. */
export type Moment = {
  readonly image: Image
  readonly acknowledged: number
  readonly what: 'opened' | 'written' | 'closed' | 'meanwhile'
}
export type Recording = { readonly kind: Kind; readonly moments: readonly Moment[]; readonly batches: number }

/** @param stints batches of each stint; between two the store is closed and opened. The last is not closed: the power goes. */
export const record = async (kind: Kind, stints: readonly number[]): Promise<Recording> => {
  const dir = mkdtempSync(join(tmpdir(), 'mnemesh-crash-'))
  const moments: Moment[] = []
  let batches = 0
  const note = (what: Moment['what']): void => {
    moments.push({ image: capture(dir), acknowledged: batches, what })
  }
  try {
    for (const [stint, count] of stints.entries()) {
      const store = await openLevelStore(dir, { random: seeded(`${kind} ${stint}`) })
      note('opened')
      for (let n = 0; n < count; n++) {
        await store.write(batchOf(kind, batches))
        batches++
        note('written')
        if (kind === 'erasing') await watchPurge(() => note('meanwhile'))
      }
      await store.close()
      if (stint < stints.length - 1) note('closed')
    }
    return { kind, moments, batches }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** Texts are got off the disk in the background: a look at it after each of some turns. */
const watchPurge = async (look: () => void): Promise<void> => {
  for (let turns = 0; turns < 12; turns++) {
    for (let i = 0; i < 40; i++) await setImmediate()
    look()
  }
}
