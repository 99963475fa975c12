/**
 * A document that holds a commit on its way to the disk is ahead of the log: whatever memory others take, it stays until that flush has
 * ended, and what was written is in it afterwards.
 */
import { afterEach, expect, test } from 'vitest'
import type { AgentId, Namespace, PeerId } from '../../crdt/ids.ts'
import { segmentId } from '../../crdt/ids.ts'
import { createReplica as createWriter, meshOf, NS } from '../../crdt/test-support.ts'
import { createWorld, type World } from '../testing/world.ts'
import { openMemoryStore } from '../store/memory.ts'
import { createRandom } from '../testing/random.ts'
import { createCommits } from './commits.ts'
import { createDocuments } from './documents.ts'
import { createLogIndex } from './log-index.ts'

const agent = 'ai:alice' as AgentId
let world: World | null = null
afterEach(async () => {
  await world?.stopAll()
  world = null
})

test('given up by the cache in mid-flush, it still has the commit of that flush, and so has what is written next', async () => {
  let gate = Promise.resolve()
  world = await createWorld({ peers: 2, seed: 11, flush: (peer) => (peer === 0 ? gate : Promise.resolve()) })
  const { node, replica } = world.peer(0)
  const { id } = (await world.run(
    node.remember('team/api' as Namespace, { content: 'first', tags: ['a'] }, { agent }),
  ))!
  await world.agree()
  const [entry] = replica.index.segments.values()
  let open = (): void => undefined
  gate = new Promise((resolve) => (open = resolve))
  const patching = node.patch(id, { title: 'in flight' }, { agent, quorum: 1 })
  await world.run(() => replica.flushing())
  replica.documents.dropAll()
  const inFlight = replica.documents.open(entry!)
  expect([inFlight.segment.changeByCommit.size, replica.documents.hot]).toEqual([2, 1])
  open()
  gate = Promise.resolve()
  await world.run(patching)
  await world.run(node.patch(id, { kind: 'rule' }, { agent, quorum: 2 }))
  await world.agree()
  for (const peer of [0, 1]) {
    const { memory } = (await world.run(world.peer(peer).node.get(id, {})))!
    expect([memory.title, memory.kind, memory.content], `peer ${peer}`).toEqual(['in flight', 'rule', 'first'])
    expect((await world.run(world.peer(peer).node.history(id, {})))!.rows).toHaveLength(3)
    expect(
      [...world.peer(peer).replica.index.segments.values()].map(
        (one) => world!.peer(peer).replica.documents.open(one).segment.refused.size,
      ),
    ).toEqual([0])
  }
})

test('where the flush fails it goes with what it held', async () => {
  let fails = false
  world = await createWorld({
    peers: 2,
    seed: 12,
    flush: (peer) => (peer === 0 && fails ? Promise.reject(new Error('no')) : Promise.resolve()),
  })
  const { node, replica } = world.peer(0)
  const { id } = (await world.run(node.remember('team/api' as Namespace, { content: 'first' }, { agent })))!
  await world.agree()
  fails = true
  await expect(world.run(node.patch(id, { title: 'never' }, { agent, quorum: 1 }))).rejects.toThrow('no')
  fails = false
  const [entry] = replica.index.segments.values()
  expect(replica.documents.open(entry!).segment.changeByCommit.size).toBe(1)
})

test('of those that can be made again the least recently used go; those ahead stay until their flush has ended', () => {
  const mesh = meshOf(1)
  const store = openMemoryStore({ random: createRandom(1) })
  const index = createLogIndex(mesh.id)
  const owner: PeerId = createWriter(mesh, 1).peer
  const made: string[] = []
  // Room for three empty ones.
  const documents = createDocuments(index, createCommits(store), ({ segment }) => made.push(segment.id), 3 * 16_384)
  const place = (n: number) => ({ namespace: NS, id: segmentId(owner, n) })
  const first = documents.open(place(0))
  documents.ahead(first)
  for (let n = 1; n < 9; n++) documents.open(place(n))
  expect([documents.open(place(0)) === first, documents.hot]).toEqual([true, 4])
  documents.landed()
  expect([documents.open(place(0)) === first, documents.hot]).toEqual([true, 3])
  for (let n = 1; n < 9; n++) documents.open(place(n))
  expect(documents.open(place(0)) === first).toBe(false)
  expect(made.filter((id) => id === place(0).id)).toHaveLength(2)
})
