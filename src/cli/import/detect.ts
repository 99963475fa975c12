/**
 * Which importer a path is for, found out by looking at it; and the namespace that its name suggests.
 */
import { createReadStream } from 'node:fs'
import { access, opendir, stat } from 'node:fs/promises'
import { basename, extname, join, resolve } from 'node:path'
import { parseNamespace } from '../../../crdt/ids.ts'
import { CliFailure, fileFailure } from '../failure.ts'
import type { ImportFormat, ImportSource } from './item.ts'
import { jsonlSource } from './jsonl.ts'
import { markdownSource } from './markdown.ts'
import { cliLimits } from '../limits.ts'
import { mcpMemorySource } from './mcp-memory.ts'

/** Enough of a file's head to see what its first lines are. */
const HEAD_BYTES = 64 * 1024

/** Rejects with a `CliFailure` when the path cannot be read, or not in that format. */
export const openSource = async (path: string, format: ImportFormat | 'auto', encoding?: string): Promise<ImportSource> => {
  const found = await lookAt(path)
  const [chosen, besides] = format === 'auto' ? await detect(path, found.folder) : [format, null]
  const source = await open(path, chosen, found, encoding)
  return besides === null ? source : { ...source, told: [besides, ...(source.told ?? [])] }
}

const open = async (path: string, chosen: ImportFormat, found: Found, encoding: string | undefined): Promise<ImportSource> => {
  if (found.folder && (chosen === 'jsonl' || chosen === 'mcp-memory')) throw new CliFailure(`${path} is a folder, and ${chosen} is a file; name the file`)
  if (chosen === 'git') {
    const { gitSource } = await import('./git.ts')
    return gitSource(path)
  }
  if (chosen === 'markdown') return markdownSource(path, encoding)
  return chosen === 'jsonl' ? jsonlSource(path, found.size) : mcpMemorySource(path, found.size)
}

type Found = { readonly folder: boolean; readonly size: number }

const lookAt = async (path: string): Promise<Found> => {
  try {
    const found = await stat(path)
    if (!found.isDirectory() && !found.isFile()) throw new CliFailure(`cannot read ${path}: it is neither a file nor a folder`)
    await access(path, 4)
    return { folder: found.isDirectory(), size: found.size }
  } catch (error) {
    throw error instanceof CliFailure ? error : fileFailure(error, 'read', path)
  }
}

/** The format, and what else there is, or null. */
const detect = async (path: string, folder: boolean): Promise<readonly [ImportFormat, string | null]> => {
  if (folder) return (await isRepository(path)) ? repository(path) : ['markdown', null]
  const extension = extname(path).toLowerCase()
  if (['.md', '.markdown', '.mdown', '.mdx', '.txt'].includes(extension)) return ['markdown', null]
  if (['.jsonl', '.ndjson', '.json'].includes(extension)) return [(await looksLikeMcpMemory(path)) ? 'mcp-memory' : 'jsonl', null]
  throw new CliFailure(`cannot tell what ${path} holds; say it with --format markdown, jsonl, git or mcp-memory`)
}

/** Files of a repository that are looked at to tell notes from code: some 50 ms. */
const LOOKED_AT_MAX = 5_000
const VAULTS = ['.obsidian', 'logseq', '.foam']

/** Notes under git are notes; code with some documentation is a history. */
const repository = async (path: string): Promise<readonly [ImportFormat, string | null]> => {
  const counts = { notes: 0, others: 0 }
  await countNotes(path, 0, counts)
  const vaults = await Promise.all(VAULTS.map((name) => exists(join(path, name))))
  if (counts.notes > 0 && (vaults.includes(true) || counts.notes > counts.others)) return ['markdown', 'it is a git repository of notes: the notes come in; --format git takes its history']
  return ['git', counts.notes === 0 ? null : `it is a git repository: its history comes in; --format markdown takes its ${counts.notes} notes (.md, .mdx, .txt)`]
}

const countNotes = async (dir: string, depth: number, counts: { notes: number; others: number }): Promise<void> => {
  const folders: string[] = []
  try {
    for await (const entry of await opendir(dir)) {
      if (counts.notes + counts.others >= LOOKED_AT_MAX) return
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      if (entry.isDirectory()) folders.push(entry.name)
      else if (entry.isFile() && !ATTACHED.test(entry.name)) counts[/\.(md|markdown|mdown|mdx|txt)$/i.test(entry.name) ? 'notes' : 'others']++
    }
  } catch {
    // What cannot be read tells nothing of the kind.
    return
  }
  if (depth < cliLimits.import_depth_max) for (const name of folders) await countNotes(join(dir, name), depth + 1, counts)
}

/** Pictures and sheets belong to notes as well as to code. */
const ATTACHED = /\.(png|jpe?g|gif|svg|webp|pdf|csv|canvas|excalidraw)$/i

/** A work tree has `.git` (a folder, or a file in a linked one), a bare repository has these three. */
const isRepository = async (path: string): Promise<boolean> =>
  (await exists(join(path, '.git'))) || ((await exists(join(path, 'HEAD'))) && (await exists(join(path, 'objects'))) && (await exists(join(path, 'refs'))))

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

const looksLikeMcpMemory = async (path: string): Promise<boolean> => {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of createReadStream(path, { end: HEAD_BYTES - 1 })) chunks.push(chunk as Buffer)
  } catch (error) {
    throw fileFailure(error, 'read', path)
  }
  const first = Buffer.concat(chunks).toString('utf8').split('\n').find((line) => line.trim() !== '') ?? ''
  return /^\s*\ufeff?\{/.test(first) && /"type"\s*:\s*"(entity|relation)"/.test(first) && /"(entityType|relationType)"\s*:/.test(first)
}

/** The base name in the grammar of namespaces: `Team Notes.md` → `team-notes`; `default` when nothing is left. */
export const namespaceFor = (path: string): string => {
  const name = basename(resolve(path)).replace(/\.(md|markdown|mdown|mdx|txt|jsonl|ndjson|json|git)$/i, '')
  const plain = name.normalize('NFKD').toLowerCase().replace(/[^a-z0-9._-]+/g, '-').replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '').slice(0, 128)
  return parseNamespace(plain) ?? 'default'
}
