/**
 * Who fetches what, across all links (PROTOCOL AE7–AE10): a chain's range is under way on one link at a time, so a joining
 * peer does not get everything from everybody; a claim that stalls is given to another link.
 *
 * Each chain's state, all of it small and dropped when settled:
 *   claim      the link it is asked of, up to where, since when
 *   delivered  how far its commits were handed to the host, which may not have taken them in yet
 *   retry      when to ask again for what was handed over and did not count
 * Invariants: (1) at most one link holds a claim on a chain; (2) nothing that is with the host is asked for again before
 * its retry time; (3) every claim ends: by arrival, absence, the link's end, stall (`want_ms_max`) or age (`claim_ms_max`).
 */
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'

/** Counts links from 1, never reused: a new link to the same peer is another. */
export type LinkNumber = number

type Claim = {
  readonly link: LinkNumber
  readonly from: number
  upto: number
  readonly sinceMs: number
  progressMs: number
}
/**
 * What was handed over up to `seq` at `sinceMs` and did not count: asked again from `atMs` on. `eased`: how often that was brought forward,
 * because what had stood in the way (a disk, a missing commit) may be gone.
 */
type Retry = {
  readonly seq: number
  readonly sinceMs: number
  readonly atMs: number
  readonly waitMs: number
  readonly eased: number
}
type ChainState = {
  claim: Claim | null
  delivered: number
  /** Hand-overs that the host has not finished. */
  inHand: number
  retry: Retry | null
  /** Links that had it not, or stalled, until when they are passed over. */
  readonly avoidUntilMsByLink: Map<LinkNumber, number>
}

export type Fetches = {
  /**
   * Claims what `link` should ask for of `chain`, from behind `have` up to `upto`, at most `commitsMax`; null when there is
   * nothing to ask of it now.
   */
  claim(
    chain: ChainId,
    link: LinkNumber,
    have: number,
    upto: number,
    commitsMax: number,
    nowMs: number,
  ): { readonly from: number; readonly count: number } | null
  /** True when waiting brings nothing: it was handed over and did not count, or this link does not have it. */
  stuck(chain: ChainId, link: LinkNumber, nowMs: number): boolean
  /** Commits `from`…`to` go to the host now. */
  delivered(chain: ChainId, link: LinkNumber, from: number, to: number, have: number, nowMs: number): void
  /** The host has finished with a hand-over of this chain and holds up to `have`. */
  taken(chain: ChainId, have: number, nowMs: number): void
  absent(chain: ChainId, link: LinkNumber, nowMs: number): void
  /** What kept hand-overs from counting is over here: whatever waits to be asked for again is due now, of any link. */
  lapse(): void
  releaseLink(link: LinkNumber): void
  /** Forks became known: nothing behind a chain's end is under way any more, or asked for again. */
  /** A link has opened: what waits for its next try has it sooner. */
  linkOpened(nowMs: number): void
  shorten(endOf: (chain: ChainId, seq: number) => number, haveOf: (chain: ChainId) => number): void
  /** Releases what stalled; answers how many claims. @param busy links whose own intake is full: not their fault. */
  expire(nowMs: number, busy: (link: LinkNumber) => boolean): number
  /** Commits asked of this link and not here yet. */
  outstanding(link: LinkNumber): number
  /** Chains with any state. */
  size(): number
}

/** Of `retake_eased_ms_min`, up to 16 s. */
const EASED_DOUBLINGS_MAX = 3

