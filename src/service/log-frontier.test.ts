/**
 * How far the log is: the token that is kept up is that of all chains, and of the chains of a namespace the latest are known without a walk.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyChain } from '../../crdt/chain.ts'
import { tokenOf } from '../../crdt/frontier-token.ts'
import { CONTROL_NAMESPACE, type ChainId, type CommitHash, type Namespace, type PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { Chains } from '../replica/chains.ts'
import type { Frontier } from '../ports/projection.ts'
import { createLogFrontier } from './log-frontier.ts'

const chainOf = (n: number): ChainId => `${n}`.padStart(32, '0') as ChainId
const NAMESPACES = ['a', 'b', CONTROL_NAMESPACE, ''] as Namespace[]
const state = (n: number, seq: number, namespace = NAMESPACES[n % NAMESPACES.length]!) => ({
  ...emptyChain(chainOf(n), '' as PeerId, '' as never, namespace),
  seq,
})
const step = fc.oneof(
  fc.record({ does: fc.constantFrom('set', 'set', 'named', 'lost', 'unsaid'), n: fc.nat(7), seq: fc.nat(9) }),
  fc.constantFrom({ does: 'clear', n: 0, seq: 0 }, { does: 'ask', n: 0, seq: 0 }, { does: 'found', n: 0, seq: 0 }),
)

test('the token is that of the whole frontier, whatever became of the chains in between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const log = {
        chains: new Chains(),
        lost: new Map<CommitHash, { chain: ChainId; seq: number }>(),
        unsaid: new Map(),
      }
      const shows = createLogFrontier(log, async () => undefined)
      for (const { does, n, seq } of [...steps, { does: 'ask', n: 0, seq: 0 }]) {
        if (does === 'set') log.chains.set(chainOf(n), state(n, seq))
        else if (does === 'named') log.chains.set(chainOf(n), state(n, seq, NAMESPACES[0]))
        else if (does === 'lost') log.lost.set(`${n} ${seq}` as CommitHash, { chain: chainOf(n), seq: seq + 1 })
        else if (does === 'unsaid')
          log.unsaid.set(`${n} ${seq}` as never, { chain: chainOf(n), seq: seq + 1, hash: '' as CommitHash })
        else if (does === 'found') log.lost.clear()
        else if (does === 'clear') log.chains.clear()
        else expect(await shows(undefined)).toBe(tokenOf((await shows('full')) as Frontier))
      }
    }),
    { numRuns: 100 },
  )
})

test('the first token of 20,000 chains is made in short turns, and later ones take those chains alone that went on', async () => {
  const chains = new Chains()
  for (let n = 0; n < 20_000; n++) chains.set(chainOf(n), state(n, 1, 'a' as Namespace))
  let turns = 0
  const shows = createLogFrontier({ chains, lost: new Map(), unsaid: new Map() }, async () => void turns++)
  const first = await shows(undefined)
  expect([turns, chains.moved.size]).toEqual([79, 0])
  for (const walk of ['values', 'keys', 'entries', 'forEach'] as const)
    chains[walk] = () => expect.unreachable('the chains are walked through')
  chains[Symbol.iterator] = () => expect.unreachable('the chains are walked through')
  expect(await shows(undefined)).toBe(first)
  chains.set(chainOf(7), state(7, 2, 'a' as Namespace))
  expect(await shows(undefined)).toMatch(/^f2\.ffl\./)
  expect(turns).toBe(79)
})

test('of a namespace those chains are known that went on last', () => {
  const chains = new Chains()
  for (let n = 0; n < 2 * limits.token_chains_max; n++)
    for (const more of [n, n + 10_000]) chains.set(chainOf(more), state(more, 1, (more === n ? 'a' : 'b') as Namespace))
  chains.set(chainOf(3), state(3, 2, 'a' as Namespace))
  // Forked at its first.
  chains.set(chainOf(2 * limits.token_chains_max - 2), state(2 * limits.token_chains_max - 2, 0, 'a' as Namespace))
  const latest = chains.latestIn('a' as Namespace).map(({ id, seq }) => [id, seq])
  expect(latest.slice(0, 3)).toEqual([
    [chainOf(3), 2],
    [chainOf(2 * limits.token_chains_max - 1), 1],
    [chainOf(2 * limits.token_chains_max - 3), 1],
  ])
  expect(latest).toHaveLength(limits.token_chains_max - 1)
  expect(chains.latestIn('c' as Namespace)).toEqual([])
})
