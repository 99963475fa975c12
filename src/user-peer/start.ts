/**
 * Starting and stopping this user's peer. Any number of programs may ask at once, and be killed at any moment: who starts or stops holds
 * a lock that ends with its process, and looks again once it has it. The peer's own lock on its folder is the last word: a second
 * process there ends by itself, so there is one peer whatever happens.
 */
import { chmod, open, rm, writeFile } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { NodeError } from '../errors.ts'
import { readIdentity, readRunning } from '../membership/folder.ts'
import { initMesh } from '../membership/index.ts'
import { makeFolder } from '../membership/make-folder.ts'
import type { Clock, Random } from '../ports/clock.ts'
import { takeProcessLock, type ProcessLock } from '../store/process-lock.ts'
import { findProcess, findUserPeer, readKey, type FoundPeer } from './find.ts'
import { isWanted, type UserFolder } from './folder.ts'
import { launchPeer, lastWords, type Launched, type Launcher } from './launch.ts'

export type Tools = {
  readonly clock: Clock
  readonly random: Random
  sleep(ms: number): Promise<void>
  readonly launcher: Launcher
}
export type Started = FoundPeer & { /** false: it ran already. */ readonly started: boolean }

/** A peer with a large log opens it first. */
const READY_MS_MAX = 60_000
/** Another process that starts it is waited for as long, and a little. */
const LOCK_MS_MAX = READY_MS_MAX + 10_000
/** Between two looks; a start takes about a second. */
const LOOK_MS = 50
/** A peer that was told to stop writes what it holds. */
const STOP_MS_MAX = 20_000
/** Our process has ended, but another's may be on its way up. */
const GRACE_MS = 5_000
/** A peer that works on something large may be late with its proof, of which each is waited for 5 s. */
const PROOFS_MAX = 4

/** The running peer, started when it is not there. @throws NodeError with what it said when it does not come up. */
export const ensureUserPeer = async (folder: UserFolder, tools: Tools): Promise<Started> => {
  const found = await findUserPeer(folder, tools.random)
  if (found !== null && (await isWanted(folder))) return { ...found, started: false }
  await makeFolder(folder.base, 0o700)
  return holdingLock(folder, tools, async () => {
    const there = await findUserPeer(folder, tools.random)
    await makeKey(folder, tools.random)
    if (there === null && (await readIdentity(folder.peer)) === null)
      await initMesh({ dir: folder.peer, name: peerName(), ...tools })
    await writeFile(folder.wanted, '', { mode: 0o600 })
    if (there !== null) return { ...there, started: false }
    return { ...(await launch(folder, tools)), started: true }
  })
}

const launch = async (folder: UserFolder, tools: Tools): Promise<FoundPeer> =>
  whenReady(folder, tools, await launchPeer(folder, tools.launcher))

/** Resolves with false when it did not run. @throws NodeError when it does not end. */
export const stopUserPeer = async (folder: UserFolder, tools: Tools): Promise<boolean> => {
  if (!(await isWanted(folder)) && (await readRunning(folder.peer)) === null) return false
  return holdingLock(folder, tools, async () => {
    await rm(folder.wanted, { force: true })
    return endProcess(folder, tools)
  })
}

/**
 * Works on the peer's folder while no program can start it; where it ran, it runs again afterwards, whatever came of the work.
 * @param work told whether there is a peer yet.
 */
export const whileUserPeerStopped = async <T>(
  folder: UserFolder,
  tools: Tools,
  work: (isMade: boolean) => Promise<T>,
): Promise<{ readonly done: T; readonly started: FoundPeer | null }> => {
  await makeFolder(folder.base, 0o700)
  return holdingLock(folder, tools, async () => {
    const ran = await endProcess(folder, tools)
    const again = async (): Promise<FoundPeer | null> => (ran ? launch(folder, tools) : null)
    let done: T
    try {
      done = await work((await readIdentity(folder.peer)) !== null)
    } catch (error) {
      // Why the work failed is what its caller has to know.
      await again().catch(() => null)
      throw error
    }
    return { done, started: await again() }
  })
}

const endProcess = async (folder: UserFolder, tools: Tools): Promise<boolean> => {
  let found = await findProcess(folder, tools.random)
  for (let proofs = 1; found === null && proofs < PROOFS_MAX && (await isAnyAlive(folder)); proofs++) {
    await tools.sleep(LOOK_MS)
    found = await findProcess(folder, tools.random)
  }
  if (found === null || found.pid === 0) return false
  process.kill(found.pid, 'SIGTERM')
  for (const from = tools.clock.now(); isAlive(found.pid); await tools.sleep(LOOK_MS)) {
    if (tools.clock.now() - from > STOP_MS_MAX)
      throw new NodeError(
        'not_ready',
        `the peer (process ${found.pid}) was told to stop and has not ended within ${STOP_MS_MAX / 1_000} s; see ${folder.log}`,
      )
  }
  return true
}

const holdingLock = async <T>(folder: UserFolder, { clock, sleep }: Tools, work: () => Promise<T>): Promise<T> => {
  let lock: ProcessLock | null = null
  for (const from = clock.now(); lock === null;) {
    lock = await takeProcessLock(folder.lock)
    if (lock !== null) break
    if (clock.now() - from > LOCK_MS_MAX)
      throw new NodeError(
        'not_ready',
        `another process has been starting or stopping this user's peer for ${LOCK_MS_MAX / 1_000} s; see ${folder.log}`,
      )
    await sleep(LOOK_MS)
  }
  try {
    return await work()
  } finally {
    await lock.release()
  }
}

const whenReady = async (
  folder: UserFolder,
  { clock, random, sleep }: Tools,
  launched: Launched,
): Promise<FoundPeer> => {
  let endedMs: number | null = null
  for (const from = clock.now(); ; await sleep(LOOK_MS)) {
    const found = await findUserPeer(folder, random)
    if (found !== null) return found
    if (launched.ended()) endedMs ??= clock.now()
    const dead = endedMs !== null && clock.now() - endedMs > GRACE_MS && !(await isAnyAlive(folder))
    if (dead || clock.now() - from > READY_MS_MAX)
      throw new NodeError(
        'not_ready',
        `this user's peer did not come up${dead ? '' : ` within ${READY_MS_MAX / 1_000} s`}: ${(await lastWords(folder)) || `it said nothing; see ${folder.log}`}`,
      )
  }
}

/** Made once; a file of that name which others may read is made its owner's alone. */
const makeKey = async (folder: UserFolder, random: Random): Promise<void> => {
  if ((await readKey(folder)) !== null) return chmod(folder.key, 0o600)
  await rm(folder.key, { force: true })
  const file = await open(folder.key, 'wx', 0o600)
  try {
    await file.writeFile(`${Buffer.from(random.bytes(32)).toString('base64url')}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Of a team's members each has a name of its own: the user's and the machine's. */
export const peerName = (): string => {
  const user = (() => {
    try {
      return userInfo().username
    } catch {
      // A container's user may have no entry.
      return 'user'
    }
  })()
  return `${user}@${hostname()}`.replaceAll(/\p{Cc}/gu, '').slice(0, 48)
}

/** Whether the process that said last that it runs here is there, though it may not answer: ours has the folder, or one that was given its number since. */
const isAnyAlive = async (folder: UserFolder): Promise<boolean> => {
  const running = await readRunning(folder.peer)
  return running !== null && running.pid !== 0 && isAlive(running.pid)
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
