/**
 * One change of one configuration file, worked out before anything is written: what set-up would put in, or take out.
 *
 * Invariants: nothing but our entries differs between what the file says before and after, and that is checked by parsing both; what set-up
 * put in is taken out byte for byte while the file is as it left it, and else wherever its text still stands.
 */
import { realpath, stat } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { createTwoFilesPatch } from 'diff'
import { NodeError } from '../errors.ts'
import type { Clock, Random } from '../ports/clock.ts'
import { readConfig, removeConfig, replaceConfig, requireWritable, type ConfigFile } from './config-file.ts'
import { insert, isSameBut, requireSameBut, takeOut, valueAt, type Insertion } from './edit.ts'
import { keepCopy, readRecord, removeRecord, sha256Of, writeRecord, type Record } from './record.ts'
import type { Entry, Target } from './targets.ts'

/** Where set-up remembers what it wrote. */
export type Kept = { readonly folder: string; readonly clock: Clock; readonly random: Random }

type Look = {
  readonly file: string
  readonly there: boolean
  /** `other`: an entry of our name that this installation would write otherwise. */
  readonly state: 'absent' | 'set up' | 'other'
  /** What stands there, null for what does not. */
  readonly found: readonly unknown[]
}

export type Change = {
  readonly target: Target
  readonly file: ConfigFile
  /** Null: the file is taken away. */
  readonly after: string | null
  /** Null: nothing is to be done. */
  readonly diff: string | null
  /** To be remembered, null when nothing of ours is left. */
  readonly record: Record | null
  /** What people should know about it. */
  readonly note: string | null
}

/** @throws NodeError when the configuration cannot be read. */
export const lookAt = async (target: Target): Promise<Look> => {
  const file = await readConfig(await fileOf(target))
  const root = target.format.parse(file.text, file.path)
  const entries = target.entries(root)
  const found = entries.map((entry) => valueAt(root, entry) ?? null)
  const state = found.every((value) => value === null)
    ? 'absent'
    : entries.every(({ value }, i) => isDeepStrictEqual(found[i], asJson(value)))
      ? 'set up'
      : 'other'
  return { file: file.path, there: file.bytes !== null, state, found }
}

/** @param replace an entry that set-up did not write. @throws NodeError when the file is not to be changed, with the reason. */
export const planSetup = async (
  target: Target,
  kept: Kept,
  { replace }: { readonly replace: boolean },
): Promise<Change> => {
  const file = await readConfig(await fileOf(target))
  const { state } = await lookAt(target)
  const record = await recordOf(target, kept, file)
  if (state === 'set up') return { target, file, after: file.text, diff: null, record, note: null }
  let base = file.text
  if (state === 'other') {
    if (record === null && !replace)
      throw new NodeError(
        'conflict',
        `${file.path} has an entry that set-up did not write: take it out first with --remove, or have it replaced with --replace; nothing was changed`,
      )
    base = withoutOurs(target, file, record).text
  }
  await requireWritable(file)
  let after = base
  const insertions: Insertion[] = []
  let parents = 0
  for (const entry of target.entries(target.format.parse(base, file.path))) {
    const before = target.format.parse(after, file.path)
    parents = Math.max(parents, missing(before, entry))
    const insertion = target.format.insertion(after, entry, entry.value, file.path)
    after = insert(after, insertion)
    insertions.push(insertion)
    const now = target.format.parse(after, file.path)
    requireSameBut(before, now, entry, file.path)
    if (!isDeepStrictEqual(valueAt(now, entry), asJson(entry.value)))
      throw new NodeError('internal', `${file.path} would not say what was put in; nothing was changed`)
  }
  const made = file.bytes === null || (record?.made ?? false)
  return {
    target,
    file,
    after,
    diff: diffOf(file, after),
    record: { target: file.target, made, insertions, parents, sha256: sha256Of(after) },
    note: null,
  }
}

