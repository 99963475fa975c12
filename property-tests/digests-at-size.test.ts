/** `digests` of 20,000 memories: no request holds up the others, nor does the work after a start; pages are pages. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentId, Namespace } from '../crdt/ids.ts'
import type { DigestsAnswer } from '../src/api.ts'
import { longestTurn, TICK_MS } from '../src/testing/turn-cpu.ts'
import { createWorld, type World } from '../src/testing/world.ts'
import { documentsFromNothing } from './model/documents-digest.ts'
import { createDumbProjection } from './model/projection.ts'

const agent = 'ai:alice' as AgentId
const NAMESPACES = 40
const MEMORIES = 500
/** What the contract allows, and what the clock is wrong by. */
const TURN_MS_MAX = 50 + TICK_MS
const namespaceOf = (n: number): Namespace => `team/${String(n).padStart(2, '0')}` as Namespace

let world: World
beforeAll(async () => {
  world = await createWorld({ peers: 1, seed: 5 })
  const { node } = world.peer(0)
  for (let n = 0; n < NAMESPACES; n++) {
    // As agents write: many commits, not one.
    for (let done = 0; done < MEMORIES; done += 50)
      await world.run(
        node.rememberMany(
          Array.from({ length: 50 }, (_, i) => ({
            namespace: namespaceOf(n),
            input: { content: `memory ${done + i}` },
          })),
          { agent },
        ),
      )
  }
}, 300_000)
afterAll(() => world.stopAll())

const asked = (options = {}): Promise<{ value: DigestsAnswer; ms: number }> =>
  longestTurn(async () => (await world.run(world.peer(0).node.digests(options)))!)
/** Until the digest of documents is there; what was answered meanwhile, and the longest turn. */
const untilWhole = async () => {
  const { value, ms } = await longestTurn(async () => {
    const pending: number[] = []
    for (;;) {
      const digests = (await world.run(world.peer(0).node.digests()))!
      const { status } = (await world.run(world.peer(0).node.health()))!
      expect(status).toBe('ok')
      if (digests.documents !== null) return { pending, digests }
      expect(digests.documents_pending).toBeGreaterThan(0)
      pending.push(digests.documents_pending)
      await world.run(new Promise<void>((resolve) => void world.time.after(20, resolve)))
    }
  })
  return { ...value, ms }
}

test('one turn of at most 50 ms, and nothing opened', async () => {
  const { replica } = world.peer(0)
  replica.documents.dropAll()
  await asked()
  const { value, ms } = await asked()
  expect([value.documents_pending, replica.documents.hot]).toEqual([0, 0])
  const { value: before } = await asked()
  const plain = documentsFromNothing(replica)
  expect(before.documents).toBe(plain.all)
  for (const [namespace, { documents }] of Object.entries(value.namespaces))
    expect(documents).toBe(plain.byNamespace.get(namespace as Namespace))
  process.stdout.write(
    `digests of ${NAMESPACES * MEMORIES} memories in ${replica.index.segments.size} documents: longest turn ${ms.toFixed(1)} ms\n`,
  )
  expect(ms).toBeLessThan(TURN_MS_MAX)
}, 120_000)

test('namespaces come by pages, or one by itself; each has its own digests', async () => {
  const { value: whole } = await asked()
  expect([Object.keys(whole.namespaces).length, whole.next_cursor]).toEqual([NAMESPACES, null])
  const names: string[] = []
  for (let cursor: string | null = null; ;) {
    const page: DigestsAnswer = (await asked({ limit: 7, ...(cursor === null ? {} : { cursor }) })).value
    for (const [name, digests] of Object.entries(page.namespaces)) {
      names.push(name)
      expect(digests).toEqual(whole.namespaces[name as Namespace])
    }
    cursor = page.next_cursor
    if (cursor === null) break
  }
  expect(names).toEqual(Array.from({ length: NAMESPACES }, (_, n) => namespaceOf(n)))
  const { node } = world.peer(0)
  expect((await asked({ namespace: namespaceOf(3) })).value).toMatchObject({
    namespaces: { [namespaceOf(3)]: whole.namespaces[namespaceOf(3)] },
    documents: whole.documents,
    next_cursor: null,
  })
  await world.run(node.remember(namespaceOf(3), { content: 'one more' }, { agent }))
  const { value: after } = await asked()
  const changed = Object.keys(whole.namespaces).filter(
    (name) =>
      whole.namespaces[name as Namespace]!.documents !== after.namespaces[name as Namespace]!.documents ||
      whole.namespaces[name as Namespace]!.frontier !== after.namespaces[name as Namespace]!.frontier,
  )
  expect(changed).toEqual([namespaceOf(3)])
  expect([after.documents === whole.documents, after.frontier === whole.frontier]).toEqual([false, false])
}, 60_000)

test('after a start it is the same again: what the store remembers takes next to nothing, all else is replayed beside requests', async () => {
  const { value: before } = await asked()
  await world.stop(0)
  await world.start(0)
  const soon = await untilWhole()
  expect(soon.digests).toEqual(before)
  // The last documents alone are replayed: the rest comes from the headers that the opening reads anyway.
  expect(soon.pending.length).toBeLessThan(30)
  await world.stop(0)
  for (const name of world.disks[0]!.factByName.keys())
    if (name.startsWith('documents/')) world.disks[0]!.factByName.delete(name)
  await world.start(0)
  const { digests, pending, ms } = await untilWhole()
  expect(digests).toEqual(before)
  expect(pending[0]).toBe(NAMESPACES)
  process.stdout.write(
    `${NAMESPACES} documents replayed beside ${pending.length} requests: longest turn ${ms.toFixed(1)} ms\n`,
  )
  expect(ms).toBeLessThan(TURN_MS_MAX)
}, 240_000)

test('with rows: their digests in all and by namespace, and nothing where there are none', async () => {
  const other = await createWorld({ peers: 1, seed: 6, projection: createDumbProjection })
  const { node, replica } = other.peer(0)
  await other.run(node.remember(namespaceOf(1), { content: 'x' }, { agent }))
  await other.run(() => replica.index.arrivals > 0, 1_000)
  const digests = (await other.run(node.digests()))!
  expect(digests.projection).toMatch(/^[0-9a-f]{64}$/)
  expect(digests.namespaces[namespaceOf(1)]!.projection).toMatch(/^[0-9a-f]{64}$/)
  const nowhere = (await other.run(node.digests({ namespace: namespaceOf(9) })))!.namespaces[namespaceOf(9)]!
  expect(
    [nowhere.documents, nowhere.frontier, nowhere.projection].every((digest) => /^[0-9a-f]{64}$/.test(digest ?? '')),
  ).toBe(true)
  await other.stopAll()
}, 30_000)
