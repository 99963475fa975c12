/**
 * `export --full`: a namespace with its history, a line a memory, the oldest first: what it says now, `said` (who said what, when),
 * and its links with who made them. Nothing in it depends on the peer that was asked.
 *
 * Which memories there are the log tells: lists leave out what has expired or was forgotten. Memory use: the ids of all, and the history of
 * some at a time.
 */
import type { Conflict, LogEntry, Version } from '../../api.ts'
import { limits } from '../../../crdt/limits.ts'
import type { GotAnswer, LinkRow } from '../../sdk/answers.ts'
import type { Client } from '../../sdk/client.ts'
import { CallFailure } from '../../sdk/failure.ts'
import { allRows } from '../../sdk/pages.ts'
import { CliFailure } from '../failure.ts'
import { inOrder } from '../in-order.ts'
import { cliLimits } from '../limits.ts'
import { plural } from '../render.ts'
import { sayer, saidOf } from './said.ts'

export type FullOptions = {
  readonly namespace: string
  readonly forgotten?: boolean
  readonly headers: Readonly<Record<string, string | undefined>>
}
/** Counted of what is not in it. */
export type LeftOut = {
  forgotten: number
  erased: number
  without_text: number
  /** To memories that are left out. */
  links: number
  /** Those whose history begins later. */
  shortened: number
}

export const nothingLeftOut = (): LeftOut => ({ forgotten: 0, erased: 0, without_text: 0, links: 0, shortened: 0 })

/** For people; empty when nothing is left out. */
export const leftOutText = ({ forgotten, erased, without_text, links, shortened }: LeftOut): string =>
  [
    forgotten > 0 && `${forgotten} forgotten (--forgotten takes them along)`,
    erased > 0 && `${erased} erased`,
    without_text > 0 && `${without_text} whose text is not here yet; run it again later`,
    links > 0 && `${plural(links, 'link')} to these`,
    shortened > 0 &&
      `the beginning of ${plural(shortened, 'history', 'histories')} above ${HISTORY_BYTES_MAX / 1024 ** 2} MiB`,
  ]
    .filter((part) => part !== false)
    .join(', ')

export async function* fullLines(client: Client, options: FullOptions, left: LeftOut): AsyncGenerator<string> {
  const made = await madeIn(client, options)
  for await (const line of inOrder(made, FULL_IN_FLIGHT_MAX, (id) => fullLine(client, id, options, left)))
    if (line !== null) yield line
}

/** Each holds the history of one memory, up to `HISTORY_BYTES_MAX`. */
const FULL_IN_FLIGHT_MAX = 4
/** What a line of an import takes, with room for what stands around it. */
const HISTORY_BYTES_MAX = cliLimits.import_line_bytes_max / 2

/** The ids of all memories that were ever made there, the oldest first. */
const madeIn = async (client: Client, { namespace, headers }: FullOptions): Promise<readonly string[]> => {
  const madeAt = new Map<string, string>()
  for (let after: string | undefined; ;) {
    const page = await client.call<{ readonly events: readonly LogEntry[]; readonly next: string }>('GET', '/events', {
      query: { namespace, after, limit: limits.events_limit_max },
      headers,
    })
    for (const { kind, record, at } of page.events) {
      if (kind !== 'memory.put' || record === null) continue
      const before = madeAt.get(record)
      if (before !== undefined) {
        // Made twice at once: whichever came here first, it was made at the earlier time.
        if (at < before) madeAt.set(record, at)
        continue
      }
      if (madeAt.size >= cliLimits.import_names_max)
        throw new CliFailure(
          `${namespace} has more than ${cliLimits.import_names_max} memories; back the peer up instead: \`mnemesh backup create\``,
        )
      madeAt.set(record, at)
    }
    if (page.next === after) break
    after = page.next
  }
  return [...madeAt].sort(([a, x], [b, y]) => (x < y || (x === y && a < b) ? -1 : 1)).map(([id]) => id)
}

const fullLine = async (client: Client, id: string, options: FullOptions, left: LeftOut): Promise<string | null> => {
  const got = await seen(client, id, options)
  if (got !== null && got.memory.namespace !== options.namespace) return null
  const { versions, shortened } = await historyOf(client, id, options)
  if (versions.some(({ kind }) => kind === 'memory.erase')) {
    left.erased++
    return null
  }
  if (got === null && options.forgotten !== true) {
    left.forgotten++
    return null
  }
  const now = got && { fields: got.memory as Readonly<Record<string, unknown>>, tags: got.memory.tags }
  const said = saidOf(versions, await conflictsOf(client, id, options), now)
  if (said === null) {
    left.without_text++
    return null
  }
  if (shortened) left.shortened++
  const links = await linksOf(client, id, options, left)
  return JSON.stringify({
    ...(got === null ? { id, namespace: options.namespace, forgotten: true } : rowOf(got)),
    said,
    ...(links.length === 0 ? {} : { links }),
  })
}

