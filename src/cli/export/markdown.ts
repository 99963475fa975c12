/**
 * A namespace as a folder that people read: a Markdown file a memory, its fields as front matter, its links as wikilinks below.
 *
 * Names come from titles, in characters that every system takes, with the id's beginning, so that no two files share one. Files are written
 * into a new or empty folder alone; whatever a title says, none leaves it.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { LinkRow, MemoryRow } from '../../sdk/answers.ts'
import { CliFailure, fileFailure } from '../failure.ts'

/** A name's title part: most systems take 255 bytes. */
const NAME_BYTES_MAX = 80

/** Rejects with a `CliFailure` where the folder is not empty. */
export const emptyFolder = async (dir: string): Promise<void> => {
  try {
    await mkdir(dir, { recursive: true })
    if ((await readdir(dir)).length > 0) throw new CliFailure(`${dir} is not empty; name a new folder`)
  } catch (error) {
    throw error instanceof CliFailure ? error : fileFailure(error, 'write', dir)
  }
}

/** The file's name, without `.md`: what a wikilink says. */
export const noteName = ({ id, title }: Pick<MemoryRow, 'id' | 'title'>): string => {
  const plain = (title ?? '')
    .normalize('NFC')
    .replace(/[\p{C}\\/:*?"<>|#^[\]%]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^[. ]+|[. ]+$/g, '')
  const bytes = Buffer.from(plain)
  let to = Math.min(bytes.length, NAME_BYTES_MAX)
  while (to < bytes.length && to > 0 && ((bytes[to] ?? 0) & 0xc0) === 0x80) to--
  return `${bytes.toString('utf8', 0, to).trim()} ${id.slice(-12)}`.trim()
}

/** @param nameById of the memories that links lead to. */
export const writeNote = async (
  dir: string,
  row: MemoryRow,
  links: readonly LinkRow[],
  nameById: ReadonlyMap<string, string>,
): Promise<void> => {
  const {
    id,
    namespace,
    title,
    kind,
    tier,
    tags,
    priority,
    confidence,
    source,
    scope,
    run_id,
    occurred_at,
    expires_at,
    metadata,
    agent_id,
    created_at,
    updated_at,
  } = row
  const given = {
    title,
    kind,
    tier,
    tags,
    priority,
    confidence,
    source,
    scope,
    run_id,
    occurred_at,
    expires_at,
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    id,
    namespace,
    agent: agent_id,
    stored: created_at,
    changed: updated_at,
  }
  const head = stringify(
    Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0)),
    ),
    { lineWidth: 0 },
  )
  const below = links.map((link) => `- ${link.relation} [[${nameById.get(link.to) ?? link.to}]]\n`).join('')
  const text = `---\n${head}---\n\n${row.content ?? ''}\n${below === '' ? '' : `\n## Links\n\n${below}`}`
  const file = join(dir, `${noteName(row)}.md`)
  await writeFile(file, text, { flag: 'wx' }).catch((error: unknown) => {
    throw fileFailure(error, 'write', file)
  })
}
