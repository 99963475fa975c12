/**
 * The chains of the log, by id, and what would take a walk through all of them to find out: which stand elsewhere than when that was last
 * asked, and which of a namespace went on last.
 *
 * Invariant: a state is replaced, never changed, so nothing moves unnoticed.
 */
import type { ChainState } from '../../crdt/chain.ts'
import { createFrontierTree, EMPTY_SUBTREE, type FrontierTree } from '../../crdt/frontier-tree.ts'
import { createGrowth } from '../../transports/growth.ts'
import { CONTROL_NAMESPACE, type ChainId, type Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'

export class Chains extends Map<ChainId, ChainState> {
  /**
   * How much a frontier named of each chain that has moved since it was taken from here (`delete`), for whoever keeps a sum over all. At
   * most one entry a chain.
   */
  readonly moved = new Map<ChainId, number>()
  /** All of them, and those of each namespace, as trees (`crdt/frontier-tree.ts`). */
  readonly tree = this.#plant()
  readonly #treeByNamespace = new Map<Namespace, FrontierTree>()
  /** The latest that went on. */
  readonly growth = createGrowth()
  /** Of all chains together. */
  commits = 0
  /** By namespace, those that went on last, at most `token_chains_max`; the latest stands last. */
  readonly #latest = new Map<Namespace, Set<ChainId>>()

  override set(id: ChainId, state: ChainState): this {
    const known = this.get(id)
    const [before, now] = [named(known), named(state)]
    if (before !== now && !this.moved.has(id)) this.moved.set(id, before)
    if (now > before) this.#wentOn(state)
    // A control chain that a recovery begins goes on from another's places.
    const seq = known?.seq ?? (state.namespace === CONTROL_NAMESPACE ? (state.begunAt ?? 0) : 0)
    this.commits += state.seq - seq
    if (state.seq > seq) this.growth.note(id, seq)
    super.set(id, state)
    this.tree.touch(id)
    this.#treeOf(state.namespace).touch(id)
    // Whose it is may come out later, when what was damaged of it has come again.
    if (known !== undefined && known.namespace !== state.namespace) this.#treeOf(known.namespace).touch(id)
    return this
  }

  override clear(): void {
    for (const [id, state] of this) if (!this.moved.has(id)) this.moved.set(id, named(state))
    super.clear()
    this.#latest.clear()
    this.tree.clear()
    this.#treeByNamespace.clear()
    this.commits = 0
  }

  /** Works out all digests that nobody has asked for yet. */
  digest(): void {
    this.tree.root()
    for (const tree of this.#treeByNamespace.values()) tree.root()
  }

  /** The root of the tree of a namespace's chains. */
  rootOf(namespace: Namespace): Uint8Array {
    return this.#treeByNamespace.get(namespace)?.root() ?? EMPTY_SUBTREE
  }

  #treeOf(namespace: Namespace): FrontierTree {
    const tree = this.#treeByNamespace.get(namespace) ?? this.#plant(namespace)
    this.#treeByNamespace.set(namespace, tree)
    return tree
  }

  #plant(namespace?: Namespace): FrontierTree {
    return createFrontierTree((chain) => {
      const state = this.get(chain)
      return namespace === undefined || state?.namespace === namespace ? state : undefined
    })
  }

  /** The chains of a namespace that went on last here, at most `token_chains_max`, the latest first; all where it has no more. */
  latestIn(namespace: Namespace): readonly ChainState[] {
    return [...(this.#latest.get(namespace) ?? [])]
      .reverse()
      .map((id) => this.get(id)!)
      .filter(({ seq }) => seq > 0)
  }

  /** As a checkpoint remembers it: these went on last, the latest first. */
  wentOnLast(namespace: Namespace, chains: readonly ChainId[]): void {
    this.#latest.set(namespace, new Set([...chains].reverse()))
  }

  #wentOn({ id, namespace }: ChainState): void {
    const latest = this.#latest.get(namespace) ?? new Set()
    this.#latest.set(namespace, latest)
    latest.delete(id)
    latest.add(id)
    for (const first of latest)
      if (latest.size > limits.token_chains_max) latest.delete(first)
      else break
  }
}

/** How much of a chain a frontier names: nothing as long as nobody knows whose it is, for all that is here of it is damaged. */
export const named = (state: ChainState | undefined): number =>
  state === undefined || state.namespace === CONTROL_NAMESPACE || (state.namespace as string) === '' ? 0 : state.seq