export const createFetches = (): Fetches => {
  const states = new Map<ChainId, ChainState>()
  const progressMsByLink = new Map<LinkNumber, number>()
  /** Chains that may have a `retry`: few, and looked at whenever anything counts. */
  const retrying = new Set<ChainId>()

  const stateOf = (chain: ChainId): ChainState => {
    let state = states.get(chain)
    if (state === undefined) {
      state = { claim: null, delivered: 0, inHand: 0, retry: null, avoidUntilMsByLink: new Map() }
      states.set(chain, state)
    }
    return state
  }
  const dropIfSettled = (chain: ChainId, state: ChainState): void => {
    if (
      state.claim === null &&
      state.delivered === 0 &&
      state.inHand === 0 &&
      state.retry === null &&
      state.avoidUntilMsByLink.size === 0
    ) {
      states.delete(chain)
      retrying.delete(chain)
    }
  }
  const refresh = (state: ChainState, have: number, nowMs: number): void => {
    if (state.retry !== null && state.retry.seq <= have) state.retry = null
    const lapsed = state.retry !== null && state.retry.atMs <= nowMs && state.inHand === 0
    if (lapsed || state.delivered <= have) state.delivered = 0
  }
  /** Sooner, not at once, and each time less so: what can never count must not be fetched for ever at the pace of what does. */
  const ease = (state: ChainState, nowMs: number): void => {
    const { retry } = state
    if (retry === null) return
    const atMs = Math.max(
      nowMs,
      retry.sinceMs + limits.retake_eased_ms_min * 2 ** Math.min(retry.eased, EASED_DOUBLINGS_MAX),
    )
    if (atMs < retry.atMs) state.retry = { ...retry, atMs, eased: retry.eased + 1 }
  }
  const easeAll = (nowMs: number): void => {
    for (const chain of retrying) ease(stateOf(chain), nowMs)
  }
  const passOver = (state: ChainState, link: LinkNumber, nowMs: number): void => {
    state.claim = null
    state.avoidUntilMsByLink.set(link, nowMs + limits.want_ms_max)
  }

  return {
    claim: (chain, link, have, upto, commitsMax, nowMs) => {
      if (upto <= have || commitsMax <= 0) return null
      const state = stateOf(chain)
      if (state.retry !== null && upto > state.retry.seq) ease(state, nowMs)
      refresh(state, have, nowMs)
      if ((state.avoidUntilMsByLink.get(link) ?? 0) > nowMs || (state.claim !== null && state.claim.link !== link))
        return null
      const from = Math.max(have, state.delivered, state.claim?.upto ?? 0) + 1
      if (from > upto) return null
      const to = Math.min(upto, from + commitsMax - 1)
      if (state.claim === null) state.claim = { link, from, upto: to, sinceMs: nowMs, progressMs: nowMs }
      else state.claim.upto = to
      return { from, count: to - from + 1 }
    },

    stuck: (chain, link, nowMs) => {
      const state = states.get(chain)
      if (state === undefined || state.claim !== null || state.inHand > 0) return false
      return state.retry !== null || (state.avoidUntilMsByLink.get(link) ?? 0) > nowMs
    },

    delivered: (chain, link, from, to, have, nowMs) => {
      const state = stateOf(chain)
      refresh(state, have, nowMs)
      state.inHand++
      if (from <= Math.max(have, state.delivered) + 1) state.delivered = Math.max(state.delivered, to)
      progressMsByLink.set(link, nowMs)
      if (state.claim === null) return
      const own = state.claim.link === link
      if (own) state.claim.progressMs = nowMs
      if (state.delivered >= state.claim.upto || (own && to >= state.claim.upto)) state.claim = null
    },

    taken: (chain, have, nowMs) => {
      const state = stateOf(chain)
      state.inHand = Math.max(0, state.inHand - 1)
      // Before `refresh`: a retry that has lapsed would hide that this one did not count either.
      if (state.retry !== null && state.retry.seq <= have) state.retry = null
      if (state.delivered > have && state.inHand === 0 && (state.retry === null || state.retry.atMs <= nowMs)) {
        const waitMs =
          state.retry === null ? limits.want_ms_max : Math.min(2 * state.retry.waitMs, limits.retake_ms_max)
        state.retry = {
          seq: state.delivered,
          sinceMs: nowMs,
          atMs: nowMs + waitMs,
          waitMs,
          eased: state.retry?.eased ?? 0,
        }
        retrying.add(chain)
      } else if (state.delivered > 0 && state.delivered <= have) easeAll(nowMs)
      if (state.retry === null) retrying.delete(chain)
      refresh(state, have, nowMs)
      dropIfSettled(chain, state)
    },

    absent: (chain, link, nowMs) => {
      const state = stateOf(chain)
      if (state.claim !== null && state.claim.link !== link) return
      passOver(state, link, nowMs)
    },

    lapse: () => {
      for (const state of states.values()) {
        // The next one that does not count waits as long as the first.
        if (state.retry !== null) state.retry = { ...state.retry, atMs: 0, waitMs: limits.want_ms_max / 2 }
        state.avoidUntilMsByLink.clear()
      }
    },

    linkOpened: easeAll,

    releaseLink: (link) => {
      progressMsByLink.delete(link)
      for (const [chain, state] of states) {
        if (state.claim?.link === link) state.claim = null
        state.avoidUntilMsByLink.delete(link)
        dropIfSettled(chain, state)
      }
    },

    shorten: (endOf, haveOf) => {
      for (const [chain, state] of states) {
        const { claim, retry } = state
        const have = haveOf(chain)
        state.delivered = endOf(chain, state.delivered)
        if (state.delivered <= have) state.delivered = 0
        if (retry !== null)
          state.retry = endOf(chain, retry.seq) <= have ? null : { ...retry, seq: endOf(chain, retry.seq) }
        const upto = claim === null ? 0 : endOf(chain, claim.upto)
        if (claim !== null && upto <= Math.max(have, state.delivered, claim.from - 1)) state.claim = null
        else if (claim !== null) claim.upto = upto
        dropIfSettled(chain, state)
      }
    },

    expire: (nowMs, busy) => {
      let released = 0
      for (const [chain, state] of states) {
        for (const [link, until] of state.avoidUntilMsByLink) if (until <= nowMs) state.avoidUntilMsByLink.delete(link)
        const claim = state.claim
        if (claim !== null) {
          const progressMs = Math.max(claim.progressMs, progressMsByLink.get(claim.link) ?? 0)
          const stalled = nowMs - progressMs > limits.want_ms_max && !busy(claim.link)
          if (stalled || nowMs - claim.sinceMs > limits.claim_ms_max) {
            passOver(state, claim.link, nowMs)
            released++
          }
        }
        dropIfSettled(chain, state)
      }
      return released
    },

    outstanding: (link) => {
      let commits = 0
      for (const state of states.values())
        if (state.claim?.link === link)
          commits += Math.max(0, state.claim.upto - Math.max(state.delivered, state.claim.from - 1))
      return commits
    },

    size: () => states.size,
  }
}
