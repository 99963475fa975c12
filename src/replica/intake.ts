/**
 * Intake: commits that others sent, from bytes to admitted, and those that wait.
 *
 * Invariants:
 * 1. Only covered commits (a valid signature on it, or on a later one that vouches for it) are judged by `admit`.
 * 2. What waits is bounded per sender in commits and bytes; past that the newest are dropped, and anti-entropy brings them again.
 * 3. A chain that its author begins faster than its budget waits; it is never refused for that (`chain-budget.ts`).
 * 4. A commit whose own signature is bad waits under its hash until a later commit names it; it is never refused for that.
 */
import { admit, type LogView } from '../../crdt/admission.ts'
import type { Body } from '../../crdt/body.ts'
import { coveredCommits, type ChainState } from '../../crdt/chain.ts'
import {
  decodeCommit,
  hashBorne,
  isControlCommit,
  textsOf,
  type AdmittedCommit,
  type Commit,
  type VerifiedCommit,
} from '../../crdt/commit.ts'
import { OWN_READS, type Reads } from '../../crdt/event-schema.ts'
import { hlcMs } from '../../crdt/hlc.ts'
import { CONTROL_NAMESPACE, ZERO_HASH, type ChainId, type CommitHash, type PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Parcel } from '../../transports/host.ts'
import { createChainBudget, type ChainBudget } from './chain-budget.ts'

type Waiting<C extends Commit> = { readonly commit: C; readonly bodies: readonly Body[]; readonly from: PeerId }
/** @property hash null where the bytes could not be read: they may be anybody's, and `peer` is who brought them. */
export type Refused = {
  readonly peer: PeerId
  readonly from: PeerId
  readonly chain: ChainId
  readonly seq: number
  readonly hash: CommitHash | null
  readonly reason: string
  readonly atMs: number
}

/** `chains` wait for their author's budget; `waiting` commits of it wait for anything; `dropped`: brought by it beyond what may wait, since the start. */
export type HeldBack = { chains: number; waiting: number; dropped: number }

/**
 * Verified commits that contradict ours: they follow our commit `at` − 1 (or name another as that), and one another.
 * `waiting`: what they contradict, successive commits that wait; null when that lies in the log.
 */
export type Rival = {
  readonly chain: ChainId
  readonly at: number
  readonly commits: readonly VerifiedCommit[]
  readonly waiting: readonly VerifiedCommit[] | null
}

export type Intake = {
  /**
   * Decodes and verifies what one delivery brought; nothing is admitted yet. What is in the log or waits already, by the hash that it bears, is not read again.
   * @param verified told of each commit that a signature covers. @param hashAt what the log has in a place; null where it ends before.
   */
  take(
    from: PeerId,
    parcels: readonly Parcel[],
    nowMs: number,
    verified?: (commit: VerifiedCommit) => void,
    hashAt?: (chain: ChainId, seq: number) => CommitHash | null,
  ): void
  /** Admits whatever can be, in causal order, handing each to `accept` (which extends the log view); at most `commitsMax`. */
  drain(
    log: LogView,
    nowMs: number,
    commitsMax: number,
    onRival: (rival: Rival) => void,
    accept: (commit: AdmittedCommit, chain: ChainState, policySeq: number, bodies: readonly Body[]) => void,
  ): void
  /** Deps that waiting commits name and that are not in the log. */
  missingDeps(): Iterable<CommitHash>
  /** True when `drain` might admit something. */
  ready(): boolean
  /** Looks again at everything that waits (control commits or headers came, damage was healed). */
  wake(): void
  /** Looks again at what waits for time, when that has come. */
  tick(nowMs: number): void
  pending(): number
  /** What is held back, by member: of its own making `chains` and `ahead`, of what it brought `dropped`. */
  heldBack(): ReadonlyMap<PeerId, HeldBack>
  readonly refused: readonly Refused[]
  /** What was refused for good since this was asked last, the latest of it: for whoever wrote it to be told. */
  takeRefused(): readonly Refused[]
  readonly counters: { refused: number; forks: number; dropped: number; duplicates: number }
}

/** All that waits is looked at again this often, should something that it waits for have come unnoticed: some 10 µs a chain. */
const WAKE_ALL_MS = 5_000

