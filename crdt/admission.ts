/**
 * Admission, the first half: whether a commit may enter the log. A pure function of the commit, its causal past and the
 * control log up to its `policy`: the same answer on every peer, at any time, in any order of arrival. (The second half,
 * whether its change enters the document, is `applyCommit` in `segment.ts`.)
 *
 * Invariants:
 * 1. `admit` changes nothing. Only time can turn a `pending` verdict, by bringing what it names.
 * 2. What is admitted extends its chain by one, is covered by a valid signature, and has its whole causal past in the log.
 * 3. A refusal is for ever: nothing that could still arrive would change it.
 * 4. Of the format level nothing depends on it but what the commit's events are read as: a build that knows less admits the same.
 */
import { chainFault, emptyChain, type ChainState } from './chain.ts'
import type { Reads } from './event-schema.ts'
import {
  controlChainId,
  isControlCommit,
  readAt,
  type AdmittedCommit,
  type Commit,
  type CommitHeader,
  type VerifiedCommit,
} from './commit.ts'
import {
  controlFault,
  enrolledAt,
  firstExcluded,
  isWriter,
  levelAt,
  policyPlace,
  waitsForEnrolment,
  type ControlState,
} from './control.ts'
import { branchedOff, controlChainAt, isRecovery } from './epoch.ts'
import { latestAt } from './hlc.ts'
import {
  CONTROL_NAMESPACE,
  type ChainId,
  type CommitHash,
  type MeshId,
  type Namespace,
  type PeerId,
  type SegmentId,
} from './ids.ts'

/** What a log tells of itself. */
export type LogView = {
  /** Of the build that decodes what is to be admitted. */
  readonly reads: Reads
  readonly mesh: MeshId
  readonly control: ControlState
  /** The same with what is on its way to the disk: what the next statement is judged by. Null while a part of it is damaged. */
  readonly controlEnd: ControlState | null
  chain(id: ChainId): ChainState | null
  hashAt(chain: ChainId, seq: number): CommitHash | null
  /** The first seq of a forked chain that does not count; Infinity otherwise. @param peer whose chain it is, for it may be out as a whole. */
  forkAt(chain: ChainId, peer: PeerId): number
  /** Place and time of a commit in the log, or of one on a forked branch whose header is known; null when it is not here. */
  meta(
    hash: CommitHash,
  ): { readonly namespace: Namespace; readonly segment: SegmentId | null; readonly hlc: number } | null
}

export type Verdict =
  | {
      readonly kind: 'admitted'
      readonly commit: AdmittedCommit
      readonly chain: ChainState
      readonly policySeq: number
    }
  | { readonly kind: 'duplicate' }
  /** Two commits of one chain with one seq: a proof that its peer forked. */
  | { readonly kind: 'fork'; readonly seq: number; readonly known: CommitHash }
  | { readonly kind: 'pending'; readonly missing: 'predecessor' | 'control' | 'dep' | 'time' }
  | { readonly kind: 'refused'; readonly reason: string }

/** @param nowMs wall clock: only postpones (an hlc beyond `clock_bound_ms` ahead waits), never refuses. The control log's times order nothing but itself. */
export const admit = (log: LogView, commit: VerifiedCommit, nowMs: number): Verdict => {
  const { header } = commit
  if (header.mesh !== log.mesh) return refused('foreign_mesh')
  const isControl = header.namespace === CONTROL_NAMESPACE
  if (isControl && !isControlCommit(commit)) return refused('control_not_by_the_authority')
  if (isControl && !isRecovery(commit) && commit.chain !== controlChainId(log.mesh) && log.chain(commit.chain) === null)
    return refused('control_of_another_line')

  if (header.seq >= log.forkAt(commit.chain, header.peer)) return refused('forked')
  const chain =
    log.chain(commit.chain) ??
    (isControl && isRecovery(commit) ? behindTheEnd(log, header) : null) ??
    emptyChain(commit.chain, header.peer, header.incarnation, header.namespace)
  if (header.seq <= chain.seq) {
    const known = log.hashAt(commit.chain, header.seq)
    return known === null || known === commit.hash ? { kind: 'duplicate' } : { kind: 'fork', seq: header.seq, known }
  }
  const fault = chainFault(chain, commit)
  if (fault === 'gap') return { kind: 'pending', missing: 'predecessor' }
  if (fault !== null) return refused(fault)

  const policySeq = isControl ? header.seq - 1 : policyPlace(log.control, header.policy, header.peer)
  if (policySeq === null || (!isControl && waitsForEnrolment(log.control, header.policy, header.peer)))
    return { kind: 'pending', missing: 'control' }
  if (isControl && header.policy !== chain.hash) return refused('control_policy')
  if (isControl && log.controlEnd === null) return { kind: 'pending', missing: 'control' }
  const notNext = isControl ? controlFault(log.controlEnd!, commit) : null
  if (notNext !== null) return refused(notNext)
  if (policySeq < chain.policySeq) return refused('policy_went_back')
  if (!isControl && !enrolledAt(log.control, header.peer, policySeq)) return refused('peer_not_enrolled')
  if (!isControl && !isWriter(log.control, header.peer)) return refused('observer_may_not_write')

  for (const dep of header.deps) {
    const meta = log.meta(dep)
    if (meta === null) return { kind: 'pending', missing: 'dep' }
    if (meta.namespace !== header.namespace || meta.segment !== header.segment) return refused('dep_of_another_segment')
    if (meta.hlc >= header.hlc) return refused('hlc_not_after')
  }
  // What is left out moves nobody's clock and rests on nothing that counts: it waits for no time.
  const isLeftOut = (): boolean =>
    header.seq >= firstExcluded(log.control, { ...chain, begunAt: chain.begunAt ?? policySeq })
  if (!isControl && header.hlc > latestAt(nowMs) && !isLeftOut()) return { kind: 'pending', missing: 'time' }
  return {
    kind: 'admitted',
    commit: readAt(commit as Commit as AdmittedCommit, levelAt(log.control, policySeq), log.reads),
    chain,
    policySeq,
  }
}

/** What a recovery follows that stands at the end of the control log; of one further back its line tells (`control-line.ts`). */
const behindTheEnd = (log: LogView, { incarnation }: CommitHeader): ChainState | null => {
  const end = log.controlEnd && log.chain(controlChainAt(log.controlEnd, log.controlEnd.seq))
  return end && branchedOff(end, incarnation)
}

const refused = (reason: string): Verdict => ({ kind: 'refused', reason })
