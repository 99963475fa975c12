/**
 * The control log: one chain in `_mesh`, reduced in order to who is a member and whose key governs.
 *
 * It begins with the genesis, whose hash is the mesh's id. Each statement behind it is signed by the authority's key that is in
 * force before it, and certified by a majority of the voters before it (`vote.ts`): an old copy of the authority's folder cannot fork
 * it. So the log proves itself to whoever knows the mesh's id (`controlFault`). Recovery keys, which the genesis names, certify in the
 * voters' place a statement that names another authority, and begins an epoch (`epoch.ts`): for when the key or most voters are lost.
 *
 * The state after each control commit can be asked for (`enrolledAt`), because a commit is judged under the control commit
 * it names. A statement that makes no sense (an invite used twice, a revocation of nobody) is passed over, the same
 * everywhere, so that a mistake of the authority never stops the mesh.
 */
import { emptyChain, type ChainState } from './chain.ts'
import {
  CONTROL_INCARNATION,
  controlChainId,
  epochOf,
  eventsRoot,
  isSignedBy,
  readAt,
  sealCommit,
  type Commit,
  type CommitHeader,
  type VerifiedCommit,
} from './commit.ts'
import { extendCut, lastInCut, namedCut, type Cut } from './cut.ts'
import { OWN_READS, type Reads } from './event-schema.ts'
import {
  encodeEvent,
  type ControlEvent,
  type MeshGenesis,
  type PeerCut,
  type PeerLeaveBehind,
  type PeerRevoke,
  type Recovery,
} from './event.ts'
import { beginsEpoch, controlChainAt, epochIncarnation, isRecovery, lineWith, type Line } from './epoch.ts'
import { sha256Hex } from './hash.ts'
import type { Hlc } from './hlc.ts'
import { bytesToHex, CONTROL_NAMESPACE, type CommitHash, type MeshId, type PeerId, type PublicKey } from './ids.ts'
import { FIRST_LEVEL } from './level.ts'
import { limits } from './limits.ts'
import { historyRoot } from './merkle.ts'
import type { KeyPair } from './signature.ts'
import { isCertified, isRecovered } from './vote.ts'

export type Role = 'voter' | 'observer'
export type Member = {
  readonly peer: PeerId
  readonly name: string
  readonly role: Role
  /** Control seq from which on it may write. */
  readonly enrolledSeq: number
  /** Present once it is out. */
  readonly revoked: { readonly seq: number } | null
  /** What counts of its chains, by each statement about that, in order; one whose pages are not all told yet leaves nothing out. */
  readonly cuts: readonly MemberCut[]
}
/** `seq`: the statement's place. `revokes`: of chains that it does not name nothing counts; else of those alone that were begun before it. */
export type MemberCut = { readonly seq: number; readonly revokes: boolean; readonly cut: Cut }

export type ControlState = {
  readonly mesh: MeshId
  readonly name: string
  readonly seq: number
  readonly head: CommitHash | null
  /** The keys that govern, in order: each signs what stands behind place `from`, up to the next one's. */
  readonly authorities: readonly { readonly from: number; readonly key: PublicKey }[]
  readonly recovery: Recovery
  readonly members: ReadonlyMap<PeerId, Member>
  readonly invitesUsed: ReadonlySet<string>
  readonly seqByHash: ReadonlyMap<CommitHash, number>
  /** Certified statements that this log does not follow, each with the place of the last one that both hold. No part of the log itself: what is known of others. */
  readonly lost: ReadonlyMap<CommitHash, number>
  /** The chains in which it lies, each from a place on: one, but for recoveries. */
  readonly line: Line
  /** Places from which on a higher format level is in force, ascending in both. */
  readonly levels: readonly { readonly seq: number; readonly level: number }[]
}

export const emptyControl = (mesh: MeshId): ControlState => ({
  mesh,
  name: '',
  seq: 0,
  head: null,
  authorities: [],
  recovery: { threshold: 0, keys: [] },
  members: new Map(),
  invitesUsed: new Set(),
  seqByHash: new Map(),
  lost: new Map(),
  line: [],
  levels: [],
})

/** The control log before anything has been said in it. */
export const emptyControlChain = (mesh: MeshId): ChainState =>
  emptyChain(controlChainId(mesh), mesh as string as PeerId, CONTROL_INCARNATION, CONTROL_NAMESPACE)

