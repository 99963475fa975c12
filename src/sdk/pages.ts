/**
 * Every page of a listing, by its cursors.
 *
 * A cursor that does not move would be a loop without end: it is refused by name.
 */
import { limits } from '../../crdt/limits.ts'
import type { ListAnswer } from './answers.ts'
import type { Client, Query } from './client.ts'
import { CallFailure } from './failure.ts'

/** Every row of a listing that is answered by pages. @param field where they stand in the answer. */
export const allRows = async <Row>(
  client: Client,
  path: string,
  field: string,
  request: PagesRequest = { query: {} },
): Promise<Row[]> => {
  const rows: Row[] = []
  for (let cursor: string | undefined; ;) {
    const page = await client.call<Readonly<Record<string, unknown>>>('GET', path, {
      query: { limit: limits.list_limit_max, ...request.query, cursor },
      headers: request.headers ?? {},
    })
    for (const row of page[field] as readonly Row[]) rows.push(row)
    const next = page['next_cursor']
    if (typeof next !== 'string') return rows
    if (next === cursor) throw stuck(client)
    cursor = next
  }
}

export type PagesRequest = {
  readonly query: Query
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly cursor?: string
}

/** Yields at least one page; memory use is one page at a time. */
export async function* memoryPages(client: Client, request: PagesRequest): AsyncGenerator<ListAnswer, undefined> {
  let cursor = request.cursor
  for (;;) {
    const page = await client.call<ListAnswer>('GET', '/memories', {
      query: { ...request.query, cursor },
      headers: request.headers ?? {},
    })
    yield page
    if (page.next_cursor === null || page.next_cursor === undefined) return undefined
    if (page.next_cursor === cursor) throw stuck(client)
    cursor = page.next_cursor
  }
}

const stuck = (client: Client): CallFailure =>
  new CallFailure(`${client.url} gave the same cursor twice, so the listing cannot go on; report this`, {
    status: 200,
    code: 'cursor_stuck',
  })
