/**
 * Clients that write all along on all peers, each under its own agent's name and keys, and write down what they were told: stores by HTTP, in
 * bulk and over MCP, changes, forgets, restores, erasures and links. One that is refused or not answered asks another peer under the same key.
 */
import { textIn, listIn, type Answer, type Json } from '../local/http.ts'
import { newEntry, textState, told, wordOf, type Entry, type State, type Word } from './ledger.ts'
import type { ChaosPeer } from './peers.ts'
import type { Draw } from './random.ts'
import { startPulse, type Pulse } from './pulse.ts'
import { startReaders, type Readings } from './readers.ts'

/** Requests of one client under one key. */
const ATTEMPTS_MAX = 4
const RETRY_MS = 100
const CAUSAL_WAIT_MS = '2000'
/** Most are a sentence; some are large, so that the database's buffers fill. */
const [SMALL_CHARS, LARGE_CHARS, LARGE_SHARE] = [200, 20_000, 0.05]
/** A few of these fill one of the database's buffers. */
const BURST_CHARS = 250_000
const BULK_SIZE = 8
/** Changes of one memory, at most. */
const CHANGES_MAX = 3
/** Of one answer, in a report. */
const SHOWN_CHARS = 400
/** Pause between two requests: a load, not a flood. */
const PAUSE_MS = 10

export type Load = {
  /** How often an answer with this status was got from this peer since the last look; `none`: no answer. */
  answers(): ReadonlyMap<string, number>
  /** Answers of a kind that the contract rules out. */
  readonly faults: string[]
  readonly pulse: Pulse
  readonly readings: Readings
  /** Large texts on one peer, all at once: its next flushes are large. Resolves when all are answered. */
  burst(peer: ChaosPeer, count: number): Promise<void>
  /** One text on one peer, until it is acknowledged there; the key it begins with. Rejects when it was not. */
  probe(peer: ChaosPeer): Promise<string>
  /** Who acknowledged last: whoever coordinates writes now. */
  lastAckedBy(): ChaosPeer
  /** Resolves when the requests under way have ended. */
  stop(): Promise<void>
}

type Change = { readonly what: string; readonly next: State; readonly request: (peer: ChaosPeer) => Promise<Answer> }
/** `certain`: it is so, or it is not, and nobody may see it otherwise later. */
type Outcome = { readonly done: boolean; readonly certain: boolean; readonly token: string | null; readonly body: Json }

export type LoadPlan = {
  readonly peers: readonly [ChaosPeer, ...ChaosPeer[]]
  readonly namespace: string
  readonly clients: number
  readonly draw: Draw
  readonly entries: Entry[]
  /** Peers whose disk may lose what they said. */ readonly forgetful: ReadonlySet<string>
}