/** @param reads of this peer's build. */
export const createIntake = (budget: ChainBudget = createChainBudget(), reads: Reads = OWN_READS): Intake => {
  const bySeqByChain = new Map<ChainId, Map<number, Waiting<VerifiedCommit>>>()
  /** The lowest seq that waits, where it is known: a chain of which nothing is next is not gone through for each commit that comes. */
  const lowestByChain = new Map<ChainId, number>()
  const uncovered = new Map<CommitHash, Waiting<Commit>>()
  const usedBySender = new Map<PeerId, { commits: number; bytes: number }>()
  const dirty = new Set<ChainId>()
  /** Found among what waits, the lowest of each chain: what one of the two rests on may never come, and then the log would never show it. */
  const rivals = new Map<ChainId, Rival>()
  /** Chains that wait for a commit of another chain, by that commit. */
  const chainsByDep = new Map<CommitHash, Set<ChainId>>()
  /** Chains that wait for time, until when. */
  const dueMsByChain = new Map<ChainId, { readonly dueMs: number; readonly forBudget: boolean }>()
  const droppedBySender = new Map<PeerId, number>()
  let wokenMs = 0
  const refused: Refused[] = []
  let untold: Refused[] = []
  const counters = { refused: 0, forks: 0, dropped: 0, duplicates: 0 }

  const refuse = (from: PeerId, place: Place, reason: string, nowMs: number): void => {
    counters.refused++
    const entry: Refused = { ...place, from, reason, atMs: nowMs }
    refused.push(entry)
    if (refused.length > limits.refused_remembered_max) refused.shift()
    if (reason === TOO_MANY_WAITING) return
    untold.push(entry)
    if (untold.length > limits.refusals_per_interval_max) untold.shift()
  }
  const account = (entry: Waiting<Commit>, sign: 1 | -1): void => {
    const used = usedBySender.get(entry.from) ?? { commits: 0, bytes: 0 }
    used.commits += sign
    used.bytes += sign * entry.commit.bytes.length
    usedBySender.set(entry.from, used)
  }
  const drop = (from: PeerId, commit: Commit, nowMs: number): void => {
    counters.dropped++
    droppedBySender.set(from, (droppedBySender.get(from) ?? 0) + 1)
    refuse(from, placeOf(commit), TOO_MANY_WAITING, nowMs)
  }
  const hasRoom = (from: PeerId): boolean => {
    const used = usedBySender.get(from)
    return (
      used === undefined ||
      (used.commits < limits.pending_commits_per_peer_max && used.bytes < limits.pending_bytes_per_peer_max)
    )
  }
  /** @param after what follows it, commit by commit: its cover, when it is not signed itself. */
  const keepVerified = (
    entry: Waiting<VerifiedCommit>,
    after: () => readonly VerifiedCommit[],
    nowMs: number,
  ): void => {
    const { chain, header, hash } = entry.commit
    const bySeq = bySeqByChain.get(chain) ?? new Map<number, Waiting<VerifiedCommit>>()
    const known = bySeq.get(header.seq)
    if (known !== undefined) {
      if (known.commit.hash === hash) {
        counters.duplicates++
        bySeq.set(header.seq, withTexts(known, entry.bodies))
      } else {
        counters.forks++
        if (!isControlCommit(entry.commit) && header.seq < (rivals.get(chain)?.at ?? Number.POSITIVE_INFINITY))
          rivals.set(chain, {
            chain,
            at: header.seq,
            commits: [entry.commit, ...after()],
            waiting: strandFrom(bySeq, header.seq),
          })
        dirty.add(chain)
        refuse(entry.from, placeOf(entry.commit), 'fork', nowMs)
      }
      return
    }
    bySeq.set(header.seq, entry)
    bySeqByChain.set(chain, bySeq)
    if (bySeq.size === 1) lowestByChain.set(chain, header.seq)
    else if (header.seq < (lowestByChain.get(chain) ?? 0)) lowestByChain.set(chain, header.seq)
    account(entry, 1)
    dirty.add(chain)
    promote(entry, after, nowMs)
  }
  /** A verified commit vouches for the one it names: if that waits for cover, it has it now. */
  const promote = (entry: Waiting<VerifiedCommit>, after: () => readonly VerifiedCommit[], nowMs: number): void => {
    const before = uncovered.get(entry.commit.header.prev)
    if (before === undefined || before.commit.chain !== entry.commit.chain) return
    uncovered.delete(before.commit.hash)
    account(before, -1)
    keepVerified(before as Waiting<VerifiedCommit>, () => [entry.commit, ...after()], nowMs)
  }
  const keepUncovered = (entry: Waiting<Commit>, nowMs: number): void => {
    const { chain, header, hash } = entry.commit
    const bySeq = bySeqByChain.get(chain)
    if (bySeq?.get(header.seq + 1)?.commit.header.prev === hash)
      keepVerified(entry as Waiting<VerifiedCommit>, () => strandFrom(bySeq, header.seq + 1), nowMs)
    else {
      const known = uncovered.get(hash)
      uncovered.set(hash, known === undefined ? entry : withTexts(known, entry.bodies))
      if (known === undefined) account(entry, 1)
    }
  }
  const dropStored = (log: LogView): void => {
    for (const [hash, entry] of uncovered) {
      const { chain, header } = entry.commit
      if ((log.chain(chain)?.seq ?? 0) < header.seq && header.seq < log.forkAt(chain, header.peer)) continue
      uncovered.delete(hash)
      account(entry, -1)
    }
  }
  const remove = (chain: ChainId, seq: number): void => {
    const bySeq = bySeqByChain.get(chain)
    const entry = bySeq?.get(seq)
    if (bySeq === undefined || entry === undefined) return
    bySeq.delete(seq)
    account(entry, -1)
    if (bySeq.size === 0) bySeqByChain.delete(chain)
    if (lowestByChain.get(chain) !== seq) return
    if (bySeq.has(seq + 1)) lowestByChain.set(chain, seq + 1)
    else lowestByChain.delete(chain)
  }
  const lowestOf = (chain: ChainId): number => {
    const known = lowestByChain.get(chain)
    if (known !== undefined) return known
    let lowest = Number.POSITIVE_INFINITY
    for (const seq of bySeqByChain.get(chain)?.keys() ?? []) lowest = Math.min(lowest, seq)
    if (lowest < Number.POSITIVE_INFINITY) lowestByChain.set(chain, lowest)
    return lowest
  }
  const dropBefore = (chain: ChainId, seq: number): void => {
    for (const waiting of bySeqByChain.get(chain)?.keys() ?? []) if (waiting <= seq) remove(chain, waiting)
  }
  const dropFrom = (chain: ChainId, from: PeerId): void => {
    for (const [seq, waiting] of bySeqByChain.get(chain) ?? []) if (waiting.from === from) remove(chain, seq)
  }
  /** Behind a fork nothing of a chain will ever count: it must not wait, nor use up its sender's room. */
  const dropForked = (chain: ChainId, at: number, nowMs: number): void => {
    if (at === Number.POSITIVE_INFINITY) return
    for (const [seq, { from, commit }] of bySeqByChain.get(chain) ?? []) {
      if (seq < at) continue
      remove(chain, seq)
      refuse(from, placeOf(commit), 'forked', nowMs)
    }
  }

  return {
    refused,
    takeRefused: () => {
      const taken = untold
      untold = []
      return taken
    },
    counters,
    missingDeps: () => chainsByDep.keys(),
    ready: () => dirty.size > 0,
    heldBack: () => {
      const held = new Map<PeerId, HeldBack>()
      const of = (peer: PeerId): HeldBack => {
        const known = held.get(peer) ?? { chains: 0, waiting: 0, dropped: 0 }
        held.set(peer, known)
        return known
      }
      for (const [chain, bySeq] of bySeqByChain) {
        const [first] = bySeq.values()
        if (first === undefined) continue
        const author = of(first.commit.header.peer)
        author.waiting += bySeq.size
        if (dueMsByChain.get(chain)?.forBudget === true) author.chains++
      }
      for (const [peer, dropped] of droppedBySender) of(peer).dropped = dropped
      return held
    },
    tick: (nowMs) => {
      const isBack = nowMs < wokenMs
      if (isBack || nowMs - wokenMs >= WAKE_ALL_MS) {
        wokenMs = nowMs
        for (const chain of bySeqByChain.keys()) dirty.add(chain)
      }
      for (const [chain, { dueMs }] of dueMsByChain) if (dueMs <= nowMs || isBack) dirty.add(chain)
    },
    pending: () => [...bySeqByChain.values()].reduce((sum, bySeq) => sum + bySeq.size, uncovered.size),
    wake: () => {
      for (const chain of bySeqByChain.keys()) dirty.add(chain)
    },

    take: (from, parcels, nowMs, verified, hashAt = () => null) => {
      const fresh = parcels.filter(({ chain, seq, bytes, bodies }) => {
        const waiting = bySeqByChain.get(chain)?.get(seq)
        const known = hashAt(chain, seq) ?? waiting?.commit.hash
        if (known === undefined || known !== hashBorne(bytes)) return true
        counters.duplicates++
        if (waiting?.commit.hash === known) bySeqByChain.get(chain)!.set(seq, withTexts(waiting, bodies))
        return false
      })
      for (const run of consecutiveRuns(from, fresh, reads, (place, reason) => refuse(from, place, reason, nowMs))) {
        const covered = coveredCommits(run.map(({ commit }) => commit))
        if (verified !== undefined) for (const commit of covered) verified(commit)
        for (const [i, entry] of run.entries()) {
          if (!hasRoom(from)) drop(from, entry.commit, nowMs)
          else if (i < covered.length) keepVerified(entry as Waiting<VerifiedCommit>, () => covered.slice(i + 1), nowMs)
          else keepUncovered(entry, nowMs)
        }
      }
    },

    drain: (log, nowMs, commitsMax, onRival, accept) => {
      let accepted = 0
      dropStored(log)
      const judgeChain = (chain: ChainId): void => {
        dueMsByChain.delete(chain)
        const isNothingNext = lowestOf(chain) > (log.chain(chain)?.seq ?? 0) + 1
        const rival = isNothingNext ? null : rivalOf(log, chain, bySeqByChain.get(chain))
        if (rival !== null) {
          counters.forks++
          onRival(rival)
        }
        const among = rivals.get(chain)
        rivals.delete(chain)
        if (among !== undefined) onRival(among)
        if (!isNothingNext) dropBefore(chain, log.chain(chain)?.seq ?? 0)
        const [first] = bySeqByChain.get(chain)?.values() ?? []
        if (first !== undefined) dropForked(chain, log.forkAt(chain, first.commit.header.peer), nowMs)
        for (;;) {
          const entry = bySeqByChain.get(chain)?.get((log.chain(chain)?.seq ?? 0) + 1)
          if (entry === undefined) return
          if (accepted >= commitsMax) {
            dirty.add(chain)
            return
          }
          const verdict = admit(log, entry.commit, nowMs)
          if (verdict.kind === 'pending') {
            if (verdict.missing === 'time')
              dueMsByChain.set(chain, {
                dueMs: hlcMs(entry.commit.header.hlc) - limits.clock_bound_ms,
                forBudget: false,
              })
            for (const dep of verdict.missing === 'dep' ? entry.commit.header.deps : []) {
              if (log.meta(dep) === null) chainsByDep.set(dep, (chainsByDep.get(dep) ?? new Set()).add(chain))
            }
            return
          }
          const waitMs =
            verdict.kind === 'admitted' &&
            verdict.chain.seq === 0 &&
            entry.commit.header.namespace !== CONTROL_NAMESPACE
              ? budget.begin(entry.from, entry.commit.header.peer, nowMs)
              : 0
          if (waitMs > 0) {
            dueMsByChain.set(chain, { dueMs: nowMs + waitMs, forBudget: true })
            return
          }
          remove(chain, entry.commit.header.seq)
          if (verdict.kind !== 'admitted') {
            if (verdict.kind === 'refused') refuse(entry.from, placeOf(entry.commit), verdict.reason, nowMs)
            // Unproven until its turn, what the same sender brought of the control log must not stand in the way of what others bring.
            if (verdict.kind === 'refused' && isControlCommit(entry.commit)) dropFrom(chain, entry.from)
            return
          }
          accept(verdict.commit, verdict.chain, verdict.policySeq, entry.bodies)
          accepted++
          for (const waiting of chainsByDep.get(verdict.commit.hash) ?? []) dirty.add(waiting)
          chainsByDep.delete(verdict.commit.hash)
        }
      }
      while (dirty.size > 0 && accepted < commitsMax) {
        const chain = dirty.values().next().value as ChainId
        dirty.delete(chain)
        judgeChain(chain)
      }
      if (bySeqByChain.size === 0) chainsByDep.clear()
    },
  }
}