/** Null when it is forgotten, erased, or was never here. */
const seen = (client: Client, id: string, { headers }: FullOptions): Promise<GotAnswer | null> =>
  client.call<GotAnswer>('GET', `/memories/${id}`, { headers }).catch((error: unknown) => {
    if (error instanceof CallFailure && error.status === 404) return null
    throw error
  })

/** Without what only this mesh knows. */
const rowOf = ({ memory }: GotAnswer): Readonly<Record<string, unknown>> => {
  const { created_by: _by, version: _version, agent_id, erased: _erased, conflicts: _conflicts, ...row } = memory
  return { ...row, agent_id: sayer(agent_id).agent }
}

const historyOf = async (
  client: Client,
  id: string,
  { headers }: FullOptions,
): Promise<{ readonly versions: readonly Version[]; readonly shortened: boolean }> => {
  let versions: Version[] = []
  let bytes = 0
  let shortened = false
  for (let cursor: string | undefined; ;) {
    const page = await client.call<{ readonly versions: readonly Version[]; readonly next_cursor: string | null }>(
      'GET',
      `/memories/${id}/history`,
      { query: { cursor, limit: limits.list_limit_max }, headers },
    )
    for (const version of page.versions) {
      versions.push(version)
      bytes += Buffer.byteLength(JSON.stringify(version))
    }
    while (bytes > HISTORY_BYTES_MAX && versions.length > 1) {
      shortened = true
      versions = withFirstTwoJoined(versions)
      bytes = versions.reduce((sum, version) => sum + Buffer.byteLength(JSON.stringify(version)), 0)
    }
    if (page.next_cursor === null || page.next_cursor === cursor) return { versions, shortened }
    cursor = page.next_cursor
  }
}

/** As if who made the memory had said what was said next. */
const withFirstTwoJoined = (versions: readonly Version[]): Version[] => {
  const next = versions.findIndex(({ kind }, at) => at > 0 && (kind === 'memory.patch' || kind === 'memory.put'))
  const [first] = versions
  if (first === undefined || next === -1) return versions.slice(0, 1)
  const { set, tags: change } = versions[next]!
  const { content, ...others } = set
  const tags = new Set([...(first.tags?.add ?? []), ...(change?.add ?? [])])
  for (const tag of change?.remove ?? []) tags.delete(tag)
  const joined = Object.entries({ ...first.set, ...others, ...(typeof content === 'string' && { content }) })
  return [
    {
      ...first,
      set: Object.fromEntries(joined.filter(([field, value]) => value !== null || field === 'content')),
      tags: { add: [...tags], remove: [] },
    },
    ...versions.slice(1, next),
    ...versions.slice(next + 1),
  ]
}

const conflictsOf = async (client: Client, id: string, { headers }: FullOptions): Promise<readonly Conflict[]> => {
  const byField = new Map<string, Conflict['values'][number][]>()
  for (const { field, values } of await allRows<Conflict>(client, `/memories/${id}/conflicts`, 'conflicts', {
    query: {},
    headers,
  }))
    byField.set(field, [...(byField.get(field) ?? []), ...values])
  return [...byField].map(([field, values]) => ({ field, values }))
}

/** Those that can be made again: both ends are taken along, or lie in another namespace. */
const linksOf = async (
  client: Client,
  id: string,
  options: FullOptions,
  left: LeftOut,
): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  const rows = await allRows<LinkRow>(client, `/links/${id}`, 'links', { query: {}, headers: options.headers })
  const links: Readonly<Record<string, unknown>>[] = []
  const own = rows.filter((link) => link.from === id && !link.removed)
  for (const { to, relation, valid_from, valid_until, agent_id, created_at } of own.sort(byEnd)) {
    if (
      (await seen(client, to, options)) === null &&
      !(options.forgotten === true && (await isKept(client, to, options)))
    ) {
      left.links++
      continue
    }
    links.push({
      to,
      relation,
      ...(valid_from === null ? {} : { valid_from }),
      ...(valid_until === null ? {} : { valid_until }),
      ...sayer(agent_id),
      at: created_at,
    })
  }
  return links
}

/** Of a forgotten memory: that its text is still there. */
const isKept = async (client: Client, id: string, options: FullOptions): Promise<boolean> => {
  const { versions } = await historyOf(client, id, options)
  return !versions.some(({ kind }) => kind === 'memory.erase')
}

const byEnd = (a: LinkRow, b: LinkRow): number => (`${a.to} ${a.relation}` < `${b.to} ${b.relation}` ? -1 : 1)
