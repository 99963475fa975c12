/** What is known of a link's other side is what a walk through all chains would have noted; and it costs no walk. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ChainId } from '../crdt/ids.ts'
import { createGrowth } from './growth.ts'
import { createPositions, type Positions } from './positions.ts'

const CHAINS = 6
const chainOf = (n: number): ChainId => n.toString(16).padStart(32, '0') as ChainId
const createLog = (remembered?: number) => {
  const seqs = new Map<ChainId, number>()
  const growth = createGrowth(remembered)
  let walks = 0
  return {
    growth,
    controlChain: chainOf(99),
    seqOf: (chain: ChainId): number => {
      walks++
      return seqs.get(chain) ?? 0
    },
    commits: () => [...seqs.values()].reduce((sum, seq) => sum + seq, 0),
    seqs,
    walked: () => walks,
    grow: (chain: ChainId, by: number): void => {
      growth.note(chain, seqs.get(chain) ?? 0)
      seqs.set(chain, (seqs.get(chain) ?? 0) + by)
    },
  }
}

type Step = {
  readonly kind: 'grow' | 'reached' | 'heldAll' | 'forget' | 'look'
  readonly n: number
  readonly by: number
}
const stepArb: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('grow', 'grow', 'reached', 'heldAll', 'forget', 'look'),
  n: fc.nat(CHAINS - 1),
  by: fc.integer({ min: 1, max: 4 }),
})

/** The other side notes each chain for itself. */
const plain = (log: ReturnType<typeof createLog>) => {
  const seqs = new Map<ChainId, number>()
  const of = (chain: ChainId): number => seqs.get(chain) ?? 0
  return {
    of,
    reached: (chain: ChainId, seq: number): void => void seqs.set(chain, Math.max(seq, of(chain))),
    heldAll: (): void => log.seqs.forEach((seq, chain) => seqs.set(chain, Math.max(seq, of(chain)))),
    forget: (chain: ChainId): void => void seqs.delete(chain),
    lacking: (): number => [...log.seqs].reduce((sum, [chain, seq]) => sum + Math.max(0, seq - of(chain)), 0),
  }
}
const play = (of: Pick<Positions, 'reached' | 'heldAll' | 'forget' | 'lookAgain'>, { kind, n, by }: Step): void => {
  if (kind === 'reached') of.reached(chainOf(n), by)
  if (kind === 'heldAll') of.heldAll()
  if (kind === 'forget') of.forget(chainOf(n))
  if (kind === 'look') of.lookAgain()
}

test('LIVE2 the same as when each chain is noted for itself, whatever goes on here and is told', () => {
  fc.assert(
    fc.property(fc.array(stepArb, { maxLength: 60 }), (steps) => {
      const log = createLog()
      const [positions, dumb] = [createPositions(log), plain(log)]
      for (const step of steps) {
        if (step.kind === 'grow') log.grow(chainOf(step.n), step.by)
        play(positions, step)
        play({ ...dumb, lookAgain: () => undefined }, step)
        for (let n = 0; n < CHAINS; n++) expect(positions.of(chainOf(n))).toBe(dumb.of(chainOf(n)))
        expect(positions.lacking()).toBe(dumb.lacking())
      }
    }),
  )
})

test('LIVE2 who looks too late knows less, never more', () => {
  fc.assert(
    fc.property(fc.array(stepArb, { maxLength: 60 }), (steps) => {
      const log = createLog(2)
      const [positions, dumb] = [createPositions(log), plain(log)]
      for (const step of steps) {
        if (step.kind === 'grow') log.grow(chainOf(step.n), step.by)
        play(positions, step)
        play({ ...dumb, lookAgain: () => undefined }, step)
      }
      for (let n = 0; n < CHAINS; n++) expect(positions.of(chainOf(n))).toBeLessThanOrEqual(dumb.of(chainOf(n)))
    }),
  )
})

test('LIVE2 that the other side holds all 100,000 chains is one mark', () => {
  const log = createLog()
  for (let n = 0; n < 100_000; n++) log.grow(chainOf(n), 3)
  const positions = createPositions(log)
  const before = log.walked()
  positions.heldAll()
  log.grow(chainOf(7), 2)
  positions.lookAgain()
  expect([positions.lacking(), positions.of(chainOf(7)), positions.of(chainOf(8)), positions.size()]).toEqual([
    2, 3, 3, 1,
  ])
  expect(log.walked() - before).toBeLessThan(20)
  // Of these it holds less.
  positions.heldAll(new Map([[chainOf(8), 2]]))
  expect([positions.of(chainOf(7)), positions.of(chainOf(8)), positions.lacking()]).toEqual([5, 3, 0])
})
