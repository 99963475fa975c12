/**
 * The frontier's digests: of all chains, and of a namespace's. What a chain that went on costs is some hashes, however many there are.
 */
import { digestOfRoot } from '../../crdt/frontier.ts'
import { bytesToHex, type Namespace } from '../../crdt/ids.ts'
import type { LogIndex } from './log-index.ts'

export type FrontierDigests = {
  /** As `frontierDigest` of all chains. */
  all(key?: Uint8Array): Uint8Array
  /** Of the chains of these namespaces each, without a key: 64 hex digits. */
  of(namespaces: Iterable<Namespace>): ReadonlyMap<Namespace, string>
}

export const createFrontierDigests = ({ chains }: Pick<LogIndex, 'chains'>): FrontierDigests => ({
  all: (key) => digestOfRoot(chains.tree.root(), key),
  of: (namespaces) =>
    new Map(Array.from(namespaces, (namespace) => [namespace, bytesToHex(digestOfRoot(chains.rootOf(namespace)))])),
})
