/**
 * Verify: every signature, chain, root and body of a log, read again from the disk; the first bad ones named.
 *
 * Each chain is followed by its own numbers: where a part of the log was lost and given again, arrival order is not theirs.
 */
import { chainFault, emptyChain, extendChain, type ChainState } from '../../crdt/chain.ts'
import {
  decodeCommit,
  hasValidSignature,
  headerOf,
  isControlCommit,
  type Commit,
  type VerifiedCommit,
} from '../../crdt/commit.ts'
import {
  controlFault,
  emptyControl,
  enrolledAt,
  firstExcluded,
  levelOf,
  policyPlace,
  reduceControl,
  waitsForEnrolment,
} from '../../crdt/control.ts'
import { emptyLine, extendLine, type ControlLine } from '../../crdt/control-line.ts'
import { branchedOff, isRecovery } from '../../crdt/epoch.ts'
import { OWN_READS, readsAt, type Reads } from '../../crdt/event-schema.ts'
import { bodyRefs } from '../../crdt/event.ts'
import { CONTROL_NAMESPACE, ZERO_HASH, type ChainId, type CommitHash, type MeshId } from '../../crdt/ids.ts'
import type { Problem, VerifyAnswer } from '../api.ts'
import type { Arrival, CommitStore } from '../ports/store.ts'
import { branchPlaces } from '../replica/branch-facts.ts'
import { createCommits } from '../replica/commits.ts'
import { createForks } from '../replica/forks.ts'

/** Problems named; more of them say nothing new. */
const PROBLEMS_MAX = 100
/** Texts that are not here, of which many may be nobody's loss; what is beyond is called a fault rather than passed over. */
const ABSENT_MAX = 100_000
/** Commits between two turns of the event loop: some 10 ms. */
const COMMITS_PER_TURN = 32

type Place = Pick<Arrival, 'chain' | 'seq' | 'hash'>

