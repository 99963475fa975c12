/**
 * Settling: our own acks, those of others, and the requests that wait for enough of them.
 *
 * Invariants: a request ends exactly once; it is acknowledged only when this peer, if it is a voter, and `needed` voters in
 * all have signed that every commit of it is on their stable storage. One whose voters are surely away (`reach.ts`) ends before its deadline.
 */
import { isGenuine, type SignedAck } from '../../crdt/ack.ts'
import { activeMembers } from '../../crdt/control.ts'
import type { Position } from '../../crdt/frontier.ts'
import type { ChainId, EventId, MeshId, PeerId } from '../../crdt/ids.ts'
import { createAckTable, defaultQuorum, type Counted, type HashOf } from '../../crdt/quorum.ts'
import type { Receipt, Tie } from '../../crdt/receipt.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import type { LogIndex } from './log-index.ts'
import type { RefusedCommit } from '../../transports/host.ts'
import { createOwnAcks } from './own-acks.ts'
import type { Reach } from './reach.ts'
import { createRefusedByVoters, type RefusedByVoters } from './refusals.ts'
import type { Effect, RefusedBy, Unmet, WriteOutcome, WriteRequest, WrittenAt } from './types.ts'
import { createVouches } from './vouches.ts'
import { createWaits, type Wait } from './waits.ts'

export type Settling = {
  /** Words of voters on what is not here, given up for later ones. */
  displacedAcks(): ReadonlyMap<PeerId, number>
  voters(): ReadonlySet<PeerId>
  /** Voters needed when a request names no number. */
  quorum(): number
  covering(position: Position): readonly Counted[]
  /** What shows, to whoever has no log, who has acknowledged the commit at this place; null when it cannot be read. */
  receipt(position: Position): Receipt | null
  /** Signs how far these chains are on our disk, for one peer or, null, for all. */
  announce(chains: Iterable<ChainId>, to: PeerId | null): Effect[]
  /** A flush has touched these: signed, and told to their authors; to all others within `ack_gather_ms` and a tick, but for the control log. */
  flushed(chains: Iterable<ChainId>, nowMs: number): Effect[]
  /** Asks all who vote and have not said so how far these chains are, and whoever comes up later; our own word is signed. */
  want(chains: readonly ChainId[]): Effect[]
  /** Asks a voter that has come up for what requests wait for: what it said while its link was down is lost. */
  wantFrom(peer: PeerId): Effect[]
  /** An ack of `from` itself; anybody else's, or of another mesh, counts for nothing. */
  onAck(from: PeerId, ack: SignedAck): Effect[]
  /** A voter refuses these of our commits. @param refused about commits that are ours, on disk or on their way there. */
  onRefused(voter: PeerId, refused: readonly RefusedCommit[]): Effect[]
  /** What each voter refused of ours, its first word. */
  readonly refusedBy: Pick<RefusedByVoters, 'standing'>
  /** A request is on our disk: it waits, or ends at once. */
  settle(written: readonly WrittenAt[], existing: EventId | null, request: WriteRequest, nowMs: number): Effect[]
  /** These chains have grown on our disk. */
  grown(chains: Iterable<ChainId>): Effect[]
  /** Who counts has changed. */
  votersChanged(out: Iterable<PeerId>): Effect[]
  expire(nowMs: number): Effect[]
  /** Ends every wait: this peer stops. */
  giveUpAll(): Effect[]
  nextDeadlineMs(): number | null
}

export type SettlingOptions = {
  readonly mesh: MeshId
  readonly self: PeerId
  readonly keys: KeyPair
  readonly index: LogIndex
  readonly quorum: number | null
  readonly hashOf: HashOf
  /** Header bytes of our commit at this place; null when it cannot be read. */
  readonly headerOf: (chain: ChainId, seq: number) => Uint8Array | null
  /** What ties our commit at `seq` to a later one of the chain. */
  readonly tie: (chain: ChainId, seq: number, later: number) => Tie | null
  /** Its key wrote two histories: its word on its disk is worth nothing any more. */
  readonly isFrozen: (peer: PeerId) => boolean
  /** Nothing of the chain, commit or body, is missing here. */
  readonly isWhole: (chain: ChainId) => boolean
  /** Why our commit at this place counts nowhere, whoever has it; null when it counts. */
  readonly leftOut: (place: Position) => string | null
  readonly reach: Reach
}

