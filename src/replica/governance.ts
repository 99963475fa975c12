/**
 * Governance: what the authority says on its way into the control log, and this peer's votes on what others propose.
 *
 * A statement is kept on disk, sealed on top of the control log, proposed to the voters, and enters the log when a majority has
 * countersigned it; alone in the mesh the authority's peer is its own majority, in one flush. Where the place was taken meanwhile,
 * it is sealed anew on top of what took it, the same events.
 *
 * Invariants: statements enter in the order in which they were said; a request ends once, when its statement is durable here, when
 * the disk refuses it, or, `quorum_not_met`, when its deadline passes or too few voters can be reached; the statement then stays and
 * is proposed again whenever a voter's link opens, and after a restart.
 */
import { chainFault, type ChainState } from '../../crdt/chain.ts'
import { decodeCommit, isControlCommit, type AdmittedCommit, type Commit } from '../../crdt/commit.ts'
import { authorityAt, sealControl, statementFault } from '../../crdt/control.ts'
import { isRecovery } from '../../crdt/epoch.ts'
import { encodeEvent } from '../../crdt/event.ts'
import { tick } from '../../crdt/hlc.ts'
import { CONTROL_NAMESPACE, type CommitHash, type PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { signVote } from '../../crdt/vote.ts'
import type { CommitStore, StoreBatch, StoreFailure } from '../ports/store.ts'
import type { VoteMessage } from '../../transports/host.ts'
import { certified, createBallot, type Ballot } from './ballot.ts'
import type { ControlBranches } from './control-branches.ts'
import { factsOfStatements, keptStatements, keyOfStatement, type Statement } from './kept-statements.ts'
import { controlChain, statementAt } from './control-places.ts'
import type { LogIndex } from './log-index.ts'
import type { Reach } from './reach.ts'
import { refuse, type Effect, type Refusal, type RequestId } from './types.ts'
import { createVoting } from './voting.ts'

export type Governance = {
  /** Of what is said again only the wait is new. */
  say(request: { readonly id: RequestId; readonly events: Statement; readonly deadlineMs: number }): Effect[]
  /** Bytes from a member that propose something; whatever is no valid proposal for the next place is passed over. */
  proposed(from: PeerId, bytes: Uint8Array): Effect[]
  voted(from: PeerId, vote: VoteMessage): void
  linkUp(peer: PeerId): Effect[]
  /** The statement that the flush being made takes in, certified; null when there is none. */
  next(nowMs: number): { readonly commit: AdmittedCommit; readonly chain: ChainState } | null
  /** What that flush makes durable besides. */
  facts(): NonNullable<StoreBatch['facts']>
  /** What may be sent already. */
  sends(): Effect[]
  /** That flush is on disk, with these commits, and the index has them. */
  persisted(commits: readonly Commit[]): Effect[]
  failed(failure: StoreFailure): Effect[]
  /** Nothing is sealed now: whoever waits is told why, and what is kept stays. */
  refuse(refusal: Refusal): Effect[]
  retry(): void
  expire(nowMs: number): Effect[]
  nextDeadlineMs(): number | null
  /** Statements that no flush has taken yet, and the one that is to be sealed. */
  waiting(): number
  /** Statements that are not certified yet, in their order. */
  pending(): readonly Statement[]
  /** Who has voted for the first of these, and who could still. */
  standing(): { readonly voted: readonly PeerId[]; readonly missing: readonly PeerId[]; readonly needed: number }
  restore(): void
}

export type GovernanceOptions = {
  readonly index: LogIndex
  readonly self: PeerId
  readonly keys: KeyPair
  /** The authority's key, on the peer that has it. */
  readonly authority: KeyPair | null
  readonly store: Pick<CommitStore, 'fact' | 'commit'>
  readonly reach: Reach
  readonly isControlWhole: () => boolean
  /** Made durable with what is said here. */
  readonly branches: Pick<ControlBranches, 'facts' | 'failed' | 'retry' | 'restore'>
}

type Entry = {
  readonly key: string
  readonly events: Statement
  readonly waits: Map<RequestId, number>
  kept: 'no' | 'writing' | 'yes'
}

export const createGovernance = ({
  index,
  self,
  keys,
  authority,
  store,
  reach,
  isControlWhole,
  branches,
}: GovernanceOptions): Governance => {
  const ownKey = authority && publicKeyHex(authority)
  const isVoter = (): boolean => {
    const member = index.control.members.get(self)
    return member?.role === 'voter' && member.revoked === null
  }
  const voting = createVoting(keys, store, () => isVoter() && isControlWhole())
  let entries: Entry[] = []
  /** By the disk. */
  let kept: ReadonlySet<string> = new Set()
  let keeping: ReadonlySet<string> | null = null
  let ballot: { readonly of: CommitHash | null; readonly votes: Ballot; own: Commit | null; isTold: boolean } | null =
    null
  let certifying: CommitHash | null = null
  let isResting = false
  let againAtMs = 0

  const governs = (): boolean =>
    ownKey !== null && ownKey === authorityAt(index.control, index.control.seq) && isControlWhole()
  /** The ballot for the next place of the log as it is on disk: another once the log has grown. */
  const current = (): NonNullable<typeof ballot> => {
    if (ballot === null || ballot.of !== index.control.head)
      ballot = { of: index.control.head, votes: createBallot(index.control), own: null, isTold: false }
    return ballot
  }
  /** A proposal that may be voted on: the next of our log, but for its votes. */
  const readProposal = (bytes: Uint8Array): Commit | null => {
    const decoded =
      bytes.length <= limits.proposal_bytes_max && isControlWhole() ? decodeCommit(bytes, () => index.reads) : null
    const chain = index.chains.get(controlChain(index))
    if (!decoded?.ok || chain === undefined) return null
    const { commit } = decoded
    const { header, votes } = commit
    if (
      !isControlCommit(commit) ||
      header.mesh !== index.mesh ||
      commit.chain !== chain.id ||
      votes.length > 0 ||
      isRecovery(commit)
    )
      return null
    if (chainFault(chain, commit) !== null || header.policy !== chain.hash) return null
    return statementFault(index.control, commit) === null ? commit : null
  }
  const propose = (to: PeerId | null): Effect[] =>
    ballot?.own ? [{ kind: 'PROPOSE', commit: ballot.own.bytes, to }] : []
  const answer = (entry: Entry, effect: (id: RequestId) => Effect): Effect[] => {
    const ids = [...entry.waits.keys()]
    entry.waits.clear()
    return ids.map(effect)
  }
  /** One kept from before a start, or whose place was taken, is to be sealed. */
  const waiting = (): number => {
    if (isResting || !governs()) return 0
    return (
      entries.filter((entry) => entry.kept === 'no').length +
      (entries[0]?.kept === 'yes' && current().own === null ? 1 : 0)
    )
  }
  const standing = () => {
    const { votes, own } = current()
    const voted = own === null ? new Set<PeerId>() : votes.votesFor(own.hash)
    return {
      voted: [...voted],
      missing: [...votes.voters].filter((voter) => voter !== self && !voted.has(voter)),
      needed: votes.needed,
    }
  }
  const unmet = (): Refusal => {
    const { voted, missing, needed } = standing()
    const name = (peer: PeerId): string => index.control.members.get(peer)?.name ?? peer
    const away = missing.filter((peer) => !reach.linked.has(peer))
    const why =
      away.length > 0 ? `${away.map(name).join(', ')} cannot be reached` : `not yet by ${missing.map(name).join(', ')}`
    return {
      code: 'quorum_not_met',
      message: `kept and proposed, but not in force: ${needed} of ${current().votes.voters.size} voters must countersign it, ${why}; it goes on by itself when they are back (\`mnemesh serve\`), and needs not be said again`,
      fields: { local_committed: false, proposed: true, needed, voted: voted.map(name), missing: missing.map(name) },
    }
  }
  const isHopeless = (nowMs: number): boolean => {
    if (!reach.isSure(nowMs) || entries[0]?.kept !== 'yes') return false
    const { votes } = current()
    return (
      [...votes.voters].filter((voter) => voter === self || reach.linked.has(voter) || votes.hasVoted(voter)).length <
      votes.needed
    )
  }

  return {
    say: ({ id, events, deadlineMs }) => {
      if (!governs()) return [refuse(id, NOT_OURS)]
      if (events.reduce((sum, event) => sum + encodeEvent(event).length, 0) > STATEMENT_BYTES_MAX)
        return [refuse(id, TOO_LARGE)]
      const key = keyOfStatement(events)
      const known = entries.find((entry) => entry.key === key)
      if (known === undefined && entries.length >= limits.statements_waiting_max) return [refuse(id, TOO_MANY)]
      if (known === undefined) entries.push({ key, events, waits: new Map([[id, deadlineMs]]), kept: 'no' })
      else known.waits.set(id, deadlineMs)
      return []
    },
    proposed: (from, bytes) => {
      const commit = readProposal(bytes)
      if (commit === null) return []
      // Who governs is handed what others have voted for, and votes last.
      if (!governs()) return voting.proposed(from, commit)
      current().votes.add(commit)
      return []
    },
    voted: (from, vote) => void current().votes.vote(from, vote),
    linkUp: (peer) => {
      const { isTold, votes } = current()
      return isTold && votes.voters.has(peer) && !votes.hasVoted(peer) ? propose(peer) : []
    },
    next: (nowMs) => {
      const [first] = entries
      const chain = index.chains.get(controlChain(index))
      if (isResting || !governs() || authority === null || chain === undefined) return null
      const now = current()
      if (now.own === null && first !== undefined) {
        now.own = sealControl(chain, first.events, tick(chain.hlc, nowMs), authority)
        now.votes.add(now.own)
      }
      const decided = now.votes.decided(self, voting.mayVoteFor)
      if (decided === null) return null
      if (decided.isOursNeeded) voting.cast(decided.commit)
      certifying = decided.commit.hash
      const votes = decided.isOursNeeded ? [...decided.votes, signVote(decided.commit, keys)] : decided.votes
      return { commit: certified(decided.commit, votes) as AdmittedCommit, chain }
    },
    facts: () => {
      const certifiedNow = certifying !== null && certifying === ballot?.own?.hash ? entries[0] : undefined
      const toKeep = entries.filter((entry) => entry !== certifiedNow)
      const keys = new Set(toKeep.map(({ key }) => key))
      const isNews = !isResting && (keys.size !== kept.size || toKeep.some(({ key }) => !kept.has(key)))
      if (isNews) keeping = keys
      for (const entry of toKeep) if (isNews && entry.kept === 'no') entry.kept = 'writing'
      return [
        ...voting.facts(),
        ...branches.facts(),
        ...(isNews
          ? factsOfStatements(
              toKeep.map(({ events }) => events),
              kept,
            )
          : []),
      ]
    },
    sends: () => {
      const now = current()
      if (now.own === null || now.isTold || entries[0]?.kept !== 'yes') return []
      now.isTold = true
      return propose(null)
    },
    persisted: (commits) => {
      certifying = null
      if (keeping !== null) kept = keeping
      keeping = null
      for (const entry of entries) if (entry.kept === 'writing') entry.kept = 'yes'
      const effects = voting.persisted()
      for (const { chain, header, headerBytes, hash, events } of commits) {
        if (header.namespace !== CONTROL_NAMESPACE) continue
        const said = new Set<string>(events.map(({ event }) => event.id))
        const done = entries.filter((entry) => entry.events.every(({ id }) => said.has(id)))
        entries = entries.filter((entry) => !done.includes(entry))
        for (const entry of done) {
          const acknowledged = (request: RequestId): Effect => ({
            kind: 'RESOLVE',
            request,
            outcome: {
              kind: 'acknowledged',
              written: [{ chain, seq: header.seq, hash }],
              header: headerBytes,
              acks: [],
              existing: null,
            },
          })
          for (const effect of answer(entry, acknowledged)) effects.push(effect)
        }
      }
      return effects
    },
    failed: (failure) => {
      isResting = certifying !== null || keeping !== null
      certifying = null
      keeping = null
      voting.failed()
      branches.failed()
      const [gone, left] = [
        entries.filter((entry) => entry.kept !== 'yes'),
        entries.filter((entry) => entry.kept === 'yes'),
      ]
      if (entries[0] !== left[0]) ballot = null
      const first = left[0] && isResting ? [left[0]] : []
      entries = left
      return [...gone, ...first].flatMap((entry) => answer(entry, (id) => refuse(id, notWritten(failure))))
    },
    refuse: (refusal) => {
      const told = entries.filter(({ kept: state }) => state !== 'writing')
      entries = entries.filter(({ kept: state }) => state !== 'no')
      return told.flatMap((entry) => answer(entry, (id) => refuse(id, refusal)))
    },
    retry: () => {
      isResting = false
      branches.retry()
    },
    expire: (nowMs) => {
      const hopeless = isHopeless(nowMs)
      const over = entries.flatMap((entry) =>
        [...entry.waits].flatMap(([id, deadlineMs]) => (hopeless || deadlineMs <= nowMs ? [{ entry, id }] : [])),
      )
      for (const { entry, id } of over) entry.waits.delete(id)
      let again: readonly Effect[] = []
      if (ballot !== null && ballot.isTold && (nowMs >= againAtMs || againAtMs - nowMs > limits.propose_again_ms)) {
        againAtMs = nowMs + limits.propose_again_ms
        const { votes } = ballot
        again = [...reach.linked].filter((peer) => votes.voters.has(peer) && !votes.hasVoted(peer)).flatMap(propose)
      }
      return [...over.map(({ id }) => refuse(id, unmet())), ...again]
    },
    nextDeadlineMs: () => {
      const waits = entries.flatMap((entry) => [...entry.waits.values()])
      const isProposing =
        ballot !== null &&
        ballot.isTold &&
        ballot.own !== null &&
        ballot.of === index.control.head &&
        reach.linked.size > 0
      const due = [...waits, ...(isProposing ? [againAtMs] : []), ...(waiting() > 0 ? [0] : [])]
      return due.length === 0 ? null : due.reduce((first, ms) => Math.min(first, ms))
    },
    waiting,
    pending: () => entries.map(({ events }) => events),
    standing,
    restore: () => {
      const said = keptStatements(store)
      kept = new Set(said.map(keyOfStatement))
      const inLog = said.length === 0 ? new Set<string>() : eventsInLog()
      entries = said
        .filter((events) => !events.every(({ id }) => inLog.has(id)))
        .map((events) => ({ key: keyOfStatement(events), events, waits: new Map(), kept: 'yes' }))
      voting.restore(controlChain(index), index.control.seq)
      branches.restore()
    },
  }

  function eventsInLog(): ReadonlySet<string> {
    const ids = new Set<string>()
    for (let seq = index.control.seq; seq > 0; seq--) {
      const stored = statementAt(index, store, seq)
      const decoded = stored && decodeCommit(stored.bytes)
      if (decoded?.ok) for (const { event } of decoded.commit.events) ids.add(event.id)
    }
    return ids
  }
}

/** Leaves room for the header and what frames each event. */
const STATEMENT_BYTES_MAX = limits.proposal_bytes_max - 4_096
const TOO_LARGE: Refusal = {
  code: 'too_large',
  message: `a statement has at most ${STATEMENT_BYTES_MAX} bytes: say it in several`,
  fields: { local_committed: false },
}
const NOT_OURS: Refusal = {
  code: 'forbidden',
  message: 'this peer does not hold the key that governs the mesh: ask the one that does',
  fields: { local_committed: false },
}
const TOO_MANY: Refusal = {
  code: 'too_many_requests',
  message:
    'too many statements wait to be countersigned: see which voters are away with `mnemesh status`, and start them',
  fields: { local_committed: false },
}
const notWritten = (failure: StoreFailure): Refusal => ({
  code: failure.code === 'disk_full' ? 'disk_full' : 'internal',
  message: `the control log could not be written: ${failure.message}`,
  fields: { local_committed: false },
})
