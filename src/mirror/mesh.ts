/** The peer behind a mirror, over the HTTP API alone. What it answers is taken by fixed shapes; every refusal is one of three kinds. */
import { fileDraft, FILE_TAG, PARENTS_MAX } from '../input/memory-file.ts'
import type { GotAnswer, MemoryRow } from '../sdk/answers.ts'
import type { Client, Query } from '../sdk/client.ts'
import { CallFailure } from '../sdk/failure.ts'
import { allRows, memoryPages } from '../sdk/pages.ts'
import { mirrorLimits } from './limits.ts'
import { MeshRefusal, type Head, type Look, type Mesh, type Row, type Version } from './ports.ts'

type Versions = {
  readonly versions: readonly {
    readonly kind: string
    readonly agent_id: string
    readonly set: Readonly<Record<string, unknown>>
  }[]
  readonly next_cursor: string | null
}
type Events = {
  readonly events: readonly { readonly record: string | null; readonly kind: string }[]
  readonly next: string
  readonly count: number
}
type Conflicts = GotAnswer['conflicts']

const PAGE = 1_000
/** Statuses that pass by themselves: no answer, too many requests, a disk that is full, a peer that starts or has no quorum. */
const PASSING = new Set([0, 429, 500, 502, 503, 504, 507])

export const createMesh = (client: Client, namespace: string): Mesh => {
  const call = async <T>(...[method, path, options]: Parameters<Client['call']>): Promise<T> => {
    try {
      return await client.call<T>(method, path, options)
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error
      const kind =
        PASSING.has(error.status) || error.code === 'not_yet_here'
          ? 'later'
          : error.status === 412 || error.status === 404 || error.status === 409
            ? 'moved'
            : 'refused'
      throw new MeshRefusal(kind, error.message)
    }
  }
  const asking: Client = {
    get url() {
      return client.url
    },
    call,
  }
  const orNull = async <T>(asked: Promise<T>): Promise<T | null> =>
    asked.catch((error: unknown) => {
      if (error instanceof MeshRefusal && error.kind === 'moved') return null
      throw error
    })
  const history = async (id: string): Promise<Versions['versions']> => {
    const rows: Versions['versions'][number][] = []
    let cursor: string | undefined
    for (let page = 0; page < mirrorLimits.history_pages_max; page++) {
      const answer: Versions = await call('GET', `/memories/${id}/history`, { query: { limit: PAGE, cursor } })
      for (const version of answer.versions) rows.push(version)
      if (answer.next_cursor === null) return rows
      cursor = answer.next_cursor
    }
    return rows
  }
  const listed = async (query: Query, take: (rows: readonly Row[]) => void): Promise<void> => {
    for await (const { memories } of memoryPages(asking, { query: { ...query, limit: PAGE } }))
      take(memories.map(rowOf))
  }
  const conflictsOf = (id: string): Promise<Conflicts> => allRows(asking, `/memories/${id}/conflicts`, 'conflicts')

  return {
    // Where there is no search index, or it is behind, the log lists a namespace, and by no tag.
    list: (take) =>
      listed({ namespace, tags: FILE_TAG }, take).catch((error: unknown) => {
        if (error instanceof MeshRefusal && error.kind === 'later') return listed({ namespace }, take)
        throw error
      }),
    look: async (id): Promise<Look> => {
      const got = await orNull(call<GotAnswer>('GET', `/memories/${id}`))
      if (got !== null)
        return got.memory.namespace === namespace ? { row: rowOf(got.memory) } : { row: null, why: 'hidden' }
      const versions = await orNull(history(id))
      if (versions === null) return { row: null, why: 'unknown' }
      const last = versions.findLast(({ kind }) => ENDS.has(kind))
      if (last === undefined || last.kind === 'memory.restore') return { row: null, why: 'hidden' }
      const isErased = versions.some(({ kind }) => kind === 'memory.erase')
      return {
        row: null,
        why: !isErased && (await conflictsOf(id)).some(({ field }) => field === 'forgotten') ? 'contested' : 'gone',
      }
    },
    heads: async (row): Promise<readonly Head[]> => {
      const values =
        row.conflicts === 0
          ? []
          : (await conflictsOf(row.id))
              .filter(({ field }) => field === 'content')
              .flatMap((conflict) => conflict.values)
      const heads = values.flatMap(({ value, agent_id }) =>
        typeof value === 'string' ? [{ content: value, agent: agent_id }] : [],
      )
      if (heads.length > 0) return heads
      // One text, perhaps said by several at once: all of them, for whoever asks whose it is.
      const said = (await history(row.id)).filter(({ set }) => set['content'] === row.content)
      return said.length === 0
        ? [{ content: row.content ?? '', agent: '' }]
        : said.map(({ agent_id }) => ({ content: row.content ?? '', agent: agent_id }))
    },
    versions: async (id): Promise<readonly Version[]> =>
      (await history(id)).flatMap(({ kind, set }) =>
        'content' in set
          ? [
              {
                content: typeof set['content'] === 'string' ? set['content'] : null,
                parents: kind === 'memory.put' ? [] : parentsIn(set['metadata']),
              },
            ]
          : [],
      ),
    changes: async (after) => {
      const ids = new Set<string>()
      let next = after ?? undefined
      for (let page = 0; page < mirrorLimits.log_pages_max; page++) {
        const answer: Events = await call('GET', '/events', { query: { after: next, namespace, limit: PAGE } })
        if (after !== null)
          for (const { kind, record } of answer.events)
            if (record !== null && kind.startsWith('memory.')) ids.add(record)
        const isEnd = answer.next === next
        next = answer.next
        if (isEnd) break
        if (after !== null && ids.size >= PAGE) break
      }
      return { ids: [...ids], next: next ?? '' }
    },
    create: async (name, content, metadata, key) =>
      (
        await call<{ readonly id: string }>('POST', '/memories', {
          body: { ...fileDraft(name), content, namespace, kind: 'file', metadata },
          headers: { 'idempotency-key': key },
        })
      ).id,
    change: async (id, version, content, metadata, key) => {
      await call('PATCH', `/memories/${id}`, {
        body: { content, metadata },
        headers: { 'idempotency-key': key, 'if-match': `"${version}"` },
      })
    },
    forget: async (id, version, key) => {
      await call('DELETE', `/memories/${id}`, {
        headers: { 'idempotency-key': key, ...(version === null ? {} : { 'if-match': `"${version}"` }) },
      })
    },
    restore: async (id, key) => {
      await orNull(call('POST', `/memories/${id}/restore`, { headers: { 'idempotency-key': key } }))
    },
  }
}

const ENDS = new Set(['memory.forget', 'memory.erase', 'memory.restore'])
const rowOf = ({ id, title, content, version, tags, created_at, conflicts, metadata }: MemoryRow): Row => ({
  id,
  title,
  content,
  version,
  tags,
  created_at,
  conflicts,
  metadata,
})
const parentsIn = (metadata: unknown): readonly number[] | null => {
  const parents: unknown =
    typeof metadata === 'object' && metadata !== null && 'parents' in metadata ? metadata.parents : null
  return Array.isArray(parents) ? parents.slice(0, PARENTS_MAX).filter((one) => typeof one === 'number') : null
}
