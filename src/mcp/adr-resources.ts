/** Recorded decisions by their numbers: `adr://{year}/{number}`, of the session's namespace, or of all where it has none. */
import { limits } from '../../crdt/limits.ts'
import { adrUriOf, decisionsAt, decisionsIn, placeOf, statusOf, type Place } from './decisions.ts'
import { readFrom } from './fields.ts'
import { seeingOwn } from './reading.ts'
import type { Resources } from './resource.ts'
import { fenced, shownRow } from './show.ts'
import type { Asked } from './tool.ts'

const MIME_TYPE = 'text/plain'

export const adrResources: Resources = {
  templates: [
    {
      name: 'adr',
      title: 'A recorded decision',
      uriTemplate: 'adr://{year}/{number}',
      description: 'One decision by its number, between tags with its author',
      mimeType: MIME_TYPE,
    },
  ],
  // They are memories, which are listed; a second entry would have a client read each twice.
  list: async () => ({ resources: [], next_cursor: null }),
  read: async (asked, uri) => {
    const place = placeIn(uri)
    const rows = place === null ? [] : await decisionsAt(asked, readFrom(asked, undefined), place)
    if (place === null || rows.length === 0) return null
    const parts = rows.map((row) => ({ facts: { what: adrUriOf(place), id: row.id, status: statusOf(row) }, text: '' }))
    const several =
      rows.length > 1
        ? '\n(Several have this number: they were recorded where one could not see the other, or in several namespaces.)'
        : ''
    return {
      mimeType: MIME_TYPE,
      text: `${fenced(
        rows.map((row) => shownRow(row, Number.MAX_SAFE_INTEGER)),
        parts,
      )}${several}`,
    }
  },
  complete: async (asked, { variable, beginning, given }) => {
    const year = variable === 'number' && /^\d{4}$/.test(given['year'] ?? '') ? Number(given['year']) : undefined
    const all = (await places(asked, year)).map((place) => (variable === 'year' ? place.year : place.number))
    return [...new Set(all)]
      .toSorted((a, b) => b - a)
      .map(String)
      .filter((value) => value.startsWith(beginning))
  },
}

const placeIn = (uri: string): Place | null => {
  const parts = /^adr:\/\/(\d{4})\/([1-9]\d{0,6})$/.exec(uri)
  return parts === null ? null : { year: Number(parts[1]), number: Number(parts[2]) }
}

/** Of the newest page. */
const places = async (asked: Asked, year: number | undefined): Promise<readonly Place[]> => {
  const { rows } = await seeingOwn(asked, (options) =>
    asked.node.list(decisionsIn(readFrom(asked, undefined), year), { limit: limits.list_limit_max }, options),
  )
  return rows.map(placeOf).filter((place) => place !== null)
}
