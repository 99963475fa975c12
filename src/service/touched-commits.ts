/**
 * From what revisions touched to the commits whose rows are to be made again, one step of the log at a time, so that whoever walks
 * may stop between two.
 */
import type { Commit } from '../../crdt/commit.ts'
import { firstExcluded } from '../../crdt/control.ts'
import type { ChainId, CommitHash, Ref } from '../../crdt/ids.ts'
import { ProjectionFailure } from '../ports/projection.ts'
import { forkAt, segmentKey, type SegmentEntry } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'
import { placesOf, type Touched, type TouchedOrAll } from '../replica/touched.ts'

/** `texts`: only what names one of these; null: all that the commit says. */
export type TouchedCommit = { readonly commit: Commit; readonly texts: ReadonlySet<Ref> | null }
/** `touched` is null where a commit was only looked at; its bytes measure the work. */
export type Step = { readonly bytes: number; readonly touched: TouchedCommit | null }

/** @param arrivals how much of the log the rows hold: where everything is touched, that much is gone through. */
export const touchedCommits = function* (
  replica: Replica,
  revisions: readonly TouchedOrAll[],
  arrivals: number,
): Generator<Step> {
  const all: Touched[] = []
  for (const touched of revisions) {
    if (touched === 'everything') {
      yield* everything(replica, arrivals)
      return
    }
    all.push(touched)
  }
  for (const [{ chain, seq }, texts] of placesOf(all.flatMap(({ texts }) => texts))) {
    const commit = replica.commits.at(chain, seq)
    if (commit !== null) yield step(commit, { commit, texts })
  }
  yield* withFollowers(replica, seeds(replica, all))
}

const everything = function* (replica: Replica, arrivals: number): Generator<Step> {
  const { commits, index } = replica
  for (const chain of index.forkedAt.keys()) for (const commit of branch(replica, chain)) yield step(commit, null)
  for (let n = 1; n <= arrivals; n++) {
    const commit = commits.arrived(n)
    if (commit !== null) yield step(commit, { commit, texts: null })
  }
}

/** Where it begins: what came late, and all that is left out of cut chains. */
const seeds = function* (replica: Replica, all: readonly Touched[]): Generator<Commit> {
  const { commits, index } = replica
  for (const { chain, seq } of all.flatMap((touched) => touched.commits)) {
    const commit = commits.at(chain, seq)
    if (commit !== null) yield commit
  }
  for (const chain of cutByForks(replica, new Set(all.flatMap(({ forked }) => forked)))) yield* branch(replica, chain)
  const revoked = new Set(all.flatMap((touched) => touched.revoked))
  for (const chain of [...index.chains.values()].filter(({ peer }) => revoked.has(peer))) {
    const { id, seq: end } = chain
    for (let seq = firstExcluded(index.control, chain); seq <= end; seq++) {
      // What is damaged there is brought again, and touches its rows then.
      const commit = commits.at(id, seq)
      if (commit !== null) yield commit
    }
  }
}

/** These chains, and of whoever forked beyond measure with one of them all others. */
const cutByForks = ({ forks, index }: Replica, forked: ReadonlySet<ChainId>): Iterable<ChainId> => {
  const out = new Set(
    forks.all().flatMap(({ chain, peer }) => (forked.has(chain) && index.out.has(peer) ? [peer] : [])),
  )
  return new Set([...forked, ...[...index.chains.values()].flatMap(({ id, peer }) => (out.has(peer) ? [id] : []))])
}

/** What stands behind a fork. @throws ProjectionFailure when some of it cannot be read any more, and nobody brings that again: then nobody knows which rows it made. */
const branch = function* ({ commits, index }: Replica, chain: ChainId): Generator<Commit> {
  for (let seq = forkAt(index, chain), end = index.branchEnds.get(chain) ?? 0; seq <= end; seq++) {
    const commit = commits.at(chain, seq)
    if (commit === null)
      throw new ProjectionFailure(
        'projection: what a fork leaves out is damaged, so that its rows cannot be told from others; they are made anew',
        true,
      )
    yield commit
  }
}

/** Those, and whatever rests on one of them in its document. */
const withFollowers = function* ({ commits, index }: Replica, from: Iterable<Commit>): Generator<Step> {
  const bySegment = new Map<SegmentEntry, Set<CommitHash>>()
  for (const commit of from) {
    const { namespace, segment } = commit.header
    const entry = segment === null ? undefined : index.segments.get(segmentKey(namespace, segment))
    if (entry !== undefined) bySegment.set(entry, (bySegment.get(entry) ?? new Set()).add(commit.hash))
    yield step(commit, { commit, texts: null })
  }
  for (const [entry, moved] of bySegment) {
    // By number, for the list grows while it is walked.
    for (let i = 0, end = entry.arrivals.length; i < end; i++) {
      const commit = commits.arrived(entry.arrivals[i]!)
      if (commit === null) continue
      const follows = !moved.has(commit.hash) && commit.header.deps.some((dep) => moved.has(dep))
      if (follows) moved.add(commit.hash)
      yield step(commit, follows ? { commit, texts: null } : null)
    }
  }
}

const step = (commit: Commit, touched: TouchedCommit | null): Step => ({ bytes: commit.bytes.length, touched })