type Place = Pick<Refused, 'peer' | 'chain' | 'seq' | 'hash'>
const placeOf = ({ chain, header, hash }: Commit): Place => ({ peer: header.peer, chain, seq: header.seq, hash })
/** It is asked for again, and taken then. */
const TOO_MANY_WAITING = 'too_many_waiting'

/** With the texts that another delivery of the same commit brought besides. */
const withTexts = <C extends Commit>(waiting: Waiting<C>, bodies: readonly Body[]): Waiting<C> => {
  const wanted = new Set(textsOf(waiting.commit))
  const more = bodies.filter(({ ref }) => wanted.has(ref) && !waiting.bodies.some((body) => body.ref === ref))
  return more.length === 0 ? waiting : { ...waiting, bodies: [...waiting.bodies, ...more] }
}

/** The first waiting commit that contradicts the log where the histories part, and what follows it. */
const rivalOf = (
  log: LogView,
  chain: ChainId,
  bySeq: ReadonlyMap<number, Waiting<VerifiedCommit>> | undefined,
): Rival | null => {
  const ours = log.chain(chain)
  if (bySeq === undefined || ours === null || ours.seq === 0) return null
  const seqs = [...bySeq.keys()].filter((seq) => seq <= ours.seq + 1).sort((a, b) => a - b)
  for (const seq of seqs) {
    const { header, hash } = bySeq.get(seq)!.commit
    const before = seq === 1 ? ZERO_HASH : log.hashAt(chain, seq - 1)
    const parts = header.prev === before ? seq <= ours.seq && log.hashAt(chain, seq) !== hash : before !== null
    if (!parts) continue
    return { chain, at: header.prev === before ? seq : seq - 1, commits: strandFrom(bySeq, seq), waiting: null }
  }
  return null
}

