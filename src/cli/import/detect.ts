/**
 * Which importer a path is for, found out by looking at it; and the namespace that its name suggests.
 */
import { createReadStream } from 'node:fs'
import { access, opendir, stat } from 'node:fs/promises'
import { basename, extname, join, relative, resolve } from 'node:path'
import { parseNamespace } from '../../../crdt/ids.ts'
import { CliFailure, fileFailure } from '../failure.ts'
import { fileBytes, zipFiles } from './archive.ts'
import { FORMATS, type ImportFormat, type ImportSource } from './item.ts'
import { jsonlSource } from './jsonl.ts'
import { markdownSource } from './markdown.ts'
import { cliLimits } from '../limits.ts'
import { isNote } from './notes.ts'
import { mcpMemorySource } from './mcp-memory.ts'
import { walk } from './walk.ts'

/** Enough of a file's head to see what its first lines are. */
const HEAD_BYTES = 64 * 1024

/** Rejects with a `CliFailure` when the path cannot be read, or not in that format. */
export const openSource = async (
  path: string,
  format: ImportFormat | 'auto',
  encoding?: string,
): Promise<ImportSource> => {
  const found = await lookAt(path)
  const [chosen, besides] = format === 'auto' ? await detect(path, found.folder) : [format, null]
  const source = await open(path, chosen, found, encoding)
  return besides === null ? source : { ...source, told: [besides, ...(source.told ?? [])] }
}

const open = async (
  path: string,
  chosen: ImportFormat,
  found: Found,
  encoding: string | undefined,
): Promise<ImportSource> => {
  if (found.folder && !['markdown', 'git', 'conversations'].includes(chosen))
    throw new CliFailure(`${path} is a folder, and ${chosen} is a file; name the file`)
  if (chosen === 'git') {
    const { gitSource } = await import('./git.ts')
    return gitSource(path)
  }
  if (chosen === 'markdown') return markdownSource(path, encoding)
  if (chosen === 'conversations') return conversations(path, found)
  const file = fileBytes(path, basename(path), found.size)
  if (chosen === 'csv')
    return (await import('./csv.ts')).csvSource(
      file,
      /\.tsv$/i.test(path) ? '\t' : /^[^\n,]*;/.test(await headOf(path)) ? ';' : ',',
    )
  if (chosen === 'mem0') return (await import('./mem0.ts')).mem0Source(file)
  if (chosen === 'mcp-memory') return mcpMemorySource(path, found.size)
  if (chosen === 'letta') {
    if (found.size > cliLimits.import_line_bytes_max)
      throw new CliFailure(
        `${path} is larger than ${cliLimits.import_line_bytes_max / 1024 ** 2} MiB; export the agent without its messages`,
      )
    return (await import('./letta.ts')).lettaSource(file)
  }
  return isList(await headOf(path))
    ? (await import('./json-list.ts')).jsonListSource(file)
    : jsonlSource(path, found.size)
}

const CONVERSATIONS = /(^|\/)conversations[^/]*\.json$/

/** Of a folder, a zip, or the file itself. */
const conversations = async (path: string, { folder, size }: Found): Promise<ImportSource> => {
  const { conversationsSource } = await import('./conversations.ts')
  if (!folder && !/\.zip$/i.test(path)) return conversationsSource([fileBytes(path, basename(path), size)], new Map())
  if (!folder) {
    const { files, skipped } = await zipFiles(path, (name) => CONVERSATIONS.test(name))
    return conversationsSource(files, skipped)
  }
  const { files, skipped } = await walk(path, (name) => CONVERSATIONS.test(name))
  return conversationsSource(
    await Promise.all(files.map(async (file) => fileBytes(file, relative(path, file), (await stat(file)).size))),
    skipped,
  )
}

/** A file that is one JSON list, or an object of several lines. */
const isList = (head: string): boolean => {
  const text = head.replace(/^\ufeff/, '').trimStart()
  if (text.startsWith('[')) return true
  const first = text.split('\n', 1)[0] ?? ''
  if (!text.startsWith('{') || !text.includes('\n')) return false
  try {
    JSON.parse(first)
    return false
  } catch {
    return first.length < HEAD_BYTES / 2
  }
}

type Found = { readonly folder: boolean; readonly size: number }

const lookAt = async (path: string): Promise<Found> => {
  try {
    const found = await stat(path)
    if (!found.isDirectory() && !found.isFile())
      throw new CliFailure(`cannot read ${path}: it is neither a file nor a folder`)
    await access(path, 4)
    return { folder: found.isDirectory(), size: found.size }
  } catch (error) {
    throw error instanceof CliFailure ? error : fileFailure(error, 'read', path)
  }
}

