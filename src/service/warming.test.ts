/**
 * A document that nobody has in memory is made from the log in short turns, whoever asks for it: a read by id, a list from the log, a
 * change, a commit that another peer brings. Measured as processor time of one turn of the event loop.
 */
import { afterEach, expect, test } from 'vitest'
import type { AgentId, Namespace, RecordId } from '../../crdt/ids.ts'
import { longestTurn, threadMs, TICK_MS } from '../testing/turn-cpu.ts'
import { createWorld, type World } from '../testing/world.ts'
import { createWarm } from './warming.ts'

const NS = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const MEMORIES = 300
const PATCHES = 700
const TURN_MS_MAX = 50

let world: World
afterEach(() => world.stopAll())

test('nobody waits for a cold document of 1,000 events longer than a turn may take', { timeout: 120_000 }, async () => {
  world = await createWorld({ peers: 2, seed: 3 })
  const { node, replica } = world.peer(0)
  const ids: RecordId[] = []
  for (let n = 0; n < MEMORIES; n += 50) {
    const { ids: made } = (await world.run(
      node.rememberMany(
        Array.from({ length: 50 }, (_, i) => ({ namespace: NS, input: { content: `memory ${n + i}` } })),
        { agent },
      ),
    ))!
    for (const id of made) ids.push(id!)
  }
  for (let n = 0; n < PATCHES; n += 50)
    await world.run(
      Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          node.patch(
            ids[(n + i) % MEMORIES]!,
            { priority: 1 + ((n + i) % 10), title: `title ${n + i}` },
            { agent, quorum: 1 },
          ),
        ),
      ),
    )
  await world.agree()
  const [entry] = replica.index.segments.values()
  const cold = (): void => {
    for (const { replica: one } of [world.peer(0), world.peer(1)]) one.documents.dropAll()
  }
  cold()
  const before = threadMs()
  const whole = replica.documents.open(entry!)
  const atOnceMs = threadMs() - before
  expect(whole.segment.events).toBe(MEMORIES + PATCHES)
  const asked: Readonly<Record<string, () => Promise<unknown>>> = {
    'a read by id': () => world.run(node.get(ids[7]!, {})),
    'a list from the log': () => world.run(node.list({ namespace: NS }, { limit: 10 }, {})),
    'a change': () => world.run(node.patch(ids[7]!, { title: 'changed' }, { agent, quorum: 1 })),
    'a new memory': () => world.run(node.remember(NS, { content: 'one more' }, { agent, quorum: 1 })),
    'what another peer brings': () =>
      world.run(world.peer(1).node.patch(ids[8]!, { title: 'from elsewhere' }, { agent, quorum: 2 })),
  }
  const longest: Record<string, number> = {}
  for (const [what, ask] of Object.entries(asked)) {
    cold()
    longest[what] = Math.round((await longestTurn(ask)).ms)
    await world.agree()
  }
  process.stdout.write(`1,000 events at once ${Math.round(atOnceMs)} ms; longest turns ${JSON.stringify(longest)}\n`)
  // Made at once it would be too long, or this proves nothing.
  expect(atOnceMs).toBeGreaterThan(TURN_MS_MAX)
  for (const [what, ms] of Object.entries(longest)) expect(ms, what).toBeLessThanOrEqual(TURN_MS_MAX + TICK_MS)
  // In parts it is the same document.
  cold()
  const warm = createWarm(replica.documents, world.time.after)
  await world.run(Promise.all([warm([entry!]), warm([entry!])]))
  expect(replica.documents.isHot(entry!)).toBe(true)
  expect([...replica.documents.open(entry!).segment.changeByCommit.keys()]).toEqual(
    expect.arrayContaining([...whole.segment.changeByCommit.keys()]),
  )
})
