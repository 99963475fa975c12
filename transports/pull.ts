/**
 * Anti-entropy as the receiver sees it, on one link (PROTOCOL AE1–AE6): find out what the other side has that we lack, and
 * ask for it. Everything is pulled; what is pushed live only saves the asking.
 *
 *   opened ─ digests equal ─▶ in step
 *          ├ cursor into this log ─▶ since(cursor) ─▶ page ─▶ … ─▶ end
 *          ├ nothing held yet ─▶ since(0) ─▶ …
 *          └ else ─▶ frontier, where it differs ─▶ page of what is lacking, or since(0) when that is much
 *
 * `plan` is the single decision function: every event changes state, then `plan` decides what to ask. Invariants:
 * (1) the control chain is asked for first, and before the link is open nothing else; (2) the kept cursor never passes a commit that our log does not hold, though
 * reading goes on past what is stuck; (3) a page is one that the link still waits for, so memory is bounded by one page;
 * (4) whatever diverges is found without new writes: an unequal digest of a quiet link leads to a compared frontier;
 * (5) of a chain known to have forked nothing behind its end is wanted or waited for, whatever others say they have.
 */
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { equalBytes } from '../crdt/msgpack.ts'
import type { Fetches, LinkNumber } from './fetches.ts'
import { createComparison, type Comparison } from './frontiers.ts'
import { endOf } from './forks.ts'
import type { MeshHost, Run } from './host.ts'
import type { Message } from './messages.ts'
import type { Positions } from './positions.ts'

type Of<Type extends Message['type']> = Extract<Message, { readonly type: Type }>
type Page = {
  readonly runs: readonly Run[]
  readonly cursor: number
  readonly end: boolean
  readonly digest: Uint8Array | null
}

export type PullOptions = {
  readonly host: MeshHost
  readonly link: LinkNumber
  readonly peer: Parameters<MeshHost['cursorInto']>[0]
  readonly fetches: Fetches
  readonly positions: Positions
  /** Our own digest under the session's key, 16 bytes. */
  readonly digest: () => Uint8Array
  readonly digestKey: Uint8Array
  /** The other side has another commit at this place than we. */
  readonly differs: (chain: ChainId, seq: number) => void
  /** The control log comes by its lines (MB6), not by its chain. */
  readonly byLines: boolean
  /** When the other side was last sent what it wanted. */
  readonly servedAtMs: () => number
  readonly send: (message: Message) => void
}

export type Pull = {
  opened(open: Of<'open'>, nowMs: number): void
  /** A ping or a pong said where the other stands. */
  standing(at: { readonly arrivals: number; readonly digest: Uint8Array }, nowMs: number): void
  runs(page: Of<'runs'>, nowMs: number): void
  /** False when there are more chains than anybody can have. */
  frontier(page: Of<'frontier'>, nowMs: number): boolean
  /** The other side has `chain` up to `seq`; asked for from `dueMs` on, in case it comes by itself. True when we lack some. */
  learned(chain: ChainId, seq: number, dueMs: number): boolean
  absent(chain: ChainId): void
  /** Whether there was a moment on this link at which we held all that the other side had. */
  heldAll(): boolean
  /** Asks for whatever is lacking, due, and not under way elsewhere. */
  plan(nowMs: number): void
}

/** Log pages behind the kept cursor whose stuck commits are watched; behind more of them the cursor waits for the next session. */
const UNSETTLED_PAGES_MAX = 64

