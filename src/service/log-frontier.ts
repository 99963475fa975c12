/**
 * How far the documents are, as answers say it that are read from them: the token that rows which show all of the log would say.
 */
import { emptyFrontierSum, frontierToken, moveChain, type FrontierSum } from '../../crdt/frontier-token.ts'
import type { ChainId } from '../../crdt/ids.ts'
import { frontierOf, type Frontier, type FrontierForm } from '../ports/projection.ts'
import { named } from '../replica/chains.ts'
import type { LogIndex } from '../replica/log-index.ts'

type Log = Pick<LogIndex, 'chains' | 'lost' | 'unsaid'>

/** Chains taken into the sum in one turn, at some 20 µs each. */
const CHAINS_PER_TURN = 250

/**
 * Keeps a sum over the log's chains: only those are looked at that moved since it was asked last, at first all, a few a turn.
 * @param pause lets others have their turn.
 */
export const createLogFrontier = (log: Log, pause: () => Promise<void>) => {
  const { chains } = log
  const sum = emptyFrontierSum()
  /** True when none is left. */
  const takeSome = (): boolean => {
    let left = CHAINS_PER_TURN
    for (const [id, before] of chains.moved) {
      if (left-- === 0) return false
      chains.moved.delete(id)
      moveChain(sum, id, before, named(chains.get(id)))
    }
    return true
  }
  return async (form: FrontierForm | undefined): Promise<Frontier | string> => {
    if (form === 'full') return logFrontier(log)
    while (!takeSome()) await pause()
    const whole: FrontierSum = { commits: sum.commits, set: sum.set.slice() }
    for (const [id, gap] of gapsOf(log))
      moveChain(whole, id, named(chains.get(id)), Math.min(gap - 1, named(chains.get(id))))
    return frontierToken(whole)
  }
}

/** All that the documents show, by namespace and chain. */
export const logFrontier = (log: Log): Frontier => {
  const gaps = gapsOf(log)
  return frontierOf(
    [...log.chains.values()]
      .map((state) => ({
        chain: state.id,
        namespace: state.namespace,
        seq: Math.min(named(state), (gaps.get(state.id) ?? Infinity) - 1),
      }))
      .filter(({ seq }) => seq > 0),
  )
}

/** Where documents show no more of a chain: at what rests on a damaged commit, until that has come again, and then at what is yet to be said again. */
const gapsOf = ({ lost, unsaid }: Log): ReadonlyMap<ChainId, number> => {
  const gaps = new Map<ChainId, number>()
  if (lost.size > 0)
    for (const { chain, seq } of [...lost.values(), ...unsaid.values()])
      gaps.set(chain, Math.min(seq, gaps.get(chain) ?? seq))
  return gaps
}
