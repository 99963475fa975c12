/**
 * A folder that is taken into another mesh, and the machine that loses its power on the way. What the move does to the disk is recorded;
 * then every state that may be found after the power is back is made, with what was not flushed lost in part, and the move gone on with.
 */
import fs from 'node:fs'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { finishMove, sayWhole } from './moving.ts'

const root = mkdtempSync(join(tmpdir(), 'mnemesh-moving-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const MESH = 'ab'.repeat(32)

/** What lies in a folder before the move: the old peer's, and the new one's beside it, all on disk. */
const BEFORE: Readonly<Record<string, string>> = {
  'identity.json': 'old key',
  'mesh.json': 'old mesh',
  'addresses.json': 'old addresses',
  'log/db': 'old log',
  'projection/rows': 'old rows',
  'joining/identity.json': 'new key',
  'joining/mesh.json': 'new mesh',
  'joining/log/db': 'new log',
}
const AFTER: Readonly<Record<string, string>> = {
  'identity.json': 'new key',
  'mesh.json': 'new mesh',
  'log/db': 'new log',
  'before-abababababababab/identity.json': 'old key',
  'before-abababababababab/mesh.json': 'old mesh',
  'before-abababababababab/addresses.json': 'old addresses',
  'before-abababababababab/log/db': 'old log',
}

type Disk = Map<string, string | null>
/** Files with what is in them, folders with null; by paths below `dir`. The lock of who moves is no part of it. */
const readDisk = (dir: string): Disk =>
  new Map(
    readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((path) => !/^moving(\/|$)/.test(path))
      .map((path) => [path, statSync(join(dir, path)).isDirectory() ? null : readFileSync(join(dir, path), 'utf8')]),
  )
const writeDisk = (dir: string, disk: Disk): void => {
  mkdirSync(dir)
  for (const [path, text] of [...disk].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    if (text === null) mkdirSync(join(dir, path), { recursive: true })
    else {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), text)
    }
}
const files = (disk: Disk): Record<string, string> =>
  Object.fromEntries([...disk].filter((entry): entry is [string, string] => entry[1] !== null))

type Change =
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'put'; readonly path: string; readonly text: string | null }
  | { readonly kind: 'remove'; readonly path: string }
/** A folder's flush keeps its entries, a file's what is in it. */
type Step = Change | { readonly kind: 'flush'; readonly path: string } | { readonly kind: 'said' }

/** Plays the move in a folder of its own and answers what it did to the disk, in order. */
const recorded = async (dir: string): Promise<readonly Step[]> => {
  const steps: Step[] = []
  const at = (path: fs.PathLike): string => relative(dir, String(path))
  const isOurs = (path: string): boolean => !path.startsWith('..') && !/^moving(\/|$)/.test(path)
  const say = (step: Step, path: string): void => void (isOurs(path) && steps.push(step))
  const real = { ...fs.promises }
  fs.promises.rename = async (from, to) => {
    await real.rename(from, to)
    say({ kind: 'rename', from: at(from), to: at(to) }, at(from))
  }
  fs.promises.copyFile = async (from, to) => {
    await real.copyFile(from, to)
    say({ kind: 'put', path: at(to), text: readFileSync(String(to), 'utf8') }, at(to))
  }
  fs.promises.mkdir = async (path: fs.PathLike, options?: unknown): Promise<undefined> => {
    await real.mkdir(path, options as fs.MakeDirectoryOptions)
    say({ kind: 'put', path: at(path), text: null }, at(path))
  }
  fs.promises.rm = async (path, options) => {
    // The innermost first, as the system does it.
    const below = fs.existsSync(path) ? [...readDisk(String(path)).keys()].map((name) => join(at(path), name)) : []
    const isThere = fs.existsSync(path)
    await real.rm(path, options)
    for (const name of below.toSorted((a, b) => b.length - a.length)) say({ kind: 'remove', path: name }, name)
    if (isThere) say({ kind: 'remove', path: at(path) }, at(path))
  }
  fs.promises.open = async (path, flags, mode) => {
    const file = await real.open(path, flags, mode)
    const [write, sync] = [file.writeFile.bind(file), file.sync.bind(file)]
    if (flags === 'w') say({ kind: 'put', path: at(path), text: '' }, at(path))
    file.writeFile = async (text) => {
      await write(text)
      say({ kind: 'put', path: at(path), text: String(text) }, at(path))
    }
    file.sync = async () => {
      await sync()
      say({ kind: 'flush', path: at(path) }, at(path))
    }
    return file
  }
  syncBuiltinESMExports()
  try {
    await sayWhole(dir, MESH)
    steps.push({ kind: 'said' })
    await finishMove(dir)
  } finally {
    Object.assign(fs.promises, real)
    syncBuiltinESMExports()
  }
  return steps
}

