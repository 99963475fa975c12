/** All families of crash states, in the numbers that a run of some size takes of each. */
import type { Kind } from './history.ts'
import { record } from './recording.ts'
import { garbledLogs, prefixes, repeatedBatches, tornBatches, tornMarks, type State } from './states.ts'
import { betweenMoments, mixtures, moments } from './steps.ts'
import { stoppedAlive } from './stopped.ts'

const STINTS: Readonly<Record<Kind, readonly number[]>> = { small: [7, 6, 9], erasing: [4, 4], large: [3, 14] }

/** States of the log and the mark: `about` so many. */
export const logStates = async (seed: number, about: number): Promise<readonly State[]> => {
  const small = await record('small', STINTS.small)
  const part = (share: number): number => Math.ceil(about * share)
  return [
    ...prefixes(small, seed, part(0.25), part(0.06)),
    ...tornBatches(small, seed, part(0.16)),
    ...garbledLogs(small, seed, part(0.1)),
    ...repeatedBatches(small, seed, part(0.06)),
    ...tornMarks(small, seed, part(0.06)),
  ]
}

/** States of several files: openings, closings, full buffers, erased texts, mixtures, real stops. `about` so many. */
export const folderStates = async (seed: number, about: number): Promise<readonly State[]> => {
  const [small, erasing, large] = [
    await record('small', STINTS.small),
    await record('erasing', STINTS.erasing),
    await record('large', STINTS.large),
  ]
  const part = (share: number): number => Math.ceil(about * share)
  return [
    ...moments(small),
    ...moments(erasing),
    ...betweenMoments(small, seed, part(0.25)),
    ...betweenMoments(erasing, seed, part(0.2)),
    // Megabytes each.
    ...betweenMoments(large, seed, part(0.02)),
    ...mixtures(small, seed, part(0.2)),
    ...mixtures(erasing, seed, part(0.1)),
    ...(await stoppedAlive('small', seed, part(0.1))),
    ...(await stoppedAlive('erasing', seed, part(0.1))),
  ]
}
