/**
 * The mesh of one peer: its sessions and links, who is dialed, and what concerns all links together. The entry of this folder.
 *
 * Reads from the top: what it offers, sessions, links, the tick. Invariants: (1) at most one open link a peer (LK1–LK3);
 * (2) at most `links_max` open, at most `unauthenticated_sockets_max` not yet open, the oldest of those goes first;
 * (3) `host.linkUp` and `host.linkDown` alternate for each peer; (4) every timer and socket ends with `stop`.
 */
import type { ChainId, CommitHash, PeerId, Ref } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { createAddressBook, isMeshUrl, readAddress, signAddress } from './addresses.ts'
import { crowdedOut } from './crowd.ts'
import { createDialing, type Target } from './dialing.ts'
import { createFetches } from './fetches.ts'
import { endOf, forkFrames } from './forks.ts'
import { createGate, type Metered } from './gate.ts'
import { guard, guardSocket, guardTimers, type Caught } from './guard.ts'
import type { Authenticated } from './handshake.ts'
import type { LinkInfo, Mesh, MeshHost, Run } from './host.ts'
import { createLink } from './link.ts'
import type { Link } from './link-types.ts'
import { encode } from './messages.ts'
import { createNonces } from './nonces.ts'
import { parcelFrames } from './parcels.ts'
import type { Compression, Dialer, RandomBytes, Socket, Timers } from './ports.ts'
import { closeReasonText, type CloseReason } from './reasons.ts'
import { createRounds } from './rounds.ts'
import { openSession, type Session } from './session.ts'
import type { Offer } from './versions.ts'

export type MeshOptions = {
  readonly host: MeshHost
  readonly timers: Timers
  readonly random: RandomBytes
  readonly dialer: Dialer
  /** Null: frames go as they are, and compressed ones of others are refused. */
  readonly compression: Compression | null
  /** Addresses to dial from the start, as `isMeshUrl` wants them; one reachable peer is enough. */
  readonly urls: readonly string[]
  /** Told of what was thrown while something from outside was handled: a fault of this program. The link it concerns is closed already. */
  readonly fault: (place: string, error: unknown) => void
  /** What this peer's build speaks; this program's own when absent. */
  readonly offer?: Offer
}

export type DriveableMesh = Mesh & {
  /** Takes a socket that somebody opened to us. */
  accept(socket: Socket): void
  /** The host takes in again what it could not (its disk was full): whatever waits to be asked for again is asked for now. */
  retryNow(): void
  /** Whether another socket from that address may be made now: asked before it costs anything. @param claimed whom its dialer says that it is. */
  admits(address: string, claimed: PeerId | null): boolean
  /** Monotonic counts since the start (`closed_<reason>`, `frames_in`, …), and the gauges `nonces`, `sockets`, `chains_under_way`, `frames_waiting`. */
  counters(): Readonly<Record<string, number>>
  /** Every address that is dialed, also those where nobody was met yet. */
  dials(): readonly {
    readonly url: string
    readonly peer: PeerId | null
    readonly state: string
    readonly last_error: string | null
  }[]
}

/** A session and, once authenticated, its link. `dialer` is the peer that opened it. */
type Connection = {
  session: Session | null
  link: Link | null
  dialer: PeerId | null
  readonly target: Target | null
  authenticatedAtMs: number
  ended: boolean
  caught: Caught
  metered: Metered | null
  readonly address: string
}

/** Members whose last error is remembered. */
const LAST_ERRORS_MAX = 1_024

