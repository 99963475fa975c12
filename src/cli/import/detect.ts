/**
 * Which importer a path is for, found out by looking at it; and the namespace that its name suggests.
 */
import { createReadStream } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { basename, extname, join, resolve } from 'node:path'
import { parseNamespace } from '../../../crdt/ids.ts'
import { CliFailure, fileFailure } from '../failure.ts'
import type { ImportFormat, ImportSource } from './item.ts'
import { jsonlSource } from './jsonl.ts'
import { markdownSource } from './markdown.ts'
import { mcpMemorySource } from './mcp-memory.ts'

/** Enough of a file's head to see what its first lines are. */
const HEAD_BYTES = 64 * 1024

/** Rejects with a `CliFailure` when the path cannot be read, or not in that format. */
export const openSource = async (path: string, format: ImportFormat | 'auto'): Promise<ImportSource> => {
  const found = await lookAt(path)
  const chosen = format === 'auto' ? await detect(path, found.folder) : format
  if (found.folder && (chosen === 'jsonl' || chosen === 'mcp-memory')) throw new CliFailure(`${path} is a folder, and ${chosen} is a file; name the file`)
  if (chosen === 'git') {
    const { gitSource } = await import('./git.ts')
    return gitSource(path)
  }
  if (chosen === 'markdown') return markdownSource(path)
  return chosen === 'jsonl' ? jsonlSource(path, found.size) : mcpMemorySource(path, found.size)
}

const lookAt = async (path: string): Promise<{ readonly folder: boolean; readonly size: number }> => {
  try {
    const found = await stat(path)
    if (!found.isDirectory() && !found.isFile()) throw new CliFailure(`cannot read ${path}: it is neither a file nor a folder`)
    await access(path, 4)
    return { folder: found.isDirectory(), size: found.size }
  } catch (error) {
    throw error instanceof CliFailure ? error : fileFailure(error, 'read', path)
  }
}

const detect = async (path: string, folder: boolean): Promise<ImportFormat> => {
  if (folder) return (await isRepository(path)) ? 'git' : 'markdown'
  const extension = extname(path).toLowerCase()
  if (['.md', '.markdown', '.mdown'].includes(extension)) return 'markdown'
  if (['.jsonl', '.ndjson', '.json'].includes(extension)) return (await looksLikeMcpMemory(path)) ? 'mcp-memory' : 'jsonl'
  throw new CliFailure(`cannot tell what ${path} holds; say it with --format markdown, jsonl, git or mcp-memory`)
}

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
  const name = basename(resolve(path)).replace(/\.(md|markdown|mdown|jsonl|ndjson|json|git)$/i, '')
  const plain = name.normalize('NFKD').toLowerCase().replace(/[^a-z0-9._-]+/g, '-').replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '').slice(0, 128)
  return parseNamespace(plain) ?? 'default'
}