/** What waits from `seq` on without a gap. */
const strandFrom = (
  bySeq: ReadonlyMap<number, Waiting<VerifiedCommit>> | undefined,
  seq: number,
): readonly VerifiedCommit[] => {
  const commits: VerifiedCommit[] = []
  for (let next = bySeq?.get(seq); next !== undefined; next = bySeq?.get(seq + commits.length))
    commits.push(next.commit)
  return commits
}

/** Well-formed commits in runs of one chain in which each names the one before: what one signature can cover. */
const consecutiveRuns = (
  from: PeerId,
  parcels: readonly Parcel[],
  reads: Reads,
  refuse: (place: Place, reason: string) => void,
): Waiting<Commit>[][] => {
  const runs: Waiting<Commit>[][] = []
  const sorted = parcels.toSorted((a, b) => (a.chain === b.chain ? a.seq - b.seq : a.chain < b.chain ? -1 : 1))
  for (const parcel of sorted) {
    const decoded = decodeCommit(parcel.bytes, () => reads)
    if (!decoded.ok || decoded.commit.chain !== parcel.chain || decoded.commit.header.seq !== parcel.seq) {
      refuse(
        { peer: from, chain: parcel.chain, seq: parcel.seq, hash: null },
        decoded.ok ? 'parcel_mislabelled' : decoded.reason,
      )
      continue
    }
    const { commit } = decoded
    const last = runs.at(-1)?.at(-1)?.commit
    const follows =
      last !== undefined &&
      last.chain === commit.chain &&
      last.header.seq + 1 === commit.header.seq &&
      commit.header.prev === last.hash
    if (follows) runs.at(-1)!.push({ commit, bodies: parcel.bodies, from })
    else runs.push([{ commit, bodies: parcel.bodies, from }])
  }
  return runs
}
