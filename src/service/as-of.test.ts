/** Reads as of a time: what was, and nothing since; equal on every peer that holds the same; what was erased stays so. */
import { afterEach, expect, test } from 'vitest'
import { createWorld, type World } from '../testing/world.ts'
import type { AgentId, Namespace, RecordId } from '../../crdt/ids.ts'
import type { MemoryFilter } from '../ports/projection.ts'

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
const read = async (peer: number, id: RecordId, as_of: string) => world.run(world.peer(peer).node.get(id, { as_of }))
const listed = async (peer: number, filter: MemoryFilter, as_of: string, limit = 2): Promise<readonly string[]> => {
  const titles: string[] = []
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page: Awaited<ReturnType<ReturnType<World['peer']>['node']['list']>> = (await world.run(
      world.peer(peer).node.list(filter, { limit, as_of, ...(cursor === undefined ? {} : { cursor }) }, {}),
    ))!
    for (const { title, erased } of page.rows) titles.push(erased ? 'erased since' : String(title))
    cursor = page.next_cursor
  }
  return titles
}

test(
  'a memory, its links and lists are as they were; forgotten later it is shown, erased later without its text',
  { timeout: 60_000 },
  async () => {
    world = await createWorld({ peers: 2, seed: 11 })
    const { node } = world.peer(0)
    const before = await moment()
    const made = async (title: string, tags: readonly string[]): Promise<RecordId> =>
      (await world.run(node.remember(NS, { content: `the text of ${title}`, title, tags }, { agent, quorum: 2 })))!.id
    const [a, b, c] = [await made('a', ['x']), await made('b', []), await made('c', ['x'])]
    await world.run(node.link({ from: a, to: b, relation: 'about' }, { agent, quorum: 2 }))
    const whole = await moment()
    await world.run(world.peer(1).node.patch(a, { title: 'a, changed', tags: [] }, { agent, quorum: 2 }))
    await world.run(node.unlink({ from: a, to: b, relation: 'about' }, { agent, quorum: 2 }))
    await world.run(node.forget(b, { agent, erase: false, quorum: 2 }))
    const changed = await moment()
    await world.run(node.restore(b, { agent, quorum: 2 }))
    await world.run(node.forget(c, { agent, erase: true, quorum: 2 }))
    const last = await moment()
    await world.agree()

    for (const peer of [0, 1]) {
      await expect(read(peer, a, before)).rejects.toMatchObject({ code: 'not_found' })
      expect(await read(peer, a, whole)).toMatchObject({
        memory: { title: 'a', content: 'the text of a', tags: ['x'], forgotten: false },
        links: [{ from: a, to: b }],
      })
      expect(await read(peer, a, changed)).toMatchObject({ memory: { title: 'a, changed', tags: [] }, links: [] })
      expect(await read(peer, b, whole)).toMatchObject({ memory: { title: 'b', forgotten: false }, links: [{ to: b }] })
      await expect(read(peer, b, changed)).rejects.toMatchObject({ code: 'not_found' })
      expect(await read(peer, b, last)).toMatchObject({ memory: { title: 'b' } })
      // The text is nowhere, whatever the time; that it was there is known.
      expect(await read(peer, c, changed)).toMatchObject({
        memory: { title: null, content: null, erased: true, tags: ['x'] },
      })
      await expect(read(peer, c, last)).rejects.toMatchObject({ code: 'not_found' })
      expect(await listed(peer, {}, before)).toEqual([])
      expect(await listed(peer, { namespace: NS }, whole)).toEqual(['erased since', 'b', 'a'])
      expect(await listed(peer, { tags: ['x'] }, whole)).toEqual(['erased since', 'a'])
      expect(await listed(peer, {}, changed)).toEqual(['erased since', 'a, changed'])
      expect(await listed(peer, {}, last)).toEqual(['b', 'a, changed'])
    }
    expect(await read(0, a, whole)).toEqual(await read(1, a, whole))
    expect((await world.run(world.peer(1).node.links(a, { as_of: whole })))!.rows).toHaveLength(1)
    // A page of one time does not go on at another.
    const page = (await world.run(node.list({}, { limit: 1, as_of: whole }, {})))!
    await expect(
      world.run(node.list({}, { limit: 1, as_of: changed, cursor: page.next_cursor! }, {})),
    ).rejects.toMatchObject({ code: 'malformed' })
  },
)

test('what expired later was there then', { timeout: 60_000 }, async () => {
  world = await createWorld({ peers: 1, seed: 12 })
  const { node } = world.peer(0)
  const { id } = (await world.run(
    node.remember(
      NS,
      { content: 'for a while', title: 'w', expires_at: new Date(world.time.now() + 10_000).toISOString() },
      { agent, quorum: 1 },
    ),
  ))!
  const then = await moment()
  await pass(20_000)
  const now = new Date(world.time.now()).toISOString()
  // In no list, and by its id it can be read, and mended.
  expect((await read(0, id, now))!.memory.title).toBe('w')
  expect((await read(0, id, then))!.memory.title).toBe('w')
  expect([await listed(0, {}, then), await listed(0, {}, now)]).toEqual([['w'], []])
  expect((await world.run(node.get(id, {})))!.memory.expires_at).not.toBeNull()
  await world.run(node.patch(id, { expires_at: null }, { agent, quorum: 1 }))
  expect((await world.run(node.get(id, {})))!.memory).toMatchObject({ title: 'w', expires_at: null })
  expect(await listed(0, {}, new Date(world.time.now()).toISOString())).toEqual(['w'])
})

test('a list that would take too long is refused by name, as of a time too', { timeout: 60_000 }, async () => {
  world = await createWorld({ peers: 1, seed: 13 })
  const { node, replica } = world.peer(0)
  for (let n = 0; n < 70; n++)
    await world.run(node.remember(`ns/${n}` as Namespace, { content: `${n}` }, { agent, quorum: 1 }))
  expect(replica.index.segments.size).toBeGreaterThan(64)
  const as_of = new Date(world.time.now()).toISOString()
  await expect(world.run(node.list({ tags: ['none'] }, { limit: 5, as_of }, {}))).rejects.toMatchObject({
    code: 'too_large',
  })
  expect(await listed(0, { namespace: 'ns/3' as Namespace }, as_of)).toHaveLength(1)
})
