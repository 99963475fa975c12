/**
 * What a running peer tells its log of its mesh: members that come and go, links up and down with the reason, what is damaged and healed,
 * forks, lag, slow peers, refused commits.
 *
 * Changes are told as they happen; states are looked at every `JOURNAL_LOOK_MS`, and told when they begin and when they end. A link that
 * goes up and down all the time is told of `BURST` times and then once in `QUIET_MS`, with how often it was not.
 */
import type { ControlState } from '../../crdt/control.ts'
import type { PeerId } from '../../crdt/ids.ts'
import type { LinkInfo } from '../../transports/host.ts'
import type { PeerLog } from '../ports/log.ts'
import type { StoreFailure } from '../ports/store.ts'
import type { Replica } from '../replica/replica-types.ts'
import { controlForked, tooFewVoters } from './status.ts'

export type Journal = {
  linkUp(peer: PeerId): void
  linkDown(peer: PeerId, reason: string): void
  linkQuiet(peer: PeerId, quiet: boolean): void
  membershipChanged(): void
  healed(): void
  /** Begins to look. */
  start(): void
  stop(): void
}

export type JournalOptions = {
  readonly log: PeerLog
  readonly replica: Replica
  readonly links: () => readonly LinkInfo[]
  readonly feed: { lag(): number; trouble(): string | null }
  readonly storeTrouble: () => StoreFailure | null
  readonly after: (ms: number, call: () => void) => () => void
  /** Ms that pass evenly. */
  readonly monotonic: () => number
}

const JOURNAL_LOOK_MS = 5_000
const BURST = 5
const QUIET_MS = 60_000
/** Arrivals that the search index, or commits that a neighbour, may be behind before it is worth a line. */
const LAG_MIN = 1_000
const ROUND_TRIP_MS_MIN = 1_000
/** Links × chains that one look at how far neighbours are may cost: some milliseconds. */
const LAG_COST_MAX = 100_000