export const createMesh = (options: MeshOptions): DriveableMesh => {
  const { host, random } = options
  const timers = guardTimers(options.timers, (error) => {
    count('faults', 1)
    options.fault('mesh timer', error)
  })
  const counts: Record<string, number> = {}
  const count = (name: string, by: number): void => {
    counts[name] = (counts[name] ?? 0) + by
  }
  const nonces = createNonces(limits.nonces_remembered_max, limits.nonce_ms_max)
  const fetches = createFetches()
  const gate = createGate({ member: host.member, timers, count })
  const book = createAddressBook(host.mesh, host.member)
  const bodyRounds = createRounds<Ref>((ref) => ref, limits.want_bodies_max)
  const holeRounds = createRounds<Run>((run) => `${run.chain} ${run.from}`, limits.want_runs_max)
  const headerRounds = createRounds<CommitHash>((hash) => hash, limits.want_headers_max)
  /** In the order in which they came up. */
  const connections = new Set<Connection>()
  const lastErrorByPeer = new Map<PeerId, string>()
  let running = false
  let linkNumber = 0
  let cancelTick: () => void = () => {}
  let cancelPlan: (() => void) | null = null
  let mendAtMs = 0
  /** To be advertised as soon as we are a member. */
  let ownUrls: readonly string[] | null = null

  const openLinks = (): Link[] => [...connections].flatMap(({ link }) => (link !== null && link.isOpen() ? [link] : []))
  const dialing = createDialing({
    dialer: options.dialer,
    timers,
    random,
    count,
    wanted: (target) =>
      running &&
      target.peer !== host.peer &&
      ![...connections].some(({ link }) => link !== null && link.peer === target.peer),
    connected: (socket, target) => connect(socket, target),
  })

  // ── sessions ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a link's frames, timers and hand-overs throw ends that link. */
  const caughtOf =
    (connection: Connection, socket: Socket): Caught =>
    (error) => {
      count('faults', 1)
      guard(
        () => (connection.session ?? socket).close('handling_failed'),
        (second) => options.fault('mesh link, at its end', second),
      )()
      options.fault('mesh link', error)
    }

  const connect = (opened: Socket, target: Target | null): void => {
    const connection: Connection = {
      session: null,
      link: null,
      dialer: null,
      target,
      authenticatedAtMs: 0,
      ended: false,
      caught: () => {},
      metered: null,
      address: opened.remoteAddress,
    }
    connection.caught = caughtOf(connection, opened)
    guard(() => {
      connection.metered = gate.meter(guardSocket(opened, connection.caught), {
        dialed: target !== null,
        caught: connection.caught,
        overrun: () => connection.session?.close('work_overrun'),
      })
      openConnection(connection, connection.metered.socket)
    }, connection.caught)()
  }

  const openConnection = (connection: Connection, socket: Socket): void => {
    const { target } = connection
    connections.add(connection)
    connection.session = openSession({
      socket,
      role: target === null ? { kind: 'acceptor' } : { kind: 'dialer', audience: target.audience },
      mesh: host.mesh,
      self: host.self,
      nonces,
      random,
      ...(options.offer && { offer: options.offer }),
      timers: guardTimers(timers, connection.caught),
      count,
      events: {
        authenticated: (session, roundTripMs) => authenticated(connection, session, roundTripMs),
        frame: (content) => connection.link?.receive(content),
        drained: () => connection.link?.drained(),
        closed: (reason, by, detail) => closed(connection, reason, by, detail),
      },
    })
  }

  const accept = (socket: Socket): void => {
    if (!running) return socket.close('stopping')
    connect(socket, null)
    const waiting = [...connections].filter(({ link, target }) => target === null && (link === null || !link.isOpen()))
    crowdedOut(waiting, socket.remoteAddress)?.session?.close('too_many_sockets')
  }

  const closed = (connection: Connection, reason: CloseReason, by: 'us' | 'them', detail: string): void => {
    if (connection.ended) return
    connection.ended = true
    connections.delete(connection)
    connection.metered?.drop()
    count(by === 'us' ? `closed_${reason}` : `closed_by_peer_${reason}`, 1)
    const { link, target } = connection
    const isToldMore = detail !== '' && detail !== reason && (reason === 'lost' || reason === 'version_unsupported')
    const text = isToldMore ? `${reason}: ${detail.slice(0, 200)}` : closeReasonText(reason)
    if (target !== null) {
      // Our own address answers: it is remembered as ours, and not wanted again.
      if (reason === 'self_connection') target.peer = host.peer
      dialing.ended(target, text, reason === 'wrong_audience' || reason === 'self_connection')
    }
    if (link === null) return
    const wasOpen = link.isOpen()
    link.ended()
    fetches.releaseLink(link.number)
    if (reason !== 'duplicate' && host.member(link.peer) !== 'unknown' && lastErrorByPeer.size < LAST_ERRORS_MAX)
      lastErrorByPeer.set(link.peer, text)
    if (wasOpen) host.linkDown(link.peer, text)
    planSoon()
  }

  // ── links ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  const authenticated = (connection: Connection, session: Authenticated, roundTripMs: number): void => {
    count('handshakes', 1)
    if (connection.target !== null) connection.target.peer = session.peer
    connection.dialer = session.role === 'dialer' ? host.peer : session.peer
    connection.authenticatedAtMs = timers.now()
    connection.metered?.authenticated(session.peer)
    if (openLinks().length >= limits.links_max) return connection.session?.close('too_many_links')
    if (!settleDuplicates(connection, session.peer)) return connection.session?.close('duplicate')
    const wire = {
      send: (content: Uint8Array) => connection.session?.send(content),
      bufferedBytes: () => connection.session?.bufferedBytes() ?? 0,
      close: (reason: CloseReason) => connection.session?.close(reason),
    }
    const link = createLink({
      host,
      number: ++linkNumber,
      session,
      roundTripMs,
      wire,
      timers: guardTimers(timers, connection.caught),
      guarded: (call) => guard(call, connection.caught),
      fetches,
      book,
      compression: options.compression,
      count,
      charge: (units) => connection.metered?.charge(units),
      events: {
        opened: () => {
          connection.metered?.opened(session.peer)
          fetches.linkOpened(timers.now())
          if (connection.target !== null) dialing.succeeded(connection.target)
          lastErrorByPeer.delete(session.peer)
        },
        othersMayPlan: planSoon,
        addresses: (records) => learnAddresses(records, link),
        bodiesCame: (message) => {
          if (message.type === 'bodies') return
          for (const ref of message.refs) bodyRounds.absent(ref, link.number, message.type === 'dropped_bodies')
        },
        runAbsent: (run) => holeRounds.absent(run, link.number),
        headersCame: () => headerRounds.answered(link.number),
      },
    })
    connection.link = link
    link.start()
  }

  /**
   * One link a peer: of two that both sides dialed at once, the one that the smaller id dialed; else the newer, since who
   * dials again has lost the older. Answers whether the new one stays.
   */
  const settleDuplicates = (fresh: Connection, peer: PeerId): boolean => {
    for (const other of connections) {
      if (other === fresh || other.link?.peer !== peer) continue
      const atOnce = fresh.authenticatedAtMs - other.authenticatedAtMs <= limits.simultaneous_dial_ms
      const smaller = host.peer < peer ? host.peer : peer
      if (atOnce && other.dialer !== fresh.dialer && other.dialer === smaller) return false
      other.session?.close('duplicate')
    }
    return true
  }

  const learnAddresses = (records: readonly Uint8Array[], from: Link): void => {
    const news = records.filter((record) => {
      const peer = book.offer(record, timers.now())
      if (peer !== null) host.keepAddress(peer, record)
      return peer !== null
    })
    if (news.length === 0) return
    for (const link of openLinks()) if (link !== from) link.send({ type: 'addresses', records: news })
    dialing.learned(book.targets())
  }

  /** Signs and spreads our addresses; before we are enrolled nobody would keep them, so it waits. */
  const advertise = (): void => {
    if (ownUrls === null) return
    // Newer than what we said before, even if our clock went back.
    const before = book.recordOf(host.peer)
    const atMs = Math.max(timers.now(), ((before === null ? null : readAddress(before, host.mesh))?.atMs ?? 0) + 1)
    const record = signAddress(host.mesh, { peer: host.peer, atMs, urls: ownUrls }, host.self)
    if (book.offer(record, timers.now()) === null) return
    ownUrls = null
    host.keepAddress(host.peer, record)
    for (const link of openLinks()) link.send({ type: 'addresses', records: [record] })
  }

  const planSoon = (): void => {
    if (!running || cancelPlan !== null) return
    cancelPlan = timers.after(0, () => {
      cancelPlan = null
      for (const link of openLinks()) link.plan()
    })
  }

  // ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Goes on, whatever one look at the deadlines meets. */
  const tick = (): void => {
    if (running) cancelTick = timers.after(limits.mesh_tick_ms, tick)
    lookAtDeadlines()
  }

  const lookAtDeadlines = (): void => {
    const now = timers.now()
    const links = [...connections].flatMap(({ link }) => (link === null ? [] : [link]))
    for (const { link, caught } of connections) guard(() => link?.tick(), caught)()
    const stalled = fetches.expire(now, (number) => links.some((link) => link.number === number && link.busy()))
    if (stalled > 0) count('fetches_stalled', stalled)
    for (const link of links) link.plan()
    if (now >= mendAtMs) mend(now)
    dialing.tick()
  }

  const mend = (now: number): void => {
    mendAtMs = now + limits.mend_every_ms
    const linkByNumber = new Map(openLinks().map((link) => [link.number, link]))
    const numbers = [...linkByNumber.keys()]
    for (const [number, refs] of bodyRounds.next(host.missingBodies(limits.want_bodies_max), numbers, now))
      linkByNumber.get(number)?.send({ type: 'want_bodies', refs })
    const gone = bodyRounds.gone()
    if (gone.length > 0) host.bodiesGone(gone)
    for (const [number, runs] of holeRounds.next(host.holes().filter(isBeforeFork), numbers, now))
      linkByNumber.get(number)?.send({ type: 'want', runs })
    for (const [number, hashes] of headerRounds.next(host.missingHeaders(limits.want_headers_max), numbers, now))
      linkByNumber.get(number)?.wantHeaders(hashes)
  }

  const isBeforeFork = ({ chain, from }: Run): boolean => from < host.forkAt(chain)

  const linkInfos = (): LinkInfo[] => {
    const infos = new Map<PeerId, LinkInfo>()
    const down = (
      peer: PeerId,
      state: 'connecting' | 'down',
      url: string | null,
      last_error: string | null,
    ): LinkInfo => ({
      peer,
      state,
      url,
      round_trip_ms: null,
      commits_behind: null,
      held_all: false,
      buffered_bytes: 0,
      last_error,
    })
    for (const [peer, error] of lastErrorByPeer) infos.set(peer, down(peer, 'down', null, error))
    for (const { peer, state, url, lastError } of dialing.targets())
      if (peer !== null && peer !== host.peer)
        infos.set(
          peer,
          down(peer, state === 'dialing' ? 'connecting' : 'down', url, lastError ?? lastErrorByPeer.get(peer) ?? null),
        )
    for (const { link, target } of connections) {
      if (link === null) continue
      if (!link.isOpen())
        infos.set(link.peer, down(link.peer, 'connecting', target?.url ?? null, lastErrorByPeer.get(link.peer) ?? null))
      else
        infos.set(link.peer, {
          peer: link.peer,
          state: link.isQuiet() ? 'silent' : 'up',
          url: target?.url ?? null,
          round_trip_ms: link.roundTripMs(),
          commits_behind: link.behind(),
          held_all: link.heldAll(),
          buffered_bytes: link.bufferedBytes(),
          last_error: null,
        })
    }
    return [...infos.values()]
  }

  return {
    start: () => {
      if (running) return
      running = true
      for (const record of host.addresses()) book.offer(record, timers.now())
      for (const url of options.urls) dialing.configure(url)
      dialing.learned(book.targets())
      tick()
    },
    stop: () => {
      running = false
      cancelTick()
      cancelPlan?.()
      cancelPlan = null
      dialing.stop()
      for (const { session } of connections) session?.close('stopping')
      return Promise.resolve()
    },
    push: (parcels) => {
      const links = openLinks()
      if (links.length === 0) return false
      const frames = parcelFrames(parcels)
      return links.filter((link) => link.push(frames)).length > 0
    },
    announce: (ack, to, but = null) => {
      const content = encode({ type: 'ack', ack })
      for (const { link } of connections)
        if (link !== null && (to === null ? link.peer !== but : link.peer === to)) link.acknowledge(content, ack)
    },
    wantAcks: (chains, to) => {
      for (let at = 0; at < chains.length; at += limits.ack_watermarks_max) {
        const asked = chains.slice(at, at + limits.ack_watermarks_max)
        for (const link of openLinks())
          if (to === null || link.peer === to) link.send({ type: 'want_acks', chains: asked })
      }
    },
    propose: (commit, to) => {
      const content = encode({ type: 'propose', commit })
      for (const link of openLinks()) if (to === null || link.peer === to) link.sendEncoded(content)
    },
    vote: (vote, to) => {
      for (const link of openLinks()) if (link.peer === to) link.send({ type: 'vote', vote })
    },
    refuse: (refused, to) => {
      for (const link of openLinks()) if (link.peer === to) link.refuse(refused)
    },
    announceForks: (proofs) => {
      const links = openLinks()
      for (const content of forkFrames(proofs)) for (const link of links) link.sendEncoded(content)
      count('forks_out', proofs.length * links.length)
      fetches.shorten((chain: ChainId, seq: number) => endOf(host, chain, seq), host.seqOf)
      // Whose chain it is, is a member no longer: cut behind the frame that says why.
      for (const { link } of connections) link?.membershipChanged()
      planSoon()
    },
    membershipChanged: () => {
      for (const { link } of connections) link?.membershipChanged()
      advertise()
      dialing.learned(book.targets())
    },
    links: linkInfos,
    advertise: (urls) => {
      ownUrls = urls.filter(isMeshUrl).slice(0, limits.addresses_per_peer_max)
      advertise()
    },
    accept,
    retryNow: () => {
      fetches.lapse()
      planSoon()
    },
    admits: gate.admits,
    counters: () => ({
      ...counts,
      nonces: nonces.size(),
      sockets: connections.size,
      chains_under_way: fetches.size(),
      frames_waiting: gate.waiting(),
    }),
    dials: () =>
      dialing.targets().map(({ url, peer, state, lastError }) => ({ url, peer, state, last_error: lastError })),
  }
}
