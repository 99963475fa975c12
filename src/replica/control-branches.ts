/**
 * Other lines of the control log than the one that is followed here: certified statements that contradict ours, each behind one of ours or
 * behind one of these. An old copy of the authority's folder makes them, from when it was a majority by itself; so does a stolen key.
 *
 * They are the proof that the control log has forked, kept and passed on, so that every member sees it. What members wrote under one of
 * them counts as under the last statement that both lines hold (`policyPlace`): nothing that was acknowledged waits for the fork's end.
 * A line of a later epoch outranks ours (`crdt/epoch.ts`), and takes its place (`adopting.ts`); then it is ours that is kept here.
 *
 * Invariants: nothing is kept that its own line does not certify; what is told of is on the disk; at most `control_branch_statements_max`
 * are kept, the first that came, and as many of lines that outrank ours, for which there is always room.
 */
import type { LogView } from '../../crdt/admission.ts'
import { decodeCommit, type Commit, type VerifiedCommit } from '../../crdt/commit.ts'
import { emptyLine, extendLine, nextFault, type ControlLine } from '../../crdt/control-line.ts'
import { outranks } from '../../crdt/epoch.ts'
import type { CommitHash } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Parcel } from '../../transports/host.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'
import { branchFact, branchIn, branchList, branchPlaces } from './branch-facts.ts'
import { controlChain, followedIn, statementAt } from './control-places.ts'
import type { LogIndex } from './log-index.ts'

/** `place`: the first at which the lines differ. `ours`, `theirs`: what stands there. */
export type ControlFork = { readonly place: number; readonly ours: CommitHash; readonly theirs: CommitHash }
/** A line that outranks ours. `behind`: its statements from the first that is not ours. `left`: ours that it takes the place of. */
export type Outranking = {
  readonly line: ControlLine
  readonly common: number
  readonly behind: readonly Commit[]
  readonly left: readonly Commit[]
}

export type ControlBranches = {
  /** Of statements that came in the order of their line: those of our line, and what goes on from its end. The others are looked at here. */
  sort(commits: readonly Uint8Array[]): readonly Parcel[]
  /** One that stands in no line that is followed, however it came. */
  met(commit: Commit): void
  has(hash: CommitHash): boolean
  /** The last statement of each, on the disk. */
  tips(): readonly CommitHash[]
  /** From the first that is no longer ours up to this one, in order; null when it is in none. */
  upTo(tip: CommitHash): readonly Commit[] | null
  /** One for each place and statement at which one begins that does not give way to ours. */
  forks(): readonly ControlFork[]
  /** The line to be followed instead of ours; null where there is none, or the disk refused it just now. */
  outranking(): Outranking | null
  /** What makes the disk keep `left` and the others that are here, for whoever follows the line from now on. */
  factsFollowing(next: Outranking): NonNullable<StoreBatch['facts']>
  /** That is on disk: before the log is read anew. */
  following(next: Outranking): void
  facts(): NonNullable<StoreBatch['facts']>
  persisted(): void
  failed(): void
  retry(): void
  /** Before the log is read: which statements are of it, and under what the commits in it count. */
  restorePlaces(): void
  /** When it has been read. */
  restore(): void
}

