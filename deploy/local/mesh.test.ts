/**
 * Three real peers: what was acknowledged is everywhere, whoever was killed meanwhile; a retry is one memory; a token is good
 * on every peer at once.
 *
 * Evidence is content: ids and texts of every page, and digests; and each fault is seen to have happened.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFleet, type Fleet } from './fleet.ts'
import { allEvents, allMemories, expecting, listIn, objectIn, textIn } from './http.ts'
import type { Peer } from './peer.ts'

/** What is tried is that it comes, not how fast this machine is today. */
const WAIT_MS = '10000'

let fleet: Fleet
let a: Peer
let b: Peer
let c: Peer
beforeAll(async () => {
  fleet = await startFleet({ projection: 'pglite', quorumTimeoutMs: 3_000 })
  a = fleet.peer(0)
  b = fleet.peer(1)
  c = fleet.peer(2)
}, 90_000)
afterAll(() => fleet?.dispose())

const NAMESPACE = 'load'
const SINGLES = 70
const BULKS = 2
const BULK = 50
const WRITERS = 4
/** The peer is killed once it has acknowledged this many of its own. */
const KILL_AFTER = 15

/** Texts by the id under which they were acknowledged, and what each peer did not answer. */
type Load = {
  readonly textById: Map<string, string>
  readonly acknowledgedBy: Map<Peer, number>
  readonly unanswered: Map<Peer, number>
}

const count = (of: Map<Peer, number>, peer: Peer, by: number): void => void of.set(peer, (of.get(peer) ?? 0) + by)

