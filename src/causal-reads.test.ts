/** Reads with a causal token on peers whose projection is slow, gone or behind what it said: all of it, or a clear no. */
import { afterEach, describe, expect, it } from 'vitest'
import type { AgentId, Namespace } from '../crdt/ids.ts'
import type { MemoryRow, Projection, ProjectionCursor } from './ports/projection.ts'
import { createNoProjection } from './projection/none.ts'
import { createWorld, type World } from './testing/world.ts'

const NAMESPACE = 'default' as Namespace
const WAIT_MS = 400

/** Rows in a map. While it is held nothing is applied; `forgets` makes it show the first state that it had. */
const createSlowProjection = () => {
  const rows = new Map<string, MemoryRow>()
  let cursor: ProjectionCursor | null = null
  let first: ProjectionCursor | null = null
  let release: (() => void) | null = null
  let held: Promise<void> = Promise.resolve()
  const state = { forgets: false, applied: 0 }
  const at = () => (state.forgets ? first : cursor)
  const frontier = () => `${at()?.arrival ?? 0}`
  const shown = () => (state.forgets ? [] : [...rows.values()])
  const projection: Projection = {
    ...createNoProjection(),
    open: async () => cursor,
    apply: async (batch) => {
      await held
      for (const row of batch.memories) rows.set(row.id, row)
      cursor = batch.cursor
      first ??= cursor
      state.applied++
    },
    list: async () => ({ rows: shown(), next_cursor: null, at: at(), frontier: frontier() }),
    recall: async () => ({
      memories: shown().map((row) => ({ ...row, score: 1 })),
      mode: 'lexical',
      at: at(),
      frontier: frontier(),
    }),
    graph: async ({ from }) => ({
      nodes: shown()
        .filter((row) => row.id === from)
        .map((row) => ({ ...row, depth: 0, excerpt: row.content })),
      edges: [],
      truncated: false,
      at: at(),
      frontier: frontier(),
    }),
  }
  return {
    projection,
    state,
    hold: () => {
      held = new Promise((resolve) => (release = resolve))
    },
    release: () => release?.(),
  }
}

describe('a read with a token', () => {
  let world: World
  const slow = [createSlowProjection(), createSlowProjection()]
  afterEach(() => world.stopAll())

  const begin = async () => {
    slow.splice(0, 2, createSlowProjection(), createSlowProjection())
    world = await createWorld({ peers: 2, seed: 4, projection: (peer) => slow[peer]!.projection })
    const write = async (content: string) =>
      (await world.run(world.peer(0).node.remember(NAMESPACE, { content }, { agent: 'ai:a' as AgentId, quorum: 2 })))!
    await write('the first')
    await world.run(() => slow[1]!.state.applied > 0)
    return write
  }
  const token = (of: { readonly token: string }) => ({ token: of.token, wait_ms: WAIT_MS })

  it('waits for the projection of the peer that it asks, as long as it was told, and shows what the token saw', async () => {
    const write = await begin()
    slow[1]!.hold()
    const written = await write('the second')
    const { node } = world.peer(1)
    // A list follows the log where the rows do not.
    expect((await world.run(node.list({}, { limit: 9 }, token(written))))!.rows.map(({ content }) => content)).toEqual([
      'the second',
      'the first',
    ])
    const asked = [
      () => node.recall({ q: 'second', limit: 9 }, token(written)),
      () => node.graph({ from: written.id, depth: 1, direction: 'both', limit: 9 }, token(written)),
    ]
    for (const ask of asked) {
      const from = world.time.now()
      await expect(world.run<unknown>(ask())).rejects.toMatchObject({ code: 'not_yet_here' })
      expect(world.time.now() - from).toBeGreaterThanOrEqual(WAIT_MS)
    }
    expect((await node.health()).projection_lag).toBeGreaterThan(0)
    // Without a token it answers from what is there, and its frontier says so.
    const stale = (await world.run(node.recall({ q: 'x', limit: 9 }, {})))!
    const waiting = Promise.all(asked.map((ask) => ask()))
    slow[1]!.release()
    const [recalled, graph] = (await world.run(waiting))!
    expect([recalled!, graph!].map((answer) => JSON.stringify(answer).includes('the second'))).toEqual([true, true])
    for (const { frontier } of [recalled!, graph!]) expect(Number(frontier)).toBeGreaterThan(Number(stale.frontier))
  })

  it('is refused by rows that show less than they said, and goes through when they are caught up', async () => {
    const write = await begin()
    const written = await write('the second')
    const { node } = world.peer(1)
    await world.run(() => slow[1]!.state.applied > 1)
    slow[1]!.state.forgets = true
    await expect(world.run(node.recall({ q: 'x', limit: 9 }, token(written)))).rejects.toMatchObject({
      code: 'not_yet_here',
    })
    for (const options of [token(written), {}])
      expect((await world.run(node.list({}, { limit: 9 }, options)))!.rows).toHaveLength(2)
    slow[1]!.state.forgets = false
    expect((await world.run(node.list({}, { limit: 9 }, token(written))))!.rows).toHaveLength(2)
  })

  it('is answered by id from the documents, whatever the projection does', async () => {
    const write = await begin()
    slow[1]!.hold()
    const written = await write('the second')
    expect((await world.run(world.peer(1).node.get(written.id, token(written))))!.memory.content).toBe('the second')
    slow[1]!.release()
  })
})
