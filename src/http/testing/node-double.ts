/**
 * A node in memory, good enough to exercise every route: one peer, no disk, no mesh. For tests alone.
 *
 * It keeps what it is given and answers it back; versions count up. `refuseNext` makes the next call fail as told.
 */
import type { AgentId, CommitHash, EventId, Namespace, PeerId, RecordId } from '../../../crdt/ids.ts'
import { parsePeerId, parseRecordId, uuidV7 } from '../../../crdt/ids.ts'
import { encodeProof } from '../../../crdt/proof-file.ts'
import { writtenProof } from '../../../crdt/proof.test-support.ts'
import type {
  LogEntry,
  MemoryAnswer,
  MemoryInput,
  Node,
  ReadOptions,
  Version,
  WriteAnswer,
  WriteOptions,
  Written,
} from '../../api.ts'
import { NodeError } from '../../errors.ts'
import type { Frontier } from '../../ports/projection.ts'

type MemoryRow = MemoryAnswer['memory']
type LinkRow = MemoryAnswer['links'][number]
type GraphNode = Awaited<ReturnType<Node['graph']>>['nodes'][number]
type EpisodeRow = Awaited<ReturnType<Node['episodes']>>['rows'][number]
type Seen = { readonly method: string; readonly arguments: readonly unknown[] }

export type NodeDouble = {
  readonly node: Node
  /** Every call, in order. */
  readonly seen: readonly Seen[]
  /** @param method the next call of this one; of any when absent. */
  refuseNext(error: Error, method?: keyof Node): void
  /** Holds the next write until the function answered is called. */
  holdNext(): () => void
  degrade(reason: string): void
}

export const PEER = parsePeerId('ab'.repeat(32)) as PeerId
const AT = '2026-01-02T03:04:05.678Z'
const frontierFor = ({ frontier }: ReadOptions): string | Frontier => (frontier === 'full' ? {} : 'f2.0.nothing')

