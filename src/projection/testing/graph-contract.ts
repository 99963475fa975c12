/** What the graph of every database must be: held to a plain walk over the same rows. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../../crdt/limits.ts'
import type { GraphQuery, LinkRow, MemoryRow } from '../../ports/projection.ts'
import type { Engine } from '../engine.ts'
import { at, batch, id, link, memory, NOW, ns, reflecting } from './rows.ts'

type Asked = Partial<GraphQuery>

/** @param clear empties the tables. */
export const graphContract = (engine: () => Engine, clear: () => Promise<void>): void => {
  describe('the graph', () => {
    let arrival = 0
    const put = async (memories: readonly MemoryRow[], links: readonly LinkRow[]): Promise<void> =>
      engine().apply(batch(++arrival, { memories, links }))
    const start = async (memories: readonly MemoryRow[], links: readonly LinkRow[]): Promise<void> => {
      await clear()
      arrival = 0
      await put(memories, links)
    }
    const ask = async (asked: Asked = {}) =>
      engine().graph({ from: id(1), depth: 2, direction: 'both', as_of: NOW, limit: 100, ...asked }, NOW)
    const names = new Map(Array.from({ length: 600 }, (_, i) => [id(i) as string, i]))
    const nodes = async (asked: Asked = {}): Promise<readonly (readonly [number, number])[]> =>
      (await ask(asked)).nodes.map((node) => [names.get(node.id) ?? -1, node.depth] as const).sort(([a], [b]) => a - b)

    it('follows links both ways or one, as far as asked, round cycles, and shows the links among what it found', async () => {
      const links = [
        link('a', id(1), id(2)),
        link('b', id(2), id(3)),
        link('c', id(3), id(1)),
        link('d', id(4), id(1)),
        link('e', id(3), id(5)),
        link('f', id(2), id(5)),
      ]
      await start(
        [1, 2, 3, 4, 5, 6].map((n) => memory(n)),
        links,
      )
      expect(await nodes({ depth: 0 })).toEqual([[1, 0]])
      expect(await nodes({ depth: 1 })).toEqual([
        [1, 0],
        [2, 1],
        [3, 1],
        [4, 1],
      ])
      expect(await nodes({ depth: 1, direction: 'out' })).toEqual([
        [1, 0],
        [2, 1],
      ])
      expect(await nodes({ depth: 1, direction: 'in' })).toEqual([
        [1, 0],
        [3, 1],
        [4, 1],
      ])
      const all = await ask({ depth: 6 })
      expect([all.nodes.length, all.truncated]).toEqual([5, false])
      expect(all.edges.map((edge) => edge.id).sort()).toEqual(links.map((edge) => edge.id).sort())
      expect(all).toMatchObject(reflecting(arrival))
      expect(all.nodes[0]).toMatchObject({ id: id(1), title: null, excerpt: 'text of 1', depth: 0 })
      expect((await ask({ depth: 1, direction: 'out' })).edges.map((edge) => edge.id)).toEqual([
        link('a', id(1), id(2)).id,
      ])
    })

    it('shows nothing through what is forgotten, erased, expired or removed, and nothing from there', async () => {
      for (const gone of [{ forgotten: true }, { erased: true, content: null }, { expires_at: NOW }]) {
        await start([memory(1), memory(2, gone), memory(3)], [link('a', id(1), id(2)), link('b', id(2), id(3))])
        expect(await ask()).toMatchObject({ nodes: [{ id: id(1) }], edges: [], truncated: false })
        expect(await ask({ from: id(2) })).toMatchObject({ nodes: [], edges: [] })
      }
      expect((await ask({ from: id('nobody') })).nodes).toEqual([])
      await start([memory(1), memory(2)], [link('a', id(1), id(2), { removed: true })])
      expect(await nodes()).toEqual([[1, 0]])
    })

    it('holds links to the moment that is asked, to their relation and to their namespace', async () => {
      await start(
        [memory(1), memory(2), memory(3), memory(4, { namespace: ns('other') }), memory(5)],
        [
          link('a', id(1), id(2), { valid_from: at(10), valid_until: at(20) }),
          link('b', id(1), id(3), { relation: "it's; --" }),
          link('c', id(1), id(4), { valid_from: at(15) }),
          link('d', id(1), id(5), { namespace: ns('other'), valid_until: at(12) }),
        ],
      )
      expect(await nodes({ as_of: at(9) })).toEqual([
        [1, 0],
        [3, 1],
        [5, 1],
      ])
      expect(await nodes({ as_of: at(10) })).toEqual([
        [1, 0],
        [2, 1],
        [3, 1],
        [5, 1],
      ])
      expect(await nodes({ as_of: at(19) })).toEqual([
        [1, 0],
        [2, 1],
        [3, 1],
        [4, 1],
      ])
      expect(await nodes({ as_of: at(20) })).toEqual([
        [1, 0],
        [3, 1],
        [4, 1],
      ])
      expect(await nodes({ as_of: at(11), relation: "it's; --" })).toEqual([
        [1, 0],
        [3, 1],
      ])
      expect(await nodes({ as_of: at(11), namespace: ns('default') })).toEqual([
        [1, 0],
        [2, 1],
        [3, 1],
      ])
      await expect(ask({ as_of: 'yesterday' })).rejects.toThrow(/as_of/)
    })

    it('says when there is more than it shows, of a hub with more neighbours than fit as of a full house', async () => {
      await start(
        Array.from({ length: 520 }, (_, n) => memory(n)),
        Array.from({ length: 519 }, (_, n) => link(n, id(0), id(n + 1))),
      )
      const hub = await ask({ from: id(0), limit: limits.graph_nodes_max })
      expect([hub.nodes.length, hub.edges.length, hub.truncated]).toEqual([
        limits.graph_nodes_max,
        limits.graph_nodes_max - 1,
        true,
      ])
      expect((await ask({ from: id(0), limit: 1e9 })).nodes).toHaveLength(limits.graph_nodes_max)
      const few = Array.from({ length: 60 }, (_, n) => n)
      await start(
        few.map((n) => memory(n)),
        few.flatMap((a) => few.filter((b) => b !== a).map((b) => link(`${a} ${b}`, id(a), id(b)))),
      )
      const full = await ask({ depth: limits.graph_depth_max })
      expect([full.nodes.length, full.edges.length, full.truncated]).toEqual([60, limits.graph_edges_max, true])
      expect(await ask({ depth: limits.graph_depth_max, limit: 59 })).toMatchObject({ truncated: true })
    })

    it('is what a plain walk finds, for any links', async () => {
      const some = fc.array(
        fc.record({
          from: fc.nat(9),
          to: fc.nat(9),
          since: fc.nat(3),
          until: fc.integer({ min: 1, max: 4 }),
          removed: fc.boolean(),
        }),
        { maxLength: 25 },
      )
      await fc.assert(
        fc.asyncProperty(
          some,
          fc.nat(4),
          fc.nat(3),
          fc.constantFrom('out' as const, 'in' as const, 'both' as const),
          fc.nat(9),
          async (given, depth, moment, direction, hidden) => {
            const links = given.map(({ from, to, since, until, removed }, n) =>
              link(n, id(from), id(to), { valid_from: at(since), valid_until: at(until), removed }),
            )
            await start(
              Array.from({ length: 10 }, (_, n) => memory(n, { forgotten: n === hidden })),
              links,
            )
            const valid = given.filter(
              ({ from, to, since, until, removed }) =>
                !removed && since <= moment && moment < until && from !== hidden && to !== hidden,
            )
            const depths = new Map(hidden === 1 ? [] : [[1, 0]])
            for (let step = 0; step < depth; step++) {
              for (const [node, depth_of] of depths) {
                if (depth_of !== step) continue
                for (const { from, to } of valid) {
                  if (direction !== 'in' && from === node && !depths.has(to)) depths.set(to, step + 1)
                  if (direction !== 'out' && to === node && !depths.has(from)) depths.set(from, step + 1)
                }
              }
            }
            const found = await ask({ depth, direction, as_of: at(moment) })
            expect(found.nodes.map((node) => [names.get(node.id), node.depth])).toEqual(
              [...depths].sort((a, b) => a[1] - b[1] || (id(a[0]) < id(b[0]) ? -1 : 1)),
            )
            expect(found.edges).toHaveLength(valid.filter(({ from, to }) => depths.has(from) && depths.has(to)).length)
          },
        ),
        { numRuns: 60 },
      )
    })
  })
}
