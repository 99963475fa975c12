/**
 * Other lines of the control log than the one that is followed here: certified statements that contradict ours, each behind one of ours or
 * behind one of these. An old copy of the authority's folder makes them, from when it was a majority by itself; so does a stolen key.
 *
 * They are the proof that the control log has forked, kept and passed on, so that every member sees it. What members wrote under one of
 * them counts as under the last statement that both lines hold (`policyPlace`): nothing that was acknowledged waits for the fork's end.
 *
 * Invariants: nothing is kept that its own line does not certify; what is told of is on the disk; at most `control_branch_statements_max`
 * are kept, the first that came.
 */
import type { LogView } from '../../crdt/admission.ts'
import { decodeCommit, type Commit, type VerifiedCommit } from '../../crdt/commit.ts'
import { controlChainAt } from '../../crdt/control.ts'
import { emptyLine, extendLine, nextFault, type ControlLine } from '../../crdt/control-line.ts'
import { bytesToHex, hexToBytes, type CommitHash } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { Parcel } from '../../transports/host.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'
import type { LogIndex } from './log-index.ts'

/** `place`: the first at which the lines differ. `ours`, `theirs`: what stands there. */
export type ControlFork = { readonly place: number; readonly ours: CommitHash; readonly theirs: CommitHash }

export type ControlBranches = {
  /** Of statements that came in the order of their line: those of our line, and what goes on from its end. The others are looked at here. */
  sort(commits: readonly Uint8Array[]): readonly Parcel[]
  has(hash: CommitHash): boolean
  /** The last statement of each, on the disk. */
  tips(): readonly CommitHash[]
  /** From the first that is no longer ours up to this one, in order; null when it is in none. */
  upTo(tip: CommitHash): readonly Commit[] | null
  /** One for each place and statement at which one begins. */
  forks(): readonly ControlFork[]
  facts(): NonNullable<StoreBatch['facts']>
  persisted(): void
  failed(): void
  retry(): void
  /** Before the log is read: under what the commits in it count. */
  restorePlaces(): void
  /** When it has been read. */
  restore(): void
}

type Node = {
  readonly commit: Commit
  readonly line: ControlLine
  /** The last place that is ours too. */ readonly common: number
}

const LIST = 'control/branches'
const factOf = (hash: CommitHash): string => `control/branch/${hash}`

