/** A peer that is killed while vectors are being made goes on where it was: none is lost, and few are asked for twice. */
import { afterEach, expect, test } from 'vitest'
import { limits } from '../crdt/limits.ts'
import { startFleet, type Fleet } from '../deploy/local/fleet.ts'
import { expecting, listIn, objectIn, type Json } from '../deploy/local/http.ts'
import { until } from '../deploy/local/until.ts'
import { startEndpoint, type Endpoint } from './embedding/endpoint.test-support.ts'

const MEMORIES = 5 * limits.embedding_batch_texts_max
const FILLED_MS = 60_000
/** What was asked for and not stored when the kill came. */
const TWICE_MAX = 2 * limits.embedding_batch_texts_max

let fleet: Fleet | null = null
let endpoint: Endpoint | null = null
afterEach(async () => {
  await fleet?.dispose()
  await endpoint?.stop()
})

test('a filling that was killed goes on', async () => {
  const at = await startEndpoint()
  endpoint = at
  const asked: string[] = []
  /** The first round is answered; the next is left waiting, so that the kill comes in the middle. */
  at.misbehave = ({ input }) => {
    const isFirstRound = asked.length < limits.embedding_batch_texts_max
    asked.push(...input)
    return !isFirstRound
  }
  fleet = await startFleet({ names: ['a'], projection: 'pglite', embedderUrl: at.url })
  const peer = fleet.peer(0)
  const texts = Array.from({ length: MEMORIES }, (_, n) => `memory ${n} of the filling`)
  await expecting(
    201,
    peer.call('POST', '/memories/bulk', { body: { memories: texts.map((content) => ({ content })) } }),
  )
  const filling = async (): Promise<Json> =>
    objectIn(await expecting(200, peer.call('GET', '/capabilities')), 'embedder')

  const before = await until(
    'some of the vectors are there',
    FILLED_MS,
    async () => {
      const { embedded } = await filling()
      return typeof embedded === 'number' && embedded > 0 ? embedded : null
    },
    peer.output,
  )
  expect(before).toBeLessThan(MEMORIES)
  await peer.kill()
  at.misbehave = ({ input }) => {
    asked.push(...input)
    return false
  }
  await peer.start()
  await until(
    'all of the vectors are there',
    FILLED_MS,
    async () => {
      const { embedded, waiting } = await filling()
      return embedded === MEMORIES && waiting === 0 ? true : null
    },
    peer.output,
  )

  const documents = asked.filter((text) => texts.includes(text))
  expect(new Set(documents).size).toBe(MEMORIES)
  expect(documents.length - MEMORIES).toBeLessThanOrEqual(TWICE_MAX)
  const found = await expecting(
    200,
    peer.call('POST', '/recall', { body: { q: 'memory 17 of the filling', limit: 3 } }),
  )
  expect([found['mode'], listIn(found, 'memories')[0]?.['content']]).toEqual(['hybrid', 'memory 17 of the filling'])
}, 180_000)
