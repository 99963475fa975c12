/**
 * Texts that are called by a name (a file's path, a node of a graph), each a memory that is found by a tag of its name.
 *
 * Whatever is written on one peer is written one after the other. What was written on two peers at once stands side by side until a
 * change: a name then has several texts, of one memory or of several, which who asks puts together; the next change writes that down and
 * leaves one memory. So nobody's line is lost.
 */
import type { Namespace, RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { MemoryInput } from '../api.ts'
import { NodeError } from '../errors.ts'
import { nameTag } from '../input/entity.ts'
import type { MemoryRow } from '../ports/projection.ts'
import { readFrom, writtenTo } from './fields.ts'
import type { Asked } from './tool.ts'

export type Named = {
  readonly name: string
  /** The memory that stands for it, and others that were made under its name elsewhere at the same time. */
  readonly row: MemoryRow
  readonly twins: readonly MemoryRow[]
  /** The text that shows, then those that were written at the same time. */
  readonly texts: readonly string[]
}

export type NamedTexts = {
  readonly into: Namespace
  find(name: string): Promise<Named | null>
  /** In the order in which they were made. @throws NodeError too_large above `NAMED_MAX`. */
  all(): Promise<readonly Named[]>
  create(name: string, input: MemoryInput & { readonly content: string }): Promise<RecordId>
  /** Changes it, and forgets its twins. */
  change(named: Named, input: MemoryInput): Promise<void>
  forget(named: Named): Promise<void>
}

/** Looked through at once: 5 pages, some MiB. */
const NAMED_MAX = 5_000
const PAGE = 1_000

/** @param kind the tag of all of them, and the beginning of the tag of each. */
export const namedTexts = (asked: Asked, kind: string): NamedTexts => {
  const { node, session } = asked
  const into = writtenTo(asked, undefined)
  const { namespace = into } = readFrom(asked, undefined)
  const by = { agent: session.agent }

  const listed = async (tags: readonly string[]): Promise<readonly MemoryRow[]> => {
    const rows: MemoryRow[] = []
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await node.list(
        { namespace, tags },
        { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) },
        {},
      )
      for (const row of page.rows) rows.push(row)
      if (rows.length > NAMED_MAX)
        throw new NodeError(
          'too_large',
          `there are more than ${NAMED_MAX} in ${namespace}; ask for single ones by their names`,
        )
      cursor = page.next_cursor
    }
    return rows
  }
  const textsOf = async (row: MemoryRow): Promise<readonly string[]> => {
    const shown = row.content ?? ''
    if (row.conflicts === 0) return [shown]
    const { conflicts } = await node.get(row.id, {})
    const others = conflicts
      .filter(({ field }) => field === 'content')
      .flatMap(({ values }) => values.map(({ value }) => value))
    return [shown, ...others.filter((value) => typeof value === 'string').filter((value) => value !== shown)]
  }
  const named = async (name: string, rows: readonly MemoryRow[]): Promise<Named> => {
    const [row, ...twins] = rows.toSorted(byAge)
    return { name, row: row!, twins, texts: [...new Set((await Promise.all([row!, ...twins].map(textsOf))).flat())] }
  }
  return {
    into,
    find: async (name) => {
      const rows = (await listed([nameTag(kind, name)])).filter(({ title }) => title === name)
      return rows.length === 0 ? null : named(name, rows)
    },
    all: async () => {
      const rowsByName = new Map<string, MemoryRow[]>()
      for (const row of [...(await listed([kind]))].sort(byAge)) {
        if (row.title !== null) rowsByName.set(row.title, [...(rowsByName.get(row.title) ?? []), row])
      }
      const all: Named[] = []
      for (const [name, rows] of rowsByName) all.push(await named(name, rows))
      return all
    },
    create: async (name, input) => {
      checkSizes(name, input.content)
      const { id, token } = await node.remember(into, input, by)
      asked.wrote(token)
      return id
    },
    change: async ({ name, row, twins }, input) => {
      checkSizes(name, input.content ?? '')
      // What came from another peer since it was read is not written over.
      const { token } = await node.patch(row.id, input, { ...by, if_match: row.version })
      asked.wrote(token)
      for (const { id } of twins) await node.forget(id, { ...by, erase: false })
    },
    forget: async ({ row, twins }) => {
      for (const { id } of [row, ...twins]) asked.wrote((await node.forget(id, { ...by, erase: false })).token)
    },
  }
}

/** The order of those that were made in one call stands beside them. */
const byAge = (a: MemoryRow, b: MemoryRow): number =>
  a.created_at.localeCompare(b.created_at) ||
  Number(a.metadata['order'] ?? 0) - Number(b.metadata['order'] ?? 0) ||
  (a.id < b.id ? -1 : 1)

const checkSizes = (name: string, text: string): void => {
  if (name === '' || Buffer.byteLength(name) > limits.title_bytes_max)
    throw new NodeError('malformed', `a name has 1 to ${limits.title_bytes_max} bytes; rename it`)
  if (Buffer.byteLength(text) > limits.content_bytes_max)
    throw new NodeError(
      'too_large',
      `${name.slice(0, 100)} would be longer than ${limits.content_bytes_max} bytes; put a part of it under another name`,
    )
}
