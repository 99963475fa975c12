/**
 * Clients: they ask a peer, wait, try again elsewhere, and remember what they were told. What they remember is the evidence
 * that the invariants judge.
 */
import { covers, decodeToken, type Position } from '../../crdt/frontier.ts'
import type { AgentId, ChainId, EventId, Namespace, RecordId } from '../../crdt/ids.ts'
import type { ReceiptJson } from '../../crdt/receipt.ts'
import type { Node, WriteOptions } from '../../src/api.ts'
import type { Frontier } from '../../src/ports/projection.ts'
import { NodeError } from '../../src/errors.ts'
import { keyedRecord } from '../../src/service/drafts.ts'
import type { Machine, Process } from './machine.ts'
import type { Ask, Step } from './schedule.ts'
import { patchInput, putInput } from './texts.ts'

export type AskStep = Extract<Step, { readonly do: 'ask' }>

/** A write that was answered with success. `holders`: machines on whose disks it lay at that moment. */
export type Acknowledged = {
  readonly step: AskStep
  readonly machine: number
  readonly atMs: number
  readonly record: RecordId | null
  readonly events: readonly EventId[]
  readonly acks: number
  readonly needed: number
  readonly receipt: ReceiptJson | null
  readonly token: string
  readonly holders: readonly number[]
}
/** A write that was answered with an error that says where it stands. */
export type Told = {
  readonly step: AskStep
  readonly machine: number
  readonly code: string
  readonly localCommitted: unknown
  readonly mayBeElsewhere: boolean
  readonly event: EventId | null
  readonly record: RecordId | null
}
export type CausalRead = {
  readonly machine: number
  readonly record: RecordId
  readonly event: EventId
  readonly seen: boolean
}

export type Evidence = {
  readonly acknowledged: Acknowledged[]
  readonly told: Told[]
  readonly reads: CausalRead[]
  /** Changes of a memory as somebody had read it. */
  readonly matched: {
    readonly step: AskStep
    readonly machine: number
    readonly record: RecordId
    readonly version: string
  }[]
  readonly codes: Map<string, number>
  /** Machines that each request was given to, one an attempt. */
  readonly asked: Map<AskStep, number[]>
  /** Attempts that nobody answered, since the process died. */
  silent: number
  readonly recordBySlot: Map<number, RecordId>
  /** Digests of documents by that of the frontier, as peers told them. */
  readonly documentsByFrontier: Map<string, string>
  /** Keyed puts by record: what was asked, and how often a new attempt began. */
  readonly keyed: Map<RecordId, { readonly value: number; attempts: { machine: number; process: Process | null }[] }>
}

export const noEvidence = (): Evidence => ({
  acknowledged: [],
  told: [],
  reads: [],
  matched: [],
  codes: new Map(),
  asked: new Map(),
  silent: 0,
  recordBySlot: new Map(),
  documentsByFrontier: new Map(),
  keyed: new Map(),
})

export const NS = 'team/api' as Namespace
const APART = 'team/web' as Namespace
export const namespaceOf = (apart: boolean | undefined): Namespace => (apart === true ? APART : NS)
export const agentOf = (client: number): AgentId => `ai:client-${client}` as AgentId

export type ClientWorld = {
  readonly machines: readonly Machine[]
  readonly evidence: Evidence
  readonly time: { now(): number; after(ms: number, call: () => void): () => void }
  readonly voters: number
  readonly stirred: () => void
  /** Machines on whose disks this commit and its texts lie now. */
  readonly holders: (commitHash: string) => readonly number[]
  /** A token of an acknowledged write, for reads by the same client. */
  readonly tokens: Map<number, { readonly token: string; readonly record: RecordId; readonly event: EventId }>
}

/** A client gives up waiting for a process that does not answer after this. */
const PATIENCE_MS = 12_000

/** Asks, and again at the step's other peers while the answer is no success; ends when answered or out of peers. */
export const ask = async (world: ClientWorld, step: AskStep): Promise<void> => {
  for (const machine of [step.peer, ...step.retries]) {
    const end = await attempt(world, step, machine % world.machines.length)
    if (end !== 'again') return
  }
}

type Answer = {
  readonly record: RecordId | null
  readonly events: readonly EventId[]
  readonly acks: number
  readonly receipt: ReceiptJson | null
  readonly token: string
}

