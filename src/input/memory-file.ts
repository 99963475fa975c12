/**
 * A file as a memory: its path below `/memories` is the title, two tags find it, its text is the content with a line's end behind it.
 * What the MCP profile `files` and `mnemesh mirror` write and read is the same, by this file.
 */
import { createHash } from 'node:crypto'
import { nameTag } from './entity.ts'

export const FILE_TAG = 'file'
export const ROOT = '/memories'

/** Without a slash at its end; null for one that is not below the root. */
export const pathOf = (given: string | undefined): string | null => {
  const path = (given ?? '').replace(/\/$/, '')
  const parts = path.split('/').slice(1)
  const isBelow = path === ROOT || path.startsWith(`${ROOT}/`)
  return isBelow && parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/\p{Cc}/u.test(part))
    ? path
    : null
}

/** A text is kept with a line's end behind it, so that an empty one is a text too. */
export const kept = (written: string): string => `${written}\n`
export const written = (content: string): string => content.replace(/\n$/, '')

/** The fields of a memory that make it the file of this path. */
export const fileDraft = (path: string) => ({ title: path, tags: [FILE_TAG, nameTag(FILE_TAG, path)] })

/**
 * On which texts one was written, by their hashes: kept beside it (`metadata.parents`), so that whoever finds two texts that were written at
 * once finds in the history what both were made from. Nothing rests on it but how well they merge.
 */
export const parentsOf = (contents: readonly string[]): { readonly parents: readonly number[] } => ({
  parents: [...new Set(contents.map(textHash))].slice(0, PARENTS_MAX),
})
/** A number, since search reads the texts of metadata. */
export const textHash = (content: string): number =>
  Number.parseInt(createHash('sha256').update(content).digest('hex').slice(0, HASH_DIGITS), 16)

/** 48 bits, which every reader of JSON keeps. */
const HASH_DIGITS = 12
/** More texts at once than so many name some of them. */
export const PARENTS_MAX = 16