/** @throws NodeError when the file is not to be changed, with the reason. */
export const planRemoval = async (target: Target, kept: Kept): Promise<Change> => {
  const file = await readConfig(await fileOf(target))
  const record = await recordOf(target, kept, file)
  if ((await lookAt(target)).state === 'absent')
    return { target, file, after: file.text, diff: null, record: null, note: null }
  await requireWritable(file)
  const { text, exact } = withoutOurs(target, file, record)
  const after = exact && record?.made === true && text === '' ? null : text
  return {
    target,
    file,
    after,
    diff: diffOf(file, after ?? ''),
    record: null,
    note: exact
      ? null
      : 'the file has been changed since, or set-up did not write it: the entry alone is taken out, and blanks around it may differ from before',
  }
}

/** Writes it, with a copy of the file as it was. Answers where the copy lies. */
export const applyChange = async (
  { target, file, after, diff, record }: Change,
  kept: Kept,
): Promise<string | null> => {
  let copy: string | null = null
  if (diff !== null) {
    await requireWritable(file)
    copy = await keepCopy(kept.folder, target.name, file, kept.clock.now())
    if (record !== null) await writeRecord(kept.folder, target.name, record, kept.random)
    if (after === null) await removeConfig(file)
    else await replaceConfig(file, after, kept.random)
  }
  if (record === null) await removeRecord(kept.folder, target.name)
  return copy
}

/** The file without what is ours. `exact`: byte for byte as it was. */
const withoutOurs = (
  target: Target,
  file: ConfigFile,
  record: Record | null,
): { readonly text: string; readonly exact: boolean } => {
  const root = target.format.parse(file.text, file.path)
  const cut = record === null ? null : takeOut(file.text, record.insertions)
  if (record !== null && cut !== null && isWithout(target, file, root, cut))
    return { text: cut, exact: record.sha256 === sha256Of(file.text) }
  let text = file.text
  for (const entry of target.entries(root)) {
    if (valueAt(target.format.parse(text, file.path), entry) === undefined) continue
    const next = target.format.without(text, entry, record?.parents ?? 0)
    if (next === null)
      throw new NodeError(
        'conflict',
        `${file.path} has an entry that set-up did not write: take it out by hand; nothing was changed`,
      )
    requireSameBut(target.format.parse(text, file.path), target.format.parse(next, file.path), entry, file.path)
    text = next
  }
  return { text, exact: false }
}

/** Whether a cut takes out our entries and nothing else. */
const isWithout = (target: Target, file: ConfigFile, root: unknown, cut: string): boolean => {
  let rest: unknown
  try {
    rest = target.format.parse(cut, file.path)
  } catch {
    return false
  }
  const entries = target.entries(root)
  return entries.every((entry) => valueAt(rest, entry) === undefined) && isSameBut(root, rest, entries)
}

/** Whether one of them is there. */
export const exists = async (paths: readonly string[]): Promise<boolean> => {
  for (const path of paths)
    if (
      await stat(path).then(
        () => true,
        () => false,
      )
    )
      return true
  return false
}

/** The one that counts: the last that is there, else the first. */
const fileOf = async ({ files }: Target): Promise<string> => {
  for (const file of files.toReversed()) if (await exists([file])) return file
  return files[0]!
}

/** Of this very file; of another that it once stood in it says nothing. */
const recordOf = async (target: Target, { folder }: Kept, file: ConfigFile): Promise<Record | null> => {
  const record = await readRecord(folder, target.name)
  return record !== null && record.target === (await realpath(file.path).catch(() => file.target)) ? record : null
}

/** Objects that are not there yet, counted from the entry. */
const missing = (root: unknown, { keys, isOurs }: Entry): number => {
  let count = 0
  while (
    count < keys.length - 1 &&
    valueAt(root, { keys: keys.slice(0, keys.length - 1 - count), isOurs }) === undefined
  )
    count++
  return count
}

const diffOf = ({ path, text, bytes }: ConfigFile, after: string): string | null =>
  text === after && bytes !== null
    ? null
    : createTwoFilesPatch(path, path, text, after, '', '', { context: 3 }).replace(/^=+\n/, '')

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown
