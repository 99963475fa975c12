/**
 * Taking a folder into another mesh, at once or not at all.
 *
 *   joining/             a whole peer's folder in the other mesh, filled beside the old one
 *   joining/whole.json   there when it is: from then on the move is carried out, by whoever opens the folder next
 *   before-MESH/         the old peer's folder: its keys, its log, with it all old receipts
 *
 * Every step is a rename, or a copy that is made again; each looks at what is left to do, and is on disk before the next. So a crash between
 * two of them costs nothing, the machine's neither, and `mesh.json` is there at every moment: nobody takes the folder for an empty one.
 */
import { access, copyFile, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { NodeError } from '../errors.ts'
import { takeProcessLock } from '../store/process-lock.ts'
import { flush } from './flush.ts'
import { makeFolder } from './make-folder.ts'

export const stagingOf = (dir: string): string => join(dir, 'joining')
const wholeOf = (dir: string): string => join(stagingOf(dir), 'whole.json')

/** Files that name the peer; replaced by a rename each, the mesh last. */
const NAMES = ['identity.json', 'mesh.json'] as const
/** What of the old peer has no counterpart yet. */
const KEPT = ['addresses.json', 'run.json', 'recovering.json'] as const

/** An attempt that was cut short before it was whole: only its key is kept, which may be enrolled already. */
export const clearStaging = async (dir: string): Promise<void> => {
  await rm(join(stagingOf(dir), 'mesh.json'), { force: true })
  await rm(join(stagingOf(dir), 'log'), { recursive: true, force: true })
}

/** The staged folder is complete: the move is decided. @param mesh the one that the folder leaves. */
export const sayWhole = async (dir: string, mesh: string): Promise<void> => {
  const file = await open(`${wholeOf(dir)}.new`, 'w', 0o600)
  try {
    await file.writeFile(`${JSON.stringify({ leaves: mesh })}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  // What it speaks of comes first: the staged folder, and what lies in it.
  await flush(dir)
  await flush(stagingOf(dir))
  await rename(`${wholeOf(dir)}.new`, wholeOf(dir))
  await flush(stagingOf(dir))
}

/**
 * Carries out a move that is decided. Answers the folder in which the old peer lies; null where there is nothing to be done.
 * @throws NodeError `conflict` while another process does it, or has the old log.
 */
export const finishMove = async (dir: string): Promise<string | null> => {
  if ((await leaves(dir)) === null) return null
  const lock = await takeProcessLock(join(dir, LOCK))
  if (lock === null)
    throw new NodeError('conflict', `${dir} is being taken into another mesh by a process that runs: try again`)
  try {
    const mesh = await leaves(dir)
    if (mesh === null) return null
    const before = join(dir, `before-${mesh.slice(0, 16)}`)
    await makeFolder(before, 0o700)
    await flush(dir)
    await move(dir, before)
    return before
  } finally {
    await lock.release()
    await rm(join(dir, LOCK), { recursive: true, force: true })
  }
}
const LOCK = 'moving'

const move = async (dir: string, before: string): Promise<void> => {
  const staged = stagingOf(dir)
  if (await isThere(join(staged, 'log'))) {
    if (await isThere(join(dir, 'log'))) await renameFlushed(join(dir, 'log'), join(before, 'log'))
    await renameFlushed(join(staged, 'log'), join(dir, 'log'))
  }
  if (await isThere(join(staged, 'mesh.json'))) {
    // Of the old log; made again from the new one.
    await rm(join(dir, 'projection'), { recursive: true, force: true })
    for (const name of KEPT)
      if (await isThere(join(dir, name))) await renameFlushed(join(dir, name), join(before, name))
  }
  for (const name of NAMES) {
    if (!(await isThere(join(staged, name)))) continue
    await copyFile(join(dir, name), join(before, name))
    await flush(join(before, name))
    await flush(before)
    await renameFlushed(join(staged, name), join(dir, name))
  }
  await rm(staged, { recursive: true, force: true })
}

const renameFlushed = async (from: string, to: string): Promise<void> => {
  await rename(from, to)
  await flush(dirname(to))
  await flush(dirname(from))
}

/** The mesh that a folder leaves whose move is decided. */
const leaves = async (dir: string): Promise<string | null> => {
  const text = await readFile(wholeOf(dir), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    throw new NodeError('internal', `cannot read ${wholeOf(dir)}: ${error.code ?? error.message}`)
  })
  return text === null ? null : (/"leaves":"([0-9a-f]{64})"/.exec(text)?.[1] ?? '0'.repeat(64))
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