/** The format, and what else there is, or null. */
const detect = async (path: string, folder: boolean): Promise<readonly [ImportFormat, string | null]> => {
  if (folder) {
    if (await exists(join(path, 'conversations.json')))
      return [
        'conversations',
        'there is a conversations.json: the conversations come in; --format markdown takes its notes',
      ]
    return (await isRepository(path)) ? repository(path) : ['markdown', null]
  }
  const extension = extname(path).toLowerCase()
  if (['.md', '.markdown', '.mdown', '.mdx', '.txt'].includes(extension)) return ['markdown', null]
  if (extension === '.zip') return zipKind(path)
  if (extension === '.csv' || extension === '.tsv') return ['csv', null]
  if (extension === '.af') return ['letta', null]
  if (['.jsonl', '.ndjson', '.json'].includes(extension)) return [jsonKind(await headOf(path)), null]
  throw new CliFailure(`cannot tell what ${path} holds; say it with --format ${FORMATS.join(', ')}`)
}

/** A zip of notes has no conversations in it. */
const zipKind = async (path: string): Promise<readonly [ImportFormat, string | null]> => {
  let notes = 0
  const { files } = await zipFiles(path, (name) => {
    if (isNote(name)) notes++
    return CONVERSATIONS.test(name)
  })
  if (files.length === 0 && notes > 0) return ['markdown', null]
  return [
    'conversations',
    files.length > 0 && notes > 0 ? `its conversations come in; --format markdown takes its ${notes} notes` : null,
  ]
}

/** Files of a repository that are looked at to tell notes from code: some 50 ms. */
const LOOKED_AT_MAX = 5_000
const VAULTS = ['.obsidian', 'logseq', '.foam']

/** Notes under git are notes; code with some documentation is a history. */
const repository = async (path: string): Promise<readonly [ImportFormat, string | null]> => {
  const counts = { notes: 0, others: 0 }
  await countNotes(path, 0, counts)
  const vaults = await Promise.all(VAULTS.map((name) => exists(join(path, name))))
  if (counts.notes > 0 && (vaults.includes(true) || counts.notes > counts.others))
    return ['markdown', 'it is a git repository of notes: the notes come in; --format git takes its history']
  return [
    'git',
    counts.notes === 0
      ? null
      : `it is a git repository: its history comes in; --format markdown takes its ${counts.notes} notes (.md, .mdx, .txt)`,
  ]
}

const countNotes = async (dir: string, depth: number, counts: { notes: number; others: number }): Promise<void> => {
  const folders: string[] = []
  try {
    for await (const entry of await opendir(dir)) {
      if (counts.notes + counts.others >= LOOKED_AT_MAX) return
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      if (entry.isDirectory()) folders.push(entry.name)
      else if (entry.isFile() && !ATTACHED.test(entry.name))
        counts[/\.(md|markdown|mdown|mdx|txt)$/i.test(entry.name) ? 'notes' : 'others']++
    }
  } catch {
    // What cannot be read tells nothing of the kind.
    return
  }
  if (depth < cliLimits.import_depth_max)
    for (const name of folders) await countNotes(join(dir, name), depth + 1, counts)
}

/** Pictures and sheets belong to notes as well as to code. */
const ATTACHED = /\.(png|jpe?g|gif|svg|webp|pdf|csv|canvas|excalidraw)$/i

/** A work tree has `.git` (a folder, or a file in a linked one), a bare repository has these three. */
const isRepository = async (path: string): Promise<boolean> =>
  (await exists(join(path, '.git'))) ||
  ((await exists(join(path, 'HEAD'))) && (await exists(join(path, 'objects'))) && (await exists(join(path, 'refs'))))

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

const headOf = async (path: string): Promise<string> => {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of createReadStream(path, { end: HEAD_BYTES - 1 })) chunks.push(chunk as Buffer)
  } catch (error) {
    throw fileFailure(error, 'read', path)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** By the names that only one of them has. */
const jsonKind = (head: string): ImportFormat => {
  const says = (name: string): boolean => head.includes(`"${name}"`)
  const first = head.split('\n').find((line) => line.trim() !== '') ?? ''
  if (
    /^\s*\ufeff?\{/.test(first) &&
    /"type"\s*:\s*"(entity|relation)"/.test(first) &&
    /"(entityType|relationType)"\s*:/.test(first)
  )
    return 'mcp-memory'
  if (says('chat_messages') || (says('mapping') && says('parent'))) return 'conversations'
  if ((says('agents') && says('blocks')) || (says('core_memory') && says('agent_type'))) return 'letta'
  return says('memory') && !says('content') && (says('user_id') || says('hash') || says('agent_id')) ? 'mem0' : 'jsonl'
}

/** The base name in the grammar of namespaces: `Team Notes.md` → `team-notes`; `default` when nothing is left. */
export const namespaceFor = (path: string): string => {
  const name = basename(resolve(path)).replace(
    /\.(md|markdown|mdown|mdx|txt|jsonl|ndjson|json|git|csv|tsv|af|zip)$/i,
    '',
  )
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .slice(0, 128)
  return parseNamespace(plain) ?? 'default'
}