/** Singles and bulks on one peer, several at a time. What the peer does not answer is counted; any answer but 201 is an error. */
const writeTo = async (peer: Peer, load: Load, onAcknowledged: (count: number) => void): Promise<void> => {
  const jobs = [
    ...Array.from({ length: SINGLES }, (_, i) => [`${peer.name} single ${i}`]),
    ...Array.from({ length: BULKS }, (_, i) =>
      Array.from({ length: BULK }, (__, k) => `${peer.name} bulk ${i} entry ${k}`),
    ),
  ]
  const work = async (): Promise<void> => {
    for (let texts = jobs.shift(); texts !== undefined; texts = jobs.shift()) {
      const memories = texts.map((content) => ({ content, namespace: NAMESPACE }))
      const answer = await peer
        .call('POST', memories.length === 1 ? '/memories' : '/memories/bulk', {
          body: memories.length === 1 ? memories[0] : memories,
        })
        .catch(() => null)
      if (answer === null) {
        count(load.unanswered, peer, texts.length)
        continue
      }
      if (answer.status !== 201)
        throw new Error(`${peer.name} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
      const ids = texts.length === 1 ? [textIn(answer.body, 'id')] : (answer.body['ids'] as string[])
      for (const [i, id] of ids.entries()) load.textById.set(id, texts[i] ?? '')
      count(load.acknowledgedBy, peer, texts.length)
      onAcknowledged(load.acknowledgedBy.get(peer) ?? 0)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, work))
}

test('every acknowledged memory is on all three, with one of them killed while it was writing', async () => {
  const load: Load = { textById: new Map(), acknowledgedBy: new Map(), unanswered: new Map() }
  const pid = c.pid()
  const killing: Promise<void>[] = []
  await Promise.all([
    writeTo(a, load, () => undefined),
    writeTo(b, load, () => undefined),
    writeTo(c, load, (acknowledged) => {
      if (acknowledged >= KILL_AFTER && killing.length === 0) killing.push(c.kill())
    }),
  ])
  await Promise.all(killing)
  const whole = SINGLES + BULKS * BULK
  expect([load.acknowledgedBy.get(a), load.acknowledgedBy.get(b)]).toEqual([whole, whole])
  expect(load.acknowledgedBy.get(c)).toBeGreaterThanOrEqual(KILL_AFTER)
  expect(load.unanswered.get(c)).toBeGreaterThan(0)
  expect(c.running()).toBe(false)

  const withOneDown = await expecting(
    201,
    a.call('POST', '/memories', { body: { content: 'one is down', namespace: NAMESPACE } }),
  )
  expect(withOneDown['quorum_acks']).toBe(2)
  load.textById.set(textIn(withOneDown, 'id'), 'one is down')

  await c.start()
  expect(c.pid()).not.toBe(pid)
  const { projection } = await fleet.agree()
  expect(projection).not.toBeNull()
  for (const peer of [a, b, c]) {
    const shown = new Map(
      (await allMemories(peer.call, NAMESPACE)).map((memory) => [textIn(memory, 'id'), textIn(memory, 'content')]),
    )
    const lost = [...load.textById].filter(([id, text]) => shown.get(id) !== text)
    expect(lost, `on ${peer.name}`).toEqual([])
    expect(shown.size).toBeGreaterThanOrEqual(load.textById.size)
  }
}, 60_000)

describe('a retry', () => {
  test('with one Idempotency-Key is one memory and one event, on whichever peer', async () => {
    const body = { content: 'said once', namespace: 'retries' }
    const say = (peer: Peer) =>
      peer.call('POST', '/memories', { body, headers: { 'idempotency-key': 'order-1', 'x-agent-id': 'ai:alice' } })
    const first = await expecting(201, say(a))
    for (const peer of [b, c])
      await expecting(
        200,
        peer.call('GET', `/memories/${textIn(first, 'id')}`, {
          headers: { 'x-causal-token': textIn(first, 'token'), 'x-causal-wait': WAIT_MS },
        }),
      )
    const retried = await Promise.all([a, b, c].map((peer) => expecting(201, say(peer))))
    for (const again of retried) expect([again['id'], again['event_id']]).toEqual([first['id'], first['event_id']])
    await fleet.agree()
    for (const peer of [a, b, c])
      expect(
        (await allEvents(peer.call)).filter(({ record }) => record === first['id']).map(({ event_id }) => event_id),
      ).toEqual([first['event_id']])

    const other = await b.call('POST', '/memories', {
      body: { ...body, content: 'something else' },
      headers: { 'idempotency-key': 'order-1', 'x-agent-id': 'ai:alice' },
    })
    expect([other.status, other.body['error']]).toEqual([409, 'idempotency_conflict'])
  })

  test('on three peers in one moment is still one memory without a conflict', async () => {
    const say = (peer: Peer) =>
      expecting(
        201,
        peer.call('POST', '/memories', {
          body: { content: 'said at once', namespace: 'retries' },
          headers: { 'idempotency-key': 'order-2', 'x-agent-id': 'ai:alice' },
        }),
      )
    const ids = new Set((await Promise.all([a, b, c].map(say))).map((answer) => textIn(answer, 'id')))
    expect(ids.size).toBe(1)
    await fleet.agree()
    const [id] = ids
    for (const peer of [a, b, c]) {
      expect((await allMemories(peer.call, 'retries')).filter((memory) => memory['id'] === id)).toHaveLength(1)
      expect(listIn(await expecting(200, peer.call('GET', `/memories/${id}/conflicts`)), 'conflicts')).toEqual([])
    }
  })
})

test('a token is good on another peer at once, fifty times in a row', async () => {
  const peers = [a, b, c]
  for (let i = 0; i < 50; i++) {
    const [writer, reader] = [peers[i % 3], peers[(i + 1 + (i % 2)) % 3]]
    if (writer === undefined || reader === undefined || writer === reader) throw new Error('two peers')
    const content = `causal ${i}`
    const written = await expecting(201, writer.call('POST', '/memories', { body: { content, namespace: 'causal' } }))
    const headers = { 'x-causal-token': textIn(written, 'token'), 'x-causal-wait': WAIT_MS }
    expect(
      objectIn(await expecting(200, reader.call('GET', `/memories/${textIn(written, 'id')}`, { headers })), 'memory')[
        'content'
      ],
    ).toBe(content)
    if (i % 10 === 0)
      expect(
        listIn(
          await expecting(200, reader.call('GET', '/memories?namespace=causal&limit=1', { headers })),
          'memories',
        )[0]?.['content'],
      ).toBe(content)
  }
}, 30_000)
