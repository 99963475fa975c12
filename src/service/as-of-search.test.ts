/** Recall and graph as of a time: what was, equal on every peer that holds the same; what is too much is refused by name. */
import { afterEach, expect, test } from 'vitest'
import { createWorld, type World } from '../testing/world.ts'
import type { AgentId, Namespace, RecordId } from '../../crdt/ids.ts'

const agent = 'ai:alice' as AgentId
const NS = 'team/api' as Namespace
let world: World
afterEach(() => world.stopAll())

const pass = (ms: number): Promise<unknown> =>
  world.run(new Promise<void>((resolve) => void world.time.after(ms, resolve)))
/** A moment with nothing said in the seconds around it. */
const moment = async (): Promise<string> => {
  await pass(2_000)
  const at = new Date(world.time.now()).toISOString()
  await pass(2_000)
  return at
}
const remember = async (content: string, more: object = {}, namespace = NS): Promise<RecordId> =>
  (await world.run(world.peer(0).node.remember(namespace, { content, ...more }, { agent, quorum: 1 })))!.id
type Recall = ReturnType<World['peer']>['node']['recall']
const recall = async (peer: number, q: string, as_of: string, more: Partial<Parameters<Recall>[0]> = {}) =>
  (await world.run(world.peer(peer).node.recall({ q, limit: 10, as_of, ...more }, {})))!
const recalled = async (...asked: Parameters<typeof recall>): Promise<readonly (string | null)[]> =>
  (await recall(...asked)).memories.map(({ content }) => content)
const graph = async (peer: number, from: RecordId, as_of: string, more: object = {}) => {
  const found = (await world.run(
    world.peer(peer).node.graph({ from, depth: 3, direction: 'both', limit: 10, as_of, ...more }, {}),
  ))!
  return [found.nodes.map(({ title, depth }) => `${title ?? 'erased'} ${depth}`), found.edges.length, found.truncated]
}

test('words are searched as they were then, on each peer alike', { timeout: 60_000 }, async () => {
  world = await createWorld({ peers: 2, seed: 21 })
  const { node } = world.peer(0)
  const before = await moment()
  const key = await remember('The deploy key rotates on Monday.', { tags: ['ops'], kind: 'fact' })
  const lunch = await remember('The deployments of lunch are at noon; the kitchen closes at two.')
  const secret = await remember('The vault key is under the mat.')
  await remember('Databases are backed up each night, the vault too.', { expires_at: '2030-01-01T00:00:00.000Z' })
  const whole = await moment()
  await world.run(world.peer(1).node.patch(key, { content: 'The deploy key rotates on Friday.' }, { agent, quorum: 2 }))
  await world.run(node.forget(lunch, { agent, erase: false, quorum: 2 }))
  await world.run(node.forget(secret, { agent, erase: true, quorum: 2 }))
  const changed = await moment()
  await world.agree()

  for (const peer of [0, 1]) {
    expect(await recalled(peer, 'deploy key', before)).toEqual([])
    // By both words, then by one of them, or by its beginning.
    expect((await recalled(peer, 'when does the deploy key rotate?', whole))[0]).toBe(
      'The deploy key rotates on Monday.',
    )
    expect(await recalled(peer, 'Monday', whole)).toEqual(['The deploy key rotates on Monday.'])
    expect(await recalled(peer, 'Monday', changed)).toEqual([])
    expect(await recalled(peer, 'Friday', whole)).toEqual([])
    expect(await recalled(peer, 'Friday', changed)).toEqual(['The deploy key rotates on Friday.'])
    expect(await recalled(peer, 'deployment', changed)).toEqual(['The deploy key rotates on Friday.'])
    expect(await recalled(peer, 'kitchen', whole)).toHaveLength(1)
    expect(await recalled(peer, 'kitchen', changed)).toEqual([])
    // What was destroyed is found by no word of it, at no time.
    expect(await recalled(peer, 'mat', whole)).toEqual([])
    // What has expired by then is not there then.
    expect(await recalled(peer, 'vault', '2031-01-01T00:00:00.000Z')).toEqual([])
    expect(await recalled(peer, 'vault', whole)).toEqual(['Databases are backed up each night, the vault too.'])
    expect(await recalled(peer, 'key', whole, { tags: ['ops'], kinds: ['fact'] })).toHaveLength(1)
    expect(await recalled(peer, 'key', whole, { kinds: ['note'], tags: ['ops'] })).toEqual([])
    expect(await recalled(peer, 'key', whole, { namespace: 'other' as Namespace })).toEqual([])
    // A question of signs alone has the newest.
    expect((await recalled(peer, '…', changed)).slice(0, 2)).toEqual([
      'Databases are backed up each night, the vault too.',
      'The deploy key rotates on Friday.',
    ])
  }
  const [one, other] = [
    await recall(0, 'deploy key', whole, { explain: true }),
    await recall(1, 'deploy key', whole, { explain: true }),
  ]
  expect([one.memories, one.mode]).toEqual([other.memories, 'lexical'])
  expect(one.memories[0]!.explain).toMatchObject({ lexical: { rank: 1 }, vector: null })
  expect((await recall(0, 'the', whole, { max_tokens: 1 })).memories).toHaveLength(1)
  expect(one.memories.length).toBeGreaterThan(1)
})

