/**
 * Writes: each becomes one request to the replica, and its outcome an answer or a `NodeError`.
 */
import type { Body } from '../../crdt/body.ts'
import { canonicalize, type Json } from '../../crdt/canonical.ts'
import type { Event, MemorySet } from '../../crdt/event.ts'
import { encodeToken } from '../../crdt/frontier.ts'
import { createUuidsV7, segmentId, type AgentId, type EventId, type Namespace, type RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { BulkAnswer, MemoryInput, Node, WriteAnswer, WriteOptions, Written } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { Clock, Random } from '../ports/clock.ts'
import type { MemoryRow } from '../ports/projection.ts'
import type { StoreFailure } from '../ports/store.ts'
import type { Shell } from '../replica/effects.ts'
import { segmentKey, segmentsOf, type SegmentEntry } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'
import type {
  Draft,
  Precondition,
  Refusal,
  RequestId,
  WriteOutcome,
  WriteRequest,
  WrittenAt,
} from '../replica/types.ts'
import {
  bodyOf,
  keyedEvent,
  keyedRecord,
  linkRecord,
  newEvent,
  registersOf,
  saidAt,
  tagChange,
  withoutNulls,
} from './drafts.ts'
import { ABSENT, idRefused } from './id-refused.ts'
import { createReceipts, latestByChain } from './receipts.ts'
import { settledBefore, settling } from './settling.ts'
import { commonReason, refusedMessage, unmetMessage, type Away } from './unmet.ts'
import { episodeRow, type Reader } from './rows.ts'
import type { Warm } from './warming.ts'

export type WriteContext = {
  readonly replica: Replica
  readonly shell: Shell
  readonly reader: Reader
  readonly warm: Warm
  readonly clock: Clock
  readonly random: Random
  readonly quorumTimeoutMs: number
  /** Free space of the store's file system, at most a second old. */
  readonly freeBytes: () => Promise<number>
  /** Why the log takes no writes, or null. */
  readonly storeTrouble: () => StoreFailure | null
  /** Voters that cannot be reached now. */
  readonly away: () => readonly Away[]
}

type Writes = Pick<
  Node,
  'remember' | 'rememberMany' | 'patch' | 'forget' | 'restore' | 'resolve' | 'link' | 'unlink' | 'appendEpisode'
>
type Plan = {
  readonly namespace: Namespace
  readonly drafts: readonly Draft[]
  readonly bodies: readonly Body[]
  readonly precondition?: Precondition
}
type Base = Pick<Draft, 'event' | 'agent' | 'at'>
type Acknowledged = Extract<WriteOutcome, { kind: 'acknowledged' }>

/** Copies of a repeated request's event whose documents are made ready: only somebody dishonest makes more. */
const COPIES_WARMED_MAX = 16
const ENDS_ABSENT = 'from and to must be memories that are here and visible'

export const createWrites = (context: WriteContext): Writes => {
  const { replica, shell, reader, clock, random } = context
  const { index } = replica
  /** Documents of these records, and those that hold the event of a repeated request; nothing of a flush under way is in them. */
  const documentsOf = async (records: readonly RecordId[]): Promise<void> => {
    for (const record of records) await context.warm(segmentsOf(index, record))
    await shell.settled()
  }
  const openedBy = (namespace: Namespace, { agent, idempotency_key: key }: WriteOptions): readonly SegmentEntry[] => {
    const own = index.segments.get(segmentKey(namespace, segmentId(replica.self, index.ownSegment.get(namespace) ?? 0)))
    const said =
      key === undefined
        ? []
        : index.events
            .of(keyedEvent(namespace, agent, key))
            .slice(0, COPIES_WARMED_MAX)
            .flatMap((n) => {
              const { namespace: of, segment } = replica.commits.arrived(n)?.header ?? { namespace, segment: null }
              return segment === null ? [] : (index.segments.get(segmentKey(of, segment)) ?? [])
            })
    return own === undefined ? said : [own, ...said]
  }
  const receiptOf = createReceipts()
  let lastRequest: RequestId = 0
  const said = (namespace: Namespace, options: WriteOptions): Base => {
    const { agent, idempotency_key: key, imported } = options
    const now = clock.now()
    return {
      event: key === undefined ? newEvent(now, random) : keyedEvent(namespace, agent, key),
      agent: agentOf(options),
      at: saidAt(imported?.at, now),
    }
  }
  /** What the request has said before, when it is repeated: it is answered then, whatever has become of what it changed. */
  const saidBefore = ({ event }: Base, { idempotency_key: key }: WriteOptions): Event | null =>
    key === undefined ? null : (replica.said(event)?.event ?? null)
  /** One that has expired is in no list and not recalled, and can be read and mended all the same. */
  const isHere = (row: MemoryRow | null): row is MemoryRow => row !== null && !row.forgotten && !row.erased
  const isVisible = (row: MemoryRow | null): row is MemoryRow => isHere(row) && !isExpired(row, clock.now())

  /** One request to the replica. @throws NodeError unless it was acknowledged. */
  const submit = async (
    plan: Plan,
    options: WriteOptions,
    ids: { readonly id: string; readonly event_id: EventId },
  ): Promise<Acknowledged> => {
    await admitToQueue(options)
    await context.warm(openedBy(plan.namespace, options))
    const request: WriteRequest = {
      id: ++lastRequest,
      namespace: plan.namespace,
      drafts: plan.drafts,
      bodies: plan.bodies,
      precondition: plan.precondition ?? null,
      idempotent: options.idempotency_key !== undefined,
      again: false,
      quorum: options.quorum ?? null,
      deadlineMs: clock.now() + Math.min(options.timeout_ms ?? context.quorumTimeoutMs, limits.quorum_timeout_ms_max),
    }
    const outcome = await shell.write({ kind: 'write', request })
    if (outcome.kind === 'refused') {
      const { code, message, fields } = outcome.refusal
      // Its flush failed: whoever finds it later knows it by these.
      throw new NodeError(code, message, {
        ...((code === 'disk_full' || code === 'internal') && ids),
        local_committed: false,
        ...fields,
      })
    }
    if (outcome.kind === 'quorum_not_met') {
      const { got, needed, reason, written, existing, cause, refusedBy } = outcome
      const refused_by = refusedBy.map((each) => ({
        peer_id: each.peer,
        name: index.control.members.get(each.peer)?.name ?? each.peer,
        reason: each.reason,
      }))
      const fields = {
        got,
        needed,
        reason,
        ...(refused_by.length > 0 && { refused_by }),
        ...ids,
        event_id: existing ?? ids.event_id,
        local_committed: true,
        token: tokenOf(written),
      }
      if (cause === 'refused')
        throw new NodeError('refused', refusedMessage(outcome, refused_by, replica.self), {
          refused_as: commonReason(refusedBy),
          ...fields,
        })
      throw new NodeError('quorum_not_met', unmetMessage({ got, needed, cause }, context.away()), fields)
    }
    return outcome
  }

  const admitToQueue = async (options: WriteOptions): Promise<void> => {
    const voters = replica.voters().size
    if (options.quorum !== undefined && (options.quorum < 1 || options.quorum > Math.max(1, voters)))
      throw new NodeError('malformed', `quorum must be 1 … ${voters}, the number of voters`, { local_committed: false })
    const queued = replica.queued()
    if (queued.requests >= limits.write_queue_requests_max || queued.bytes >= limits.write_queue_bytes_max)
      throw new NodeError('too_many_requests', 'the write queue is full: try again in a second', {
        local_committed: false,
        retry_after: 1,
      })
    // Refused before anything is sent: nobody else can have it.
    const trouble = context.storeTrouble()
    if (trouble !== null)
      throw new NodeError(trouble.code === 'disk_full' ? 'disk_full' : 'internal', trouble.message, {
        local_committed: false,
      })
    const free = await context.freeBytes()
    if (free < limits.free_space_bytes_min)
      throw new NodeError(
        'disk_full',
        `only ${Math.floor(free / 2 ** 20)} MiB are free where the log lies, ${limits.free_space_bytes_min / 2 ** 20} MiB must stay free: make room, or ask another peer`,
        { local_committed: false },
      )
  }

  const tokenOf = (written: readonly WrittenAt[]): string => encodeToken(replica.index.mesh, written)
  const answer = <Of extends Pick<Written, 'id' | 'namespace' | 'agent_id' | 'event_id'>>(
    outcome: Acknowledged,
    of: Of,
  ): Of & Written => ({
    ...of,
    quorum_acks: outcome.acks.length,
    receipt: receiptOf(outcome),
    token: tokenOf(outcome.written),
  })
  /** @param before the row that was changed: a peer that has begun to stop reads no other. */
  const answerRow = (
    outcome: Acknowledged,
    before: MemoryRow,
    event_id: EventId,
    options: WriteOptions,
  ): WriteAnswer => {
    const { id, namespace, title, tier } = (shell.isStopping() ? null : reader.memory(before.id)) ?? before
    return answer(outcome, { id, namespace, title, tier, agent_id: agentOf(options), event_id })
  }

  const newRecord = createUuidsV7()
  const planPut = (
    namespace: Namespace,
    input: MemoryInput,
    options: WriteOptions,
  ): { plan: Plan; record: RecordId; event: EventId } => {
    const { idempotency_key: key, imported: { id, beside } = {} } = options
    const record =
      id ??
      (key === undefined
        ? (newRecord(clock.now(), random.bytes(10)) as RecordId)
        : keyedRecord(namespace, options.agent, key))
    const { set, bodies } = registersOf(input, random)
    const base = said(namespace, options)
    const tags = tagChange([], input.tags ?? [])
    const draft: Draft = {
      ...base,
      op: 'put',
      record,
      set: withoutNulls(set) as MemorySet & { content: { ref: Body['ref'] } },
      tags,
      ...(beside && { beside }),
    }
    const precondition = (): Refusal | null =>
      id === undefined ? null : idRefused(reader.memory(id), namespace, beside === true, segmentsOf(index, id).length)
    return { plan: { namespace, drafts: [draft], bodies, precondition }, record, event: base.event }
  }

  const change = async (
    id: RecordId,
    options: WriteOptions & { readonly if_match?: string },
    make: (row: MemoryRow, base: Base, before: Event | null) => { drafts: readonly Draft[]; bodies: readonly Body[] },
    accepts: (row: MemoryRow | null) => boolean = isHere,
  ): Promise<WriteAnswer> => {
    await documentsOf([id])
    if (shell.isStopping())
      throw new NodeError('shutting_down', 'this peer is stopping: ask another, or this one in a moment', {
        local_committed: false,
      })
    const row = reader.memory(id)
    const base = row && said(row.namespace, options)
    const before = base && saidBefore(base, options)
    if (row === null || base === null || (before === null && !accepts(row)))
      throw new NodeError(ABSENT.code, ABSENT.message, { local_committed: false })
    const { drafts, bodies } = make(row, base, before)
    const precondition: Precondition = () => {
      const now = reader.memory(id)
      if (!accepts(now)) return ABSENT
      if (options.if_match !== undefined && options.if_match !== '*' && options.if_match !== now!.version)
        return {
          code: 'version_mismatch',
          message: `the memory is at version ${now!.version}: read it again, then repeat the change`,
          fields: { version: now!.version },
        }
      return null
    }
    const outcome = await submit({ namespace: row.namespace, drafts, bodies, precondition }, options, {
      id,
      event_id: base.event,
    })
    return answerRow(outcome, row, base.event, options)
  }

  return {
    remember: async (namespace, input, options) => {
      const { plan, record, event } = planPut(namespace, input, options)
      if (options.imported?.id !== undefined) await documentsOf([record])
      const outcome = await submit(plan, options, { id: record, event_id: event })
      return answer(outcome, {
        id: record,
        namespace,
        title: input.title ?? null,
        tier: input.tier ?? 'mid',
        agent_id: agentOf(options),
        event_id: outcome.existing ?? event,
      })
    },

    rememberMany: async (memories, options): Promise<BulkAnswer> => {
      const settled = await Promise.allSettled(
        memories.map(async ({ namespace, input, idempotency_key }) => {
          const own: WriteOptions = { ...options, ...(idempotency_key !== undefined && { idempotency_key }) }
          const { plan, record, event } = planPut(namespace, input, own)
          return { record, outcome: await submit(plan, own, { id: record, event_id: event }) }
        }),
      )
      const ids: (RecordId | null)[] = []
      const errors: BulkAnswer['errors'][number][] = []
      const written: WrittenAt[] = []
      let acks = Number.POSITIVE_INFINITY
      let created = 0
      let unmet: NodeError | null = null
      for (const [i, result] of settled.entries()) {
        if (result.status === 'fulfilled') {
          ids.push(result.value.record)
          for (const place of result.value.outcome.written) written.push(place)
          acks = Math.min(acks, result.value.outcome.acks.length)
          if (result.value.outcome.existing === null) created++
          continue
        }
        if (!(result.reason instanceof NodeError)) throw result.reason
        // Refused by the voters, it is here as well: another wait would not help, so that is what is told.
        if (result.reason.fields['local_committed'] === true) {
          if (unmet === null || unmet.code !== 'refused') unmet = result.reason
          ids.push(result.reason.fields['id'] as RecordId)
          continue
        }
        ids.push(null)
        const { id } = result.reason.fields
        errors.push({
          index: i,
          error: result.reason.code,
          message: result.reason.message,
          ...(result.reason.code === 'idempotency_conflict' && typeof id === 'string' && { id: id as RecordId }),
          ...(result.reason.fields['may_be_elsewhere'] === true && { may_be_elsewhere: true }),
        })
      }
      if (unmet !== null) throw new NodeError(unmet.code, unmet.message, { ...unmet.fields, ids, errors })
      const [first] = settled
      if (created === 0 && errors.length === memories.length && first?.status === 'rejected') throw first.reason
      const unique = [...new Map(written.map((where) => [where.hash, where])).values()]
      return {
        created,
        ids,
        errors,
        quorum_acks: Number.isFinite(acks) ? acks : 0,
        token: tokenOf(latestByChain(unique)),
      }
    },

    patch: (id, input, options) =>
      change(id, options, (row, base) => {
        const { set, bodies } = registersOf(input, random)
        const tags = input.tags === undefined ? null : tagChange(row.tags, input.tags)
        if (Object.keys(set).length === 0 && tags === null && input.tags === undefined)
          throw new NodeError('malformed', 'nothing to change: give at least one field', { local_committed: false })
        return {
          drafts: [
            { ...base, op: 'patch', record: id, set, tags, ...(input.tags !== undefined && { wanted: input.tags }) },
          ],
          bodies,
        }
      }),

    forget: (id, options) =>
      change(
        id,
        options,
        (_row, base) => ({ drafts: [{ ...base, op: options.erase ? 'erase' : 'forget', record: id }], bodies: [] }),
        options.erase ? (row) => row !== null && !row.erased : isHere,
      ),

    restore: (id, options) =>
      change(
        id,
        options,
        (_row, base) => ({ drafts: [{ ...base, op: 'restore', record: id }], bodies: [] }),
        (row) => row !== null && !row.erased,
      ),

    resolve: (id, choice, options) =>
      change(
        id,
        options,
        (_row, base, before) => {
          if (before !== null)
            return choice.event_id === undefined
              ? settling(id, choice.field, choice.value, base, random)
              : settledBefore(id, choice.field, before, base)
          const conflict = reader.conflicts(id).find(({ field }) => field === choice.field)
          if (conflict === undefined)
            throw new NodeError('conflict', `${choice.field} has no concurrent values: nothing to settle`, {
              local_committed: false,
            })
          const picked =
            choice.event_id === undefined
              ? undefined
              : conflict.values.find(({ event_id }) => event_id === choice.event_id)
          if (choice.event_id !== undefined && picked === undefined)
            throw new NodeError(
              'conflict',
              `event ${choice.event_id} wrote none of the concurrent values of ${choice.field}`,
              { local_committed: false },
            )
          return settling(id, choice.field, picked === undefined ? choice.value : picked.value, base, random)
        },
        (row) => row !== null && !row.erased,
      ),

    link: async (input, options) => {
      await documentsOf([input.from, input.to])
      const from = reader.memory(input.from)
      const base = from && said(from.namespace, options)
      const before = base && saidBefore(base, options)
      if (from === null || base === null) throw new NodeError(ABSENT.code, ENDS_ABSENT, { local_committed: false })
      // What was forgotten or has expired keeps the links that it had elsewhere.
      const isEnd = options.imported === undefined ? isVisible : (row: MemoryRow | null) => row !== null && !row.erased
      if (before === null && (!isEnd(from) || !isEnd(reader.memory(input.to))))
        throw new NodeError(ABSENT.code, ENDS_ABSENT, { local_committed: false })
      const record = linkRecord(from.namespace, input.from, input.to, input.relation)
      const valid = registersOf(
        {
          ...(input.valid_from !== undefined && { occurred_at: input.valid_from }),
          ...(input.valid_until !== undefined && { expires_at: input.valid_until }),
        },
        random,
      ).set
      const draft: Draft = {
        ...base,
        op: 'link',
        record,
        from: input.from,
        to: input.to,
        relation: input.relation,
        ...(valid.occurred_at && { valid_from: valid.occurred_at }),
        ...(valid.expires_at && { valid_until: valid.expires_at }),
      }
      const precondition: Precondition = () => (isEnd(reader.memory(input.from)) ? null : ABSENT)
      const outcome = await submit({ namespace: from.namespace, drafts: [draft], bodies: [], precondition }, options, {
        id: record,
        event_id: base.event,
      })
      await shell.settled()
      return {
        ...answer(outcome, { id: record, namespace: from.namespace, agent_id: agentOf(options), event_id: base.event }),
        link: reader.link(record)!,
      }
    },

    unlink: async ({ from, to, relation }, options) => {
      await documentsOf([from])
      const home = reader.memory(from)
      const record = home && linkRecord(home.namespace, from, to, relation)
      const link = record && reader.link(record)
      const base = home && said(home.namespace, options)
      if (!home || !base || !record || !link || (link.removed && saidBefore(base, options) === null))
        throw new NodeError('not_found', 'there is no such link', { local_committed: false })
      const outcome = await submit(
        { namespace: home.namespace, drafts: [{ ...base, op: 'unlink', record }], bodies: [] },
        options,
        { id: record, event_id: base.event },
      )
      return answer(outcome, {
        id: record,
        namespace: home.namespace,
        agent_id: agentOf(options),
        event_id: base.event,
      })
    },

    appendEpisode: async (namespace, input, options) => {
      const { body, ...fields } = input
      const base = said(namespace, options)
      const text = body === undefined ? null : bodyOf('body', canonicalize(body as Json), random)
      const draft: Draft = { ...base, op: 'episode', ...fields, ...(text && { body: { ref: text.ref } }) }
      const outcome = await submit({ namespace, drafts: [draft], bodies: text ? [text] : [] }, options, {
        id: base.event,
        event_id: base.event,
      })
      const [where] = outcome.written
      const commit = where && reader.commit(where.hash as never)
      const event = commit?.events.find((sealed) => sealed.event.id === base.event)?.event
      if (commit === undefined || commit === null || event?.kind !== 'episode.append')
        throw new NodeError('internal', 'the episode was stored and cannot be read back: run verify', {
          local_committed: true,
        })
      return {
        ...answer(outcome, {
          id: base.event as string as RecordId,
          namespace,
          agent_id: agentOf(options),
          event_id: base.event,
        }),
        episode: episodeRow(commit, event, reader.texts),
      }
    },
  }
}

/** Under whose name it stands. */
const agentOf = ({ agent, imported }: WriteOptions): AgentId => imported?.agent ?? agent

const isExpired = (row: MemoryRow, nowMs: number): boolean =>
  row.expires_at !== null && Date.parse(row.expires_at) <= nowMs
