/**
 * How the peer is: health, links, quorum, metrics.
 */
import { Gauge, Registry } from 'prom-client'
import { ACK_VERSION } from '../../crdt/ack.ts'
import { activeMembers } from '../../crdt/control.ts'
import type { PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { LinkInfo } from '../../transports/host.ts'
import type { Health, Node, PeerAnswer } from '../api.ts'
import type { EmbeddingStatus } from '../ports/embedding.ts'
import type { DiskUse } from '../ports/live.ts'
import type { Abilities } from '../ports/projection.ts'
import type { Boot } from '../replica/boot.ts'
import type { ControlFork } from '../replica/control-branches.ts'
import { WITHIN_BUDGET } from '../replica/budgets.ts'
import { otherClockOff } from '../replica/clock-words.ts'
import { levelNow } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'

import { addProcessMetrics } from './process-metrics.ts'

export type StatusContext = {
  readonly replica: Replica
  readonly boot: Boot
  readonly projectionKind: string
  /** null where recall is lexical by choice. */
  readonly embedding: () => EmbeddingStatus | null
  readonly feed: { lag(): number; cursor(): unknown; trouble(): string | null; abilities(): Abilities }
  /** Whether the search index's database was let go, to be opened by the next question. */
  readonly isResting: () => boolean
  /** Rows projected again since the start, because something changed the past. */
  readonly rowsWrittenAgain: () => number
  readonly links: () => readonly LinkInfo[]
  /** Every address that is dialed, also those where nobody was met yet. */
  readonly dials: () => readonly {
    readonly url: string
    readonly peer: PeerId | null
    readonly last_error: string | null
  }[]
  readonly addresses: () => ReadonlyMap<PeerId, readonly string[]>
  /** Up to which format level a member's build reads, as it told last. */
  readonly levelReadBy: (peer: PeerId) => number | null
  /** Texts met that are not what their field allows. */
  readonly unreadable: () => number
  /** Wall clock, ms. */
  readonly now: () => number
  readonly counters: () => Readonly<Record<string, number>>
  readonly freeBytes: () => Promise<number>
  /** Why nothing can be written, or null. */
  readonly storeTrouble: () => string | null
  /** null where nothing lies on a disk. */
  readonly diskUse: (() => Promise<DiskUse>) | null
  readonly name: string
  readonly version: string
  readonly live: () => Readonly<Record<string, unknown>>
}

type Status = Pick<Node, 'health' | 'peers' | 'quorum' | 'capabilities' | 'metrics'>

export const createStatus = (context: StatusContext): Status => {
  const { replica, feed } = context
  const { index } = replica
  const upPeers = (): Set<PeerId> =>
    new Set(context.links().flatMap((link) => (link.state === 'up' ? [link.peer] : [])))
  const reachable = (): number => {
    const up = upPeers()
    return [...replica.voters()].filter((voter) => voter === replica.self || up.has(voter)).length
  }

  /** As a question for rows is answered: what is not open yet, though there is something to find, is refused. */
  const searchState = (): Health['search'] => {
    if (context.projectionKind === 'none') return 'none'
    const isOpen = feed.cursor() !== null || index.namespaces.size === 0
    if (feed.trouble() !== null) return isOpen && feed.lag() > 0 ? 'behind' : 'out'
    if (context.isResting()) return 'resting'
    return isOpen ? 'ready' : 'opening'
  }

  /** Of an address where nobody was met yet its url is all that is known. */
  const versionWarnings = (): readonly string[] => {
    const up = upPeers()
    const said = context
      .dials()
      .flatMap(({ url, peer, last_error }) =>
        last_error?.startsWith(`${UNSUPPORTED}: `) === true && !(peer !== null && up.has(peer))
          ? [
              {
                who: peer === null ? url : (index.control.members.get(peer)?.name ?? peer),
                why: last_error.slice(UNSUPPORTED.length + 2),
              },
            ]
          : [],
      )
    return [...new Map(said.map(({ who, why }) => [who, `${who} cannot be linked: ${why}`])).values()].slice(
      0,
      VERSION_WARNINGS_MAX,
    )
  }

  const health = async (): Promise<Health> => {
    const voters = replica.voters()
    const quorum = replica.quorum()
    const blocking: string[] = []
    const warnings: string[] = []
    const reached = reachable()
    const refusal = replica.mayWrite.refusal()
    // It does what it is for.
    const isObserver = refusal?.code === 'observer_may_not_write'
    const clockRefusal = replica.clockRefusal(context.now())
    // Who may not write at all is not helped by others that can be reached.
    if (isObserver) warnings.push(refusal.message)
    else if (refusal !== null) blocking.push(refusal.message)
    else if (clockRefusal !== null) blocking.push(clockRefusal.message)
    else if (quorum > voters.size) blocking.push(tooFewVoters(quorum, voters.size))
    else if (reached < quorum)
      blocking.push(
        `${reached} of ${voters.size} voters can be reached, a write needs ${quorum}: start the others, or write with ?quorum=1`,
      )
    const free = await context.freeBytes()
    if (free < limits.free_space_bytes_min)
      blocking.push(`only ${Math.floor(free / 2 ** 20)} MiB are free where the log lies: make room`)
    const logTrouble = context.storeTrouble()
    if (logTrouble !== null) blocking.push(`the log takes no writes: ${logTrouble}`)
    const forks = replica.branches.forks()
    const isForked = forks.length > 0
    if (isForked) warnings.push(controlForked(forks))
    for (const { peer, aheadMs } of replica.clocks.others(context.now()))
      warnings.push(otherClockOff(index.control.members.get(peer)?.name ?? peer, aheadMs))
    for (const warning of forkWarnings(replica)) warnings.push(warning)
    for (const warning of statementWarnings(replica)) warnings.push(warning)
    for (const [peer, { reason }] of replica.refusedBy())
      warnings.push(
        `${index.control.members.get(peer)?.name ?? peer} refuses what this peer writes (${reason}): see which of the two is older, and upgrade it`,
      )
    for (const warning of versionWarnings()) warnings.push(warning)
    if (index.holes.size > 0)
      warnings.push(`${index.holes.size} damaged commits are being fetched again from other peers`)
    if (index.setAside.size > 0)
      warnings.push(`${index.setAside.size} commits wait for what was lost before them: other peers are asked for it`)
    if (replica.missing.size > 0) warnings.push(`${replica.missing.size} texts are missing and asked for`)
    if (context.unreadable() > 0)
      warnings.push(
        `${context.unreadable()} texts are not what their fields allow, and are shown as unreadable: whoever wrote them did not use this program`,
      )
    for (const [peer, { chains_waiting }] of replica.budgets(context.now()))
      if (chains_waiting > 0)
        warnings.push(
          `${chains_waiting} new chains of ${index.control.members.get(peer)?.name ?? peer} wait, for it begins them faster than a member may: see what it writes, or take it out`,
        )
    const trouble = feed.trouble()
    const search = searchState()
    if (search === 'opening')
      warnings.push('the search index is opening, or is made from the log: searches are refused until it is there')
    if (trouble !== null)
      warnings.push(`the search index ${feed.lag() > 0 ? 'is behind' : 'cannot be reached'}: ${trouble}`)
    for (const lack of feed.abilities().lacks) warnings.push(`search does without something: ${lack}`)
    const embedding = context.embedding()
    if (embedding?.problem) warnings.push(`recall may go by words alone: ${embedding.problem}`)
    return {
      status: blocking.length > 0 || isForked || search === 'out' || search === 'behind' ? 'degraded' : 'ok',
      writes: blocking.length === 0 && !isObserver,
      version: context.version,
      peer_id: replica.self,
      name: context.name,
      mesh_id: index.mesh,
      members: activeMembers(index.control).length,
      voters: voters.size,
      quorum,
      connected: upPeers().size,
      projection: context.projectionKind,
      projection_lag: feed.lag(),
      search,
      embedder_ready: embedding?.ready ?? false,
      embedder: embedderState(embedding),
      disk: (await context.diskUse?.()) ?? null,
      federation_enabled: true,
      format: { level: levelNow(index), reads: index.reads.level },
      unknown_events: index.unknownEvents,
      control: { place: index.control.seq, forked: isForked },
      reasons: [...blocking, ...warnings, ...context.boot.notes],
    }
  }

  const peers = async (): Promise<readonly PeerAnswer[]> => {
    const linkByPeer = new Map(context.links().map((link) => [link.peer, link]))
    const budgets = replica.budgets(context.now())
    const addresses = context.addresses()
    return [...index.control.members.values()].map((member): PeerAnswer => {
      const link = linkByPeer.get(member.peer)
      const self = member.peer === replica.self
      return {
        peer_id: member.peer,
        name: member.name,
        role: member.role,
        self,
        revoked: member.revoked !== null,
        forked: replica.forks.isFrozen(member.peer),
        link: self ? 'self' : (link?.state ?? 'down'),
        addresses: addresses.get(member.peer) ?? [],
        round_trip_ms: link?.round_trip_ms ?? null,
        commits_behind: self ? 0 : (link?.commits_behind ?? null),
        last_error: link?.last_error ?? null,
        reads_level: self ? index.reads.level : context.levelReadBy(member.peer),
        budget: budgets.get(member.peer) ?? WITHIN_BUDGET,
      }
    })
  }

  /** Made when first asked for: its observers of the event loop and the collector are the process's, and cost from then on. */
  let metrics: Registry | null = null
  return {
    health,
    peers,
    quorum: async () => ({
      needed: replica.quorum(),
      voters: replica.voters().size,
      reachable: reachable(),
      met: reachable() >= replica.quorum(),
      clock: { ahead_ms: replica.clocks.standing(context.now()).aheadMs },
      members: activeMembers(index.control).map((member) => ({
        peer_id: member.peer,
        name: member.name,
        role: member.role,
        reachable: member.peer === replica.self || upPeers().has(member.peer),
      })),
    }),
    capabilities: async () => ({
      graph: {
        route: '/api/v1/graph',
        depth: limits.graph_depth_max,
        nodes: limits.graph_nodes_max,
        age: feed.abilities().age,
      },
      version: context.version,
      api: 'v1',
      modes: context.embedding()?.ready ? ['lexical', 'hybrid'] : ['lexical'],
      embedder: shownEmbedder(context.embedding()),
      projection: context.projectionKind,
      formats: { commit: 1, event: 1, ack: ACK_VERSION, level: index.reads.level },
      live: context.live(),
      limits: {
        content_bytes: limits.content_bytes_max,
        request_bytes: limits.request_bytes_max,
        bulk: limits.bulk_memories_max,
        list: limits.list_limit_max,
      },
      features: [
        'memories',
        'bulk',
        'links',
        'episodic',
        'history',
        'conflicts',
        'events',
        'idempotency',
        'causal_tokens',
        'quorum_receipts',
        'erase',
      ],
    }),
    metrics: () => (metrics ??= createMetrics(context, reachable)).metrics(),
  }

  function createMetrics(from: StatusContext, reached: () => number): Registry {
    const registry = new Registry()
    addProcessMetrics(registry, 'mnemesh_')
    const gauge = (name: string, help: string, read: () => number): void => {
      new Gauge({
        name: `mnemesh_${name}`,
        help,
        registers: [registry],
        collect() {
          this.set(read())
        },
      })
    }
    gauge('log_commits', 'Commits in the arrival log', () => index.arrivals)
    gauge('log_chains', 'Chains known', () => index.chains.size)
    gauge('segments', 'Automerge documents', () => index.segments.size)
    gauge(
      'documents_unread',
      'Documents whose heads are being worked out, without which there is no digest',
      () => replica.documentDigests.waiting,
    )
    gauge('segments_hot', 'Documents in memory', () => replica.documents.hot)
    gauge('commits_pending', 'Commits that wait for something that is not here', () => replica.intake.pending())
    gauge('commits_refused', 'Commits refused since the start', () => replica.intake.counters.refused)
    gauge('forks_seen', 'Commits that contradict one we hold', () => replica.intake.counters.forks)
    gauge('bodies_missing', 'Texts that a commit names and that are not here', () => replica.missing.size)
    gauge('texts_unreadable', 'Texts that are not what their field allows, met since the start', () =>
      from.unreadable(),
    )
    gauge('format_level', "The mesh's format level", () => levelNow(index))
    gauge('format_level_read', 'Up to which format level this build reads', () => index.reads.level)
    gauge('control_place', 'Statements of the control log', () => index.control.seq)
    gauge(
      'control_forked',
      'Other lines of the control log that nothing has ended',
      () => replica.branches.forks().length,
    )
    gauge(
      'events_unknown',
      'Events in the log of a kind, or with fields, that mean nothing here',
      () => index.unknownEvents,
    )
    gauge('commits_damaged', 'Quarantined commits', () => index.holes.size)
    gauge('write_queue_requests', 'Writes waiting for the next flush', () => replica.queued().requests)
    gauge('voters_reachable', 'Voters that can be reached, this peer included', reached)
    gauge('quorum', 'Voters that a write needs', () => replica.quorum())
    gauge(
      'clock_ahead_ms',
      'What the wall clock is ahead of the one in the middle of the voters',
      () => replica.clocks.standing(from.now()).aheadMs,
    )
    gauge('projection_lag', 'Arrivals that the search index has not taken in', () => from.feed.lag())
    gauge(
      'rows_written_again',
      'Rows projected again since the start, since a late text, a fork, a revocation or a healed commit touched them',
      from.rowsWrittenAgain,
    )
    gauge('embedder_ready', '1 while the embedder answers and the rows hold vectors', () =>
      from.embedding()?.ready ? 1 : 0,
    )
    gauge('embeddings', 'Memories that have a vector', () => from.embedding()?.embedded ?? 0)
    gauge('embeddings_waiting', 'Memories that wait for one', () => from.embedding()?.waiting ?? 0)
    gauge(
      'embedder_failures',
      'Requests to the embedder that failed or came late, since the start',
      () => from.embedding()?.failures ?? 0,
    )
    new Gauge({
      name: 'mnemesh_member',
      help: 'What is held back or was refused of each member',
      labelNames: ['peer', 'what'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [peer, budget] of replica.budgets(from.now()))
          for (const [what, value] of Object.entries(budget)) this.set({ peer, what }, value)
      },
    })
    new Gauge({
      name: 'mnemesh_mesh',
      help: 'Counters of the mesh since the start',
      labelNames: ['what'],
      registers: [registry],
      collect() {
        for (const [what, value] of Object.entries(from.counters())) this.set({ what }, value)
      },
    })
    return registry
  }
}