test('the graph is as its links and memories were', { timeout: 60_000 }, async () => {
  world = await createWorld({ peers: 2, seed: 22 })
  const { node } = world.peer(0)
  const titled = (title: string): Promise<RecordId> => remember(`the text of ${title}`, { title })
  const [a, b, c, d] = [await titled('a'), await titled('b'), await titled('c'), await titled('d')]
  const link = (from: RecordId, to: RecordId, relation: string, valid: object = {}) =>
    world.run(node.link({ from, to, relation, ...valid }, { agent, quorum: 1 }))
  await link(a, b, 'about')
  await link(b, c, 'about')
  await link(c, a, 'causes')
  await link(c, d, 'once', { valid_until: '2020-01-01T00:00:00.000Z' })
  const whole = await moment()
  await world.run(node.unlink({ from: a, to: b, relation: 'about' }, { agent, quorum: 1 }))
  await world.run(node.forget(c, { agent, erase: true, quorum: 2 }))
  const changed = await moment()
  await world.agree()

  for (const peer of [0, 1]) {
    expect(await graph(peer, a, whole)).toEqual([['a 0', 'b 1', 'erased 1'].sort(byDepth(a, b, c)), 3, false])
    expect(await graph(peer, a, whole, { relation: 'about', direction: 'out' })).toEqual([
      ['a 0', 'b 1', 'erased 2'],
      2,
      false,
    ])
    expect(await graph(peer, a, whole, { depth: 0 })).toEqual([['a 0'], 0, false])
    expect((await graph(peer, a, whole, { limit: 2 })).slice(2)).toEqual([true])
    // When the links hold is a time of its own.
    const [nodes] = await graph(peer, c, whole, { relation: 'once', valid_at: '2019-06-01T00:00:00.000Z' })
    expect(nodes).toEqual(['erased 0', 'd 1'])
    expect((await graph(peer, c, whole, { relation: 'once' }))[0]).toEqual(['erased 0'])
    expect(await graph(peer, a, changed)).toEqual([['a 0'], 0, false])
    await expect(graph(peer, c, changed)).rejects.toMatchObject({ code: 'not_found' })
    await expect(graph(peer, a, '2001-01-01T00:00:00.000Z')).rejects.toMatchObject({ code: 'not_found' })
  }
})

/** Of one distance by the id, which is drawn. */
const byDepth =
  (a: RecordId, b: RecordId, c: RecordId) =>
  (x: string, y: string): number => {
    const idOf = (shown: string): RecordId => (shown === 'a 0' ? a : shown === 'b 1' ? b : c)
    return Number(x.at(-1)) - Number(y.at(-1)) || (idOf(x) < idOf(y) ? -1 : 1)
  }

test('what would take too long is refused by name, and few ask at once', { timeout: 60_000 }, async () => {
  world = await createWorld({ peers: 1, seed: 23 })
  const { node, replica } = world.peer(0)
  for (let n = 0; n < 66; n++) await remember(`word ${n}`, {}, `ns/${n}` as Namespace)
  expect(replica.index.segments.size).toBeGreaterThan(64)
  const as_of = new Date(world.time.now()).toISOString()
  await expect(recall(0, 'word', as_of)).rejects.toMatchObject({ code: 'too_large' })
  expect(await recalled(0, 'word', as_of, { namespace: 'ns/7' as Namespace })).toEqual(['word 7'])
  const many = [1, 2, 3, 4].map((n) =>
    node
      .recall({ q: 'word', limit: 1, as_of, namespace: `ns/${n}` as Namespace }, {})
      .then(({ memories }) => memories.length)
      .catch(({ code }: { code: string }) => code),
  )
  expect(await world.run(Promise.all(many))).toEqual([1, 1, 'too_many_requests', 'too_many_requests'])
  expect(await recalled(0, 'word', as_of, { namespace: 'ns/9' as Namespace })).toHaveLength(1)
})
