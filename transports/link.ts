/**
 * One authenticated session with one peer: the phases, and which part of the protocol each message belongs to.
 *
 *   CONTROL  both tell how far their control chain is, and fetch what they lack of it; nothing else passes
 *   OPEN     both said `open`, which each says only to a member with its own control log as long as the other's; the proofs
 *            of forks go out first, and only then is anything asked for
 *
 * Invariants: (1) data passes only when we sent and received `open`; (2) a peer that is no member, by a control log of
 * equal length, is closed by name; (3) what the host was given is answered by exactly one `done`, also after the link's end.
 */
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { equalBytes } from '../crdt/msgpack.ts'
import { createReceiveCredit, createSendCredit } from './credit.ts'
import { decode } from './decode.ts'
import { createForkSearch } from './fork-search.ts'
import { createForkMeter, createForkTeller, endOf } from './forks.ts'
import type { Standing } from './frame-shapes.ts'
import { createControlLines } from './control-lines.ts'
import { createHeartbeat } from './heartbeat.ts'
import type { Link, LinkOptions } from './link-types.ts'
import { DIGEST_BYTES, encode, type Message } from './messages.ts'
import { priceOf, priceOfBytes, priceOfVotes } from './prices.ts'
import { createPositions } from './positions.ts'
import { createPull } from './pull.ts'
import type { CloseReason } from './reasons.ts'
import { createServe } from './serve.ts'
import { createUnheardAcks } from './unheard-acks.ts'
import { createRefusals } from './refusals.ts'
import { levelIn, takesDropped, takesLine, takesRefused } from './versions.ts'

