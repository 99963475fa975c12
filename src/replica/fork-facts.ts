/**
 * Forks on disk: their proofs, and the headers of branches that commits of the log rest on.
 *
 * Proofs: one fact a forked chain, found again through one list a peer, and the peers in pages. Headers: one fact each, found by their hash.
 * No fact grows without end: a list names at most `forks_per_peer_max` + 1 chains (9 KiB), a page `PEERS_PER_PAGE` peers (9 KiB).
 */
import { commitHash } from '../../crdt/commit.ts'
import { bytesToHex, hexToBytes, type ChainId, type CommitHash, type PeerId } from '../../crdt/ids.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'

type Proof = { readonly peer: PeerId; readonly chain: ChainId; readonly proof: Uint8Array }

export type ForkFacts = {
  /** What makes these durable. @param chainsOf every chain of a peer whose fork is known then. */
  of(proofs: readonly Proof[], chainsOf: (peer: PeerId) => Iterable<ChainId>): NonNullable<StoreBatch['facts']>
  /** They are on disk. */
  written(): void
  /** The proofs on disk, unchecked. What is damaged is passed over: it is told again by whoever else knows of it. */
  read(): readonly Uint8Array[]
  /** The bytes of a header that was written with `headerFact`; null when there is none, or what is there is not it. */
  header(hash: CommitHash): Uint8Array | null
}

const PEERS_PER_PAGE = 256
const pageFact = (page: number): string => `forks/${page}`
const listFact = (peer: PeerId): string => `forks/of/${peer}`
const proofFact = (chain: ChainId): string => `fork/${chain}`
const headerName = (hash: CommitHash): string => `forks/header/${hash}`
export const headerFact = (hash: CommitHash, bytes: Uint8Array): readonly [string, Uint8Array] => [
  headerName(hash),
  bytes,
]

export const createForkFacts = (store: Pick<CommitStore, 'fact'>): ForkFacts => {
  /** In the order of their places in the pages. */
  let peers: readonly PeerId[] = []
  let writing: readonly PeerId[] = peers

  const listed = (name: string): readonly Uint8Array[] | null => {
    const bytes = store.fact(name)
    if (bytes === null) return null
    const value = bytes === 'damaged' ? null : unpack(bytes)
    return Array.isArray(value) ? value.filter((entry) => entry instanceof Uint8Array) : []
  }

  return {
    of: (proofs, chainsOf) => {
      const touched = new Set(proofs.map(({ peer }) => peer))
      const known = new Set(peers)
      writing = [...peers, ...[...touched].filter((peer) => !known.has(peer))]
      const pages: [string, Uint8Array][] = []
      for (
        let page = Math.floor(peers.length / PEERS_PER_PAGE);
        writing.length > peers.length && page * PEERS_PER_PAGE < writing.length;
        page++
      ) {
        pages.push([
          pageFact(page),
          pack(writing.slice(page * PEERS_PER_PAGE, (page + 1) * PEERS_PER_PAGE).map(hexToBytes)),
        ])
      }
      const lists = [...touched].map((peer) => [listFact(peer), pack([...chainsOf(peer)].map(hexToBytes))] as const)
      return [...pages, ...lists, ...proofs.map(({ chain, proof }) => [proofFact(chain), proof] as const)]
    },
    written: () => {
      peers = writing
    },
    header: (hash) => {
      const bytes = store.fact(headerName(hash))
      return bytes instanceof Uint8Array && commitHash(bytes) === hash ? bytes : null
    },
    read: () => {
      const found: PeerId[] = []
      for (let page = 0, entries = listed(pageFact(page)); entries !== null; entries = listed(pageFact(++page))) {
        for (const peer of entries) found.push(bytesToHex(peer) as PeerId)
      }
      peers = found
      writing = found
      return found
        .flatMap((peer) => listed(listFact(peer)) ?? [])
        .flatMap((chain) => {
          const proof = store.fact(proofFact(bytesToHex(chain) as ChainId))
          return proof instanceof Uint8Array ? [proof] : []
        })
    },
  }
}