/** The mesh that a genesis founds. @param genesis the event's bytes. */
export const meshFoundedBy = (genesis: Uint8Array): MeshId => sha256Hex('mnemesh/genesis/1', genesis) as MeshId

/** The first commit of a control log. All of it but the signature follows from the event, so that a mesh has one. */
export const sealGenesis = (genesis: MeshGenesis, authority: KeyPair): VerifiedCommit =>
  sealControl(emptyControlChain(meshFoundedBy(encodeEvent(genesis))), [genesis], GENESIS_HLC, authority)

/**
 * The next commit of the control log: it follows its own state as policy.
 * @param epoch that a recovery begins.
 */
export const sealControl = (
  chain: ChainState,
  statement: readonly ControlEvent[],
  hlc: Hlc,
  authority: KeyPair,
  epoch: number = epochOf(chain) + 1,
): VerifiedCommit => {
  const events = statement.map((event) => ({ bytes: encodeEvent(event), event, attestation: null }))
  const isRecovering = chain.seq > 0 && statement[0]?.kind === 'mesh.recover'
  return sealCommit(
    {
      mesh: chain.peer as string as MeshId,
      namespace: chain.namespace,
      peer: chain.peer,
      incarnation: isRecovering
        ? epochIncarnation(epoch, { prev: chain.hash, hlc, eventsRoot: eventsRoot(events) })
        : chain.incarnation,
      seq: chain.seq + 1,
      prev: chain.hash,
      history: bytesToHex(historyRoot(chain.history)),
      hlc,
      policy: chain.hash,
      segment: null,
      deps: [],
      eventsRoot: eventsRoot(events),
      eventCount: events.length,
      changeHash: null,
    },
    events,
    authority,
  )
}

export type ControlFault =
  'not_the_genesis' | 'control_not_by_the_authority' | 'control_not_certified' | 'control_of_another_line'

/**
 * Why `commit` is not the next of the control log, or null.
 * @param before the state at the place before it, or at a later one. The chain itself (`chainFault`) is looked at elsewhere.
 */
export const controlFault = (before: ControlState, commit: Commit): ControlFault | null =>
  statementFault(before, commit) ??
  (commit.header.seq === 1 || isCertifiedAt(before, commit) ? null : 'control_not_certified')

const isCertifiedAt = (before: ControlState, commit: Commit): boolean =>
  isRecovery(commit)
    ? isRecovered(commit, before.recovery)
    : isCertified(commit, votersAt(before, commit.header.seq - 1))

/** The same of one on which nobody need have voted yet. */
export const statementFault = (before: ControlState, commit: Commit): ControlFault | null => {
  const { seq } = commit.header
  if (seq === 1) return genesisFault(commit)
  const isInLine = isRecovery(commit) ? beginsEpoch(before.line, commit) : commit.chain === controlChainAt(before, seq)
  if (!isInLine) return 'control_of_another_line'
  const [first] = commit.events
  const key = first?.event.kind === 'mesh.recover' ? first.event.authority : authorityAt(before, seq - 1)
  return key !== null && isSignedBy(commit, key) ? null : 'control_not_by_the_authority'
}

/** Whose votes certify what stands behind place `seq`: a function of the control log alone, frozen or reachable or not. */
export const votersAt = (state: ControlState, seq: number): ReadonlySet<PeerId> =>
  new Set(
    [...state.members.values()].flatMap(({ peer, role }) =>
      role === 'voter' && enrolledAt(state, peer, seq) ? [peer] : [],
    ),
  )

const genesisFault = (commit: Commit): ControlFault | null => {
  // Nobody votes before there is a mesh.
  if (commit.votes.length > 0) return 'not_the_genesis'
  const [first, second] = commit.events
  if (first?.event.kind !== 'mesh.genesis' || second !== undefined || first.attestation !== null)
    return 'not_the_genesis'
  if (meshFoundedBy(first.bytes) !== commit.header.mesh || commit.header.hlc !== GENESIS_HLC) return 'not_the_genesis'
  return isSignedBy(commit, first.event.authority) ? null : 'control_not_by_the_authority'
}

/** Before all that is said in the mesh. */
const GENESIS_HLC = 1 as Hlc