export const createSettling = ({
  mesh,
  self,
  keys,
  index,
  quorum: override,
  hashOf,
  headerOf,
  tie,
  isFrozen,
  isWhole,
  leftOut,
  reach,
}: SettlingOptions): Settling => {
  const acks = createAckTable()
  const waits = createWaits()
  const ours = createOwnAcks({ mesh, self, keys, index, isWhole, said: (ack) => acks.record(ack, hashOf) })
  const { announce } = ours
  const vouches = createVouches(headerOf, tie)
  const refusedBy = createRefusedByVoters()
  const wanted = new Set<ChainId>()
  let votersOf: { control: unknown; forks: number; voters: ReadonlySet<PeerId> } = {
    control: null,
    forks: 0,
    voters: new Set(),
  }

  const voters = (): ReadonlySet<PeerId> => {
    if (votersOf.control !== index.control || votersOf.forks !== index.forkedAt.size) {
      votersOf = {
        control: index.control,
        forks: index.forkedAt.size,
        voters: new Set(activeMembers(index.control, 'voter').flatMap(({ peer }) => (isFrozen(peer) ? [] : [peer]))),
      }
    }
    return votersOf.voters
  }
  const quorum = (): number => override ?? defaultQuorum(voters().size)

  /** The acks of the commit that has fewest. */
  const countedFor = (written: readonly WrittenAt[]): readonly Counted[] => {
    let fewest: readonly Counted[] | null = null
    for (const where of written) {
      const counted = acks.covering(where, voters())
      if (fewest === null || counted.length < fewest.length) fewest = counted
    }
    return fewest ?? []
  }
  const end = (wait: Wait, outcome: WriteOutcome): Effect[] => {
    waits.remove(wait.request)
    return [{ kind: 'RESOLVE', request: wait.request, outcome }]
  }
  const endIfMet = (wait: Wait): Effect[] => {
    const counted = countedFor(wait.written)
    const hasOwn = !voters().has(self) || counted.some(({ voter }) => voter === self)
    const [first] = wait.written
    if (counted.length < wait.needed || !hasOwn || first === undefined) return []
    // What cannot be read now (damage) cannot be shown to anybody: the wait goes on.
    const shown = vouches.whole(first, counted)
    return shown === null
      ? []
      : end(wait, { kind: 'acknowledged', written: wait.written, ...shown, existing: wait.existing })
  }
  const giveUp = (wait: Wait, cause: Unmet): Effect[] => {
    const got = countedFor(wait.written).length
    return end(wait, {
      kind: 'quorum_not_met',
      written: wait.written,
      got,
      needed: wait.needed,
      reason: `${got} of ${wait.needed} voters acknowledged ${WHEN[cause]}`,
      cause,
      refusedBy: refusing(wait),
      existing: wait.existing,
    })
  }
  /** Who will not acknowledge it, and why: this peer itself where it counts nowhere, else voters that refuse it and have not acknowledged it after all. */
  const refusing = ({ written }: Wait): readonly RefusedBy[] => {
    const out = written.reduce<string | null>((why, place) => why ?? leftOut(place), null)
    if (out !== null) return [{ peer: self, reason: out }]
    const counted = new Set(countedFor(written).map(({ voter }) => voter))
    return [...voters()].flatMap((peer) => {
      const reason = counted.has(peer) ? null : refusedBy.why(peer, written)
      return reason === null ? [] : [{ peer, reason }]
    })
  }
  /** Voters that have acknowledged it or may, now or when they are back; none where it counts nowhere. */
  const ableFor = (wait: Wait): readonly PeerId[] => {
    const refuse = new Set(refusing(wait).map(({ peer }) => peer))
    return refuse.has(self) ? [] : [...voters()].filter((voter) => !refuse.has(voter))
  }
  const isReached = (voter: PeerId): boolean => voter === self || reach.linked.has(voter)
  /** Voters whose ack may come for anything. */
  const reached = (): number => {
    const refuse = refusedBy.standing()
    return [...voters()].filter((voter) => isReached(voter) && !refuse.has(voter)).length
  }
  /** Why no ack that can come now ends the wait well, or null. Who has acknowledged and is away counts. */
  const hopeless = (wait: Wait, nowMs: number): Unmet | null => {
    if (wait.needed > voters().size) return 'too_few'
    const able = ableFor(wait)
    if (able.length < wait.needed) return 'refused'
    if (!reach.isSure(nowMs)) return null
    const counted = new Set(countedFor(wait.written).map(({ voter }) => voter))
    return able.filter((voter) => counted.has(voter) || isReached(voter)).length < wait.needed ? 'away' : null
  }

  const endIfRefused = (wait: Wait): Effect[] =>
    ableFor(wait).length < wait.needed && wait.needed <= voters().size ? giveUp(wait, 'refused') : []

  /** What was written before this peer started has no ack of its own yet. */
  const announceOld = (written: readonly WrittenAt[]): Effect[] => {
    const unsigned = written.filter((where) => !acks.covering(where, voters()).some(({ voter }) => voter === self))
    return voters().has(self) && unsigned.length > 0
      ? announce(
          unsigned.map(({ chain }) => chain),
          null,
        )
      : []
  }

  /** The last commit that requests, or whoever asked, want to have acknowledged, by chain; not what this voter has acknowledged. */
  const wantedOf = (voter: PeerId): readonly ChainId[] => {
    const seqByChain = new Map<ChainId, number>()
    for (const { written } of waits.all())
      for (const { chain, seq } of written) seqByChain.set(chain, Math.max(seq, seqByChain.get(chain) ?? 0))
    for (const chain of wanted) seqByChain.set(chain, index.chains.get(chain)?.seq ?? 0)
    const only = new Set([voter])
    return [...seqByChain].flatMap(([chain, seq]) =>
      seq === 0 || acks.covering({ chain, seq }, only).length > 0 ? [] : [chain],
    )
  }
  const want = (chains: readonly ChainId[]): Effect[] => {
    for (const chain of chains) wanted.add(chain)
    // The oldest go: they were asked for already, and only whoever comes up later is not asked for them again.
    for (const chain of wanted) if (wanted.size > WANTED_MAX) wanted.delete(chain)
    return [...announce(chains, self), { kind: 'WANT_ACKS', chains, to: null }]
  }

  return {
    voters,
    quorum,
    want,
    wantFrom: (peer) => {
      refusedBy.forget(peer)
      const chains = voters().has(peer) ? wantedOf(peer) : []
      return chains.length === 0 ? [] : [{ kind: 'WANT_ACKS', chains, to: peer }]
    },
    covering: (position) => acks.covering(position, voters()),
    receipt: (position) => {
      const header = headerOf(position.chain, position.seq)
      return header && { header, acks: vouches.of(position, acks.covering(position, voters())) }
    },
    displacedAcks: acks.displaced,
    nextDeadlineMs: () => waits.nextDeadlineMs() ?? ours.nextDeadlineMs(),
    announce,
    flushed: ours.flushed,

    onAck: (from, ack) => {
      if (!voters().has(from)) return []
      if (ack.voter !== from || !acks.isNews(ack) || !isGenuine(ack, mesh)) return []
      acks.record(ack, hashOf)
      for (const { chain, seq, hash } of ack.watermarks)
        if (hashOf(chain, seq) === hash) refusedBy.taken(from, chain, seq)
      return ack.watermarks.flatMap(({ chain }) => waits.on(chain).flatMap(endIfMet))
    },

    refusedBy,
    onRefused: (voter, refused) => {
      if (!voters().has(voter)) return []
      for (const each of refused) refusedBy.note(voter, each)
      return [...new Set(refused.map(({ chain }) => chain))].flatMap((chain) => waits.on(chain).flatMap(endIfRefused))
    },

    settle: (written, existing, request, nowMs) => {
      const wait: Wait = {
        request: request.id,
        written,
        needed: request.quorum ?? quorum(),
        deadlineMs: request.deadlineMs,
        existing,
      }
      waits.add(wait)
      const own = existing === null ? [] : announceOld(written)
      const met = endIfMet(wait)
      if (met.length > 0) return [...own, ...met]
      const cause = request.deadlineMs <= nowMs ? 'timeout' : hopeless(wait, nowMs)
      // What was written before may have been acknowledged before we came up, or over a link that was lost.
      if (cause === null && existing !== null)
        return [...own, { kind: 'WANT_ACKS', chains: [...new Set(written.map(({ chain }) => chain))], to: null }]
      return cause === null ? own : [...own, ...giveUp(wait, cause)]
    },

    grown: (chains) =>
      [...chains].flatMap((chain) => {
        acks.recheck(chain, hashOf)
        return waits.on(chain).flatMap(endIfMet)
      }),

    votersChanged: (out) => {
      for (const voter of out) acks.forget(voter)
      return [...waits.all()].flatMap((wait) => {
        const refused = endIfRefused(wait)
        return refused.length > 0 ? refused : endIfMet(wait)
      })
    },

    expire: (nowMs) => {
      const ended = waits.expired(nowMs).flatMap((wait) => giveUp(wait, 'timeout'))
      const most = reached()
      const short = [...waits.all()].filter(({ needed }) => needed > most)
      return [
        ...ours.tellOthers(nowMs),
        ...ended,
        ...short.flatMap((wait) => {
          const cause = hopeless(wait, nowMs)
          return cause === null ? [] : giveUp(wait, cause)
        }),
      ]
    },
    giveUpAll: () => [...waits.all()].flatMap((wait) => giveUp(wait, 'stopping')),
  }
}

/** Chains asked for by name (the control log, commits that somebody wants shown), for whoever comes up later. */
const WANTED_MAX = 256

const WHEN: Readonly<Record<Unmet, string>> = {
  refused: 'and too few of the others take it',
  timeout: 'in time',
  away: 'and too few of the others can be reached',
  too_few: 'and the mesh has no more of them',
  stopping: 'before this peer stopped',
}
