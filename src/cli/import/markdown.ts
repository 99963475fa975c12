/**
 * A folder of Markdown, a zip of one, or one file: one memory for each heading's own text, and one for the text before the first heading.
 *
 * - Headings are found by a Markdown parser, so a `#` in a code block is no heading. The text of a section is the file's
 *   own, letter for letter.
 * - A heading with nothing under it but further headings is no memory: they carry it in `metadata.heading_path`.
 * - A section's place (folder, file, headings) makes its key: an edited section is a change of the same memory.
 * - `[[note]]` is a link to that note's first section, `[[note#heading]]` to that one.
 * - A `.txt` file is one memory. Hidden entries, `node_modules`, symbolic links and other files are passed over, and counted.
 */
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { limits } from '../../../crdt/limits.ts'
import { type FrontMatter, readFrontMatter } from './front-matter.ts'
import {
  type Draft,
  type ImportSource,
  keyOf,
  type LinkItem,
  type MemoryItem,
  type NoteItem,
  type ProblemItem,
  stableJson,
} from './item.ts'
import { shortHash } from './known.ts'
import { type NoteFile, notesAt, notesInZip, PLAIN } from './notes.ts'
import { fitLine } from './split.ts'
import { readText } from './text.ts'
import { skippedText } from './walk.ts'
import { noteIndex, type NoteIndex, wikilinks, withoutCode } from './wikilinks.ts'

/** `placeName`: where in its file it stands; `targets`: of the wikilinks in it. */
type Sectioned = MemoryItem & {
  readonly placeName: string
  readonly headings: readonly string[]
  readonly targets: readonly string[]
}

/** @param encoding of its files, where the user says it. */
export const markdownSource = async (path: string, encoding?: string): Promise<ImportSource> => {
  const notes = await (/\.zip$/i.test(path) && !(await stat(path)).isDirectory() ? notesInZip(path) : notesAt(path))
  const { isFolder, root, skipped } = notes
  let read = 0
  /** Files that came in whole. */
  const seen = new Set<string>()
  const broken = new Set<string>()
  const linking = new Set<string>()
  const index = noteIndex()
  return {
    format: 'markdown',
    unit: 'files',
    total: notes.total,
    done: () => read,
    skipped,
    hint: isFolder
      ? `no .md, .markdown, .mdx or .txt file in it${skipped.size === 0 ? '' : ` (passed over: ${skippedText(skipped)})`}; name the folder that has some, or the --format`
      : 'the file holds no text',
    async *memories() {
      yield* notes.problems
      for await (const file of notes.each()) {
        seen.add(file.place)
        for await (const item of fileItems(file, encoding, skipped)) {
          if (item.kind === 'problem') broken.add(file.place)
          if (item.kind !== 'memory') {
            yield item
            continue
          }
          const memory = placed(item, root, file.place)
          index.add(file.where, item.headings, aliasesOf(item), memory.name)
          if (item.targets.length > 0) linking.add(file.where)
          yield memory
        }
        read++
      }
    },
    // Read once more, where there are any: what they lead to may stand in a later file.
    async *links() {
      for await (const file of notes.each(linking))
        for await (const item of fileItems(file, encoding, new Map()))
          if (item.kind === 'memory') yield* linksOf(item, placed(item, root, file.place).name, file.where, index)
    },
    covers: notes.covers(seen, broken),
  }
}

/** Each once. What leads to no note that is there is counted by who sends them. */
function* linksOf(
  { where, targets }: Sectioned,
  from: string,
  path: string,
  index: NoteIndex,
): Generator<LinkItem, undefined> {
  const said = new Set<string>([from])
  for (const target of targets) {
    const to = index.find(target, path) ?? ''
    if (to !== '' && said.has(to)) continue
    said.add(to)
    yield { kind: 'link', where, from, to, relation: 'links_to', mayLeadNowhere: true }
  }
  return undefined
}

/** Other names of the note, which are searched with the rest of its metadata. */
const aliasesOf = ({ draft }: Sectioned): readonly string[] =>
  [draft.metadata?.['aliases'], draft.metadata?.['alias']]
    .flatMap((value) => (Array.isArray(value) ? (value as readonly unknown[]) : [value]))
    .filter((name) => typeof name === 'string')

/** The same place keeps its key, whatever the text becomes. */
const placed = (item: Sectioned, root: string, file: string): MemoryItem & { readonly name: string } => {
  const { placeName, headings: _headings, targets: _targets, ...memory } = item
  const id = shortHash(file, placeName)
  return { ...memory, name: id, key: keyOf('markdown', id), place: { root, file, id } }
}

async function* fileItems(
  file: NoteFile,
  encoding: string | undefined,
  skipped: Map<string, number>,
): AsyncGenerator<Sectioned | ProblemItem | NoteItem, undefined> {
  const path = file.where
  const problem = (message: string): ProblemItem => ({ kind: 'problem', where: path, message })
  const found = await file.read()
  if ('problem' in found) {
    yield problem(found.problem)
    return undefined
  }
  const read = readText(found.bytes, encoding)
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
  return { kind: 'memory', draft, key: keyOf('markdown', path), placeName: '', headings: [], targets: [], where: path }
}

const titleOf = (path: string): string => fitLine(basename(path).replace(/\.[^.]+$/, ''), limits.title_bytes_max)

type Section = { readonly headings: readonly string[]; readonly text: string }

/** The memories of one file. @param path relative, with `/`. */
export function* markdownItems(file: string, path: string): Generator<Sectioned | NoteItem> {
  const front = readFrontMatter(file)
  const said = new Map<string, number>()
  for (const message of front.said) yield { kind: 'note', where: path, message }
  // What the front matter links to, the note's first section does.
  let others = textsIn(front.metadata)
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
    const { headings } = section
    const targets = wikilinks(`${others}\n${headings.at(-1) ?? ''}\n${section.text}`)
    others = ''
    yield { kind: 'memory', draft, key: keyOf('markdown', path, placeName), placeName, headings, targets, where: path }
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
  return [...withoutCode(text).matchAll(/(?<=^|\s)#([\p{L}\p{N}_/-]*\p{L}[\p{L}\p{N}_/-]*)/gmu)]
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

/** Texts in a front matter's values, a line each. */
const textsIn = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : typeof value === 'object' && value !== null
      ? Object.values(value).map(textsIn).join('\n')
      : ''

const trimLines = (text: string): string => text.replace(/^(?:[ \t]*(?:\r\n|\n|\r))+/, '').trimEnd()

type RootContent = ReturnType<typeof fromMarkdown>['children'][number]

/** A heading as one reads it: without marks of emphasis, links and code. */
const plainText = (node: RootContent): string => {
  if ('children' in node) return node.children.map(plainText).join('')
  if ('value' in node) return node.value
  return 'alt' in node ? (node.alt ?? '') : ''
}