export const createLink = (options: LinkOptions): Link => {
  const { host, number, session, wire, timers, fetches, book, count, events } = options
  const { peer } = session
  const control = host.controlChain
  const sendCredit = createSendCredit()
  const receiveCredit = createReceiveCredit()
  const end = (chain: ChainId, seq: number): number => endOf(host, chain, seq)
  const positions = createPositions(host)
  const heartbeat = createHeartbeat(timers.now(), options.roundTripMs)
  const startedAtMs = timers.now()
  const byLines = takesLine(session.offer.abilities)
  let phase: 'control' | 'open' | 'ended' = 'control'
  let theirControl: number | null = null
  let toldControl = -1
  let sentOpen = false
  let theirOpen: Extract<Message, { readonly type: 'open' }> | null = null
  let cancelRelay: (() => void) | null = null
  let pulling = false
  let headersAsked = 0
  let servedAtMs = Number.NEGATIVE_INFINITY
  let quiet = false

  const transmit = (content: Uint8Array): void => wire.send(content)
  const send = (message: Message): void => {
    count(`sent_${message.type}`, 1)
    transmit(encode(message))
  }
  const digest = (): Uint8Array => host.frontierDigest(session.digestKey).slice(0, DIGEST_BYTES)
  const standing = (): { arrivals: number; digest: Uint8Array } =>
    phase === 'open' ? { arrivals: host.arrivals(), digest: digest() } : NO_STANDING
  const serve = createServe({
    host,
    credit: sendCredit,
    positions,
    compression: options.compression,
    isOpen: () => phase === 'open',
    tellsDropped: takesDropped(session.offer.abilities),
    bufferedBytes: wire.bufferedBytes,
    digest,
    digestKey: session.digestKey,
    transmit,
    charge: options.charge,
    served: () => (servedAtMs = timers.now()),
    count,
  })
  const search = createForkSearch(host, (run) => send({ type: 'want', runs: [run] }))
  const pull = createPull({
    host,
    link: number,
    peer,
    fetches,
    positions,
    digest,
    digestKey: session.digestKey,
    differs: search.differs,
    byLines,
    servedAtMs: () => servedAtMs,
    send,
  })
  const tellForks = createForkTeller({
    proofs: host.forkProofs,
    bufferedBytes: wire.bufferedBytes,
    transmit: wire.send,
  })
  const forkMeter = createForkMeter()
  const unheard = createUnheardAcks()
  const refusals = createRefusals({
    host,
    peer,
    takes: takesRefused(session.offer.abilities),
    send,
    count,
    now: timers.now,
  })

  const lines = createControlLines({ host, peer, send, charge: options.charge, count, moved: () => decide() })
  /** A line is told where that of the other side may be another: who holds the same finds so by the digests, in fewer bytes. */
  const tellControl = (): void => {
    if (byLines && (toldControl >= 0 || lines.standing() !== null)) return lines.tell()
    const seq = host.seqOf(control)
    if (seq === toldControl) return
    toldControl = seq
    send({ type: 'control', seq })
  }

  /** The one decision about phases. */
  const decide = (): void => {
    if (phase === 'ended') return
    const state = host.member(peer)
    const member = state === 'voter' || state === 'observer'
    const refusal: CloseReason = state === 'revoked' || state === 'frozen' ? state : 'not_enrolled'
    if (phase === 'open') {
      if (!member) wire.close(refusal)
      return
    }
    const theirs = lines.standing() ?? standingByLength()
    if (theirs === null || theirs === 'unknown') return
    if (!member && byLines && lines.standing() === null) return lines.tell()
    if (!member) {
      // Another than ours: it may still fetch what it lacks. One that is frozen hears why first.
      if (theirs === 'same' && (state !== 'frozen' || tellForks.pump())) wire.close(refusal)
      return
    }
    if (!sentOpen) {
      sentOpen = true
      send({
        type: 'open',
        epoch: host.logEpoch,
        arrivals: host.arrivals(),
        digest: digest(),
        addresses: book.digest(),
        clock: host.wallMs(),
      })
    }
    if (theirOpen !== null) becomeOpen(theirOpen)
  }

  /** Of a build that does not take lines. */
  const standingByLength = (): 'same' | 'known' | 'unknown' | null => {
    if (theirControl === null) return null
    const [ours, theirs] = [host.seqOf(control), end(control, theirControl)]
    return theirs > ours ? 'unknown' : theirs === ours ? 'same' : 'known'
  }

  const tellQuiet = (now: boolean): void => {
    if (phase !== 'open' || quiet === now) return
    quiet = now
    host.linkQuiet(peer, now)
  }

  const becomeOpen = (open: Extract<Message, { readonly type: 'open' }>): void => {
    phase = 'open'
    tellForks.pump()
    events.opened()
    host.receiveLevel(peer, levelIn(session.offer.abilities))
    host.linkUp(peer)
    const missed = unheard.take()
    if (missed.length > 0) host.ackWanted(peer, missed)
    // It may have come any time since we met.
    const age = timers.now() - startedAtMs + options.roundTripMs
    host.receiveClock(peer, { theirMs: open.clock, agoMs: age / 2, errorMs: age / 2 })
    if (!equalBytes(open.addresses, book.digest())) {
      const records = book.records().slice(0, limits.addresses_per_frame_max)
      if (records.length > 0) send({ type: 'addresses', records })
    }
    beginPulling()
  }

  /** Asks for nothing before the proofs are told: what the other side then answers with ends where ours does. */
  const beginPulling = (): void => {
    if (phase !== 'open' || pulling || theirOpen === null || !tellForks.pump()) return
    pulling = true
    pull.opened(theirOpen, timers.now())
  }
  const drained = (): void => {
    beginPulling()
    if (phase === 'control') decide()
    serve.pump()
  }

  const learnedLater = (): void => {
    if (cancelRelay !== null) return
    cancelRelay = timers.after(limits.relay_after_ms, () => {
      cancelRelay = null
      if (phase === 'open') pull.plan(timers.now())
    })
  }
  const settled = (cost: number): void => {
    const grant = receiveCredit.done(cost)
    if (phase === 'ended') return
    if (grant > 0) send({ type: 'credit', bytes: grant })
    pull.plan(timers.now())
    decide()
  }

  const done = (call: () => void): (() => void) => options.guarded(once(call))

  const onParcels = (m: Extract<Message, { readonly type: 'parcels' }>, cost: number): void => {
    const [from, sent] = [m.parcels[0]!.seq, m.parcels.at(-1)!.seq]
    if (!receiveCredit.took(cost)) return wire.close('credit_overrun')
    positions.reached(m.chain, sent)
    const to = end(m.chain, sent)
    // Behind a fork they are the host's to look at, and nobody waits for them.
    const awaited = from <= to
    count('parcels_in', m.parcels.length)
    // A gap before these is asked for, unless it fills by itself.
    if (from > host.seqOf(m.chain) + 1 && pull.learned(m.chain, to, timers.now() + limits.relay_after_ms))
      learnedLater()
    if (awaited) fetches.delivered(m.chain, number, from, to, host.seqOf(m.chain), timers.now())
    host.receive(
      peer,
      m.parcels,
      done(() => {
        if (awaited) fetches.taken(m.chain, host.seqOf(m.chain), timers.now())
        if (phase !== 'ended') search.taken(m.parcels)
        settled(cost)
        events.othersMayPlan()
      }),
    )
  }

  const onAck = (m: Extract<Message, { readonly type: 'ack' }>): void => {
    if (m.ack.voter !== peer) return wire.close('forged_ack')
    let news = false
    for (const { chain, seq, hash } of m.ack.watermarks) {
      if (byLines && host.isControl(chain)) continue
      positions.reached(chain, seq)
      if (seq === host.seqOf(chain) && host.hashAt(chain, seq) !== hash) search.differs(chain, seq)
      news = pull.learned(chain, seq, timers.now() + limits.relay_after_ms) || news
    }
    if (news) learnedLater()
    host.receiveAck(peer, m.ack)
  }

  /** As many answers as questions; more were not asked for, and cost nothing. */
  const onHeaders = (headers: readonly Uint8Array[]): void => {
    if (headersAsked === 0) return count('headers_unasked', headers.length)
    headersAsked--
    host.receiveHeaders(peer, headers)
    events.headersCame()
  }

  const standingOfTheirs = (): Standing => {
    if (phase === 'open') return 'open'
    const state = host.member(peer)
    return state === 'voter' || state === 'observer' ? 'member' : 'stranger'
  }

  const dispatch = (m: Message, cost: number): void => {
    const now = timers.now()
    switch (m.type) {
      case 'control':
        theirControl = Math.max(theirControl ?? 0, m.seq)
        if (byLines && m.seq !== host.seqOf(control)) lines.tell()
        if (m.seq > 0 && !byLines) positions.reached(control, m.seq)
        pull.plan(now)
        return decide()
      case 'open':
        if (theirOpen !== null) return wire.close('already_open')
        theirOpen = m
        if (byLines && !equalBytes(m.digest, digest())) lines.tell()
        return decide()
      case 'ping':
        if (!heartbeat.pinged(now)) return wire.close('ping_flood')
        send({ type: 'pong', id: m.id, ...(isNoStanding(m) ? NO_STANDING : standing()), clock: host.wallMs() })
        return isNoStanding(m) ? undefined : pull.standing(m, now)
      case 'pong':
        if (heartbeat.ponged(m.id, now) && phase === 'open')
          host.receiveClock(peer, {
            theirMs: m.clock,
            agoMs: heartbeat.roundTripMs() / 2,
            errorMs: heartbeat.roundTripMs() / 2,
          })
        return isNoStanding(m) ? undefined : pull.standing(m, now)
      case 'since':
        return serve.since(m.cursor)
      case 'runs':
        return pull.runs(m, now)
      case 'frontier_ask':
        return serve.frontier(m.prefixes)
      case 'frontier':
        return pull.frontier(m, now) ? undefined : wire.close('too_many_chains')
      case 'have':
        return serve.have(m.cursor)
      case 'want':
        return serve.want(m.runs) ? undefined : wire.close('want_overrun')
      case 'absent':
        if (search.absent(m.chain, m.from) || m.from > end(m.chain, m.from)) return
        fetches.absent(m.chain, number, now)
        positions.forget(m.chain)
        pull.absent(m.chain)
        events.runAbsent({ chain: m.chain, from: m.from, count: 1 })
        return events.othersMayPlan()
      case 'parcels':
        return onParcels(m, cost)
      case 'want_bodies':
        return serve.wantBodies(m.refs) ? undefined : wire.close('want_overrun')
      case 'bodies':
        if (!receiveCredit.took(cost)) return wire.close('credit_overrun')
        count('bodies_in', m.bodies.length)
        events.bodiesCame(m)
        return host.receiveBodies(
          peer,
          m.bodies,
          done(() => settled(cost)),
        )
      case 'absent_bodies':
      case 'dropped_bodies':
        return events.bodiesCame(m)
      case 'credit':
        if (!sendCredit.granted(m.bytes)) return wire.close('credit_overrun')
        return serve.pump()
      case 'ack':
        return onAck(m)
      case 'want_acks':
        return host.ackWanted(peer, m.chains)
      case 'addresses':
        return events.addresses(m.records)
      case 'forks':
        if (!forkMeter.took(m.proofs.length, now)) return wire.close('fork_flood')
        count('forks_in', m.proofs.length)
        return host.receiveForkProofs(peer, m.proofs)
      case 'want_headers':
        return serve.wantHeaders(m.hashes) ? undefined : wire.close('want_overrun')
      case 'headers':
        return onHeaders(m.headers)
      case 'propose':
        return host.receiveProposal(peer, m.commit)
      case 'vote':
        return host.receiveVote(peer, m.vote)
      case 'refused':
        return refusals.heard(m.refused)
      case 'line':
        return lines.told(m, now)
      case 'want_line':
        return lines.asked(m)
      case 'statements':
        return lines.came(m, now, (call) =>
          done(() => {
            if (phase !== 'ended') call()
            events.othersMayPlan()
          }),
        )
    }
  }

  return {
    peer,
    number,
    isOpen: () => phase === 'open',
    start: tellControl,
    receive: (content) => {
      if (phase === 'ended') return
      heartbeat.heard(timers.now())
      tellQuiet(false)
      const decoded = decode(content, {
        from: standingOfTheirs(),
        controlChain: control,
        compression: options.compression,
      })
      if (!decoded.ok) return wire.close(decoded.reason)
      options.charge(priceOf(decoded.message) + priceOfBytes(decoded.cost) - 1 + priceOfVotes(decoded.message, control))
      dispatch(decoded.message, decoded.cost)
    },
    drained,
    tick: () => {
      const now = timers.now()
      const beat = heartbeat.tick(now, phase === 'open' && host.isClockDoubted(peer))
      if (beat.kind === 'close') return wire.close(beat.reason)
      if (beat.kind !== 'rest')
        send({ type: 'ping', id: beat.id, ...(beat.kind === 'ping' ? standing() : NO_STANDING) })
      tellQuiet(heartbeat.isQuiet(now))
      positions.lookAgain()
      beginPulling()
      lines.tick(now)
      if (phase === 'control' && now - startedAtMs > limits.control_ms_max) {
        const state = host.member(peer)
        wire.close(
          state === 'revoked' || state === 'frozen' ? state : state === 'unknown' ? 'not_enrolled' : 'control_timeout',
        )
      }
    },
    membershipChanged: () => {
      if (phase === 'ended') return
      tellControl()
      decide()
    },
    plan: () => {
      if (phase !== 'ended') pull.plan(timers.now())
    },
    push: (frames) => {
      if (phase !== 'open') return false
      let taking = false
      let sent = false
      for (const frame of frames) {
        if (frame.chain !== null)
          taking = positions.of(frame.chain) === frame.from - 1 && end(frame.chain, frame.from) === frame.from
        taking =
          taking && wire.bufferedBytes() <= limits.buffered_bytes_max && sendCredit.left() >= frame.content.length
        if (!taking) {
          count('pushes_skipped', 1)
          continue
        }
        sendCredit.spend(frame.content.length)
        count('parcels_out', frame.commits)
        if (frame.chain !== null && frame.upto !== null) positions.reached(frame.chain, frame.upto)
        transmit(frame.content)
        sent = true
      }
      return sent
    },
    send,
    wantHeaders: (hashes) => {
      headersAsked++
      send({ type: 'want_headers', hashes })
    },
    refuse: (refused) => {
      if (phase === 'open') refusals.tell(refused)
    },
    acknowledge: (content, ack) => {
      if (phase === 'open') transmit(content)
      else if (phase === 'control') unheard.miss(ack.watermarks.map(({ chain }) => chain))
    },
    sendEncoded: transmit,
    behind: positions.lacking,
    heldAll: () => pull.heldAll(),
    roundTripMs: heartbeat.roundTripMs,
    isQuiet: () => quiet,
    bufferedBytes: wire.bufferedBytes,
    busy: () => receiveCredit.inHand() > 0,
    ended: () => {
      phase = 'ended'
      cancelRelay?.()
    },
  }
}

const isNoStanding = ({ arrivals, digest }: { readonly arrivals: number; readonly digest: Uint8Array }): boolean =>
  arrivals === 0 && equalBytes(digest, NO_STANDING.digest)
const NO_STANDING = { arrivals: 0, digest: new Uint8Array(DIGEST_BYTES) }

const once = (call: () => void): (() => void) => {
  let called = false
  return () => {
    if (called) return
    called = true
    call()
  }
}
