/**
 * Clients that read while faults are under way: with a token of a write, which must show that write or nothing; and whole lists, page by page, which
 * must hold all that their peer had acknowledged before.
 */
import { listIn, objectIn, textIn, type Json } from '../local/http.ts'
import { isCertain, isQuiet, type Entry } from './ledger.ts'
import type { ChaosPeer } from './peers.ts'

const CAUSAL_WAIT_MS = '1000'
const PAGE = 100
const PAGES_MAX = 500
const EVERY_MS = 400
const SHOWN_CHARS = 300

export type Readings = {
  /** Reads `entry`, whose last change was answered with `token`, and which nobody changes meanwhile. */
  byToken(peer: ChaosPeer, entry: Entry, token: string): Promise<void>
  /** Answers that reflected less than they had to, by kind. */
  readonly stale: string[]
  readonly partial: string[]
  /** Of those that were answered with 200. */
  count(): { readonly tokens: number; readonly lists: number }
  stop(): Promise<void>
}

export const startReaders = (
  peers: readonly ChaosPeer[],
  namespace: string,
  entries: readonly Entry[],
  forgetful: ReadonlySet<string>,
): Readings => {
  const [stale, partial]: [string[], string[]] = [[], []]
  const counts = { tokens: 0, lists: 0 }
  let stopping = false

  const byToken = async (peer: ChaosPeer, entry: Entry, token: string): Promise<void> => {
    const [state] = entry.states
    const answer = await peer
      .call('GET', `/memories/${entry.id}`, { headers: { 'x-causal-token': token, 'x-causal-wait': CAUSAL_WAIT_MS } })
      .catch(() => null)
    if (answer === null || answer.status >= 500) return
    counts.tokens++
    const shown =
      answer.status === 200 ? `text ${textIn(objectIn(answer.body, 'memory'), 'content')}` : `${answer.status}`
    if (shown !== state)
      stale.push(
        `${peer.name} shows ${entry.key} as ${shown.slice(0, SHOWN_CHARS)} to who holds the token of ${String(state).slice(0, SHOWN_CHARS)} (${entry.told.join('; ')})`,
      )
  }

  const wholeList = async (peer: ChaosPeer): Promise<readonly Json[] | null> => {
    const memories: Json[] = []
    let cursor = ''
    for (let page = 0; page < PAGES_MAX; page++) {
      const answer = await peer.call('GET', `/memories?namespace=${namespace}&limit=${PAGE}${cursor}`).catch(() => null)
      if (answer?.status !== 200) return null
      memories.push(...listIn(answer.body, 'memories'))
      if (answer.body['next_cursor'] === null) return memories
      cursor = `&cursor=${encodeURIComponent(textIn(answer.body, 'next_cursor'))}`
    }
    return null
  }

  const list = async (peer: ChaosPeer): Promise<void> => {
    const due = entries
      .filter(
        (entry) =>
          entry.namespace === namespace &&
          entry.of === 'memory' &&
          entry.ackedBy === peer.name &&
          isCertain(entry) &&
          isQuiet(entry),
      )
      .map((entry) => ({ entry, asked: entry.asked, state: entry.states[0] ?? 'absent' }))
    const memories = await wholeList(peer)
    if (memories === null) return
    counts.lists++
    const shown = new Set(memories.map(({ content }) => `text ${String(content)}`))
    for (const { entry, asked, state } of due) {
      // Somebody has asked for a change of it meanwhile: either is right.
      if (entry.asked !== asked || !state.startsWith('text ')) continue
      if (shown.has(state)) continue
      const instead = memories
        .filter(({ content }) => String(content).startsWith(`${entry.key} `))
        .map(({ content }) => JSON.stringify(String(content).slice(0, SHOWN_CHARS)))
      partial.push(
        `${peer.name} lists ${memories.length} memories, of ${entry.key} ${instead.length === 0 ? 'nothing' : instead.join(' and ')}, and had acknowledged ${state.slice(0, SHOWN_CHARS)} (${entry.told.join('; ')})`,
      )
    }
  }

  const read = async (): Promise<void> => {
    for (let n = 0; !stopping; n++) {
      const peer = peers[n % peers.length]
      if (peer !== undefined && !forgetful.has(peer.name)) await list(peer)
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    }
  }
  const running = read()
  return {
    byToken,
    stale,
    partial,
    count: () => ({ ...counts }),
    stop: async () => {
      stopping = true
      await running
    },
  }
}
