/**
 * YAML between two lines of `---` at the head of a Markdown file.
 *
 * Known names become fields of the memories, the rest is kept as metadata. What people write and YAML dislikes (a colon in a title, a key
 * twice, tabs) is read as they mean it, and said; what cannot be read so is the text's beginning, letter for letter, and said as well.
 * A block that is no mapping is text like any other: a file may begin with a rule.
 */
import { limits } from '../../../crdt/limits.ts'
import { type FrontFields, takeFields } from './front-fields.ts'
import { readMapping } from './front-yaml.ts'

export type FrontMatter = FrontFields & {
  /** A block that could not be read: text, but no Markdown. */
  readonly unread: string
  /** What follows it. */
  readonly text: string
}

/** Half of what metadata may hold: the importer adds the path and the headings. */
const METADATA_BYTES_MAX = limits.metadata_bytes_max / 2

const BLOCK = /^(\s*\n)?(---[ \t]*\r?\n)([\s\S]*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/m

/** @param text without its file's byte order mark. */
export const readFrontMatter = (text: string): FrontMatter => {
  const none: FrontMatter = { title: null, fields: {}, aliases: [], metadata: {}, unread: '', text, said: [] }
  const found = BLOCK.exec(text)
  if (found === null || found.index !== 0) return none
  const read = readMapping(found[3] ?? '')
  if (read.kind === 'other') return none
  const rest = text.slice(found[0].length)
  const asText = (why: string): FrontMatter => ({
    ...none,
    unread: found[0].trimEnd(),
    text: rest,
    said: [`its front matter is kept as text: ${why}`],
  })
  if (read.kind === 'unreadable') return asText(read.why)

  const { title, fields, aliases, metadata, said } = takeFields(read.values)
  if (Buffer.byteLength(JSON.stringify(metadata)) > METADATA_BYTES_MAX)
    return asText(`it holds more than ${METADATA_BYTES_MAX / 1024} KiB that no field takes`)
  const early = found[1] === undefined ? [] : ['its front matter begins behind empty lines, and was read all the same']
  return { title, fields, aliases, metadata, unread: '', text: rest, said: [...early, ...read.said, ...said] }
}
