/**
 * Clients that write on all peers at once, each with keys of its own, and write down what they were told.
 */
import type { Answer } from '../local/http.ts'
import { textIn } from '../local/http.ts'
import { forgotten, replaced, stored, wordOf, type Entry, type Word } from './ledger.ts'
import type { ChaosPeer } from './peers.ts'
import type { Draw } from './random.ts'

export const NAMESPACE = 'chaos'
/** Requests of one client under one key. */
const ATTEMPTS_MAX = 3
const CAUSAL_WAIT_MS = '300'
/** Most are a sentence; some are large, so that the database's buffers fill. */
const [SMALL_CHARS, LARGE_CHARS, LARGE_SHARE] = [200, 40_000, 0.15]
/** Of one answer, in a report. */
const SHOWN_CHARS = 400
/** A few of these fill one of the database's buffers. */
const BURST_CHARS = 250_000
/** Pause between two requests: a load, not a flood. */
const PAUSE_MS = 15

export type Load = {
  /** All that was ever written, in its order. */
  readonly entries: readonly Entry[]
  /** How often an answer with this status was got from this peer since the last look; `none`: no answer. */
  answers(): ReadonlyMap<string, number>
  /** Answers of a kind that the contract rules out. */
  readonly faults: string[]
  /** Large texts on one peer, all at once: its next flushes are large. Resolves when all are answered. */
  burst(peer: ChaosPeer, count: number): Promise<void>
  /** One text on one peer, until it is acknowledged there; the key it begins with. Rejects when it was not. */
  probe(peer: ChaosPeer): Promise<string>
  /** Resolves when the requests under way have ended. */
  stop(): Promise<void>
}

/** @param who names these clients: keys are `WHO-CLIENT-N`. */
export const startLoad = (who: string, peers: readonly [ChaosPeer, ...ChaosPeer[]], clients: number, draw: Draw, entries: Entry[]): Load => {
  const counts = new Map<string, number>()
  const faults: string[] = []
  let stopping = false
  let bursts = 0

  const ask = async (entry: Entry, peer: ChaosPeer, what: string, request: () => Promise<Answer>): Promise<{ readonly word: Word; readonly answer: Answer | null }> => {
    const answer = await request().catch(() => null)
    const word = wordOf(answer?.status ?? null, answer?.body ?? {})
    const status = answer?.status ?? 'none'
    counts.set(`${peer.name} ${status}`, (counts.get(`${peer.name} ${status}`) ?? 0) + 1)
    entry.told.push(`${what} on ${peer.name}: ${status} ${word} ${answer === null || answer.status < 300 ? '' : shortOf(answer.body)}`)
    if (word === 'no word') faults.push(`${entry.key}: a ${status} does not say whether it was stored: ${shortOf(answer?.body)}`)
    return { word, answer }
  }

  const store = async (entry: Entry, only?: ChaosPeer): Promise<string | null> => {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const peer = only ?? draw.one(peers)
      const { word, answer } = await ask(entry, peer, 'POST', () => peer.call('POST', '/memories', { body: { content: entry.contents[0], namespace: NAMESPACE }, headers: { 'idempotency-key': entry.key } }))
      stored(entry, word)
      if (answer !== null && answer.status < 300) {
        entry.id = textIn(answer.body, 'id')
        return textIn(answer.body, 'token')
      }
      // Half of the refused are never asked for again: their answer was the last word.
      if (draw.chance(0.5)) return null
    }
    return null
  }

  const begin = (key: string, chars: number): Entry => {
    const entry: Entry = { key, presence: 'must not', contents: [textOf(key, 0, chars)], id: null, told: [] }
    entries.push(entry)
    return entry
  }

  const client = async (number: number): Promise<void> => {
    for (let n = 0; !stopping; n++) {
      const key = `${who}-${number}-${n}`
      const chars = draw.chance(LARGE_SHARE) ? LARGE_CHARS : SMALL_CHARS
      const entry = begin(key, chars)
      const token = await store(entry)
      if (token !== null && draw.chance(0.3)) {
        const peer = draw.one(peers)
        const headers = { 'x-causal-token': token, 'x-causal-wait': CAUSAL_WAIT_MS }
        if (draw.chance(0.5)) {
          const content = textOf(key, 1, SMALL_CHARS)
          const { word } = await ask(entry, peer, 'PATCH', () => peer.call('PATCH', `/memories/${entry.id}`, { body: { content }, headers }))
          replaced(entry, content, word)
        } else {
          const { word } = await ask(entry, peer, 'DELETE', () => peer.call('DELETE', `/memories/${entry.id}`, { headers }))
          forgotten(entry, word)
        }
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }

  const running = Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  return {
    entries, faults,
    answers: () => {
      const seen = new Map(counts)
      counts.clear()
      return seen
    },
    burst: async (peer, count) => {
      const number = bursts++
      await Promise.all(Array.from({ length: count }, (_, n) => store(begin(`${who}-burst${number}-${n}`, BURST_CHARS), peer)))
    },
    probe: async (peer) => {
      const entry = begin(`${who}-probe${bursts++}`, SMALL_CHARS)
      if ((await store(entry, peer)) === null) throw new Error(`${peer.name} takes no write yet: ${entry.told.at(-1)}`)
      return entry.key
    },
    stop: async () => {
      stopping = true
      await running
    },
  }
}

/** Its words on what was stored, and why. */
const shortOf = (body: unknown): string => JSON.stringify(body, ['error', 'message', 'local_committed', 'may_be_elsewhere', 'got']).slice(0, SHOWN_CHARS)

/** Begins with the key, by which it is found again. */
const textOf = (key: string, version: number, chars: number): string => `${key} ${`version ${version} of what nobody may lose `.repeat(Math.ceil(chars / 40))}`.slice(0, chars)

/** The key that a text begins with. */
export const keyOf = (content: string): string => content.slice(0, content.indexOf(' '))
