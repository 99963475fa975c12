/** How far each chain is: rows and token are those of plain maps, whatever arrives, is left out, comes back or gets its name late. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { tokenOf } from '../../../crdt/frontier-token.ts'
import type { ChainId } from '../../../crdt/ids.ts'
import { frontierOf, type ChainPlace, type Frontier } from '../../ports/projection.ts'
import type { Engine } from '../engine.ts'
import { batch, cursor, NOW, ns } from './rows.ts'

const CHAINS = 6
const chainOf = (n: number): ChainId => `${n}`.repeat(32) as ChainId
/** Names that a field of an object has too. */
const NAMESPACES = ['a', '__proto__', 'constructor'].map(ns)

type Fact = { readonly chain: number; readonly seq: number; readonly counted: number; readonly isNamed: boolean }
type Step = { readonly mends: boolean; readonly facts: readonly Fact[] }
const fact: fc.Arbitrary<Fact> = fc.record({
  chain: fc.nat(CHAINS - 1),
  seq: fc.integer({ min: 1, max: 9 }),
  counted: fc.nat(9),
  isNamed: fc.boolean(),
})
const step: fc.Arbitrary<Step> = fc.record({
  mends: fc.boolean(),
  facts: fc.uniqueArray(fact, { maxLength: 4, selector: ({ chain }) => chain }),
})

export const chainsContract = (engine: () => Engine, clear: () => Promise<void>): void => {
  it('what is named of chains, and the token over all of them, follow from what arrived and what the log counts of it', async () => {
    let named = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        await clear()
        const known = new Map<ChainId, ChainPlace>()
        let [arrival, revision] = [1, 0]
        await engine().apply({ ...batch(arrival, {}), chains: [] })
        for (const { mends, facts } of steps) {
          const chains = facts.map(({ chain, seq, counted, isNamed }): ChainPlace => ({
            chain: chainOf(chain),
            namespace: isNamed ? NAMESPACES[chain % NAMESPACES.length]! : null,
            arrived: mends ? 0 : seq,
            counted: mends ? counted : Math.min(seq, counted),
          }))
          await engine().apply({
            ...batch(arrival, {}),
            chains,
            ...(mends && { mends: revision }),
            cursor: { ...cursor(mends ? arrival : ++arrival), revision: mends ? ++revision : revision },
          })
          for (const place of chains) {
            const before = known.get(place.chain) ?? { namespace: null, arrived: 0, counted: 0 }
            known.set(place.chain, {
              chain: place.chain,
              namespace: place.namespace ?? before.namespace,
              arrived: Math.max(before.arrived, place.arrived),
              counted: mends ? place.counted : Math.max(before.counted, place.counted),
            })
          }
          const wanted: Frontier = frontierOf(
            [...known.values()].flatMap(({ chain, namespace, arrived, counted }) =>
              namespace === null || Math.min(arrived, counted) === 0
                ? []
                : [{ chain, namespace, seq: Math.min(arrived, counted) }],
            ),
          )
          const [short, full] = [
            await engine().list({}, { limit: 1, now: NOW }),
            await engine().recall({ q: 'x', limit: 1 }, NOW, 'full'),
          ]
          expect([short.frontier, full.frontier]).toEqual([tokenOf(wanted), wanted])
          expect([short.at, full.at]).toEqual([
            { ...cursor(arrival), revision },
            { ...cursor(arrival), revision },
          ])
          named += Object.keys(wanted).length
        }
        const pages = [await engine().arrivedOf(null, 2)]
        while (pages.at(-1)!.length === 2) pages.push(await engine().arrivedOf(pages.at(-1)!.at(-1)!.chain, 2))
        expect(pages.flat()).toEqual(
          [...known.values()]
            .map(({ chain, arrived }) => ({ chain, seq: arrived }))
            .sort((a, b) => (a.chain < b.chain ? -1 : 1)),
        )
      }),
      { numRuns: 15 },
    )
    expect(named).toBeGreaterThan(20)
    await clear()
  }, 60_000)
}
