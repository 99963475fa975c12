/**
 * What a peer holds and shows, but for what the healthy client does meanwhile: the events of its log, its lists to their last
 * page, its members and how many chains there are. Compared by content before and after an attack.
 */
import { createHash } from 'node:crypto'
import { allMemories, expecting, listIn, textIn, type Json } from '../../deploy/local/http.ts'
import type { Peer } from '../../deploy/local/peer.ts'
import { until } from '../../deploy/local/until.ts'

export const HEALTHY_NAMESPACE = 'healthy'

export type Snapshot = {
  /** Where the log was read to: the next snapshot goes on from there. */
  readonly cursor: string
  readonly events: string
  /** Each memory as it is shown, by namespace and id. */
  readonly lists: ReadonlyMap<string, string>
  readonly members: string
  readonly chains: number
}

const PAGE = 1_000
const PAGES_MAX = 1_000
const SHOWN_CHARS = 1_500

/** A 503 is an answer that promises another: it is asked again for so long. */
const UNAVAILABLE_MS_MAX = 20_000

/** @param before the events up to there are known, and hashed on from. */
export const snapshotOf = (peer: Peer, before: Snapshot | null = null): Promise<Snapshot> =>
  until(`${peer.name} shows what it holds`, UNAVAILABLE_MS_MAX, () => taken(peer, before))

const taken = async (peer: Peer, before: Snapshot | null): Promise<Snapshot> => {
  const { cursor, events } = await eventsSince(peer, before)
  const namespaces = listIn(await expecting(200, peer.call('GET', '/namespaces')), 'namespaces')
    .map((one) => textIn(one, 'namespace'))
    .filter((name) => name !== HEALTHY_NAMESPACE)
  const lists = new Map<string, string>()
  for (const namespace of namespaces)
    for (const memory of await allMemories(peer.call, namespace))
      lists.set(`${namespace} ${String(memory['id'])}`, JSON.stringify(memory))
  const peers = listIn(await expecting(200, peer.call('GET', '/peers')), 'peers')
  return {
    cursor,
    events,
    lists,
    members: peers
      .map((one) => `${String(one['name'])} ${String(one['peer_id'])} ${String(one['role'])}`)
      .toSorted()
      .join('\n'),
    chains: await metric(peer, 'mnemesh_log_chains'),
  }
}

const eventsSince = async (
  peer: Peer,
  before: Snapshot | null,
): Promise<{ readonly cursor: string; readonly events: string }> => {
  let [cursor, events] = [before?.cursor ?? '', before?.events ?? '']
  for (let page = 0; page < PAGES_MAX; page++) {
    const body: Json = await expecting(
      200,
      peer.call('GET', `/events?limit=${PAGE}${cursor === '' ? '' : `&after=${encodeURIComponent(cursor)}`}`),
    )
    const found = listIn(body, 'events')
    const foreign = found.filter((one) => JSON.stringify(one).includes(`"${HEALTHY_NAMESPACE}"`) === false)
    if (foreign.length > 0) events = createHash('sha256').update(events).update(JSON.stringify(foreign)).digest('hex')
    const next = textIn(body, 'next')
    if (found.length === 0 && next === cursor) return { cursor, events }
    cursor = next
  }
  throw new Error(`the log has more than ${PAGES_MAX} pages`)
}

/** What is other than before, by name; empty when nothing is. */
export const changesOf = (before: Snapshot, after: Snapshot): readonly string[] => [
  ...(['events', 'members'] as const).filter((name) => before[name] !== after[name]),
  ...(before.chains === after.chains ? [] : [`chains ${before.chains} → ${after.chains}`]),
  ...listChange(before.lists, after.lists),
]

/** The first difference of two lists, in words. */
const listChange = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] => {
  for (const [place, shown] of before)
    if (after.get(place) !== shown)
      return [
        `lists: ${place} was ${shown.slice(0, SHOWN_CHARS)}, is ${after.get(place)?.slice(0, SHOWN_CHARS) ?? 'not shown'}`,
      ]
  for (const place of after.keys()) if (!before.has(place)) return [`lists: ${place} is new`]
  return []
}

/** A metric without labels, by its name. */
export const metric = async (peer: Peer, name: string): Promise<number> => {
  const text = await (await fetch(`${peer.url}/metrics`, { signal: AbortSignal.timeout(20_000) })).text()
  const value = new RegExp(`^${name.replaceAll(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]
  if (value === undefined) throw new Error(`${peer.name} has no metric ${name}`)
  return Number(value)
}
