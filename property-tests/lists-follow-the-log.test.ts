/**
 * A list is never partial: while rows are held up, made anew, lost, opening or not there at all, every page together holds exactly what
 * the documents say, in the same order, and what was acknowledged is in the list that follows.
 */
import { afterEach, expect, test } from 'vitest'
import { createRandom } from '../src/testing/random.ts'
import { createWorld, type World } from '../src/testing/world.ts'
import type { AgentId, Namespace, RecordId } from '../crdt/ids.ts'
import type { MemoryFilter, MemoryRow } from '../src/ports/projection.ts'
import type { CommitStore } from '../src/ports/store.ts'
import { formatCursor, parseCursor } from '../src/projection/list-cursor.ts'
import { createNoProjection } from '../src/projection/none.ts'
import { createReader } from '../src/service/rows.ts'
import { createDumbProjection, type DumbProjection } from './model/projection.ts'

const agent = 'ai:alice' as AgentId
const NAMESPACES = ['team/api', 'team/web'] as Namespace[]
let world: World
afterEach(() => world.stopAll())

/** Every memory that can be seen, as the documents have it: by no index, from every record that there is. */
const model = (peer: number, filter: MemoryFilter): readonly string[] => {
  const { replica } = world.peer(peer)
  // Only which memories there are is compared: their texts are not asked for.
  const reader = createReader(replica, { body: () => null } as Pick<CommitStore, 'body'> as CommitStore)
  return [...replica.index.segmentsByRecord.keys()]
    .flatMap((id) => reader.memory(id) ?? [])
    .filter((row) => isShown(row, filter))
    .sort(newestFirst)
    .map(({ id }) => id)
}
const newestFirst = (a: MemoryRow, b: MemoryRow): number =>
  a.created_at === b.created_at ? (a.id < b.id ? 1 : -1) : a.created_at < b.created_at ? 1 : -1
const isShown = (row: MemoryRow, filter: MemoryFilter): boolean =>
  !row.forgotten &&
  !row.erased &&
  (filter.namespace === undefined || row.namespace === filter.namespace) &&
  (filter.tags ?? []).every((tag) => row.tags.includes(tag)) &&
  (filter.kinds === undefined || filter.kinds.includes(row.kind))
const listed = async (peer: number, filter: MemoryFilter, limit: number): Promise<readonly string[]> => {
  const ids: RecordId[] = []
  let cursor: string | undefined
  do {
    const page: Awaited<ReturnType<ReturnType<World['peer']>['node']['list']>> = (await world.run(
      world.peer(peer).node.list(filter, { limit, ...(cursor === undefined ? {} : { cursor }) }, {}),
    ))!
    expect(page.rows.length).toBeLessThanOrEqual(limit)
    for (const { id } of page.rows) ids.push(id)
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return ids
}
const FILTERS: readonly MemoryFilter[] = [
  {},
  { namespace: NAMESPACES[0]! },
  { tags: ['odd'] },
  { kinds: ['rule'], namespace: NAMESPACES[1]! },
]

/** A map of rows that can be held up; its own pages are those of the plain projection. */
const holdable = (rows: DumbProjection) => {
  let held: Promise<void> = Promise.resolve()
  let release = (): void => undefined
  const list: DumbProjection['list'] = async (filter, { limit, cursor }) => {
    const after = cursor === undefined ? null : parseCursor(cursor, filter)
    const matching = rows
      .memories()
      .filter((row) => isShown(row, filter))
      .sort(newestFirst)
      .filter(
        (row) =>
          after === null ||
          Date.parse(row.created_at) < after[0] ||
          (Date.parse(row.created_at) === after[0] && row.id < after[1]),
      )
    const last = matching[limit - 1]
    return {
      rows: matching.slice(0, limit),
      next_cursor:
        matching.length > limit && last !== undefined
          ? formatCursor([Date.parse(last.created_at), last.id], filter)
          : null,
      at: rows.cursor(),
      frontier: '',
    }
  }
  return {
    projection: {
      ...rows,
      list,
      apply: (batch: Parameters<DumbProjection['apply']>[0]) => held.then(() => rows.apply(batch)),
      open: () => held.then(rows.open),
      reset: () => held.then(rows.reset),
    },
    hold: () => {
      held = new Promise((resolve) => (release = resolve))
    },
    release: () => release(),
  }
}

test(
  'lists are whole and in order while the rows are held, lost, made anew and opening, and without any',
  { timeout: 60_000 },
  async () => {
    const [dumb, random] = [createDumbProjection(), createRandom(5)]
    const held = holdable(dumb)
    world = await createWorld({
      peers: 2,
      seed: 5,
      projection: (peer) => (peer === 0 ? held.projection : createNoProjection()),
    })
    const ids: RecordId[] = []
    const write = async (): Promise<void> => {
      const n = ids.length
      const made = (await world.run(
        world
          .peer(n % 2)
          .node.remember(
            NAMESPACES[random.bytes(1)[0]! % 2]!,
            { content: `memory ${n}`, kind: n % 3 === 0 ? 'rule' : 'fact', tags: n % 2 === 1 ? ['odd'] : [] },
            { agent, quorum: 2 },
          ),
      ))!
      ids.push(made.id)
      if (n % 7 === 6)
        await world
          .run(world.peer(0).node.forget(ids[random.bytes(1)[0]! % n]!, { agent, erase: false, quorum: 2 }))
          .catch(() => undefined)
    }
    const holds = async (): Promise<void> => {
      for (const peer of [0, 1])
        for (const filter of FILTERS)
          for (const limit of [3, 1_000])
            expect(await listed(peer, filter, limit), `peer ${peer}, ${JSON.stringify(filter)}, by ${limit}`).toEqual(
              model(peer, filter),
            )
    }
    for (let n = 0; n < 15; n++) await write()
    await world.agree()
    // Rows gather what nobody waits for: the last of it is to be in them.
    await world.run(() => dumb.cursor()?.arrival === world.peer(0).replica.index.arrivals)
    held.hold()
    for (let n = 0; n < 10; n++) {
      await write()
      // What was acknowledged is in the list that follows.
      expect(await listed(0, {}, 4)).toEqual(model(0, {}))
    }
    await holds()
    await world.run(() => world.peer(1).replica.index.arrivals === world.peer(0).replica.index.arrivals)
    // Made anew, and as slow as before: the old rows serve, and say how far they are.
    const rebuilt = world.peer(0).node.rebuild()
    await holds()
    const meanwhile = (await world.run(world.peer(0).node.recall({ q: 'memory', limit: 9 }, {})))!
    expect([
      meanwhile.memories.length,
      meanwhile.lag > 0,
      /^f2\.[1-9a-z]/.test(`${meanwhile.frontier as string}`),
    ]).toEqual([9, true, true])
    held.release()
    await world.run(rebuilt)
    await holds()
    // Somebody emptied it, and nobody told us.
    dumb.lose()
    await holds()
    // After a restart the database takes its time to open.
    await world.stop(0)
    held.hold()
    await world.start(0)
    await holds()
    held.release()
  },
)
