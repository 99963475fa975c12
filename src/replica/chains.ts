/**
 * The chains of the log, by id, and what would take a walk through all of them to find out: which stand elsewhere than when that was last
 * asked, and which of a namespace went on last.
 *
 * Invariant: a state is replaced, never changed, so nothing moves unnoticed.
 */
import type { ChainState } from '../../crdt/chain.ts'
import { CONTROL_NAMESPACE, type ChainId, type Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'

export class Chains extends Map<ChainId, ChainState> {
  /**
   * How much a frontier named of each chain that has moved since it was taken from here (`delete`), for whoever keeps a sum over all. At
   * most one entry a chain.
   */
  readonly moved = new Map<ChainId, number>()
  /** By namespace, those that went on last, at most `token_chains_max`; the latest stands last. */
  readonly #latest = new Map<Namespace, Set<ChainId>>()

  override set(id: ChainId, state: ChainState): this {
    const [before, now] = [named(this.get(id)), named(state)]
    if (before !== now && !this.moved.has(id)) this.moved.set(id, before)
    if (now > before) this.#wentOn(state)
    return super.set(id, state)
  }

  override clear(): void {
    for (const [id, state] of this) if (!this.moved.has(id)) this.moved.set(id, named(state))
    super.clear()
    this.#latest.clear()
  }

  /** The chains of a namespace that went on last here, at most `token_chains_max`, the latest first; all where it has no more. */
  latestIn(namespace: Namespace): readonly ChainState[] {
    return [...(this.#latest.get(namespace) ?? [])].reverse().map((id) => this.get(id)!).filter(({ seq }) => seq > 0)
  }

  #wentOn({ id, namespace }: ChainState): void {
    const latest = this.#latest.get(namespace) ?? new Set()
    this.#latest.set(namespace, latest)
    latest.delete(id)
    latest.add(id)
    for (const first of latest) if (latest.size > limits.token_chains_max) latest.delete(first)
    else break
  }
}

/** How much of a chain a frontier names: nothing as long as nobody knows whose it is, for all that is here of it is damaged. */
export const named = (state: ChainState | undefined): number => (state === undefined || state.namespace === CONTROL_NAMESPACE || (state.namespace as string) === '' ? 0 : state.seq)
