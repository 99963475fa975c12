/**
 * The frontier's digest without sorting and encoding thousands of chains at each ping: what is encoded of a chain is kept until
 * that chain goes on, and all of it until any does.
 */
import type { ChainState } from '../../crdt/chain.ts'
import { digestOfEntries, encodeEntry, frontierDigest } from '../../crdt/frontier.ts'
import { bytesToHex, type ChainId, type Namespace } from '../../crdt/ids.ts'
import type { LogIndex } from './log-index.ts'

export type FrontierDigests = {
  /** As `frontierDigest` of all chains. */
  all(key?: Uint8Array): Uint8Array
  /** Of the chains of these namespaces each, without a key: 64 hex digits. Goes through all chains once. */
  of(namespaces: Iterable<Namespace>): ReadonlyMap<Namespace, string>
}

/** What is known of a chain as it was in `state`. Invariant: a state is replaced, never changed. */
type Encoded = { readonly state: ChainState; readonly bytes: Uint8Array }

const ENTRY_BYTES = 56

export const createFrontierDigests = (index: LogIndex): FrontierDigests => {
  let encoded: (Encoded | undefined)[] = []
  let chains: readonly ChainId[] = []
  let counted = 0
  let whole = new Uint8Array(0)

  const lookAgain = (): void => {
    const sorted = index.sortedChains.of(index.chains)
    let isChanged = sorted.length !== counted || sorted !== chains
    if (isChanged) {
      const known = new Map(encoded.flatMap((entry) => (entry === undefined ? [] : [[entry.state.id, entry]])))
      encoded = sorted.map((chain) => known.get(chain))
      ;[chains, counted] = [sorted, sorted.length]
    }
    for (const [i, chain] of sorted.entries()) {
      const state = index.chains.get(chain)!
      if (encoded[i]?.state === state) continue
      encoded[i] = { state, bytes: state.seq > 0 ? encodeEntry({ chain, seq: state.seq, hash: state.hash }) : new Uint8Array(0) }
      isChanged = true
    }
    if (isChanged) whole = joined(encoded)
  }

  return {
    all: (key) => {
      lookAgain()
      return digestOfEntries(whole, key)
    },
    of: (namespaces) => {
      const statesByNamespace = new Map<Namespace, ChainState[]>(Array.from(namespaces, (namespace) => [namespace, []]))
      for (const state of index.chains.values()) statesByNamespace.get(state.namespace)?.push(state)
      return new Map([...statesByNamespace].map(([namespace, states]) => [namespace, bytesToHex(frontierDigest(states.map(({ id, seq, hash }) => ({ chain: id, seq, hash }))))]))
    },
  }
}

const joined = (encoded: readonly (Encoded | undefined)[]): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(encoded.length * ENTRY_BYTES)
  let at = 0
  for (const entry of encoded) {
    bytes.set(entry!.bytes, at)
    at += entry!.bytes.length
  }
  return bytes.slice(0, at)
}
