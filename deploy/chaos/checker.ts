/**
 * Holds what every peer shows, on all pages, against what clients were told. A check that has nothing to look at fails.
 */
import { allMemories, type Json } from '../local/http.ts'
import { NAMESPACE, keyOf } from './clients.ts'
import type { Entry } from './ledger.ts'
import type { ChaosPeer } from './peers.ts'

/** Reported of one round at most. */
const FAULTS_SHOWN = 12

export type Checked = {
  /** Memories seen on each peer. */
  readonly seen: number
  readonly faults: readonly string[]
}

/** @param reported keys of which a fault was reported before: they are not judged again. */
export const check = async (peers: readonly ChaosPeer[], entries: readonly Entry[], reported = new Set<string>()): Promise<Checked> => {
  const faults: string[] = []
  const lists: string[] = []
  let seen = 0
  for (const peer of peers) {
    const memories = await allMemories(peer.call, NAMESPACE)
    seen = memories.length
    lists.push(memories.map((memory) => JSON.stringify([memory['id'], memory['content'], memory['version'], memory['title'], memory['tags']])).toSorted((a, b) => (a < b ? -1 : 1)).join('\n'))
    for (const fault of contradictions(peer.name, memories, entries, reported)) faults.push(fault)
  }
  peers.forEach(({ name }, i) => {
    if (lists[i] !== lists[0]) faults.push(`${name} shows other memories than ${peers[0]?.name}`)
  })
  if (seen === 0) faults.push('no memory was there to be checked')
  if (!entries.some(({ presence }) => presence === 'must')) faults.push('nothing was acknowledged')
  return { seen, faults: faults.length > FAULTS_SHOWN ? [...faults.slice(0, FAULTS_SHOWN), `… and ${faults.length - FAULTS_SHOWN} more`] : faults }
}

const contradictions = (peer: string, memories: readonly Json[], entries: readonly Entry[], reported: Set<string>): readonly string[] => {
  const shown = new Map<string, string[]>()
  for (const { content } of memories) {
    const text = typeof content === 'string' ? content : ''
    shown.set(keyOf(text), [...(shown.get(keyOf(text)) ?? []), text])
  }
  const faults: string[] = []
  for (const entry of entries) {
    const found = shown.get(entry.key) ?? []
    shown.delete(entry.key)
    const wrong = wrongWith(entry, found)
    if (wrong === null || reported.has(entry.key)) continue
    reported.add(entry.key)
    faults.push(`${peer}: ${entry.key} ${wrong} (${entry.told.join('; ')})`)
  }
  for (const key of shown.keys()) faults.push(`${peer}: ${key} was never written`)
  return faults
}

const wrongWith = ({ presence, contents }: Entry, found: readonly string[]): string | null => {
  if (found.length > 1) return `is there ${found.length} times`
  if (found.length === 0 && presence === 'must') return 'was acknowledged and is gone'
  if (found.length > 0 && presence === 'must not') return 'was refused or forgotten and is there'
  return found.some((text) => !contents.includes(text)) ? 'shows another text' : null
}