export const startLoad = ({ peers, namespace, clients, draw, entries, forgetful }: LoadPlan): Load => {
  const counts = new Map<string, number>()
  const faults: string[] = []
  let stopping = false
  let bursts = 0
  let lastAcked: ChaosPeer = peers[0]
  const pulse = startPulse(peers, namespace, entries)
  const readings = startReaders(peers, namespace, entries, forgetful)

  const begin = (key: string, of: Entry['of'] = 'memory'): Entry => {
    const entry = newEntry(key, namespace, of)
    entries.push(entry)
    return entry
  }

  const ask = async (
    entry: Entry,
    { what, next, request }: Change,
    peer: ChaosPeer,
  ): Promise<{ readonly word: Word; readonly body: Json }> => {
    entry.asked++
    const answer = await request(peer).catch(() => null)
    entry.asked++
    const status = answer?.status ?? 'none'
    const body = answer?.body ?? {}
    const word = wordOf(answer?.status ?? null, body)
    counts.set(`${peer.name} ${status}`, (counts.get(`${peer.name} ${status}`) ?? 0) + 1)
    entry.told.push(`${what} on ${peer.name}: ${status} ${word} ${word === 'done' ? '' : shortOf(body)}`)
    if (word === 'no word')
      faults.push(`${entry.key}: a ${status} does not say whether it was stored: ${shortOf(body)}`)
    told(entry, next, word, peer.name)
    if (word === 'done') lastAcked = peer
    return { word, body }
  }

  /** Asks until it is done or the attempts are used up. @param only this peer alone. */
  const change = async (entry: Entry, wanted: Change, attempts = ATTEMPTS_MAX, only?: ChaosPeer): Promise<Outcome> => {
    let peer = only ?? draw.one(peers)
    let certain = true
    for (let attempt = 0; attempt < attempts; attempt++) {
      const { word, body } = await ask(entry, wanted, peer)
      if (word === 'done') {
        if (typeof body['id'] === 'string' && entry.of === 'memory') entry.id = body['id']
        return { done: true, certain: true, token: typeof body['token'] === 'string' ? body['token'] : null, body }
      }
      certain &&= word === 'not done'
      // Of those that are refused for good half are never asked for again: the answer was the last word.
      if (stopping || (certain && draw.chance(0.5))) break
      await sleep(RETRY_MS)
      peer = only ?? draw.one(peers)
    }
    return { done: false, certain, token: null, body: {} }
  }

  const storeOn = (entry: Entry, content: string, agent: string): Change => ({
    what: 'POST',
    next: textState(content),
    request: (peer) =>
      peer.call('POST', '/memories', {
        body: { content, namespace },
        headers: { 'idempotency-key': entry.key, 'x-agent-id': agent },
      }),
  })

  const changeOf = (entry: Entry, n: number, token: string, agent: string, hidden: boolean): Change => {
    const headers = {
      'x-causal-token': token,
      'x-causal-wait': CAUSAL_WAIT_MS,
      'idempotency-key': `${entry.key}/${n}`,
      'x-agent-id': agent,
    }
    const path = `/memories/${entry.id}`
    if (hidden)
      return {
        what: 'restore',
        next: shownBefore.get(entry) ?? 'hidden',
        request: (peer) => peer.call('POST', `${path}/restore`, { body: {}, headers }),
      }
    const kind = draw.one(['change', 'change', 'forget', 'erase'])
    if (kind === 'change') {
      const content = textOf(entry.key, n, SMALL_CHARS)
      return {
        what: 'PATCH',
        next: textState(content),
        request: (peer) => peer.call('PATCH', path, { body: { content }, headers }),
      }
    }
    return {
      what: kind,
      next: kind === 'forget' ? 'hidden' : 'erased',
      request: (peer) => peer.call('DELETE', `${path}${kind === 'erase' ? '?erase=true' : ''}`, { headers }),
    }
  }
  /** What a restore brings back. */
  const shownBefore = new WeakMap<Entry, State>()

  /** A memory's life: stored, then changed by one request after the other while all of them are known to be done. */
  const life = async (key: string, agent: string): Promise<Entry> => {
    const entry = begin(key)
    const content = textOf(key, 0, draw.chance(LARGE_SHARE) ? LARGE_CHARS : SMALL_CHARS)
    let outcome = await change(entry, storeOn(entry, content, agent))
    for (let n = 1; n <= CHANGES_MAX && outcome.done && outcome.token !== null && entry.id !== null && !stopping; n++) {
      const [state] = entry.states
      if (state === 'erased' || state === undefined || !draw.chance(0.35)) break
      if (state.startsWith('text ')) {
        shownBefore.set(entry, state)
        await readings.byToken(draw.one(peers), entry, outcome.token)
      }
      outcome = await change(entry, changeOf(entry, n, outcome.token, agent, state === 'hidden'))
    }
    return entry
  }

  const bulk = async (key: string, agent: string): Promise<void> => {
    const parts = Array.from({ length: BULK_SIZE }, (_, n) => begin(`${key}.${n}`))
    const memories = parts.map((entry) => ({
      content: textOf(entry.key, 0, SMALL_CHARS),
      namespace,
      idempotency_key: entry.key,
    }))
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const peer = draw.one(peers)
      for (const entry of parts) entry.asked++
      const answer = await peer
        .call('POST', '/memories/bulk', { body: { memories }, headers: { 'x-agent-id': agent } })
        .catch(() => null)
      const words = bulkWords(answer, parts.length)
      parts.forEach((entry, n) => {
        entry.asked++
        const word = words[n]?.word ?? 'unknown'
        entry.id ??= words[n]?.id ?? null
        entry.told.push(`bulk on ${peer.name}: ${answer?.status ?? 'none'} ${word}`)
        told(entry, textState(memories[n]?.content ?? ''), word, peer.name)
      })
      counts.set(
        `${peer.name} ${answer?.status ?? 'none'}`,
        (counts.get(`${peer.name} ${answer?.status ?? 'none'}`) ?? 0) + 1,
      )
      if (words.every(({ word }) => word === 'done') || stopping) return
      await sleep(RETRY_MS)
    }
  }

  /** It has no key: asked once. */
  const overMcp = async (key: string): Promise<void> => {
    const entry = begin(key)
    const content = textOf(key, 0, SMALL_CHARS)
    const message = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'remember', arguments: { content, namespace } },
    }
    await change(
      entry,
      {
        what: 'MCP',
        next: textState(content),
        request: async (peer) =>
          mcpAnswer(
            await peer.call('POST', '/mcp', {
              body: message,
              headers: { accept: 'application/json, text/event-stream' },
            }),
          ),
      },
      1,
    )
  }

  const link = async (one: Entry, other: Entry, agent: string): Promise<void> => {
    if (one.id === null || other.id === null) return
    const body = { from: one.id, to: other.id, relation: 'follows' }
    const entry = begin(`${one.id} follows ${other.id}`, 'link')
    await change(entry, {
      what: 'link',
      next: 'linked',
      request: (peer) =>
        peer.call('POST', '/links', {
          body,
          headers: { 'idempotency-key': `${one.key}+${other.key}`, 'x-agent-id': agent },
        }),
    })
  }

  const client = async (number: number): Promise<void> => {
    const agent = `agent-${number}`
    let before: Entry | null = null
    for (let n = 0; !stopping; n++) {
      const key = `${namespace}-${number}-${n}`
      const dice = draw.whole(20)
      if (dice === 0) await bulk(key, agent)
      else if (dice === 1) await overMcp(key)
      else {
        const made = await life(key, agent)
        if (before !== null && draw.chance(0.1) && isShown(made) && isShown(before)) await link(before, made, agent)
        before = made
      }
      await sleep(PAUSE_MS)
    }
  }

  const running = Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  return {
    faults,
    pulse,
    readings,
    answers: () => {
      const seen = new Map(counts)
      counts.clear()
      return seen
    },
    burst: async (peer, count) => {
      const number = bursts++
      await Promise.all(
        Array.from({ length: count }, (_, n) => {
          const entry = begin(`${namespace}-burst${number}-${n}`)
          return change(entry, storeOn(entry, textOf(entry.key, 0, BURST_CHARS), 'burst'), 2, peer)
        }),
      )
    },
    probe: async (peer) => {
      const entry = begin(`${namespace}-probe${bursts++}`)
      const { done } = await change(entry, storeOn(entry, textOf(entry.key, 0, SMALL_CHARS), 'probe'), 1, peer)
      if (!done) throw new Error(`${peer.name} takes no write yet: ${entry.told.at(-1)}`)
      return entry.key
    },
    lastAckedBy: () => lastAcked,
    stop: async () => {
      stopping = true
      await Promise.all([running, pulse.stop(), readings.stop()])
    },
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const isShown = ({ states, ackedBy }: Entry): boolean =>
  states.length === 1 && ackedBy !== null && (states[0] ?? '').startsWith('text ')

/** What the answer to a bulk says of each of its entries. */
const bulkWords = (
  answer: Answer | null,
  count: number,
): readonly { readonly word: Word; readonly id: string | null }[] => {
  const whole = wordOf(answer?.status ?? null, answer?.body ?? {})
  const ids = Array.isArray(answer?.body['ids']) ? (answer.body['ids'] as readonly (string | null)[]) : []
  const elsewhere = new Set(
    answer !== null && Array.isArray(answer.body['errors'])
      ? listIn(answer.body, 'errors')
          .filter((error) => error['may_be_elsewhere'] === true)
          .map((error) => error['index'])
      : [],
  )
  return Array.from({ length: count }, (_, n) => {
    const id = ids[n] ?? null
    // An answer that names entries says of each whether it is stored here.
    const word = ids.length === 0 || id !== null ? whole : elsewhere.has(n) ? 'unknown' : 'not done'
    return { word, id }
  })
}

/** An answer over MCP as one of HTTP: a tool that fails says only in words whether it stored. */
const mcpAnswer = ({ status, headers, body }: Answer): Answer => {
  if (status >= 300) return { status, headers, body: { local_committed: false, may_be_elsewhere: true, ...body } }
  const result = body['result'] as Json | undefined
  if (result === undefined || result['isError'] === true)
    return {
      status: 503,
      headers,
      body: { local_committed: false, may_be_elsewhere: true, message: JSON.stringify(body) },
    }
  const made = result['structuredContent'] as Json
  return { status: 201, headers, body: { id: textIn(made, 'id') } }
}

/** Its words on what was stored, and why. */
const shortOf = (body: unknown): string =>
  JSON.stringify(body, ['error', 'message', 'local_committed', 'may_be_elsewhere', 'got']).slice(0, SHOWN_CHARS)

/** Begins with the key, by which it is found again. */
export const textOf = (key: string, version: number, chars: number): string =>
  `${key} ${`version ${version} of what nobody may lose `.repeat(Math.ceil(chars / 40))}`.slice(0, chars)

/** The key that a text begins with. */
export const keyOf = (content: string): string => content.slice(0, content.indexOf(' '))
