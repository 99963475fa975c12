/**
 * A folder of Markdown, or one file: one memory for each heading's own text, and one for the text before the first heading.
 *
 * - Headings are found by a Markdown parser, so a `#` in a code block is no heading. The text of a section is the file's
 *   own, letter for letter.
 * - A heading with nothing under it but further headings is no memory: they carry it in `metadata.heading_path`.
 * - The key covers everything a section says and where it stands: an edited section is a new memory, an unchanged one is not.
 * - Hidden entries, `node_modules` and symbolic links are passed over.
 */
import { opendir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { limits } from '../../../crdt/limits.ts'
import { errorCode, fileFailure } from '../failure.ts'
import { readFrontMatter } from './front-matter.ts'
import { type Draft, type ImportSource, keyOf, type MemoryItem, type ProblemItem, stableJson } from './item.ts'
import { fitLine } from './split.ts'
import { cliLimits } from '../limits.ts'

/** @param path a folder or a file. Rejects with a `CliFailure` when it cannot be read. */
export const markdownSource = async (path: string): Promise<ImportSource> => {
  const folder = (await stat(path)).isDirectory()
  const files: string[] = []
  const problems: ProblemItem[] = []
  if (folder) await walk(path, 0, files, problems, path)
  else files.push(path)
  let read = 0
  return {
    format: 'markdown',
    unit: 'files',
    total: files.length,
    done: () => read,
    async *memories() {
      yield* problems
      for (const file of files) {
        yield* fileItems(file, folder ? relative(path, file).split(sep).join('/') : basename(file))
        read++
      }
    },
  }
}

/** Collects the Markdown files below `dir` in the order of their names. */
const walk = async (dir: string, depth: number, files: string[], problems: ProblemItem[], root: string): Promise<void> => {
  const where = relative(root, dir) || '.'
  if (depth > cliLimits.import_depth_max) {
    problems.push({ kind: 'problem', where, message: `folders lie more than ${cliLimits.import_depth_max} deep; import it by itself` })
    return
  }
  const folders: string[] = []
  const here: string[] = []
  try {
    for await (const entry of await opendir(dir)) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      if (entry.isDirectory()) folders.push(entry.name)
      else if (entry.isFile() && /\.(md|markdown|mdown)$/i.test(entry.name)) here.push(entry.name)
    }
  } catch (error) {
    if (depth === 0) throw fileFailure(error, 'read', dir)
    problems.push({ kind: 'problem', where, message: `cannot be read (${errorCode(error) || String(error)})` })
    return
  }
  for (const name of here.sort()) files.push(join(dir, name))
  for (const name of folders.sort()) await walk(join(dir, name), depth + 1, files, problems, root)
}

async function* fileItems(file: string, path: string): AsyncGenerator<MemoryItem | ProblemItem, undefined> {
  let bytes: Buffer
  try {
    const { size } = await stat(file)
    if (size > cliLimits.import_file_bytes_max) {
      yield { kind: 'problem', where: path, message: `larger than ${cliLimits.import_file_bytes_max / 1024 ** 2} MiB; cut it into several files` }
      return undefined
    }
    bytes = await readFile(file)
  } catch (error) {
    yield { kind: 'problem', where: path, message: `cannot be read (${errorCode(error) || String(error)})` }
    return undefined
  }
  yield* markdownItems(bytes.toString('utf8'), path)
  return undefined
}

type Section = { readonly headings: readonly string[]; readonly text: string }

/** The memories of one file. @param path relative, with `/`. */
export function* markdownItems(file: string, path: string): Generator<MemoryItem> {
  const front = readFrontMatter(file)
  const said = new Map<string, number>()
  for (const section of sections(front.text)) {
    const heading = section.headings.at(-1)
    const title = heading ?? front.title ?? basename(path).replace(/\.[^.]+$/, '')
    const short = fitLine(title, limits.title_bytes_max)
    const text = section.text === '' ? title : short.endsWith('…') && !title.endsWith('…') ? `${title}\n\n${section.text}` : section.text
    const about = { path, ...(section.headings.length === 0 ? {} : { heading_path: section.headings.map((part) => fitLine(part, 512)) }) }
    const document = front.title !== null && heading !== undefined ? { document: fitLine(front.title, 512) } : {}
    const draft: Draft = { content: text, ...(short === '' ? {} : { title: short }), source: fitLine(path, limits.name_bytes_max), ...front.fields, metadata: { ...front.metadata, ...document, ...about } }
    const key = keyOf('markdown', stableJson(draft))
    const times = (said.get(key) ?? 0) + 1
    said.set(key, times)
    yield { kind: 'memory', draft, key: times === 1 ? key : `${key}#${times}`, where: path }
  }
}

/** In the file's order. A section's text has no empty lines around it; sections without text are out, but leaf headings stay. */
function* sections(text: string): Generator<Section> {
  const marks = fromMarkdown(text).children.flatMap((node) => (node.type === 'heading' ? [{ depth: node.depth, name: plainText(node), from: node.position?.start.offset ?? 0, to: node.position?.end.offset ?? 0 }] : []))
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

const trimLines = (text: string): string => text.replace(/^(?:[ \t]*\r?\n)+/, '').trimEnd()

type RootContent = ReturnType<typeof fromMarkdown>['children'][number]

/** A heading as one reads it: without marks of emphasis, links and code. */
const plainText = (node: RootContent): string => {
  if ('children' in node) return node.children.map(plainText).join('')
  if ('value' in node) return node.value
  return 'alt' in node ? (node.alt ?? '') : ''
}