export const createNodeDouble = (): NodeDouble => {
  const memories = new Map<RecordId, MemoryRow>()
  const links = new Map<RecordId, LinkRow>()
  const episodes: EpisodeRow[] = []
  const events: LogEntry[] = []
  const idByKey = new Map<string, RecordId>()
  const listeners = new Set<() => void>()
  const seen: Seen[] = []
  const reasons: string[] = []
  let failure: { readonly error: Error; readonly method: keyof Node | undefined } | null = null
  let gate: Promise<void> | null = null
  let count = 0

  const newId = (): RecordId =>
    parseRecordId(
      uuidV7(
        1_767_323_045_678,
        Uint8Array.from({ length: 10 }, (_, i) => (i === 9 ? count++ & 0xff : (count >> 8) & 0xff)),
      ),
    ) as RecordId
  const called = async (method: string, ...args: readonly unknown[]): Promise<void> => {
    seen.push({ method, arguments: args })
    const held = gate
    gate = null
    if (held !== null) await held
    if (failure === null || (failure.method ?? method) !== method) return
    const { error } = failure
    failure = null
    throw error
  }
  const say = (
    kind: string,
    record: RecordId,
    namespace: Namespace,
    agent: AgentId,
    more: Readonly<Record<string, unknown>> = {},
  ): EventId => {
    const id = newId() as string as EventId
    const seq = events.length + 1
    events.push({
      cursor: `c${seq}`,
      event_id: id,
      namespace,
      kind,
      record,
      agent_id: agent,
      peer_id: PEER,
      at: AT,
      commit: '00'.repeat(32) as CommitHash,
      chain: '11'.repeat(16),
      seq,
      event: { v: 1, id, kind, ...more },
    })
    for (const listener of listeners) listener()
    return id
  }
  const written = (
    row: { readonly id: RecordId; readonly namespace: Namespace },
    event: EventId,
    options: WriteOptions,
  ): Written => ({
    id: row.id,
    namespace: row.namespace,
    agent_id: options.agent,
    event_id: event,
    quorum_acks: options.quorum ?? 1,
    receipt: {
      commit: '00'.repeat(32),
      chain: '11'.repeat(16),
      seq: events.length,
      header: 'aGVhZGVy',
      acks: [
        {
          voter: PEER,
          seq: events.length,
          hash: '00'.repeat(32),
          index: 0,
          count: 1,
          path: '',
          signature: 'c2lnbmF0dXJl',
          tie: null,
        },
      ],
    },
    token: `t${events.length}`,
  })
  const found = (id: RecordId): MemoryRow => {
    const row = memories.get(id)
    if (row === undefined) throw new NodeError('not_found', `no memory ${id}`, { id })
    return row
  }
  const put = (
    namespace: Namespace,
    input: MemoryInput & { readonly content: string },
    options: WriteOptions,
  ): WriteAnswer => {
    const key = options.idempotency_key
    const id = (key === undefined ? undefined : idByKey.get(key)) ?? newId()
    if (key !== undefined) idByKey.set(key, id)
    const row: MemoryRow = {
      id,
      namespace,
      title: null,
      kind: 'note',
      tier: 'mid',
      tags: [],
      priority: 5,
      confidence: 1,
      source: null,
      scope: null,
      run_id: null,
      occurred_at: null,
      expires_at: null,
      ...input,
      metadata: input.metadata ?? {},
      agent_id: options.agent,
      peer_id: PEER,
      created_at: AT,
      updated_at: AT,
      version: '1',
      forgotten: false,
      erased: false,
      conflicts: 0,
    }
    memories.set(id, row)
    return {
      ...written(row, say('memory.put', id, namespace, options.agent), options),
      title: row.title,
      tier: row.tier,
    }
  }
  const change = (
    id: RecordId,
    fields: Partial<MemoryRow>,
    kind: string,
    options: WriteOptions & { readonly if_match?: string },
  ): WriteAnswer => {
    const row = found(id)
    if (options.if_match !== undefined && options.if_match !== row.version)
      throw new NodeError('version_mismatch', `the version is ${row.version}`)
    const next = { ...row, ...fields, version: String(Number(row.version) + 1) }
    memories.set(id, next)
    return {
      ...written(next, say(kind, id, row.namespace, options.agent), options),
      title: next.title,
      tier: next.tier,
    }
  }
  const versions = (id: RecordId): readonly Version[] => {
    found(id)
    return events
      .filter((event) => event.record === id)
      .map((event) => ({
        event_id: event.event_id,
        kind: event.kind,
        agent_id: event.agent_id,
        peer_id: PEER,
        at: AT,
        set: { title: null },
        tags: { add: ['x'], remove: [] },
      }))
  }
  const conflicts = (id: RecordId) => [
    {
      field: 'title',
      values: versions(id).map(({ event_id, agent_id }) => ({
        value: 'a',
        event_id,
        agent_id,
        peer_id: PEER,
        at: AT,
        shown: true,
      })),
    },
  ]
  const live = () => [...memories.values()].filter((row) => !row.forgotten)
  const paged = <Row>(
    rows: readonly Row[],
    { limit = 200, cursor }: { readonly limit?: number; readonly cursor?: string },
  ) => {
    const from = Number(cursor ?? 0)
    return {
      rows: rows.slice(from, from + limit),
      next_cursor: from + limit < rows.length ? String(from + limit) : null,
    }
  }
  const linkId = (ends: { readonly from: string; readonly to: string; readonly relation: string }) =>
    [...links.values()].find(
      (link) => link.from === ends.from && link.to === ends.to && link.relation === ends.relation && !link.removed,
    )

  const node: Node = {
    remember: async (namespace, input, options) => {
      await called('remember', namespace, input, options)
      return put(namespace, input, options)
    },
    rememberMany: async (many, options) => {
      await called('rememberMany', many, options)
      const refused = many.flatMap(({ input }, index) =>
        input.content === 'refuse me' ? [{ index, error: 'conflict', message: 'refused as asked' }] : [],
      )
      const ids = many.map(({ namespace, input, idempotency_key }) =>
        input.content === 'refuse me'
          ? null
          : put(namespace, input, { ...options, ...(idempotency_key === undefined ? {} : { idempotency_key }) }).id,
      )
      return {
        created: ids.filter((id) => id !== null).length,
        ids,
        errors: refused,
        quorum_acks: 1,
        token: `t${events.length}`,
      }
    },
    patch: async (id, input, options) => {
      await called('patch', id, input, options)
      const { metadata, ...fields } = input
      return change(
        id,
        { ...fields, ...(metadata === undefined ? {} : { metadata: metadata ?? {} }) },
        'memory.patch',
        options,
      )
    },
    forget: async (id, options) => {
      await called('forget', id, options)
      return change(
        id,
        { forgotten: true, erased: options.erase, ...(options.erase ? { content: null } : {}) },
        options.erase ? 'memory.erase' : 'memory.forget',
        options,
      )
    },
    restore: async (id, options) => {
      await called('restore', id, options)
      return change(id, { forgotten: false }, 'memory.restore', options)
    },
    resolve: async (id, choice, options) => {
      await called('resolve', id, choice, options)
      return change(id, {}, 'memory.patch', options)
    },
    link: async (input, options) => {
      await called('link', input, options)
      const row: LinkRow = {
        id: newId(),
        namespace: found(input.from).namespace,
        valid_from: null,
        valid_until: null,
        ...input,
        agent_id: options.agent,
        peer_id: PEER,
        created_at: AT,
        removed: false,
      }
      links.set(row.id, row)
      return { ...written(row, say('link.put', row.id, row.namespace, options.agent), options), link: row }
    },
    unlink: async (input, options) => {
      await called('unlink', input, options)
      const row = linkId(input)
      if (row === undefined) throw new NodeError('not_found', 'no such link')
      links.set(row.id, { ...row, removed: true })
      return written(row, say('link.remove', row.id, row.namespace, options.agent), options)
    },
    appendEpisode: async (namespace, input, options) => {
      await called('appendEpisode', namespace, input, options)
      const event = say('episode.append', newId(), namespace, options.agent)
      const episode: EpisodeRow = {
        id: event,
        namespace,
        agent_id: options.agent,
        peer_id: PEER,
        sender: null,
        recipient: null,
        body: null,
        inference_receipt_id: null,
        audit_event_hash: null,
        ...input,
        created_at: AT,
      }
      episodes.unshift(episode)
      return { ...written({ id: event as string as RecordId, namespace }, event, options), episode }
    },
    get: async (id, options) => {
      await called('get', id, options)
      const memory = found(id)
      if (memory.forgotten) throw new NodeError('not_found', 'forgotten')
      return {
        memory,
        links: [...links.values()].filter((link) => link.from === id || link.to === id),
        conflicts: conflicts(id),
        links_next_cursor: null,
        conflicts_next_cursor: null,
        token: `t${events.length}`,
      }
    },
    list: async (filter, page, options) => {
      await called('list', filter, page, options)
      const rows = live()
        .filter((row) => filter.namespace === undefined || row.namespace === filter.namespace)
        .reverse()
      const from = Number(page.cursor ?? 0)
      return {
        rows: rows.slice(from, from + page.limit),
        next_cursor: from + page.limit < rows.length ? String(from + page.limit) : null,
        frontier: frontierFor(options),
        lag: 0,
      }
    },
    history: async (id, options) => {
      await called('history', id, options)
      return paged(versions(id), options)
    },
    diff: async (namespace, between, options) => {
      await called('diff', namespace, between, options)
      return paged(
        [...memories.values()]
          .filter((row) => row.namespace === namespace)
          .map((row) => ({
            id: row.id,
            change: 'added' as const,
            title: row.title,
            agent_id: row.agent_id,
            at: row.updated_at,
            fields: ['content'],
            diff: { content: '+x\n' },
            erased: row.erased,
          })),
        options,
      )
    },
    proof: async (id, options) => {
      await called('proof', id, options)
      return new TextDecoder().decode(encodeProof(writtenProof().proof))
    },
    conflicts: async (id, options) => {
      await called('conflicts', id, options)
      return paged(conflicts(id), options)
    },
    recall: async (query, options) => {
      await called('recall', query, options)
      const memories = live()
        .filter((row) => row.content?.includes(query.q) === true)
        .slice(0, query.limit)
        .map((row) => ({ ...row, score: 0.5, ...(query.explain === true ? { explain: { lexical: 0.5 } } : {}) }))
      return { memories, mode: 'lexical', frontier: frontierFor(options), lag: 0 }
    },
    links: async (id, options) => {
      await called('links', id, options)
      found(id)
      return paged(
        [...links.values()].filter((link) => !link.removed && (link.from === id || link.to === id)),
        options,
      )
    },
    graph: async (query, options) => {
      await called('graph', query, options)
      const edges = [...links.values()].filter(
        (link) => !link.removed && (link.from === query.from || link.to === query.from),
      )
      const around = [...new Set(edges.flatMap((link) => [link.from, link.to]))].filter((id) => id !== query.from)
      const node = (of: RecordId, depth: number): GraphNode => {
        const { id, namespace, title, kind, tier, tags, run_id, occurred_at, agent_id, peer_id, created_at, content } =
          found(of)
        return {
          id,
          namespace,
          title,
          kind,
          tier,
          tags,
          run_id,
          occurred_at,
          agent_id,
          peer_id,
          created_at,
          depth,
          excerpt: content,
        }
      }
      return {
        nodes: [node(query.from, 0), ...around.map((id) => node(id, 1))],
        edges,
        truncated: false,
        frontier: frontierFor(options),
        lag: 0,
      }
    },
    episodes: async (filter, options) => {
      await called('episodes', filter, options)
      const rows = episodes
        .filter(
          (episode) =>
            episode.agent_id === filter.agent_id &&
            (filter.event_type === undefined || episode.event_type === filter.event_type),
        )
        .slice(0, filter.limit)
      return { rows, frontier: frontierFor(options), lag: 0 }
    },
    namespaces: async (options) => {
      await called('namespaces', options)
      const rows = [...new Set(live().map((row) => row.namespace))].map((namespace) => ({
        namespace,
        memories: live().filter((row) => row.namespace === namespace).length,
        updated_at: AT,
      }))
      return { rows, frontier: frontierFor(options), lag: 0 }
    },
    stats: async (options) => {
      await called('stats', options)
      return { total: live().length, by_kind: {}, frontier: frontierFor(options), lag: 0 }
    },
    events: async (after, filter) => {
      await called('events', after, filter)
      if (after !== undefined && !/^c\d+$/.test(after))
        throw new NodeError('malformed', 'after is no cursor of this log')
      const from = after === undefined ? 0 : Number(after.slice(1))
      const page = events.slice(from, from + filter.limit)
      return {
        events: page.filter((event) => filter.namespace === undefined || event.namespace === filter.namespace),
        next: `c${from + page.length}`,
      }
    },
    onLogGrown: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    health: async () => {
      await called('health')
      return {
        status: reasons.length === 0 ? 'ok' : 'degraded',
        writes: reasons.length === 0,
        version: '0.0.0',
        peer_id: PEER,
        name: 'double',
        mesh_id: 'cd'.repeat(32),
        members: 1,
        voters: 1,
        quorum: 1,
        connected: 0,
        projection: 'none',
        projection_lag: 0,
        search: 'ready',
        embedder: 'none',
        disk: null,
        embedder_ready: false,
        federation_enabled: true,
        format: { level: 1, reads: 1 },
        unknown_events: 0,
        control: { place: 1, forked: false },
        reasons,
      }
    },
    peers: async () => {
      await called('peers')
      return [
        {
          peer_id: PEER,
          name: 'double',
          role: 'voter',
          self: true,
          revoked: false,
          forked: false,
          link: 'self',
          addresses: [],
          round_trip_ms: null,
          commits_behind: null,
          last_error: null,
          reads_level: 1,
          budget: {
            chains_waiting: 0,
            commits_waiting: 0,
            commits_dropped: 0,
            ahead_ms: 0,
            forked_chains: 0,
            fork_proofs_refused: 0,
            acks_displaced: 0,
          },
        },
      ]
    },
    quorum: async () => {
      await called('quorum')
      return { default: 1, voters: 1 }
    },
    capabilities: async () => {
      await called('capabilities')
      return { search: ['lexical'] }
    },
    digests: async (options) => {
      await called('digests', options)
      return {
        frontier: '00',
        documents: '11',
        projection: null,
        documents_pending: 0,
        log: events.length,
        namespaces: { ['team/api' as Namespace]: { frontier: '22', documents: null, projection: '33' } },
        next_cursor: null,
      }
    },
    verify: async () => {
      await called('verify')
      return {
        ok: true,
        commits: events.length,
        events: events.length,
        unknown_events: 0,
        bodies: 0,
        chains: 1,
        problems: [{ what: 'none really', where: 'nowhere' }],
      }
    },
    storage: async () => {
      await called('storage')
      const none = { texts: 0, bytes: 0 }
      return {
        log: { commits: events.length, bytes: 0 },
        texts: {
          shown: { texts: memories.size, bytes: 9 },
          older: none,
          forgotten: none,
          episodes: none,
          left_out: none,
          missing: none,
          erased: none,
          dropped: none,
        },
        would_free: { older: 0, forgotten: 0 },
        policy: { keep_history: '30d', due: 0 },
        disk: null,
      }
    },
    rebuild: async () => {
      await called('rebuild')
      return { digest: '22', commits: events.length, ms: 1 }
    },
    metrics: async () => {
      await called('metrics')
      return '# TYPE up gauge\nup 1\n'
    },
    identify: (challenge, port) => ({
      peer_id: PEER,
      mesh_id: 'cd'.repeat(32),
      signature: `${challenge.length}/${port}`,
    }),
    controlApplied: async (waitMs) => {
      await called('controlApplied', waitMs)
      return { seq: 2, applied: [{ peer_id: PEER, name: 'double' }], not_yet: [] }
    },
    controlLog: () => [Uint8Array.of(1, 2, 255)],
    join: async (request) => {
      await called('join', request)
      return [Uint8Array.of(1, 2, 255), request]
    },
    revoke: async (request) => called('revoke', request),
    leaveBehind: async (request) => called('leaveBehind', request),
    raiseLevel: async (request) => {
      await called('raiseLevel', request)
      return { level: 2, observers_below: [{ peer_id: PEER, name: 'double', reads: null }] }
    },
  }
  return {
    node,
    seen,
    refuseNext: (error, method) => {
      failure = { error, method }
    },
    holdNext: () => {
      let release: () => void = () => undefined
      gate = new Promise((resolve) => {
        release = resolve
      })
      return () => release()
    },
    degrade: (reason) => void reasons.push(reason),
  }
}
