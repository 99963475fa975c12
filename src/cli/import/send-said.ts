/**
 * A memory of a full export is said again, entry by entry: each by who said it and when it was said, under a name that tells who brings
 * it. An entry's key follows from the entry alone, so that again says nothing new, and an import that was cut short goes on.
 *
 * Its id is kept where no memory has it. A memory of that id that was not imported is the one that was exported, and is left alone; where
 * it lies in another namespace, a copy with an id of its own is made.
 */
import type { Version } from '../../api.ts'
import { originalAgent } from '../../input/imported-agent.ts'
import type { Said } from '../../input/said.ts'
import type { CallOptions } from '../../sdk/client.ts'
import { CallFailure } from '../../sdk/failure.ts'
import { findMemory } from './find.ts'
import { keyOf, stableJson } from './item.ts'
import { withRetries } from './retry.ts'
import type { Sending } from './sending.ts'
import { addProblem } from './tally.ts'

export type SaidMemory = {
  readonly id: string
  readonly namespace: string
  readonly said: readonly Said[]
  readonly where: string
}
type Written = { readonly id: string; readonly token?: string }
type Headers = NonNullable<CallOptions['headers']>

export const saidHeaders = ({ agent, at }: Pick<Said, 'agent' | 'at'>): Headers => ({
  'x-imported-agent': agent,
  'x-imported-at': at,
})

/** The id that the memory has here; null where none came to be, which is counted. */
export const sendSaid = async (memory: SaidMemory, sending: Sending): Promise<string | null> => {
  const { io, client, signal, tally } = sending
  const made = await withRetries(io, () => firstVersion(memory.id, sending), signal)
  const found = made === null ? null : await withRetries(io, () => findMemory(client, memory.id), signal)
  const elsewhere = found !== null && found.memory.namespace !== memory.namespace
  if (made !== null && !elsewhere) {
    const isForgotten = found === null && memory.said.at(-1)?.kind !== 'forget'
    if (isForgotten) tally.forgotten++
    // What was forgotten here stays so.
    if (isForgotten) return null
    tally.existing++
    if (originalAgent(made.agent_id).by === null) return memory.id
  }
  return replay(memory, elsewhere ? null : memory.id, sending)
}

const firstVersion = async (id: string, { client }: Sending): Promise<Version | null> => {
  try {
    const { versions } = await client.call<{ readonly versions: readonly Version[] }>(
      'GET',
      `/memories/${id}/history`,
      { query: { limit: 1 } },
    )
    return versions[0] ?? null
  } catch (error) {
    if (error instanceof CallFailure && error.status === 404) return null
    throw error
  }
}

/** @param id that it is to have; null: one of its own. */
const replay = async (memory: SaidMemory, id: string | null, sending: Sending): Promise<string | null> => {
  const { io, signal, tally } = sending
  const times = new Map<string, number>()
  const now: Now = { content: '', tags: new Set() }
  let here = id
  for (const [at, entry] of memory.said.entries()) {
    const { imported_by: _by, ...words } = entry
    const text = stableJson(words)
    const time = times.get(text) ?? 0
    times.set(text, time + 1)
    const key = keyOf(id === null ? 'said-anew' : 'said', memory.id, text, String(time))
    try {
      const request = requestOf(entry, here, memory.namespace, now)
      const headers = { ...request.headers, ...saidHeaders(entry), 'idempotency-key': key }
      const answer = await withRetries(
        io,
        () =>
          sending.client.call<Written>(request.method, request.path, {
            ...(request.body === undefined ? {} : { body: request.body }),
            query: { quorum: sending.quorum },
            headers,
          }),
        signal,
      )
      here ??= answer.id
      tally.token = answer.token ?? tally.token
    } catch (error) {
      if (!(error instanceof CallFailure) || ![400, 404, 409, 413, 422].includes(error.status)) throw error
      addProblem(tally, memory.where, at === 0 ? error.message : `what was said of it ${entry.at}: ${error.message}`)
      if (at === 0) return null
    }
  }
  return here
}

/** What the entries so far leave of what the next one needs. */
type Now = { content: string; readonly tags: Set<string> }
type Request = {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>>
  readonly headers?: Headers
}

const requestOf = (entry: Said, id: string | null, namespace: string, now: Now): Request => {
  const { kind, set = {}, tags } = entry
  if (kind === 'forget') return { method: 'DELETE', path: `/memories/${id}` }
  if (kind === 'restore') return { method: 'POST', path: `/memories/${id}/restore` }
  // A value beside others comes with the text that the memory has, which is no conflict.
  const content = typeof set['content'] === 'string' ? set['content'] : now.content
  now.content = content
  if (kind === 'beside')
    return {
      method: 'POST',
      path: '/memories',
      body: { ...set, content, namespace },
      headers: { 'x-imported-id': id ?? undefined, 'x-imported-beside': 'true' },
    }
  for (const tag of tags?.add ?? []) now.tags.add(tag)
  for (const tag of tags?.remove ?? []) now.tags.delete(tag)
  const all = [...now.tags].sort()
  if (kind === 'put')
    return {
      method: 'POST',
      path: '/memories',
      body: { ...set, namespace, tags: all },
      headers: { 'x-imported-id': id ?? undefined },
    }
  const isEmpty = Object.keys(set).length === 0
  return {
    method: 'PATCH',
    path: `/memories/${id}`,
    body: { ...set, ...(tags === undefined && !isEmpty ? {} : { tags: all }) },
  }
}