/** The key that signs what stands behind place `seq`; null where there is none yet. */
export const authorityAt = ({ authorities }: ControlState, seq: number): PublicKey | null =>
  authorities.findLast(({ from }) => from <= seq)?.key ?? null

/** @param commit the next one of the control chain, without a `controlFault`. @param reads of the build that decoded it. */
export const reduceControl = (state: ControlState, commit: VerifiedCommit, reads: Reads = OWN_READS): ControlState => {
  const members = new Map(state.members)
  const invitesUsed = new Set(state.invitesUsed)
  let { name, authorities, recovery, levels } = state
  // Read at the level in force before it, as its policy is the one before: a kind of a later level is passed over.
  for (const { event } of readAt(commit, levelAt(state, state.seq), reads).events) {
    if (event.ns !== CONTROL_NAMESPACE || event.kind === 'unknown') continue
    const control = event as ControlEvent
    if (control.kind === 'mesh.level') levels = raised(levels, control.level, commit.header.seq)
    else if (control.kind === 'mesh.genesis') {
      if (state.seq > 0) continue
      ;({ name, recovery } = control)
      authorities = [{ from: commit.header.seq, key: control.authority }]
      for (const founder of control.members)
        members.set(founder.peer, { ...founder, enrolledSeq: commit.header.seq, revoked: null, cuts: [] })
    } else if (control.kind === 'mesh.recover') {
      if (isRecovery(commit) && event === commit.events[0]!.event)
        authorities = [...authorities, { from: commit.header.seq, key: control.authority }]
    } else if (control.kind === 'peer.enrol') enrol(members, invitesUsed, control, commit.header.seq)
    else if (control.kind === 'peer.cut') tellCut(members, control)
    else nameCut(members, control, commit.header.seq)
  }
  const seqByHash = new Map(state.seqByHash).set(commit.hash, commit.header.seq)
  return {
    mesh: state.mesh,
    name,
    seq: commit.header.seq,
    head: commit.hash,
    authorities,
    recovery,
    members,
    invitesUsed,
    seqByHash,
    lost: state.lost,
    line: lineWith(state.line, commit),
    levels,
  }
}

/**
 * The place under which what `peer` wrote is judged, by the control commit that it names; null when that is not known. Of a statement that
 * this log does not follow: the last common one, or where the peer was enrolled after it.
 */
export const policyPlace = (
  { seqByHash, lost, members }: Pick<ControlState, 'seqByHash' | 'lost' | 'members'>,
  policy: CommitHash,
  peer: PeerId,
): number | null => {
  const place = seqByHash.get(policy)
  if (place !== undefined) return place
  const common = lost.get(policy)
  return common === undefined ? null : Math.max(common, members.get(peer)?.enrolledSeq ?? 0)
}

/** Whether it was enrolled in a log that this one does not follow, for all that is known: what it wrote under that waits until it is enrolled here. */
export const waitsForEnrolment = (
  { lost, members }: Pick<ControlState, 'lost' | 'members'>,
  policy: CommitHash,
  peer: PeerId,
): boolean => lost.has(policy) && !members.has(peer)

/** The format level in force at control commit `seq`: at which the commits written under it are read, for ever. */
export const levelAt = ({ levels }: Pick<ControlState, 'levels'>, seq: number): number =>
  levels.findLast((raise) => raise.seq <= seq)?.level ?? FIRST_LEVEL

/** The format level at which a commit is read, for ever. Of one whose policy was lost nobody knows it before that has come back: what is in force now. */
export const levelOf = (
  state: Pick<ControlState, 'levels' | 'seq' | 'seqByHash' | 'lost' | 'members'>,
  { namespace, seq, policy, peer }: Pick<CommitHeader, 'namespace' | 'seq' | 'policy' | 'peer'>,
): number => levelAt(state, namespace === CONTROL_NAMESPACE ? seq - 1 : (policyPlace(state, policy, peer) ?? state.seq))

/** It only rises. */
const raised = (levels: ControlState['levels'], level: number, seq: number): ControlState['levels'] =>
  level > (levels.at(-1)?.level ?? FIRST_LEVEL) ? [...levels, { seq, level }] : levels

