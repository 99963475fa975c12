/**
 * The HTTP door as a stranger uses it: requests with a deadline, and lists read to their last page.
 */
const REQUEST_MS_MAX = 20_000
const PAGE = 100
const PAGES_MAX = 1_000

export type Json = Readonly<Record<string, unknown>>
export type Answer = { readonly status: number; readonly headers: Headers; readonly body: Json }
export type RequestOptions = { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
export type Call = (method: string, path: string, options?: RequestOptions) => Promise<Answer>

/** @param url `http://host:port`; paths are below `/api/v1`. Rejects when nobody answers. */
export const callsTo =
  (url: string): Call =>
  async (method, path, { body, headers = {} } = {}) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as Json }
  }

/** A call that must be answered with this status. */
export const expecting = async (status: number, asked: Promise<Answer>): Promise<Json> => {
  const answer = await asked
  if (answer.status !== status)
    throw new Error(`answered ${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** Every memory of a namespace, page by page. */
export const allMemories = async (call: Call, namespace: string): Promise<readonly Json[]> => {
  const memories: Json[] = []
  let cursor = ''
  for (let page = 0; page < PAGES_MAX; page++) {
    const body = await expecting(200, call('GET', `/memories?namespace=${namespace}&limit=${PAGE}${cursor}`))
    memories.push(...listIn(body, 'memories'))
    if (body['next_cursor'] === null) return memories
    cursor = `&cursor=${encodeURIComponent(textIn(body, 'next_cursor'))}`
  }
  throw new Error(`the list has more than ${PAGES_MAX} pages`)
}

/** Every event of the log, page by page: until a page brings neither events nor another cursor. */
export const allEvents = async (call: Call): Promise<readonly Json[]> => {
  const events: Json[] = []
  let after = ''
  for (let page = 0; page < PAGES_MAX; page++) {
    const body = await expecting(
      200,
      call('GET', `/events?limit=${PAGE}${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`),
    )
    const found = listIn(body, 'events')
    const next = textIn(body, 'next')
    events.push(...found)
    if (found.length === 0 && next === after) return events
    after = next
  }
  throw new Error(`the log has more than ${PAGES_MAX} pages`)
}

/** The texts under `name` of each, ascending. */
export const textsOf = (all: readonly Json[], name: string): readonly string[] =>
  all.map((one) => textIn(one, name)).toSorted((a, b) => (a < b ? -1 : 1))

export const textIn = (body: Json, name: string): string => {
  const value = body[name]
  if (typeof value !== 'string') throw new Error(`${name} is no text in ${JSON.stringify(body)}`)
  return value
}

export const listIn = (body: Json, name: string): readonly Json[] => {
  const value = body[name]
  if (!Array.isArray(value)) throw new Error(`${name} is no list in ${JSON.stringify(body)}`)
  return value as readonly Json[]
}

export const objectIn = (body: Json, name: string): Json => {
  const value = body[name]
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${name} is no object in ${JSON.stringify(body)}`)
  return value as Json
}
