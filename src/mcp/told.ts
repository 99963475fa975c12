/** What tools tell of the memory itself (counts, peers, the log) rather than of single memories: lines of JSON between fences, within a bound. */
import { fenced, NOTICE } from './show.ts'
import type { Told } from './tool.ts'

/** Some four letters a token. */
const CHARS_A_TOKEN = 4

/** As many of `items` as fit by their JSON, the first always. @param tokens about so many for all of them. */
export const fitting = <Item>(items: readonly Item[], tokens: number): readonly Item[] => {
  let left = tokens * CHARS_A_TOKEN
  const end = items.findIndex((item, place) => {
    left -= JSON.stringify(item).length
    return place > 0 && left < 0
  })
  return end < 0 ? items : items.slice(0, end)
}

/**
 * A page of which as much is shown as fits: a shorter page has a cursor of its own, so nothing that does not fit is passed over.
 * @param ask for a page of at most so many.
 */
export const pageWithin = async <Row, Item, Page extends { readonly rows: readonly Row[] }>(
  limit: number,
  tokens: number,
  ask: (limit: number) => Promise<Page>,
  shown: (row: Row) => Item,
): Promise<{ readonly items: readonly Item[]; readonly page: Page }> => {
  const page = await ask(limit)
  const items = fitting(page.rows.map(shown), tokens)
  return { items, page: items.length < page.rows.length ? await ask(items.length) : page }
}

/** One thing. @param after a line for the model, outside of the fence. */
export const toldOf = (what: string, data: Told['data'], after = ''): Told => ({
  text: `${fenced([], [{ facts: { what }, text: JSON.stringify(data) }])}${after}`,
  data: { notice: NOTICE, ...data },
})

/** Many, one a line. @param none told instead when there are none. */
export const toldList = (
  what: string,
  items: readonly unknown[],
  none: string,
  after: string,
  data: Told['data'],
): Told => {
  const lines = items.map((item) => JSON.stringify(item)).join('\n')
  return {
    text: `${items.length === 0 ? none : fenced([], [{ facts: { what }, text: lines }])}${after}`,
    data: { notice: NOTICE, ...data },
  }
}

export const moreLine = (next_cursor: string | null): string =>
  next_cursor === null ? '' : `\n(more: cursor ${next_cursor})`
