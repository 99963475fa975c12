/**
 * Holds what every peer shows, on all pages and link by link, against what clients were told. A check that has nothing to look at fails.
 */
import { allMemories, expecting, listIn, type Json } from '../local/http.ts'
import { keyOf } from './clients.ts'
import { allowed, settle, type Entry, type State } from './ledger.ts'
import type { ChaosPeer } from './peers.ts'

/** In which way what is shown is wrong. */
export type Kind = 'lost' | 'duplicated' | 'resurrected' | 'phantom' | 'changed' | 'unequal' | 'empty'
export type Finding = { readonly kind: Kind; readonly what: string }

export type Checked = {
  /** Memories seen on each peer. */
  readonly seen: number
  /** Links and erased texts that were asked for one by one, on each peer. */
  readonly asked: number
  readonly findings: readonly Finding[]
}

/** Links and erased memories are asked for one by one: so many of each, the latest. */
const ASKED_MAX = 60
const SHOWN_CHARS = 120
const GONE: readonly State[] = ['absent', 'hidden', 'erased']

export type CheckOptions = {
  /** A disk has lost what it alone may have had. */
  readonly diskLost?: boolean
  /** Keys of which a fault was reported before: they are not judged again. */
  readonly reported?: Set<string>
}

/** @param entries of these namespaces; those that all show alike are settled by it. */
export const check = async (
  peers: readonly Pick<ChaosPeer, 'name' | 'call'>[],
  namespaces: readonly string[],
  entries: readonly Entry[],
  { diskLost = false, reported = new Set() }: CheckOptions = {},
): Promise<Checked> => {
  const findings: Finding[] = []
  const memories = entries.filter(({ of, namespace }) => of === 'memory' && namespaces.includes(namespace))
  const links = entries.filter(({ of, namespace }) => of === 'link' && namespaces.includes(namespace)).slice(-ASKED_MAX)
  const erased = memories
    .filter(({ states, id }) => id !== null && states.length === 1 && states[0] === 'erased')
    .slice(-ASKED_MAX)
  const shownAt: ReadonlyMap<string, readonly string[]>[] = []
  const rows: string[] = []
  let seen = 0
  for (const peer of peers) {
    const found = (await Promise.all(namespaces.map((namespace) => allMemories(peer.call, namespace)))).flat()
    seen = Math.max(seen, found.length)
    rows.push(
      found
        .map((memory) =>
          JSON.stringify([memory['id'], memory['content'], memory['version'], memory['title'], memory['tags']]),
        )
        .toSorted((a, b) => (a < b ? -1 : 1))
        .join('\n'),
    )
    const shown = await linksOf(peer, links)
    for (const { content } of found) {
      const text = typeof content === 'string' ? content : ''
      shown.set(keyOf(text), [...(shown.get(keyOf(text)) ?? []), `text ${text}`])
    }
    for (const finding of contradictions(peer.name, shown, [...memories, ...links], diskLost, reported))
      findings.push(finding)
    for (const entry of erased) {
      const { status, body } = await peer.call('GET', `/memories/${entry.id}`)
      if (
        status === 200 &&
        !reported.has(entry.key) &&
        typeof (body['memory'] as Json)['content'] === 'string' &&
        String((body['memory'] as Json)['content']).startsWith(`${entry.key} `)
      ) {
        findings.push({
          kind: 'resurrected',
          what: `${peer.name}: ${entry.key} was erased and its text is shown by its id (${entry.told.join('; ')})`,
        })
      }
    }
    shownAt.push(shown)
  }
  peers.forEach(({ name }, i) => {
    if (rows[i] !== rows[0])
      findings.push({ kind: 'unequal', what: `${name} shows other memories than ${peers[0]?.name}` })
  })
  if (seen === 0) findings.push({ kind: 'empty', what: 'no memory was there to be checked' })
  if (!entries.some(({ acks }) => acks > 0)) findings.push({ kind: 'empty', what: 'nothing was acknowledged' })
  for (const entry of [...memories, ...links])
    settleBy(
      entry,
      shownAt.map((shown) => shown.get(entry.key) ?? []),
      diskLost,
    )
  return { seen, asked: links.length + erased.length, findings }
}

/** Which of `links` a peer has, by their keys. */
const linksOf = async (
  peer: Pick<ChaosPeer, 'name' | 'call'>,
  links: readonly Entry[],
): Promise<Map<string, string[]>> => {
  const shown = new Map<string, string[]>()
  for (const { key } of links) {
    const [from, relation, to] = key.split(' ')
    const found = listIn(await expecting(200, peer.call('GET', `/links/${from}?limit=100`)), 'links').filter(
      (link) => link['from'] === from && link['to'] === to && link['relation'] === relation,
    )
    if (found.length > 0)
      shown.set(
        key,
        found.map(() => 'linked'),
      )
  }
  return shown
}

const contradictions = (
  peer: string,
  shown: ReadonlyMap<string, readonly string[]>,
  entries: readonly Entry[],
  diskLost: boolean,
  reported: Set<string>,
): readonly Finding[] => {
  const findings: Finding[] = []
  const unknown = new Set(shown.keys())
  for (const entry of entries) {
    unknown.delete(entry.key)
    const wrong = wrongWith(entry, shown.get(entry.key) ?? [], diskLost)
    if (wrong === null || reported.has(entry.key)) continue
    reported.add(entry.key)
    findings.push({ kind: wrong.kind, what: `${peer}: ${entry.key} ${wrong.what} (${entry.told.join('; ')})` })
  }
  for (const key of unknown) findings.push({ kind: 'phantom', what: `${peer}: ${key} was never written` })
  return findings
}

const wrongWith = (entry: Entry, found: readonly string[], diskLost: boolean): Finding | null => {
  const states = allowed(entry, diskLost)
  if (found.length > 1) return { kind: 'duplicated', what: `is there ${found.length} times` }
  const [state] = found
  if (state === undefined)
    return states.some((one) => GONE.includes(one)) ? null : { kind: 'lost', what: 'was acknowledged and is gone' }
  if (states.includes(state as State)) return null
  if (states.every((one) => one === 'absent')) return { kind: 'phantom', what: 'was refused and is there' }
  if (states.every((one) => GONE.includes(one))) return { kind: 'resurrected', what: 'was forgotten and is there' }
  return { kind: 'changed', what: `shows "${state.slice(0, SHOWN_CHARS)}" and not what it was changed to last` }
}

/** What all show, and may, is so from now on. */
const settleBy = (entry: Entry, shown: readonly (readonly string[])[], diskLost: boolean): void => {
  const states = allowed(entry, diskLost)
  const [first = []] = shown
  if (shown.some((one) => one.length !== first.length || one[0] !== first[0])) return
  const state = first.length === 0 ? states.find((one) => GONE.includes(one)) : states.find((one) => one === first[0])
  if (state !== undefined) settle(entry, state)
}