/** Whether a flush of `path` after the change keeps it, together with the flushes of the others that it names. */
const foldersOf = (change: Change): readonly string[] => {
  const folder = (path: string): string => (dirname(path) === '.' ? '' : dirname(path))
  return change.kind === 'rename' ? [folder(change.from), folder(change.to)] : [folder(change.path)]
}

/** Changes of `steps` that the loss of power may undo. A file's text is kept by its own flush, its name by its folder's. */
const unflushed = (steps: readonly Step[]): readonly number[] =>
  steps.flatMap((step, at) => {
    if (step.kind === 'flush' || step.kind === 'said') return []
    const later = new Set(steps.slice(at).flatMap((other) => (other.kind === 'flush' ? [other.path] : [])))
    const needed = [...foldersOf(step), ...(step.kind === 'put' && step.text !== null ? [step.path] : [])]
    return needed.every((path) => later.has(path)) ? [] : [at]
  })

/** The disk after the steps but for those that were lost; null where what is left cannot have been. */
const after = (start: Disk, steps: readonly Step[], lost: ReadonlySet<number>): Disk | null => {
  let disk = new Map(start)
  for (const [at, step] of steps.entries()) {
    if (step.kind === 'flush' || step.kind === 'said') continue
    if (lost.has(at)) {
      // Of a new file the name may be there, and nothing in it.
      if (step.kind === 'put' && step.text !== null && at % 2 === 0) disk.set(step.path, '')
      continue
    }
    if (step.kind === 'put') disk.set(step.path, step.text)
    else if (step.kind === 'remove') disk.delete(step.path)
    else {
      if (!disk.has(step.from)) return null
      const moved = (path: string): string =>
        path === step.from || path.startsWith(`${step.from}/`) ? step.to + path.slice(step.from.length) : path
      for (const path of disk.keys()) if (path === step.to || path.startsWith(`${step.to}/`)) disk.delete(path)
      disk = new Map([...disk].map(([path, text]) => [moved(path), text]))
    }
  }
  for (const path of disk.keys())
    for (let up = dirname(path); up !== '.'; up = dirname(up)) if (!disk.has(up)) return null
  return disk
}

/** All that may be lost, each by itself, all but each, everything, nothing. */
const losses = (may: readonly number[]): readonly (readonly number[])[] => [
  [],
  may,
  ...may.map((one) => [one]),
  ...may.map((one) => may.filter((other) => other !== one)),
]

test('whatever a loss of power leaves is the old folder or, once the move is decided, ends as the new one', async () => {
  const dir = join(root, 'recorded')
  writeDisk(dir, new Map(Object.entries(BEFORE)))
  const start = readDisk(dir)
  const steps = await recorded(dir)
  expect(files(readDisk(dir))).toEqual(AFTER)
  const said = steps.findIndex(({ kind }) => kind === 'said')
  const seen = new Set<string>()
  let [old, moved] = [0, 0]
  for (let length = 0; length <= steps.length; length++) {
    const done = steps.slice(0, length)
    for (const lost of losses(unflushed(done))) {
      const disk = after(start, done, new Set(lost))
      const key = disk && JSON.stringify([...disk].toSorted(([a], [b]) => (a < b ? -1 : 1)))
      if (disk === null || key === null || seen.has(`${key} ${length > said}`)) continue
      seen.add(`${key} ${length > said}`)
      const found = join(root, `after-${seen.size}`)
      writeDisk(found, disk)
      const why = `${length} steps of ${steps.length}, lost ${JSON.stringify(lost.map((at) => steps[at]))}`
      await finishMove(found)
      const now = files(readDisk(found))
      const isOld = now['mesh.json'] === BEFORE['mesh.json']
      if (isOld) old++
      else moved++
      // Before it is decided all of the old folder is there; afterwards no way leads back.
      expect(isOld && length > said, why).toBe(false)
      const left = Object.fromEntries(Object.entries(now).filter(([path]) => !path.startsWith('joining/')))
      expect(left, why).toEqual(
        isOld ? Object.fromEntries(Object.entries(BEFORE).filter(([path]) => !path.startsWith('joining/'))) : AFTER,
      )
      rmSync(found, { recursive: true })
    }
  }
  expect([old > 0, moved >= 12], `${old} old, ${moved} moved`).toEqual([true, true])
})