export const createJournal = (options: JournalOptions): Journal => {
  const { log, replica, feed } = options
  const { index } = replica
  const nameOf = (peer: PeerId): string => index.control.members.get(peer)?.name ?? peer.slice(0, 12)
  const about = (peer: PeerId) => ({ peer: peer.slice(0, 12), name: nameOf(peer) })
  const budgets = new Map<string, { sinceMs: number; told: number; kept: number }>()
  const states = new Map<string, string>()
  let known: ControlState = index.control
  let counted = { refused: 0, forks: 0, dropped: 0 }
  let cancel = (): void => undefined

  /** Whether this may be told now, and how often it was not before. */
  const mayTell = (key: string): { readonly kept: number } | null => {
    const now = options.monotonic()
    let budget = budgets.get(key)
    if (budget === undefined || now - budget.sinceMs > QUIET_MS)
      budgets.set(key, (budget = { sinceMs: now, told: 0, kept: budget?.kept ?? 0 }))
    if (budget.told >= BURST) {
      budget.kept++
      return null
    }
    budget.told++
    const { kept } = budget
    budget.kept = 0
    return { kept }
  }
  const tell = (
    level: 'info' | 'warn',
    key: string,
    fields: Readonly<Record<string, unknown>>,
    message: string,
  ): void => {
    const may = mayTell(key)
    if (may !== null) log[level]({ ...fields, ...(may.kept > 0 && { not_told: may.kept }) }, message)
  }
  /** A state is told when it begins, when it says something else, and when it ends. */
  const state = (
    key: string,
    now: string | null,
    ended: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void => {
    const before = states.get(key)
    if (now === null && before !== undefined) {
      states.delete(key)
      tell('info', key, fields, ended)
    } else if (now !== null && before === undefined) {
      states.set(key, now)
      tell('warn', key, fields, now)
    }
  }

  const look = (): void => {
    const voters = replica.voters().size
    const quorum = replica.quorum()
    state(
      'quorum',
      quorum > voters ? tooFewVoters(quorum, voters) : null,
      `the mesh has the ${quorum} voters that a write needs`,
      { quorum, voters },
    )
    state('store', options.storeTrouble()?.message ?? null, 'the log takes writes again')
    state('search', feed.trouble(), 'the search index is in order again')
    const lag = feed.lag()
    state(
      'lag',
      lag >= LAG_MIN ? `the search index is ${lag} commits behind` : null,
      'the search index has caught up',
      { lag },
    )
    const lines = replica.branches.forks()
    state('control', lines.length > 0 ? controlForked(lines) : null, 'the control log is one again')
    state(
      'holes',
      index.holes.size > 0 ? `${index.holes.size} commits are damaged: they are fetched from other peers` : null,
      'all damaged commits have been fetched again',
    )
    state(
      'missing',
      replica.missing.size > 0 ? `${replica.missing.size} texts are missing: they are asked for` : null,
      'no text is missing any more',
    )
    lookAtLinks()
    const by = [...replica.refusedBy()].map(([peer, { reason }]) => `${nameOf(peer)} (${reason})`)
    state(
      'refused',
      by.length > 0 ? `what this peer writes is refused by ${by.join(', ')}` : null,
      'nobody refuses any more what this peer writes',
    )
    const { refused, forks, dropped } = replica.intake.counters
    const last = replica.intake.refused.at(-1)
    if (refused > counted.refused)
      log.warn(
        {
          commits: refused - counted.refused,
          ...(last && {
            ...about(last.peer),
            from: nameOf(last.from),
            chain: last.chain,
            seq: last.seq,
            reason: last.reason,
          }),
        },
        'commits were refused',
      )
    if (dropped > counted.dropped)
      log.warn(
        { commits: dropped - counted.dropped },
        'commits beyond what may wait were dropped, and are asked for again',
      )
    if (forks > counted.forks)
      log.warn({ commits: forks - counted.forks }, 'commits contradict others of the same chain: see health')
    counted = { refused, forks, dropped }
  }

  const lookAtLinks = (): void => {
    if (replica.linked.size * index.chains.size > LAG_COST_MAX) return
    for (const { peer, round_trip_ms, commits_behind } of options.links()) {
      const slow =
        (round_trip_ms ?? 0) >= ROUND_TRIP_MS_MIN
          ? `${nameOf(peer)} answers slowly`
          : (commits_behind ?? 0) >= LAG_MIN
            ? `${nameOf(peer)} falls behind`
            : null
      state(`slow ${peer}`, slow, `${nameOf(peer)} keeps up again`, { ...about(peer), round_trip_ms, commits_behind })
    }
  }

  const repeat = (): void => {
    look()
    cancel = options.after(JOURNAL_LOOK_MS, repeat)
  }

  return {
    linkUp: (peer) => tell('info', `link ${peer}`, about(peer), `the link to ${nameOf(peer)} is up`),
    linkDown: (peer, reason) =>
      tell('info', `link ${peer}`, { ...about(peer), reason }, `the link to ${nameOf(peer)} is down`),
    linkQuiet: (peer, quiet) =>
      tell(
        quiet ? 'warn' : 'info',
        `link ${peer}`,
        about(peer),
        quiet ? `${nameOf(peer)} answers nothing, its link is open` : `${nameOf(peer)} is heard again`,
      ),
    membershipChanged: () => {
      const before = known
      known = index.control
      for (const member of known.members.values()) {
        const was = before.members.get(member.peer)
        if (was === undefined)
          log.info({ ...about(member.peer), role: member.role }, `${member.name} has joined the mesh`)
        if (member.revoked !== null && (was?.revoked ?? null) === null)
          log.warn({ ...about(member.peer), role: member.role }, `${member.name} was taken out of the mesh`)
      }
    },
    healed: () => log.info({}, 'the log takes writes again after a failure'),
    start: repeat,
    stop: () => cancel(),
  }
}