type Node = {
  readonly commit: Commit
  readonly line: ControlLine
  /** The last place that is ours too. */ readonly common: number
}

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
  let isFollowing = false
  /** What they follow is on its way to the disk. */
  let early: Commit[] = []

  const ours = (place: number): Commit | null => {
    const stored = statementAt(index, store, place)
    const decoded = stored && decodeCommit(stored.bytes)
    return decoded?.ok ? decoded.commit : null
  }
  const ourLine = (place: number): ControlLine | null => {
    let line = emptyLine(index.mesh)
    for (let seq = 1; seq <= place; seq++) {
      const commit = ours(seq)
      if (commit === null) return null
      line = extendLine(line, commit as VerifiedCommit)
    }
    return line
  }
  const isAbove = ({ state }: ControlLine): boolean => outranks(state.line, index.control.line)
  const roomFor = (line: ControlLine): boolean =>
    nodes.size < limits.control_branch_statements_max * (isAbove(line) ? 2 : 1)
  /** @param isLeft it was ours: there is room for it. */
  const add = (commit: Commit, isLeft = false): void => {
    if (nodes.has(commit.hash) || index.control.seqByHash.has(commit.hash)) return
    const behind = nodes.get(commit.header.prev)
    const place = index.control.seqByHash.get(commit.header.prev)
    const before = behind?.line ?? (place === undefined ? null : ourLine(place))
    if (before === null || nextFault(before, commit) !== null) return
    const line = extendLine(before, commit as VerifiedCommit)
    if (isLeft || roomFor(line)) nodes.set(commit.hash, { commit, line, common: behind?.common ?? place! })
  }
  const tellPlaces = (): void => {
    index.control = {
      ...index.control,
      lost: new Map([...kept].flatMap((hash) => (nodes.has(hash) ? [[hash, nodes.get(hash)!.common] as const] : []))),
    }
  }
  const upTo = (tip: CommitHash): readonly Commit[] | null => {
    const path: Commit[] = []
    for (let node = nodes.get(tip); node !== undefined; node = nodes.get(node.commit.header.prev))
      path.unshift(node.commit)
    return path.length === 0 ? null : path
  }
  /** A place in the store belongs to whoever came first: of two statements in one place of one chain the other cannot be followed. */
  const isFree = ({ chain, header, hash }: Commit): boolean => {
    const stored = store.commit(chain, header.seq)
    return stored === null || stored.hash === hash
  }
  /** The others than those of `next`, and ours that it takes the place of, each with the last place that they have in common with it. */
  const placesBeside = ({ common, behind, left }: Outranking): ReadonlyMap<CommitHash, readonly [Commit, number]> => {
    const placeOf = new Map(behind.map(({ hash, header }) => [hash, header.seq]))
    const places = new Map<CommitHash, readonly [Commit, number]>()
    const put = (commit: Commit): void => {
      const { prev } = commit.header
      const ourPlace = index.control.seqByHash.get(prev)
      const place =
        placeOf.get(prev) ?? places.get(prev)?.[1] ?? (ourPlace === undefined ? null : Math.min(common, ourPlace))
      if (place !== null && !placeOf.has(commit.hash)) places.set(commit.hash, [commit, place])
    }
    for (const commit of left) put(commit)
    for (const { commit } of nodes.values()) put(commit)
    return places
  }

  return {
    met: add,
    sort: (commits) => {
      const parcels: Parcel[] = []
      const chain = controlChain(index)
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
        else {
          add(commit)
          const isEarly = prev === end?.hash || early.some(({ hash }) => hash === prev)
          if (isEarly && !nodes.has(commit.hash) && early.length < limits.control_want_commits_max) early.push(commit)
        }
      }
      return parcels
    },
    has: (hash) => nodes.has(hash),
    tips: () => {
      const followed = new Set([...nodes.values()].map(({ commit }) => commit.header.prev))
      return [...kept].filter((hash) => nodes.has(hash) && !followed.has(hash))
    },
    upTo,
    forks: () => {
      const begun = new Map<CommitHash, ControlFork>()
      for (const { commit, line, common } of nodes.values()) {
        const there = common < index.control.seq ? (statementAt(index, store, common + 1)?.hash ?? null) : null
        const first = outranks(index.control.line, line.state.line) ? undefined : upTo(commit.hash)?.[0]
        if (there !== null && first !== undefined)
          begun.set(first.hash, { place: common + 1, ours: there, theirs: first.hash })
      }
      return [...begun.values()]
    },
    outranking: () => {
      if (isResting) return null
      let best: Node | null = null
      for (const node of nodes.values()) {
        const { state } = node.line
        const isBetter =
          best === null ||
          outranks(state.line, best.line.state.line) ||
          (!outranks(best.line.state.line, state.line) && state.seq > best.line.state.seq)
        if (isAbove(node.line) && isBetter && upTo(node.commit.hash)!.every(isFree)) best = node
      }
      if (best === null) return null
      const { common, line, commit } = best
      const left = Array.from({ length: index.control.seq - common }, (_, i) => ours(common + 1 + i))
      return left.includes(null)
        ? null
        : { line, common, behind: upTo(commit.hash)!, left: left.filter((each) => each !== null) }
    },
    factsFollowing: (next) => {
      const beside = placesBeside(next)
      isFollowing = true
      return [
        branchList([...beside].map(([hash, [, place]]) => [hash, place])),
        ...[...beside].filter(([hash]) => !kept.has(hash)).map(([, [commit]]) => branchFact(commit)),
        ...next.behind.filter(({ hash }) => kept.has(hash)).map((commit) => branchFact(commit, true)),
      ]
    },
    following: (next) => {
      const beside = placesBeside(next)
      nodes = new Map()
      isFollowing = false
      keeping = null
      kept = new Set(beside.keys())
      index.control = { ...index.control, lost: new Map([...beside].map(([hash, [, place]]) => [hash, place])) }
      early = [...beside.values()].map(([commit]) => commit)
    },
    facts: () => {
      const fresh = [...nodes].filter(([hash]) => !kept.has(hash))
      if (isResting || fresh.length === 0) return []
      keeping = new Set(nodes.keys())
      return [
        branchList([...nodes].map(([hash, { common }]) => [hash, common])),
        ...fresh.map(([, { commit }]) => branchFact(commit)),
      ]
    },
    persisted: () => {
      const came = early
      early = []
      for (const commit of came) add(commit, kept.has(commit.hash))
      if (keeping === null) return
      kept = keeping
      keeping = null
      tellPlaces()
    },
    failed: () => {
      isResting = keeping !== null || isFollowing
      isFollowing = false
      keeping = null
    },
    retry: () => {
      isResting = false
    },
    restorePlaces: () => {
      index.followed = followedIn(index.mesh, store)
      index.control = { ...index.control, lost: branchPlaces(store) }
    },
    restore: () => {
      nodes = new Map()
      for (const hash of branchPlaces(store).keys()) {
        const commit = branchIn(store, hash)
        if (commit !== null) add(commit, true)
      }
      kept = new Set(nodes.keys())
      // A damaged one is forgotten here, and told by others again.
      if (index.control.lost.size > 0) tellPlaces()
    },
  }
}