/** First the name, for whoever looks for it; then where the lines part, and the mend. */
export const controlForked = (forks: readonly ControlFork[]): string => {
  const [{ place, ours, theirs }] = forks.toSorted((a, b) => a.place - b.place) as [ControlFork]
  return `control_forked: two statements are certified as number ${place} of the control log (${ours.slice(0, 12)} here, ${theirs.slice(0, 12)} on others), by an old copy of the authority's folder or a stolen key, so members may differ on who belongs to the mesh; stop that copy, and end the fork with the recovery keys, in the folder of the member whose branch is right: \`mnemesh mesh recover\` (docs/governance.md)`
}

/** A link's end for want of a version that both speak (PROTOCOL HS2). */
const UNSUPPORTED = 'version_unsupported'
/** Lines in one answer; all are in `GET /peers`. */
const VERSION_WARNINGS_MAX = 8

/** `--quorum` asks for more than there are: no link that comes up helps. */
export const tooFewVoters = (quorum: number, voters: number): string =>
  `a write needs ${quorum} voters and the mesh has ${voters}: start this peer with a smaller --quorum, invite ${quorum - voters} more, or write with a smaller ?quorum`

const embedderState = (status: EmbeddingStatus | null): Health['embedder'] => {
  if (status === null) return 'none'
  if (status.problem !== null) return 'failing'
  return status.ready ? 'ready' : 'starting'
}

