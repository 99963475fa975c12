/**
 * A peer that is cut off: what it may promise, what it keeps, and how two sides of a partition meet again.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting, listIn, objectIn, textIn, textsOf, type Json } from './http.ts'
import type { Peer } from './peer.ts'

let fleet: Fleet
let a: Peer
let b: Peer
let c: Peer
beforeAll(async () => {
  fleet = await startFleet({ quorumTimeoutMs: 2_000 })
  a = fleet.peer(0)
  b = fleet.peer(1)
  c = fleet.peer(2)
}, 90_000)
afterAll(() => fleet?.dispose())

test('a write is refused by its quorum, kept, and converges; concurrent changes stand side by side until settled', async () => {
  const made = await expecting(
    201,
    a.call('POST', '/memories', {
      body: { content: 'the deploy key rotates on Fridays', title: 'before', namespace: 'team' },
    }),
  )
  const path = `/memories/${textIn(made, 'id')}`
  await fleet.agree()

  await Promise.all([b.kill(), c.kill()])
  const alone = await a.call('POST', '/memories', { body: { content: 'said alone', namespace: 'team' } })
  expect(alone.status).toBe(503)
  expect(alone.body).toMatchObject({ error: 'quorum_not_met', got: 1, needed: 2, local_committed: true })
  expect(Number(alone.headers.get('retry-after'))).toBeGreaterThan(0)
  const kept = textIn(alone.body, 'id')
  expect(textIn(alone.body, 'event_id')).not.toBe('')
  expect((await a.health())['status']).toBe('degraded')
  await expecting(200, a.call('PATCH', `${path}?quorum=1`, { body: { title: 'as a says' } }))

  // Now the other side of the partition: b runs and a does not.
  await a.kill()
  await b.start()
  const notYet = await b.call('GET', `/memories/${kept}`, {
    headers: { 'x-causal-token': textIn(alone.body, 'token'), 'x-causal-wait': '200' },
  })
  expect([notYet.status, notYet.body['error']]).toEqual([504, 'not_yet_here'])
  await expecting(200, b.call('PATCH', `${path}?quorum=1`, { body: { title: 'as b says' } }))

  await Promise.all([a.start(), c.start()])
  await fleet.linked()
  await expecting(201, a.call('POST', '/memories', { body: { content: 'together again', namespace: 'team' } }))
  await fleet.agree()
  for (const peer of [a, b, c]) {
    expect(objectIn(await expecting(200, peer.call('GET', `/memories/${kept}`)), 'memory')['content']).toBe(
      'said alone',
    )
    const [title, ...more] = listIn(await expecting(200, peer.call('GET', `${path}/conflicts`)), 'conflicts')
    expect(more).toEqual([])
    expect(title?.['field']).toBe('title')
    expect(textsOf(listIn(title ?? {}, 'values'), 'value')).toEqual(['as a says', 'as b says'])
  }

  const settled = await expecting(
    200,
    c.call('POST', `${path}/resolve`, { body: { field: 'title', value: 'as both say' } }),
  )
  for (const peer of [a, b]) {
    const { memory, conflicts } = await expecting(
      200,
      peer.call('GET', path, { headers: { 'x-causal-token': textIn(settled, 'token') } }),
    )
    expect([(memory as Json)['title'], conflicts]).toEqual(['as both say', []])
  }
}, 60_000)