const attempt = async (world: ClientWorld, step: AskStep, machine: number): Promise<'done' | 'again'> => {
  const { evidence } = world
  const process = world.machines[machine]!.process
  if (!process?.peer) return 'again'
  evidence.asked.set(step, [...(evidence.asked.get(step) ?? []), machine])
  const options: WriteOptions = {
    agent: agentOf(step.client),
    timeout_ms: step.timeoutMs,
    ...(step.quorum !== null && { quorum: Math.min(step.quorum, world.voters) }),
    ...(hasKey(step.ask) && { idempotency_key: `change-${step.client}-${step.at}` }),
  }
  const { node } = process.peer
  const asked = perform(world, step, machine, process, node, options)
  const outcome = await orSilence(world, process, asked)
  world.stirred()
  if (outcome === 'silence') {
    evidence.silent++
    return canRepeat(step.ask) ? 'again' : 'done'
  }
  if (outcome === null) return 'done'
  if (outcome instanceof NodeError) {
    evidence.codes.set(outcome.code, (evidence.codes.get(outcome.code) ?? 0) + 1)
    const { id, event_id, local_committed, may_be_elsewhere } = outcome.fields
    evidence.told.push({
      step,
      machine,
      code: outcome.code,
      localCommitted: local_committed,
      mayBeElsewhere: may_be_elsewhere === true,
      event: typeof event_id === 'string' ? (event_id as EventId) : null,
      record: typeof id === 'string' ? (id as RecordId) : null,
    })
    if (step.ask.op === 'put' && local_committed === true && typeof id === 'string')
      evidence.recordBySlot.set(step.ask.slot, id as RecordId)
    return outcome.status >= 500 && canRepeat(step.ask) ? 'again' : 'done'
  }
  const needed = options.quorum ?? Math.min(2, world.voters)
  evidence.acknowledged.push({
    step,
    machine,
    atMs: world.time.now(),
    needed,
    holders: outcome.receipt === null ? [] : world.holders(outcome.receipt.commit),
    ...outcome,
  })
  const [event] = outcome.events
  if (outcome.record !== null && event !== undefined && step.ask.op !== 'link' && step.ask.op !== 'unlink')
    world.tokens.set(step.client, { token: outcome.token, record: outcome.record, event })
  return 'done'
}

/** What may be sent again without making it twice. */
const canRepeat = (asked: Ask): boolean => (asked.op === 'put' ? asked.key : asked.op === 'bulk' || hasKey(asked))
/** Changes carry keys; not those of a memory as it was read, for each attempt reads it anew. */
const hasKey = (asked: Ask): boolean =>
  !['put', 'bulk', 'get', 'list'].includes(asked.op) && !(asked.op === 'patch' && asked.match === true)

export const orSilence = <T>(
  world: Pick<ClientWorld, 'time'>,
  process: Process,
  asked: Promise<T>,
): Promise<T | NodeError | 'silence'> =>
  new Promise((resolve, reject) => {
    const cancel = world.time.after(PATIENCE_MS, () => resolve('silence'))
    const settle = (end: () => void): void => {
      cancel()
      // An answer of a dead process reached nobody.
      if (process.isAlive()) end()
      else resolve('silence')
    }
    asked.then(
      (answer) => settle(() => resolve(answer)),
      (error: unknown) =>
        settle(() =>
          error instanceof NodeError
            ? resolve(error)
            : reject(error instanceof Error ? error : new Error(String(error))),
        ),
    )
  })