export const createControlBranches = (
  index: LogIndex,
  store: Pick<CommitStore, 'fact' | 'commit'>,
  log: Pick<LogView, 'chain' | 'hashAt'>,
): ControlBranches => {
  /** A statement stands behind the one that it follows. */
  let nodes = new Map<CommitHash, Node>()
  let kept: ReadonlySet<CommitHash> = new Set()
  let keeping: ReadonlySet<CommitHash> | null = null
  let isResting = false

  const ourLine = (place: number): ControlLine | null => {
    let line = emptyLine(index.mesh)
    for (let seq = 1; seq <= place; seq++) {
      const stored = store.commit(controlChainAt(index.control, seq), seq)
      const decoded = stored && decodeCommit(stored.bytes)
      if (!decoded?.ok) return null
      line = extendLine(line, decoded.commit as VerifiedCommit)
    }
    return line
  }
  const add = (commit: Commit): void => {
    if (
      nodes.has(commit.hash) ||
      index.control.seqByHash.has(commit.hash) ||
      nodes.size >= limits.control_branch_statements_max
    )
      return
    const behind = nodes.get(commit.header.prev)
    const place = index.control.seqByHash.get(commit.header.prev)
    const before = behind?.line ?? (place === undefined ? null : ourLine(place))
    if (before === null || nextFault(before, commit) !== null) return
    nodes.set(commit.hash, {
      commit,
      line: extendLine(before, commit as VerifiedCommit),
      common: behind?.common ?? place!,
    })
  }
  const tellPlaces = (): void => {
    index.control = {
      ...index.control,
      lost: new Map([...kept].flatMap((hash) => (nodes.has(hash) ? [[hash, nodes.get(hash)!.common] as const] : []))),
    }
  }
  const listed = (): readonly (readonly [CommitHash, number])[] => {
    const fact = store.fact(LIST)
    const value = fact instanceof Uint8Array ? unpack(fact) : null
    return Array.isArray(value)
      ? value.flatMap((entry) =>
          Array.isArray(entry) && entry[0] instanceof Uint8Array && typeof entry[1] === 'number'
            ? [[bytesToHex(entry[0]) as CommitHash, entry[1]] as const]
            : [],
        )
      : []
  }

  return {
    sort: (commits) => {
      const parcels: Parcel[] = []
      const chain = controlChainAt(index.control, index.control.seq)
      let end: { readonly seq: number; readonly hash: CommitHash } | null = log.chain(chain)
      for (const bytes of commits) {
        const decoded = decodeCommit(bytes)
        if (!decoded.ok) continue
        const { commit } = decoded
        const { seq, prev } = commit.header
        // Two links tell the same statement: the second time it may be on its way to the disk, and not followed yet.
        const isUnderWay =
          commit.chain === chain && seq <= (log.chain(chain)?.seq ?? 0) && log.hashAt(chain, seq) === commit.hash
        const isOurs =
          isUnderWay ||
          index.control.seqByHash.has(commit.hash) ||
          [...index.holes.values()].some(({ hash }) => hash === commit.hash)
        const isNext = commit.chain === chain && seq === (end?.seq ?? 0) + 1 && (end === null || prev === end.hash)
        if (isNext) end = { seq, hash: commit.hash }
        if (isOurs || isNext) parcels.push({ chain: commit.chain, seq, bytes, bodies: [] })
        else add(commit)
      }
      return parcels
    },
    has: (hash) => nodes.has(hash),
    tips: () => {
      const followed = new Set([...nodes.values()].map(({ commit }) => commit.header.prev))
      return [...kept].filter((hash) => nodes.has(hash) && !followed.has(hash))
    },
    upTo: (tip) => {
      const path: Commit[] = []
      for (let node = nodes.get(tip); node !== undefined; node = nodes.get(node.commit.header.prev))
        path.unshift(node.commit)
      return path.length === 0 ? null : path
    },
    forks: () =>
      [...nodes.values()].flatMap(({ commit, common }) => {
        const ours =
          common < index.control.seq && commit.header.seq === common + 1
            ? (store.commit(controlChainAt(index.control, common + 1), common + 1)?.hash ?? null)
            : null
        return ours === null ? [] : [{ place: common + 1, ours, theirs: commit.hash }]
      }),
    facts: () => {
      const fresh = [...nodes].filter(([hash]) => !kept.has(hash))
      if (isResting || fresh.length === 0) return []
      keeping = new Set(nodes.keys())
      return [
        [LIST, pack([...nodes].map(([hash, { common }]) => [hexToBytes(hash), common]))],
        ...fresh.map(([hash, { commit }]) => [factOf(hash), commit.bytes] as const),
      ]
    },
    persisted: () => {
      if (keeping === null) return
      kept = keeping
      keeping = null
      tellPlaces()
    },
    failed: () => {
      isResting = keeping !== null
      keeping = null
    },
    retry: () => {
      isResting = false
    },
    restorePlaces: () => {
      index.control = { ...index.control, lost: new Map(listed()) }
    },
    restore: () => {
      nodes = new Map()
      for (const [hash] of listed()) {
        const fact = store.fact(factOf(hash))
        const decoded = fact instanceof Uint8Array ? decodeCommit(fact) : null
        if (decoded?.ok) add(decoded.commit)
      }
      kept = new Set(nodes.keys())
      // A damaged one is forgotten here, and told by others again.
      if (index.control.lost.size > 0) tellPlaces()
    },
  }
}
