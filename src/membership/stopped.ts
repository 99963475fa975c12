/**
 * The store of a peer that is stopped: opened, worked on, closed.
 */
import { stat } from 'node:fs/promises'
import { NodeError } from '../errors.ts'
import type { Random } from '../ports/clock.ts'
import { StoreFailure, type CommitStore } from '../ports/store.ts'
import { openLevelStore } from '../store/level.ts'
import { writeControlLog, type ControlLog } from './control-log.ts'
import type { Identity } from './folder.ts'

export const randomOfSystem: Random = { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) }

/** Does the work in the peer's store; null when a running process has it. */
export const whenStopped = async <T>(
  identity: Pick<Identity, 'dir'>,
  work: (store: CommitStore) => Promise<T>,
): Promise<{ result: T } | null> => {
  try {
    return { result: await withStore(identity.dir, randomOfSystem, work) }
  } catch (error) {
    if (error instanceof StoreFailure && error.code === 'locked') return null
    throw error
  }
}

export const withStore = async <T>(
  dir: string,
  random: Random,
  work: (store: CommitStore) => Promise<T>,
): Promise<T> => {
  const store = await openLevelStore(dir, { random })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

/** What a peer's log begins with, unless an attempt that was cut short has written it. */
export const beginLog = async (dir: string, store: CommitStore, log: ControlLog): Promise<void> => {
  if (store.arrivals() === 0) return writeControlLog(store, log, 0)
  if (store.commit(log.commits[0]!.chain, 1) === null)
    throw new NodeError('wrong_mesh', `${dir} holds the log of another mesh: take another folder`)
}

/** @throws NodeError when something else has that name. */
export const requireFolder = async (dir: string): Promise<void> => {
  const found = await stat(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw new NodeError(
      'malformed',
      `${dir} cannot be used (${error.message}): take another place, or let this user have that one`,
    )
  })
  if (found !== null && !found.isDirectory())
    throw new NodeError('malformed', `${dir} is not a folder: take another place`)
}