/** Null when there was nothing to ask for, or it was a read. */
const perform = async (
  world: ClientWorld,
  step: AskStep,
  machine: number,
  process: Process,
  node: Node,
  options: WriteOptions,
): Promise<Answer | null> => {
  const { evidence } = world
  const asked = step.ask
  const of = (slot: number): RecordId | null => evidence.recordBySlot.get(slot) ?? null
  switch (asked.op) {
    case 'put': {
      const key = asked.key ? `key-${step.client}-${asked.slot}` : null
      if (key !== null) {
        const record = keyedRecord(namespaceOf(asked.apart), options.agent, key)
        evidence.recordBySlot.set(asked.slot, record)
        const keyed = evidence.keyed.get(record) ?? { value: asked.value, attempts: [] }
        keyed.attempts.push({ machine, process })
        evidence.keyed.set(record, keyed)
      }
      const answer = await node.remember(namespaceOf(asked.apart), putInput(asked.value), {
        ...options,
        ...(key !== null && { idempotency_key: key }),
      })
      evidence.recordBySlot.set(asked.slot, answer.id)
      return {
        record: answer.id,
        events: [answer.event_id],
        acks: answer.quorum_acks,
        receipt: answer.receipt,
        token: answer.token,
      }
    }
    case 'bulk': {
      const answer = await node.rememberMany(
        asked.slots.map((slot, i) => ({
          namespace: namespaceOf(asked.apart === true && i % 2 === 1),
          input: putInput(asked.value + i),
          idempotency_key: `bulk-${step.client}-${slot}`,
        })),
        options,
      )
      for (const [i, slot] of asked.slots.entries()) {
        const id = answer.ids[i]
        if (id) evidence.recordBySlot.set(slot, id)
      }
      return {
        record: answer.ids.find((id) => id !== null) ?? null,
        events: [],
        acks: answer.quorum_acks,
        receipt: null,
        token: answer.token,
      }
    }
    case 'episode': {
      const answer = await node.appendEpisode(
        namespaceOf(asked.apart),
        { event_type: 'seen', sender: 'a', body: { value: asked.value } },
        options,
      )
      return {
        record: null,
        events: [answer.event_id],
        acks: answer.quorum_acks,
        receipt: answer.receipt,
        token: answer.token,
      }
    }
    case 'link':
    case 'unlink': {
      const [from, to] = [of(asked.slot), of(asked.other)]
      if (from === null || to === null) return null
      const answer = await node[asked.op]({ from, to, relation: asked.relation }, options)
      return {
        record: answer.id,
        events: [answer.event_id],
        acks: answer.quorum_acks,
        receipt: answer.receipt,
        token: answer.token,
      }
    }
    case 'list': {
      const seen = world.tokens.get(step.client)
      if (seen === undefined) return null
      const { frontier } = await node.list(
        {},
        { limit: 1 },
        { token: seen.token, wait_ms: step.timeoutMs, frontier: 'full' },
      )
      if (process.isAlive()) {
        // Where rows are behind the log answers; then its frontier names what the token saw.
        const isShown =
          world.machines[machine]!.rows.allEvents().some(({ event_id }) => event_id === seen.event) ||
          namesAll(frontier, decodeToken(process.peer!.replica.index.mesh, seen.token) ?? [])
        evidence.reads.push({ machine, record: seen.record, event: seen.event, seen: isShown })
      }
      return null
    }
    default: {
      const id = of(asked.slot)
      if (id === null) return null
      const answer = await onMemory(world, step, machine, process, node, options, id)
      return answer === null
        ? null
        : {
            record: answer.id,
            events: [answer.event_id],
            acks: answer.quorum_acks,
            receipt: answer.receipt,
            token: answer.token,
          }
    }
  }
}

const onMemory = async (
  world: ClientWorld,
  step: AskStep,
  machine: number,
  process: Process,
  node: Node,
  options: WriteOptions,
  id: RecordId,
) => {
  const asked = step.ask
  switch (asked.op) {
    case 'patch': {
      if (asked.match !== true) return node.patch(id, patchInput(asked.value, asked.fields), options)
      const { version } = (await node.get(id, {})).memory
      world.evidence.matched.push({ step, machine, record: id, version })
      return node.patch(id, patchInput(asked.value, asked.fields), { ...options, if_match: version })
    }
    case 'forget':
      return node.forget(id, { ...options, erase: false })
    case 'erase':
      return node.forget(id, { ...options, erase: true })
    case 'restore':
      return node.restore(id, options)
    case 'resolve': {
      const [conflict] = (await node.conflicts(id, {})).rows
      const value = conflict?.values.at(-1)
      return conflict === undefined || value === undefined
        ? null
        : node.resolve(id, { field: conflict.field, event_id: value.event_id }, options)
    }
    case 'get': {
      const seen = world.tokens.get(step.client)
      if (seen === undefined) {
        await node.get(id, {})
        return null
      }
      const answered = await node.get(seen.record, { token: seen.token, wait_ms: step.timeoutMs }).then(
        () => true,
        (error: unknown) => {
          // Hidden by then, perhaps; whether it is here is asked of the history.
          if (error instanceof NodeError && error.code === 'not_found') return true
          throw error
        },
      )
      const history = answered ? (await node.history(seen.record, {})).rows : []
      // What a dead process answers reaches nobody.
      if (process.isAlive())
        world.evidence.reads.push({
          machine,
          record: seen.record,
          event: seen.event,
          seen: history.some(({ event_id }) => event_id === seen.event),
        })
      return null
    }
    default:
      return null
  }
}

const namesAll = (frontier: Frontier | string, positions: readonly Position[]): boolean => {
  if (typeof frontier === 'string') return false
  const seqs = new Map(Object.values(frontier).flatMap((chains) => Object.entries(chains)))
  return covers((chain: ChainId) => seqs.get(chain) ?? 0, positions)
}