const shownEmbedder = (status: EmbeddingStatus | null) =>
  status === null
    ? null
    : {
        id: status.embedder,
        dim: status.dim,
        embedded: status.embedded,
        waiting: status.waiting,
        replacing: status.replacing,
      }

/** One line a member, however many of its chains forked. */
/** On the peer with the authority's key: what it has said and is in force nowhere yet. */
const statementWarnings = ({ governance, index }: Replica): readonly string[] => {
  const { length } = governance.pending()
  if (length === 0) return []
  const { voted, missing, needed } = governance.standing()
  const away = missing
    .filter((peer) => !voted.includes(peer))
    .map((peer) => index.control.members.get(peer)?.name ?? peer)
  return [
    `${length} ${length === 1 ? 'statement' : 'statements'} of the authority ${length === 1 ? 'waits' : 'wait'}: ${needed} voters must countersign, not yet ${away.join(', ')}; start those that are away`,
  ]
}

const forkWarnings = ({ forks, index }: Replica): readonly string[] => {
  const byPeer = new Map<PeerId, { readonly first: string; more: number }>()
  for (const { peer, chain, at } of forks.all()) {
    const known = byPeer.get(peer)
    if (known === undefined) byPeer.set(peer, { first: `chain ${chain} from ${at} on`, more: 0 })
    else known.more++
  }
  return [...byPeer].map(
    ([peer, { first, more }]) =>
      `${index.control.members.get(peer)?.name ?? peer} wrote two histories (${first}${more === 0 ? '' : `, and ${more} more`}): ${forks.isOut(peer) ? 'nothing of it counts' : 'what it wrote there is left out'}, and it is frozen`,
  )
}
