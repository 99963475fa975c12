/**
 * Frontiers of two logs compared (PROTOCOL AE4): which subtrees of the other's tree to ask for next, and what is under ours.
 *
 * Digests travel keyed by the session and short: what is equal under a key that a third party does not know is equal.
 */
import { EMPTY_SUBTREE } from '../crdt/frontier-tree.ts'
import { joined, sha256 } from '../crdt/hash.ts'
import { limits } from '../crdt/limits.ts'
import { equalBytes } from '../crdt/msgpack.ts'
import type { FrontierEntry, MeshHost } from './host.ts'
import { NODE_DIGEST_BYTES, type NodeTold } from './messages.ts'

type Host = Pick<MeshHost, 'frontier'>

/** What lies under a prefix here. */
export const nodeToTell = (host: Host, key: Uint8Array, prefix: string): NodeTold => {
  const node = host.frontier.at(prefix)
  return node.kind === 'node'
    ? { prefix, kind: 'node', digests: joined(node.digests.map((digest) => keyed(key, digest))) }
    : { prefix, ...node }
}

export type Comparison = {
  /** The subtrees to ask for next, at most `frontier_nodes_per_frame_max`; none when all that differs was seen. */
  next(): readonly string[]
  /** The entries that it tells of what was asked for; null when nothing in it was, as in an answer to an earlier comparison. */
  told(nodes: readonly NodeTold[]): readonly FrontierEntry[] | null
  /** How many more than anybody can have were asked for. */
  isTooLarge(): boolean
}

export const createComparison = (
  host: Host,
  key: Uint8Array,
  nodesMax: number = limits.frontier_nodes_max,
): Comparison => {
  /** A stack: what was found last is looked into first, so that at most 16 a digit and a question wait. */
  const differing: string[] = ['']
  const asked = new Set<string>()
  let count = 0
  return {
    next: () => {
      const prefixes = differing.splice(-limits.frontier_nodes_per_frame_max)
      for (const prefix of prefixes) asked.add(prefix)
      count += prefixes.length
      return prefixes
    },
    told: (nodes) => {
      const entries: FrontierEntry[] = []
      const answered = nodes.filter(({ prefix }) => asked.delete(prefix))
      if (answered.length === 0) return null
      for (const node of answered) {
        if (node.kind === 'leaf') for (const entry of node.entries) entries.push(entry)
        else for (const prefix of differingBelow(host, key, node)) differing.push(prefix)
      }
      // What the answer left out is asked for again, and counts again.
      for (const prefix of asked) differing.push(prefix)
      asked.clear()
      return entries
    },
    isTooLarge: () => count > nodesMax,
  }
}

/** The subtrees in which the other side holds something, and not what we hold. */
const differingBelow = (
  host: Host,
  key: Uint8Array,
  { prefix, digests }: Extract<NodeTold, { readonly kind: 'node' }>,
): readonly string[] => {
  if (prefix.length === CHAIN_DIGITS) return []
  return DIGITS.flatMap((digit, n) => {
    const theirs = digests.subarray(NODE_DIGEST_BYTES * n, NODE_DIGEST_BYTES * (n + 1))
    return equalBytes(theirs, NOTHING) || equalBytes(theirs, keyed(key, host.frontier.digestAt(prefix + digit)))
      ? []
      : [prefix + digit]
  })
}

const CHAIN_DIGITS = 32
const DIGITS = Array.from({ length: 16 }, (_, n) => n.toString(16))
const NOTHING = new Uint8Array(NODE_DIGEST_BYTES)

const keyed = (key: Uint8Array, digest: Uint8Array): Uint8Array =>
  equalBytes(digest, EMPTY_SUBTREE) ? NOTHING : sha256(key, digest).subarray(0, NODE_DIGEST_BYTES)