export const verifyLog = async (
  mesh: MeshId,
  store: CommitStore,
  onProgress: (done: number, total: number) => void = () => undefined,
  reads: Reads = OWN_READS,
): Promise<VerifyAnswer> => {
  const chains = new Map<ChainId, ChainState>()
  /** Arrived before what they follow, by chain and seq. */
  const early = new Map<ChainId, Map<number, Arrival>>()
  /** Commits whose control commit had not been read yet. */
  const undecided: Commit[] = []
  /** Commits whose own signature is bad, by chain, until a later one vouches for them: whoever passes a commit on may spoil it, as it is in no hash. */
  const unvouched = new Map<ChainId, Commit[]>()
  /** Texts that are not here: no fault where nobody need have them. */
  const absent: { readonly commit: Commit; readonly what: string }[] = []
  const problems: Problem[] = []
  const counts = { commits: 0, events: 0, unknown_events: 0, bodies: 0 }
  let control = { ...emptyControl(mesh), lost: branchPlaces(store) }
  const total = store.arrivals()

  const report = (what: string, where: string): void => {
    if (problems.length < PROBLEMS_MAX) problems.push({ what, where })
  }
  const reportUnvouched = (chain: ChainId): void => {
    for (const commit of unvouched.get(chain) ?? [])
      report(
        "the signature is not the peer's, and no later one of its chain vouches for it",
        placeText(placeOf(commit)),
      )
    unvouched.delete(chain)
  }
  /** The control log from its beginning up to this statement; null where a part of it is not here. */
  const lineUpTo = (last: CommitHash): ControlLine | null => {
    const commits: VerifiedCommit[] = []
    for (let hash = last; hash !== ZERO_HASH;) {
      const place = store.find(hash)
      const stored = place && store.commit(place.chain, place.seq)
      const decoded = stored && decodeCommit(stored.bytes)
      if (!decoded?.ok) return null
      commits.unshift(decoded.commit as VerifiedCommit)
      hash = decoded.commit.header.prev
    }
    return commits.reduce(extendLine, emptyLine(mesh))
  }
  const checkPolicy = (commit: Commit): 'unknown' | 'checked' => {
    const policySeq = policyPlace(control, commit.header.policy, commit.header.peer)
    if (policySeq === null) return 'unknown'
    if (waitsForEnrolment(control, commit.header.policy, commit.header.peer)) return 'checked'
    if (!enrolledAt(control, commit.header.peer, policySeq))
      report('its peer was not a member', placeText(placeOf(commit)))
    return 'checked'
  }

  /** @param broken the chain's past is not known: what rests on it cannot be judged. */
  const check = (arrival: Arrival, broken: boolean): void => {
    const where = placeText(arrival)
    const stored = store.commit(arrival.chain, arrival.seq)
    const decoded = stored && decodeCommit(stored.bytes, (header) => readsAt(reads, levelOf(control, header)))
    const chain = chains.get(arrival.chain)
    if (!decoded?.ok || decoded.commit.hash !== arrival.hash) {
      report(
        decoded === null
          ? 'the commit is damaged: its bytes do not match their checksum'
          : decoded.ok
            ? 'the commit is not the one that arrived'
            : `the commit is malformed: ${decoded.reason}`,
        where,
      )
      // Its place in the chain is known, so that what follows can still be checked.
      if (chain !== undefined)
        chains.set(
          arrival.chain,
          extendChain(
            chain,
            { hash: arrival.hash, header: { seq: arrival.seq, hlc: chain.hlc } } as Commit,
            chain.policySeq,
          ),
        )
      return
    }
    const { commit } = decoded
    counts.commits++
    counts.events += commit.events.length
    counts.unknown_events += commit.events.filter(({ unread }) => unread !== undefined).length
    // A recovery goes on from whichever statement it names, and takes the place of what stood behind that.
    const begun =
      chain === undefined && isControlCommit(commit) && isRecovery(commit) ? lineUpTo(commit.header.prev) : null
    if (begun !== null) control = { ...begun.state, lost: control.lost }
    const state =
      chain ??
      (begun && branchedOff(begun.chain, commit.header.incarnation)) ??
      emptyChain(commit.chain, commit.header.peer, commit.header.incarnation, commit.header.namespace)
    const fault = broken ? null : chainFault(state, commit)
    if (fault !== null) report(`the chain is broken: ${fault}`, where)
    // What comes before a break is linked to nothing behind it.
    if (fault !== null || broken) reportUnvouched(commit.chain)
    const notNext = isControlCommit(commit) && fault === null && !broken ? controlFault(control, commit) : null
    if (notNext !== null) report(`the control log is broken: ${notNext}`, where)
    if (isControlCommit(commit) || hasValidSignature(commit)) unvouched.delete(commit.chain)
    else unvouched.set(commit.chain, [...(unvouched.get(commit.chain) ?? []), commit].slice(0, PROBLEMS_MAX))
    if (commit.header.mesh !== mesh) report('the commit belongs to another mesh', where)
    if (commit.header.namespace === CONTROL_NAMESPACE) control = reduceControl(control, commit as VerifiedCommit, reads)
    else if (checkPolicy(commit) === 'unknown') undecided.push(commit)
    for (const { ref, field } of commit.events.flatMap(({ event, unread }) => [
      ...bodyRefs(event),
      ...(unread?.texts ?? []).map((ref) => ({ ref, field: 'of a field that is not known here' })),
    ])) {
      const what = `the text ${ref} (${field}) is missing or does not match its hash`
      if (store.body(ref) !== null) counts.bodies++
      else if (absent.length < ABSENT_MAX) absent.push({ commit, what })
      else report(what, where)
    }
    chains.set(
      commit.chain,
      extendChain(state, commit, policyPlace(control, commit.header.policy, commit.header.peer) ?? state.policySeq),
    )
  }

  /** A recovery begins a chain at its place in the control log. */
  const behindWhat = ({ chain, seq }: Arrival): number => {
    const stored = seq > 1 ? store.commit(chain, seq) : null
    const decoded =
      stored && headerOf(stored.bytes)?.namespace === CONTROL_NAMESPACE ? decodeCommit(stored.bytes) : null
    return decoded?.ok && isRecovery(decoded.commit) ? seq - 1 : 0
  }
  const take = (arrival: Arrival): void => {
    const next = (chains.get(arrival.chain)?.seq ?? behindWhat(arrival)) + 1
    // An entry of what has been read under another number.
    if (arrival.seq < next) return
    const waiting = early.get(arrival.chain) ?? new Map<number, Arrival>()
    if (arrival.seq > next) {
      early.set(arrival.chain, waiting.set(arrival.seq, arrival))
      return
    }
    check(arrival, false)
    for (let seq = next + 1, following = waiting.get(seq); following !== undefined; following = waiting.get(++seq)) {
      waiting.delete(seq)
      check(following, false)
    }
  }

  /** What never got its predecessor: the gap is named by the commit behind it, and the rest is checked as far as it goes. */
  const checkBehindGaps = (): void => {
    for (const [chain, waiting] of early) {
      for (const arrival of [...waiting.values()].toSorted((a, b) => a.seq - b.seq)) {
        const have = chains.get(chain)?.seq ?? 0
        if (arrival.seq > have + 1)
          for (const gap of gapBefore(arrival, have))
            report('the commit is missing: it has been lost from the disk', gap)
        check(arrival, true)
        const state = chains.get(chain)
        if (state !== undefined) chains.set(chain, { ...state, seq: arrival.seq })
      }
    }
  }
  const gapBefore = (arrival: Arrival, have: number): readonly string[] => {
    const stored = store.commit(arrival.chain, arrival.seq)
    const decoded = stored && decodeCommit(stored.bytes)
    const last = arrival.seq - 1
    const named = decoded?.ok
      ? placeText({ chain: arrival.chain, seq: last, hash: decoded.commit.header.prev })
      : `chain ${arrival.chain}, seq ${last}`
    return last === have + 1 ? [named] : [named, `chain ${arrival.chain}, seq ${have + 1} to ${last - 1}`]
  }

  for (let n = 1; n <= total; n++) {
    const arrival = store.arrival(n)
    // A number without a commit leaves a gap in a chain, unless the commit has come again.
    if (arrival !== null) take(arrival)
    if (n % COMMITS_PER_TURN === 0) {
      onProgress(n, total)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  checkBehindGaps()
  for (const chain of unvouched.keys()) reportUnvouched(chain)
  for (const commit of undecided)
    if (checkPolicy(commit) === 'unknown')
      report('the control commit that it names is not here', placeText(placeOf(commit)))
  const forks = createForks({ mesh, store, commits: createCommits(store), wasWriter: () => true })
  forks.restore()
  // Whoever was taken out may have had the one copy of what is left out with it.
  const isLeftOut = ({ chain, header: { peer, seq } }: Commit): boolean =>
    seq >=
    Math.min(forks.at(chain, peer), firstExcluded(control, chains.get(chain) ?? { id: chain, peer, begunAt: null }))
  for (const { commit, what } of absent) if (!isLeftOut(commit)) report(what, placeText(placeOf(commit)))
  onProgress(total, total)
  return { ok: problems.length === 0, ...counts, chains: chains.size, problems }
}

/**
 * The log of a stopped peer, and what is known to be lost from it: of the log's end nothing else tells.
 * @param lost what damaged write-ahead logs still name, come again or not.
 */
export const verifyStopped = async (
  mesh: MeshId,
  store: CommitStore,
  lost: readonly Place[],
  onProgress?: (done: number, total: number) => void,
): Promise<VerifyAnswer> => {
  const answer = await verifyLog(mesh, store, onProgress)
  const named = lost
    .filter(({ hash }) => store.find(hash) === null)
    .map((place) => ({
      what: 'the commit is lost: the write-ahead log in which it was is damaged',
      where: placeText(place),
    }))
  const problems = [...named, ...answer.problems, ...lostEnd(store)].slice(0, PROBLEMS_MAX)
  return { ...answer, ok: problems.length === 0, problems }
}

const lostEnd = (store: CommitStore): readonly Problem[] => {
  const { tail } = store.opening
  if (tail === null || tail.found >= tail.expected) return []
  const last = tail.found > 0 ? store.arrival(tail.found) : null
  return [
    {
      what: `the end of the log is lost: ${tail.expected - tail.found} commits that had been on this disk`,
      where: last === null ? 'the whole log' : `behind ${placeText(last)}`,
    },
  ]
}

const placeOf = (commit: Commit): Place => ({ chain: commit.chain, seq: commit.header.seq, hash: commit.hash })
const placeText = ({ chain, seq, hash }: Place): string => `commit ${hash} (chain ${chain}, seq ${seq})`
