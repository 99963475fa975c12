/**
 * A folder of Markdown, or one file: one memory for each heading's own text, and one for the text before the first heading.
 *
 * - Headings are found by a Markdown parser, so a `#` in a code block is no heading. The text of a section is the file's
 *   own, letter for letter.
 * - A heading with nothing under it but further headings is no memory: they carry it in `metadata.heading_path`.
 * - A section's place (folder, file, headings) makes its key: an edited section is a change of the same memory.
 * - A `.txt` file is one memory. Hidden entries, `node_modules`, symbolic links and other files are passed over, and counted.
 */
import { readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { limits } from '../../../crdt/limits.ts'
import { errorCode } from '../failure.ts'
import { type FrontMatter, readFrontMatter } from './front-matter.ts'
import {
  type Draft,
  type ImportSource,
  keyOf,
  type MemoryItem,
  type NoteItem,
  type ProblemItem,
  stableJson,
} from './item.ts'
import { shortHash } from './known.ts'
import { type Origin, originOf, within } from './origin.ts'
import { fitLine } from './split.ts'
import { readText } from './text.ts'
import { skippedText, walk, type Walked } from './walk.ts'
import { cliLimits } from '../limits.ts'

/** `placeName`: where in its file it stands. */
type Sectioned = MemoryItem & { readonly placeName: string }

const MARKDOWN = /\.(md|markdown|mdown|mdx)$/i
const PLAIN = /\.txt$/i

/** @param path a folder or a file. Rejects with a `CliFailure` when it cannot be read. @param encoding of its files, where the user says it. */
export const markdownSource = async (path: string, encoding?: string): Promise<ImportSource> => {
  const folder = (await stat(path)).isDirectory()
  const real = await realpath(path)
  const dir = folder ? real : dirname(real)
  const origin = await originOf(dir)
  const placeOf = (at: string): string => shortHash(origin.name, within(origin, at))
  const root = placeOf(dir)
  const { files, problems, skipped }: Walked = folder
    ? await walk(path, (name) => MARKDOWN.test(name) || PLAIN.test(name))
    : { files: [path], problems: [], skipped: new Map() }
  let read = 0
  /** Files that came in whole. */
  const seen = new Set<string>()
  const broken = new Set<string>()
  return {
    format: 'markdown',
    unit: 'files',
    total: files.length,
    done: () => read,
    skipped,
    hint: folder
      ? `no .md, .markdown, .mdx or .txt file in it${skipped.size === 0 ? '' : ` (passed over: ${skippedText(skipped)})`}; name the folder that has some, or the --format`
      : 'the file holds no text',
    async *memories() {
      yield* problems
      for (const file of files) {
        const where = folder ? relative(path, file).split(sep).join('/') : basename(file)
        const place = placeOf(folder ? join(real, where) : real)
        seen.add(place)
        for await (const item of fileItems(file, where, encoding, skipped)) {
          if (item.kind === 'problem') broken.add(place)
          yield item.kind === 'memory' ? placed(item, root, place) : item
        }
        read++
      }
    },
    covers: coverage({ folder, problems, real, origin, root, files, seen, broken }),
  }
}

type Covering = {
  readonly folder: boolean
  readonly problems: readonly unknown[]
  readonly real: string
  readonly origin: Origin
  readonly root: string
  readonly files: readonly string[]
  readonly seen: ReadonlySet<string>
  readonly broken: ReadonlySet<string>
}

/** A file that is there answers for its sections; a folder that was read whole for its files, whichever folder above or below it they came by. */
const coverage = ({
  folder,
  problems,
  real,
  origin,
  root,
  files,
  seen,
  broken,
}: Covering): NonNullable<ImportSource['covers']> => {
  const above = new Map<string, string>([[root, '']])
  if (folder)
    for (let dir = real; dir !== origin.base && dirname(dir) !== dir;) {
      dir = dirname(dir)
      above.set(shortHash(origin.name, within(origin, dir)), `${relative(dir, real).split(sep).join('/')}/`)
    }
  const below = new Set(folder ? files.map((file) => shortHash(origin.name, within(origin, dirname(file)))) : [])
  return (known) => {
    if (seen.has(known.file)) return !broken.has(known.file)
    const inside = above.get(known.root)
    return (
      folder && problems.length === 0 && (inside === undefined ? below.has(known.root) : known.path.startsWith(inside))
    )
  }
}

/** The same place keeps its key, whatever the text becomes. */
const placed = (item: Sectioned, root: string, file: string): MemoryItem => {
  const id = shortHash(file, item.placeName)
  return { ...item, key: keyOf('markdown', id), place: { root, file, id } }
}

async function* fileItems(
  file: string,
  path: string,
  encoding: string | undefined,
  skipped: Map<string, number>,
): AsyncGenerator<Sectioned | ProblemItem | NoteItem, undefined> {
  const problem = (message: string): ProblemItem => ({ kind: 'problem', where: path, message })
  let bytes: Buffer
  try {
    const { size } = await stat(file)
    if (size > cliLimits.import_file_bytes_max) {
      yield problem(`larger than ${cliLimits.import_file_bytes_max / 1024 ** 2} MiB; cut it into several files`)
      return undefined
    }
    bytes = await readFile(file)
  } catch (error) {
    yield problem(`cannot be read (${errorCode(error) || String(error)})`)
    return undefined
  }
  const read = readText(bytes, encoding)
  if (!read.ok) {
    yield problem(read.message)
    return undefined
  }
  if (read.text.trim() === '') {
    skipped.set('empty file', (skipped.get('empty file') ?? 0) + 1)
    return undefined
  }
  if (read.encoding !== null && encoding === undefined)
    yield { kind: 'note', where: path, message: `read as ${read.encoding}; say --encoding NAME if that is wrong` }
  yield* PLAIN.test(path) ? [plainItem(read.text, path)] : markdownItems(read.text, path)
  return undefined
}

/** A text without marks is one memory. */
const plainItem = (text: string, path: string): Sectioned => {
  const draft: Draft = {
    content: trimLines(text),
    title: titleOf(path),
    source: fitLine(path, limits.name_bytes_max),
    metadata: { path },
  }
  return { kind: 'memory', draft, key: keyOf('markdown', path), placeName: '', where: path }
}

const titleOf = (path: string): string => fitLine(basename(path).replace(/\.[^.]+$/, ''), limits.title_bytes_max)

type Section = { readonly headings: readonly string[]; readonly text: string }

/** The memories of one file. @param path relative, with `/`. */
export function* markdownItems(file: string, path: string): Generator<Sectioned | NoteItem> {
  const front = readFrontMatter(file)
  const said = new Map<string, number>()
  for (const message of front.said) yield { kind: 'note', where: path, message }
  for (const section of withFront([...sections(front.text)], front)) {
    const heading = section.headings.at(-1)
    const title = heading ?? front.title ?? titleOf(path)
    const short = fitLine(title, limits.title_bytes_max)
    const text =
      section.text === ''
        ? title
        : short.endsWith('…') && !title.endsWith('…')
          ? `${title}\n\n${section.text}`
          : section.text
    const about = {
      path,
      ...(section.headings.length === 0 ? {} : { heading_path: section.headings.map((part) => fitLine(part, 512)) }),
    }
    const document = front.title !== null && heading !== undefined ? { document: fitLine(front.title, 512) } : {}
    const draft: Draft = {
      content: text,
      ...(short === '' ? {} : { title: short }),
      source: fitLine(path, limits.name_bytes_max),
      ...front.fields,
      ...tagged(front.fields.tags ?? [], inlineTags(section.text)),
      metadata: { ...front.metadata, ...document, ...about },
    }
    const name = stableJson(section.headings)
    const times = (said.get(name) ?? 0) + 1
    said.set(name, times)
    const placeName = `${name}#${times}`
    yield { kind: 'memory', draft, key: keyOf('markdown', path, placeName), placeName, where: path }
  }
}

/** In the file's order. A section's text has no empty lines around it; sections without text are out, but leaf headings stay. */
function* sections(text: string): Generator<Section> {
  const marks = fromMarkdown(text).children.flatMap((node) =>
    node.type === 'heading'
      ? [
          {
            depth: node.depth,
            name: plainText(node),
            from: node.position?.start.offset ?? 0,
            to: node.position?.end.offset ?? 0,
          },
        ]
      : [],
  )
  const before = trimLines(text.slice(0, marks[0]?.from ?? text.length))
  if (before !== '') yield { headings: [], text: before }
  const open: { readonly depth: number; readonly name: string }[] = []
  for (const [index, mark] of marks.entries()) {
    while ((open.at(-1)?.depth ?? 0) >= mark.depth) open.pop()
    open.push(mark)
    const next = marks[index + 1]
    const own = trimLines(text.slice(mark.to, next?.from ?? text.length))
    const parent = next !== undefined && next.depth > mark.depth
    const headings = open.map((part) => part.name)
    if (own !== '' || (!parent && mark.name !== '')) yield { headings, text: own }
  }
}

/** Those of the note, then those in its text, as many as a memory may have. */
const tagged = (own: readonly string[], inline: readonly string[]): { readonly tags?: readonly string[] } => {
  const tags = [...new Set([...own, ...inline])].slice(0, limits.tags_per_event_max)
  return tags.length === 0 ? {} : { tags }
}

/** `#tag` and `#tag/below` as Obsidian reads them: outside code, with a letter in it, and no colour. */
const inlineTags = (text: string): readonly string[] => {
  const plain = text.replace(/```[\s\S]*?(?:```|$)/g, ' ').replace(/`[^`\n]*`/g, ' ')
  return [...plain.matchAll(/(?<=^|\s)#([\p{L}\p{N}_/-]*\p{L}[\p{L}\p{N}_/-]*)/gmu)]
    .map(([, tag = '']) => tag)
    .filter(
      (tag) => Buffer.byteLength(tag) <= limits.tag_bytes_max && !/^([0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})$/i.test(tag),
    )
}

/** A block that is kept as text begins the note; a note of nothing but its front matter still is one. */
const withFront = (found: readonly Section[], { unread, title, fields, metadata }: FrontMatter): readonly Section[] => {
  const [first, ...rest] = found
  if (unread !== '')
    return first?.headings.length === 0
      ? [{ headings: [], text: `${unread}\n\n${first.text}` }, ...rest]
      : [{ headings: [], text: unread }, ...found]
  const says = title !== null || Object.keys(fields).length + Object.keys(metadata).length > 0
  return first === undefined && says ? [{ headings: [], text: '' }] : found
}

const trimLines = (text: string): string => text.replace(/^(?:[ \t]*(?:\r\n|\n|\r))+/, '').trimEnd()

type RootContent = ReturnType<typeof fromMarkdown>['children'][number]

/** A heading as one reads it: without marks of emphasis, links and code. */
const plainText = (node: RootContent): string => {
  if ('children' in node) return node.children.map(plainText).join('')
  if ('value' in node) return node.value
  return 'alt' in node ? (node.alt ?? '') : ''
}