export const createPull = (options: PullOptions): Pull => {
  const { host, link, peer, fetches, positions, send } = options
  const aheadByChain = new Map<ChainId, { seq: number; dueMs: number }>()
  let epoch = ''
  let opened = false
  let everHeldAll = false
  let askedAtMs: number | null = null
  let page: Page | null = null
  let readTo = 0
  let keptTo = -1
  let unsettled: { readonly runs: readonly Run[]; readonly cursor: number }[] | null = []
  let compare: {
    readonly tree: Comparison
    readonly seqByLackingChain: Map<ChainId, number>
    arrivals: number | null
  } | null = null
  let compareWaitMs: number = limits.frontier_compare_ms_min
  let compareAtMs = 0

  const comesByLines = (chain: ChainId): boolean => options.byLines && host.isControl(chain)
  const holds = (run: Run): boolean =>
    comesByLines(run.chain) || host.seqOf(run.chain) >= endOf(host, run.chain, run.from + run.count - 1)
  const keep = (cursor: number): void => {
    if (cursor <= keptTo) return
    keptTo = cursor
    host.keepCursor(peer, epoch, cursor)
    send({ type: 'have', cursor })
  }
  const askSince = (cursor: number, nowMs: number): void => {
    readTo = cursor
    askedAtMs = nowMs
    compare = null
    send({ type: 'since', cursor })
  }
  const askFrontier = (nowMs: number): void => {
    compare = { tree: createComparison(host, options.digestKey), seqByLackingChain: new Map(), arrivals: null }
    compareAtMs = nowMs + compareWaitMs
    compareWaitMs = Math.min(2 * compareWaitMs, limits.frontier_compare_ms_max)
    askedAtMs = nowMs
    send({ type: 'frontier_ask', prefixes: compare.tree.next() })
  }
  const becameInStep = (arrivals: number): void => {
    everHeldAll = true
    unsettled = []
    aheadByChain.clear()
    compareWaitMs = limits.frontier_compare_ms_min
    readTo = Math.max(readTo, arrivals)
    if (arrivals > keptTo) {
      keptTo = arrivals
      host.keepCursor(peer, epoch, arrivals)
    }
    positions.heldAll()
  }
  const idle = (nowMs: number): boolean =>
    page === null && (askedAtMs === null || nowMs - askedAtMs > limits.claim_ms_max)
  const holdsNothing = (): boolean => host.commits() <= host.seqOf(host.controlChain)

  const learned = (chain: ChainId, seq: number, dueMs: number): boolean => {
    if (seq <= host.seqOf(chain) || comesByLines(chain)) return false
    const ahead = aheadByChain.get(chain)
    if (ahead === undefined && aheadByChain.size >= limits.ahead_chains_per_link_max) return false
    if (ahead === undefined) aheadByChain.set(chain, { seq, dueMs })
    else {
      ahead.seq = Math.max(ahead.seq, seq)
      ahead.dueMs = Math.min(ahead.dueMs, dueMs)
    }
    return true
  }

  /** The page has come as far as it can: keep the cursor as far as our log covers, and read on. */
  const finishPage = (done: Page, nowMs: number): void => {
    page = null
    readTo = Math.max(readTo, done.cursor)
    const open = done.runs.filter((run) => !holds(run))
    for (const run of open) learned(run.chain, run.from + run.count - 1, nowMs)
    if (unsettled !== null && (open.length > 0 || unsettled.length > 0))
      unsettled.push({ runs: open, cursor: done.cursor })
    else if (unsettled !== null) keep(done.cursor)
    if (unsettled !== null && unsettled.length > UNSETTLED_PAGES_MAX) unsettled = null
    if (!done.end) return askSince(done.cursor, nowMs)
    everHeldAll ||= unsettled?.length === 0 && keptTo >= done.cursor
    if (open.length > 0 || done.digest === null) return
    if (equalBytes(done.digest, options.digest())) becameInStep(done.cursor)
    else if (
      done.runs.length === 0 &&
      nowMs >= compareAtMs &&
      nowMs - options.servedAtMs() >= limits.frontier_quiet_ms_min
    )
      askFrontier(nowMs)
  }
  const settle = (): void => {
    while (unsettled !== null && unsettled.length > 0 && unsettled[0]!.runs.every(holds))
      keep(unsettled.shift()!.cursor)
  }

  /** All that differs was seen: fetch the difference, or, when that is much, read the log, whose order can be applied as it comes. */
  const compared = (seqByLackingChain: ReadonlyMap<ChainId, number>, arrivals: number, nowMs: number): void => {
    compare = null
    askedAtMs = null
    const lacking = [...seqByLackingChain]
      .map(([chain, seq]) => ({
        chain,
        from: host.seqOf(chain) + 1,
        count: endOf(host, chain, seq) - host.seqOf(chain),
      }))
      .filter((run) => run.count > 0)
    const commits = lacking.reduce((sum, run) => sum + run.count, 0)
    if (commits > limits.frontier_pull_commits_max) return askSince(0, nowMs)
    page = { runs: lacking, cursor: arrivals, end: false, digest: null }
    plan(nowMs)
  }

  const plan = (nowMs: number): void => {
    const wants: Run[] = []
    let room = (opened ? limits.want_commits_max : limits.control_want_commits_max) - fetches.outstanding(link)
    const take = (chain: ChainId, upto: number): void => {
      const range =
        wants.length < limits.want_runs_max
          ? fetches.claim(chain, link, host.seqOf(chain), endOf(host, chain, upto), room, nowMs)
          : null
      if (range === null) return
      room -= range.count
      wants.push({ chain, ...range })
    }
    if (!options.byLines) take(host.controlChain, positions.of(host.controlChain))
    settle()
    const current = page
    if (current !== null) {
      for (const run of current.runs) if (!holds(run)) take(run.chain, run.from + run.count - 1)
      if (current.runs.every((run) => holds(run) || fetches.stuck(run.chain, link, nowMs))) finishPage(current, nowMs)
    }
    for (const [chain, ahead] of aheadByChain) {
      if (host.seqOf(chain) >= endOf(host, chain, ahead.seq)) aheadByChain.delete(chain)
      else if (ahead.dueMs <= nowMs) take(chain, ahead.seq)
    }
    if (wants.length > 0) send({ type: 'want', runs: wants })
  }

  return {
    heldAll: () => everHeldAll,
    opened: (open, nowMs) => {
      opened = true
      epoch = open.epoch
      compareAtMs = nowMs
      if (equalBytes(open.digest, options.digest())) return becameInStep(open.arrivals)
      const cursor = host.cursorInto(peer)
      if (cursor !== null && cursor.epoch === epoch && cursor.cursor <= open.arrivals) {
        keptTo = cursor.cursor
        readTo = cursor.cursor
        // What differs is mostly what it lacks, and fetches now.
        compareAtMs = nowMs + limits.frontier_quiet_ms_min
        everHeldAll = cursor.cursor === open.arrivals
        if (cursor.cursor < open.arrivals) askSince(cursor.cursor, nowMs)
      } else if (holdsNothing()) askSince(0, nowMs)
      else askFrontier(nowMs)
    },

    standing: (at, nowMs) => {
      if (!opened) return
      if (equalBytes(at.digest, options.digest())) becameInStep(at.arrivals)
      else if (idle(nowMs)) askSince(readTo, nowMs)
      plan(nowMs)
    },

    runs: (next, nowMs) => {
      if (askedAtMs === null || page !== null || next.cursor < readTo) return
      askedAtMs = null
      for (const run of next.runs) positions.reached(run.chain, run.from + run.count - 1)
      // A page that does not move on and is not the last would be asked for for ever.
      page = { runs: next.runs, cursor: next.cursor, end: next.end || next.cursor === readTo, digest: next.digest }
      plan(nowMs)
    },

    frontier: (part, nowMs) => {
      if (compare === null) return true
      const { tree, seqByLackingChain } = compare
      const entries = tree.told(part.nodes)
      if (entries === null) return true
      const arrivals = (compare.arrivals ??= part.arrivals)
      for (const { chain, seq, hash } of entries) {
        if (comesByLines(chain)) continue
        positions.reached(chain, seq)
        const ours = seq > host.seqOf(chain) ? null : host.hashAt(chain, seq)
        if (seq > host.seqOf(chain)) seqByLackingChain.set(chain, seq)
        // One place, two hashes: the host has to see both branches, whoever is right.
        else if (ours !== null && ours !== hash) options.differs(chain, seq)
      }
      // Much is lacking: the log is read instead, and nobody needs to know of all.
      const next = seqByLackingChain.size > limits.frontier_pull_commits_max ? [] : tree.next()
      if (tree.isTooLarge()) return false
      if (next.length === 0) compared(seqByLackingChain, arrivals, nowMs)
      else {
        askedAtMs = nowMs
        send({ type: 'frontier_ask', prefixes: next })
      }
      return true
    },

    learned,

    absent: (chain) => {
      aheadByChain.delete(chain)
    },

    plan,
  }
}