const enrol = (
  members: Map<PeerId, Member>,
  invitesUsed: Set<string>,
  event: ControlEvent & { kind: 'peer.enrol' },
  seq: number,
): void => {
  if (members.has(event.peer) || (event.invite !== undefined && invitesUsed.has(event.invite))) return
  if (event.role === 'voter' && votersIn(members) >= VOTERS_MAX) return
  if (event.invite !== undefined) invitesUsed.add(event.invite)
  members.set(event.peer, {
    peer: event.peer,
    name: event.name,
    role: event.role,
    enrolledSeq: seq,
    revoked: null,
    cuts: [],
  })
}

/** Beyond that no majority's votes would fit a commit. */
const VOTERS_MAX = 2 * limits.votes_per_commit_max - 1
const votersIn = (members: ReadonlyMap<PeerId, Member>): number =>
  [...members.values()].filter(({ role, revoked }) => role === 'voter' && revoked === null).length

/** Takes the place of the last one where that is not whole. Of who is out a whole cut is the last word, and nothing is left behind. */
const nameCut = (members: Map<PeerId, Member>, event: PeerRevoke | PeerLeaveBehind, seq: number): void => {
  const member = members.get(event.peer)
  const revokes = event.kind === 'peer.revoke'
  if (member === undefined || (member.revoked !== null && (!revokes || isCutWhole(member)))) return
  const before = isCutWhole(member) ? member.cuts : member.cuts.slice(0, -1)
  members.set(event.peer, {
    ...member,
    revoked: member.revoked ?? (revokes ? { seq } : null),
    cuts: [...before, { seq, revokes, cut: namedCut(event.cut) }],
  })
}

const tellCut = (members: Map<PeerId, Member>, { peer, last }: PeerCut): void => {
  const member = members.get(peer)
  const open = member?.cuts.at(-1)
  if (member !== undefined && open !== undefined)
    members.set(peer, { ...member, cuts: [...member.cuts.slice(0, -1), { ...open, cut: extendCut(open.cut, last) }] })
}

/** Whether all is told of what counts of its chains. */
export const isCutWhole = ({ cuts }: Pick<Member, 'cuts'>): boolean => cuts.at(-1)?.cut.isWhole !== false

/** True when `peer` was a member at control commit `seq`. What a later revocation leaves of its chains is `firstExcluded`'s matter. */
export const enrolledAt = (state: ControlState, peer: PeerId, seq: number): boolean => {
  const member = state.members.get(peer)
  return member !== undefined && member.enrolledSeq <= seq && (member.revoked === null || seq < member.revoked.seq)
}

/** Whether what it writes enters the logs while it is a member: an observer reads, keeps and hands on, and writes nothing. A role never changes. */
export const isWriter = (state: ControlState, peer: PeerId): boolean => state.members.get(peer)?.role === 'voter'

/** The first seq of the chain that does not count any more, or Infinity. A function of the control log alone. */
export const firstExcluded = (
  state: ControlState,
  { id, peer, begunAt }: Pick<ChainState, 'id' | 'peer' | 'begunAt'>,
): number => {
  let first = Number.POSITIVE_INFINITY
  for (const { seq, revokes, cut } of state.members.get(peer)?.cuts ?? []) {
    if (!cut.isWhole) continue
    const last = lastInCut(cut, id) ?? (revokes || (begunAt !== null && begunAt < seq) ? 0 : null)
    if (last !== null) first = Math.min(first, last + 1)
  }
  return first
}

/** Members whose revocation `now` has and `before` had not. */
export const freshlyRevoked = (before: ControlState, now: ControlState): readonly Member[] =>
  [...now.members.values()].filter(({ peer, revoked }) => revoked !== null && !before.members.get(peer)?.revoked)

/** Members of whose chains something else may count now than before. */
export const freshlyCut = (before: ControlState, now: ControlState): readonly Member[] =>
  [...now.members.values()].filter(
    ({ peer, cuts }) => wholeCuts(cuts) !== wholeCuts(before.members.get(peer)?.cuts ?? []),
  )

const wholeCuts = (cuts: readonly MemberCut[]): number =>
  cuts.reduce((many, { cut }) => many + (cut.isWhole ? 1 : 0), 0)

/** Members that are in, by role. */
export const activeMembers = (state: ControlState, role?: Role): readonly Member[] =>
  [...state.members.values()].filter(
    (member) => member.revoked === null && (role === undefined || member.role === role),
  )
