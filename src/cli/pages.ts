/**
 * Every page of a listing, by its cursors.
 *
 * A cursor that does not move would be a loop without end: it is refused by name.
 */
import type { ListAnswer } from './answers.ts'
import type { Client, Query } from './client.ts'
import { CliFailure } from './failure.ts'

export type PagesRequest = { readonly query: Query; readonly headers?: Readonly<Record<string, string | undefined>>; readonly cursor?: string }

/** Yields at least one page; memory use is one page at a time. */
export async function* memoryPages(client: Client, request: PagesRequest): AsyncGenerator<ListAnswer, undefined> {
  let cursor = request.cursor
  for (;;) {
    const page = await client.call<ListAnswer>('GET', '/memories', { query: { ...request.query, cursor }, headers: request.headers ?? {} })
    yield page
    if (page.next_cursor === null || page.next_cursor === undefined) return undefined
    if (page.next_cursor === cursor) throw new CliFailure(`${client.url} gave the same cursor twice, so the listing cannot go on; report this`)
    cursor = page.next_cursor
  }
}
