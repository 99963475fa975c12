/**
 * Readers: they list, scan, recall and look at single memories on any peer at any moment, and hold each answer against that peer's
 * own log as it was when they asked (`log-view.ts`). An answer that knows less than the log did, and does not say so, is partial.
 *
 * Where nothing happened between question and answer, it must be the model's to the last field. Where something did, it must
 * hold every memory that was there before and that nobody hid, moved or left out meanwhile. A refusal is no answer, and never wrong.
 */
import { canonicalize } from '../../crdt/canonical.ts'
import type { Commit } from '../../crdt/commit.ts'
import { covers, decodeToken } from '../../crdt/frontier.ts'
import { tokenOf } from '../../crdt/frontier-token.ts'
import {
  CONTROL_NAMESPACE,
  type ChainId,
  type EventId,
  type MeshId,
  type Namespace,
  type RecordId,
  type Ref,
} from '../../crdt/ids.ts'
import type { Node } from '../../src/api.ts'
import { NodeError } from '../../src/errors.ts'
import { logFrontier } from '../../src/service/log-frontier.ts'
import type { Frontier, MemoryFilter, MemoryRow } from '../../src/ports/projection.ts'
import { readLinkOf, readMemoryOf, type MemoryReading, type TextOf } from '../model/memory.ts'
import { agentOf, namespaceOf, orSilence, type ClientWorld } from './clients.ts'
import { historyOf, textsOf, viewOf, type LogView } from './log-view.ts'
import type { Machine, Process } from './machine.ts'
import type { Reading, Step } from './schedule.ts'

export type ReadStep = Extract<Step, { readonly do: 'read' }>

export type ReaderWorld = Pick<ClientWorld, 'machines' | 'evidence' | 'time' | 'tokens' | 'stirred'> & {
  /** Its disk lost what its peer had said: what it answers then is judged by `verify`, not here. */
  readonly isSpoiled: (machine: Machine) => boolean
  readonly note: (what: string) => void
  readonly partial: (violation: string) => void
}

/** More pages than a world can fill: a list that never ends is a fault of its own. */
const PAGES_MAX = 500
/** Standing in every text that a client writes. */
const QUESTION = 'text'

type Question = {
  readonly node: Node
  readonly mesh: MeshId
  readonly see: () => LogView
  readonly token: string | null
  readonly read: Reading
  readonly tell: (what: string) => void
  readonly note: (what: string) => void
}

export const read = async (world: ReaderWorld, step: ReadStep): Promise<void> => {
  const machine = world.machines[step.peer % world.machines.length]!
  const { process } = machine
  if (!process?.peer || process.isPaused()) return
  const token = step.token ? (world.tokens.get(step.client)?.token ?? null) : null
  const told: string[] = []
  const question: Question = {
    node: process.peer.node,
    mesh: process.peer.replica.index.mesh,
    read: step.read,
    token,
    see: () => viewOf(machine, process),
    note: world.note,
    tell: (what) => told.push(`I14 partial: ${step.read.op} at ${step.at} ms on peer ${machine.index}: ${what}`),
  }
  const end = await orSilence(world, process, answered(world, question))
  world.stirred()
  if (end === 'silence') return
  if (end instanceof NodeError) return world.note(`${step.read.op} refused: ${end.code}`)
  if (isSound(world, machine, process)) told.forEach(world.partial)
}

/** After the weather every peer answers everything, and all of it. */
export const readEverything = async (world: ReaderWorld, machine: Machine, process: Process): Promise<void> => {
  for (const reading of [
    { op: 'list', limit: 2 },
    { op: 'scan', limit: 3 },
    { op: 'recall' },
    { op: 'episodes' },
    { op: 'namespaces' },
  ] as const) {
    const tell = (what: string): void =>
      world.partial(`I14 partial: ${reading.op} after the weather on peer ${machine.index}: ${what}`)
    const question: Question = {
      node: process.peer!.node,
      mesh: process.peer!.replica.index.mesh,
      read: reading,
      token: null,
      see: () => viewOf(machine, process),
      note: world.note,
      tell,
    }
    await answered(world, question).catch((error: unknown) =>
      tell(`refused: ${error instanceof Error ? error.message : String(error)}`),
    )
  }
  await asTheLog(world, machine, process)
}

/** What rows name of each chain, once they show all of the log, is what the log does; and their token is that of it. */
const asTheLog = async (world: ReaderWorld, machine: Machine, { peer }: Process): Promise<void> => {
  const { node, replica } = peer!
  const tell = (what: string): void => world.partial(`I14 partial: after the weather peer ${machine.index} ${what}`)
  const [full, short] = [
    await node.episodes({ agent_id: agentOf(0), limit: 1 }, { frontier: 'full' }),
    await node.episodes({ agent_id: agentOf(0), limit: 1 }, {}),
  ]
  const [rows, log] = [chainsOf(full), logFrontier(replica.index)]
  if (full.lag > 0 || short.lag > 0) return
  world.note('frontiers held against the log')
  if (canonicalize(rows) !== canonicalize(log))
    tell(`names ${canonicalize(rows)} in its rows, and ${canonicalize(log)} in its log`)
  if (short.frontier !== tokenOf(rows)) tell(`says ${JSON.stringify(short.frontier)} for what is ${tokenOf(rows)}`)
}

const isSound = (world: ReaderWorld, machine: Machine, { peer }: Process): boolean => {
  const { index } = peer!.replica
  return !world.isSpoiled(machine) && index.holes.size + index.setAside.size + index.lost.size === 0
}

const answered = (world: ReaderWorld, question: Question): Promise<void> => {
  const { read: asked } = question
  switch (asked.op) {
    case 'list':
      return list(question, filterOf(asked), asked.limit)
    case 'recall':
      return recall(question)
    case 'scan':
      return scan(question, asked.limit, asked.apart === undefined ? undefined : namespaceOf(asked.apart))
    case 'memory': {
      const id = world.evidence.recordBySlot.get(asked.slot)
      return id === undefined ? Promise.resolve() : memory(question, id, asked.limit)
    }
    case 'episodes':
      return episodes(question)
    case 'namespaces':
      return namespaces(question)
    case 'digests':
      return digests(world, question)
  }
}

const filterOf = ({ apart, tag, agent }: Extract<Reading, { op: 'list' }>): MemoryFilter => ({
  ...(apart !== undefined && { namespace: namespaceOf(apart) }),
  ...(tag !== undefined && { tags: [tag] }),
  ...(agent !== undefined && { agent_id: agentOf(agent) }),
})

// ── lists and searches ──────────────────────────────────────────────────────────────────────────────────────────────────

type Shown = { readonly frontier: Frontier | string; readonly lag: number }

const list = async (question: Question, filter: MemoryFilter, limit: number): Promise<void> => {
  const before = question.see()
  const rows: MemoryRow[] = []
  let first: Shown | null = null
  let cursor: string | null = null
  for (let pages = 0; ; pages++) {
    if (pages >= PAGES_MAX) return question.tell(`no end after ${PAGES_MAX} pages`)
    const answer: Awaited<ReturnType<Node['list']>> = await question.node.list(
      filter,
      { limit, ...(cursor !== null && { cursor }) },
      withToken(question),
    )
    first ??= answer
    for (const row of answer.rows) rows.push(row)
    if (answer.rows.length < limit && answer.next_cursor !== null && answer.rows.length === 0)
      question.tell('a page with nothing on it that says there is more')
    cursor = answer.next_cursor
    if (cursor === null) break
  }
  const after = question.see()
  const lacking = unreflected(before, after, first, filter.namespace)
  if (lacking.length > 0)
    question.tell(`its frontier lacks ${lacking.length} commits that were on the disk: ${lacking[0]}`)
  heldToToken(question, first)
  heldToLog(question, { before, after, shown: first, filter }, rows)
  if (before.state !== after.state) return
  question.note('list held against the model')
  const places = rows.map(({ created_at, id }) => `${String(Date.parse(created_at)).padStart(16)} ${id}`)
  if (places.some((place, i) => i > 0 && place >= places[i - 1]!))
    question.tell('its rows are not newest first, or come twice')
  asTheModel(question, before, rows, (row) => matches(row, filter))
}

const recall = async (question: Question): Promise<void> => {
  const before = question.see()
  const answer = await question.node.recall({ q: QUESTION, limit: 200 }, withToken(question))
  const after = question.see()
  const lacking = unreflected(before, after, answer, undefined)
  if (lacking.length > answer.lag)
    question.tell(`it says it is ${answer.lag} commits behind, and lacks ${lacking.length}`)
  heldToToken(question, answer)
  heldToLog(question, { before, after, shown: answer, filter: {} }, answer.memories)
  if (before.state !== after.state || answer.lag > 0)
    return question.note(answer.lag > 0 ? 'recall behind' : 'recall beside changes')
  question.note('recall held against the model')
  asTheModel(
    question,
    before,
    answer.memories.map(({ score: _score, explain: _explain, ...row }) => row),
    (row) => row.content?.includes(QUESTION) === true,
  )
}

const withToken = ({ token }: Question) => ({
  ...(token !== null && { token, wait_ms: 1_500 }),
  frontier: 'full' as const,
})
/** Whoever asks for all chains gets them. */
const chainsOf = ({ frontier }: Pick<Shown, 'frontier'>): Frontier => (typeof frontier === 'string' ? {} : frontier)

/** Commits that counted before and count still, which the answer's frontier does not name. */
const unreflected = (
  before: LogView,
  after: LogView,
  shown: Pick<Shown, 'frontier'>,
  within: Namespace | undefined,
): string[] =>
  before.counting.flatMap(({ hash, chain, header }) => {
    const isNamed =
      (chainsOf(shown)[header.namespace]?.[chain] ?? 0) >= header.seq ||
      (within !== undefined && within !== header.namespace)
    return isNamed || !after.hashes.has(hash) ? [] : [`${header.namespace} ${chain} ${header.seq}`]
  })

const heldToToken = ({ token, tell, mesh, see }: Question, shown: Shown): void => {
  if (token === null) return
  const positions = decodeToken(mesh, token) ?? []
  const seqByChain = new Map<string, number>(Object.values(chainsOf(shown)).flatMap((chains) => Object.entries(chains)))
  // Of a chain that forked since, or whose peer is out, nothing need be shown.
  const counting = new Set(see().counting.map(({ chain, header }) => `${chain} ${header.seq}`))
  if (
    !covers(
      (chain) => seqByChain.get(chain) ?? 0,
      positions.filter(({ chain, seq }) => counting.has(`${chain} ${seq}`)),
    )
  )
    tell('its frontier does not cover its token')
}

type Held = { readonly before: LogView; readonly after: LogView; readonly shown: Shown; readonly filter: MemoryFilter }

/** Every memory that was there before, that its frontier names, and that nobody touched in a way that could hide or move it. */
const heldToLog = (
  { read: asked, tell }: Question,
  { before, after, shown, filter }: Held,
  rows: readonly { readonly id: RecordId }[],
): void => {
  const there = new Set(rows.map(({ id }) => id))
  const [puts, changed] = [putsOf(after), changedIn(after)]
  for (const [
    id,
    {
      text,
      tags,
      agent,
      namespace,
      place: [chain, seq],
      hash,
    },
  ] of putsOf(before)) {
    const isSteady = puts.get(id)?.times === 1 && after.hashes.has(hash) && !after.hidden.has(id) && !changed.has(id)
    const isNamed = (chainsOf(shown)[namespace]?.[chain] ?? 0) >= seq
    const isWanted =
      (filter.namespace === undefined || filter.namespace === namespace) &&
      (filter.agent_id === undefined || filter.agent_id === agent) &&
      (filter.tags ?? []).every((tag) => tags.includes(tag))
    const isFound =
      asked.op !== 'recall' || (shown.lag === 0 && before.texts.has(text) && utf8(before, text).includes(QUESTION))
    if (isSteady && isNamed && isWanted && isFound && !there.has(id))
      tell(`memory ${id} is on its disk, by its frontier in it, and not shown`)
  }
}

type Put = {
  readonly hash: string
  readonly text: Ref
  readonly tags: readonly string[]
  readonly agent: string
  readonly namespace: Namespace
  readonly place: readonly [chain: ChainId, seq: number]
  times: number
}

const putsOf = ({ counting }: LogView): ReadonlyMap<RecordId, Put> => {
  const puts = new Map<RecordId, Put>()
  for (const { hash, chain, header, events } of counting)
    for (const { event } of events) {
      if (event.kind !== 'memory.put') continue
      const known = puts.get(event.record)
      if (known === undefined)
        puts.set(event.record, {
          hash,
          text: event.set.content.ref,
          tags: event.tags?.add ?? [],
          agent: event.agent,
          namespace: header.namespace,
          place: [chain, header.seq],
          times: 1,
        })
      else known.times++
    }
  return puts
}
/** By patches: a tag may be gone, a text another. */
const changedIn = ({ all }: LogView): ReadonlySet<RecordId> =>
  new Set(
    all.flatMap(({ events }) => events.flatMap(({ event }) => (event.kind === 'memory.patch' ? [event.record] : []))),
  )
const utf8 = ({ texts }: LogView, ref: Put['text']): string => textsOf([texts])(ref) ?? ''

const asTheModel = (
  { tell }: Question,
  view: LogView,
  rows: readonly MemoryRow[],
  isWanted: (row: MemoryReading) => boolean,
): void => {
  const history = historyOf(view)
  const textOf = textsOf([view.texts])
  const rowById = new Map(rows.map((row) => [row.id, row]))
  for (const id of putsOf(view).keys()) {
    const row = rowById.get(id)
    const model = modelOf(history, id, textOf)
    const wanted = model !== null && isWanted(model) ? model : null
    if ((row === undefined) !== (wanted === null))
      tell(
        row === undefined
          ? `memory ${id} is visible by its log, and not shown`
          : `memory ${id} is shown, and not visible by its log`,
      )
    else if (row !== undefined && !isSame(row, wanted!))
      tell(`memory ${id} is shown otherwise than by its log: ${JSON.stringify(row)} for ${JSON.stringify(wanted)}`)
  }
  for (const id of rowById.keys())
    if (!history.says.some(({ event }) => event.kind === 'memory.put' && event.record === id))
      tell(`memory ${id} is shown, and nobody's`)
}

/** As anybody sees it; null when nobody does. */
const modelOf = (history: ReturnType<typeof historyOf>, id: RecordId, textOf: TextOf): MemoryReading | null => {
  const model = readMemoryOf(history, id, textOf)
  return model === null || model.forgotten || model.erased ? null : model
}
const isSame = ({ version: _version, ...row }: MemoryRow, model: MemoryReading): boolean =>
  canonicalize(row as never) === canonicalize(model as never)
const matches = (row: MemoryReading, { namespace, tags, agent_id }: MemoryFilter): boolean =>
  (namespace === undefined || row.namespace === namespace) &&
  (agent_id === undefined || row.agent_id === agent_id) &&
  (tags ?? []).every((tag) => row.tags.includes(tag))

// ── the log, single memories, and what is counted ───────────────────────────────────────────────────────────────────────

const scan = async (
  { node, see, tell, note }: Question,
  limit: number,
  namespace: Namespace | undefined,
): Promise<void> => {
  const before = see()
  const got: { readonly commit: string; readonly event: string }[] = []
  let place: string | undefined
  for (let pages = 0; ; pages++) {
    if (pages >= PAGES_MAX) return tell(`no end after ${PAGES_MAX} pages`)
    const { events, next } = await node.events(place, { limit, ...(namespace !== undefined && { namespace }) })
    got.push(
      ...events.map(({ commit, event_id, kind, record }) => ({ commit, event: `${event_id} ${kind} ${record ?? ''}` })),
    )
    if (next === place) break
    place = next
  }
  note('scan held against the log')
  // Copies of one event are one: that of any commit will do.
  const isAsked = (of: Namespace): boolean => of !== CONTROL_NAMESPACE && (namespace === undefined || of === namespace)
  const expected = new Set(
    before.all.flatMap(({ header, events }) =>
      isAsked(header.namespace)
        ? events.map(({ event }) => `${event.id} ${event.kind} ${'record' in event ? event.record : ''}`)
        : [],
    ),
  )
  const events = new Set(got.map(({ event }) => event))
  for (const event of expected) if (!events.has(event)) tell(`event ${event} is in its log, and on none of its pages`)
  const once = new Set(got.map(({ commit, event }) => `${commit} ${event}`))
  if (once.size < got.length) tell(`${got.length} events read are ${once.size}`)
  const arrivalOf = new Map(before.all.map(({ hash }, i) => [hash as string, i]))
  const order = got.flatMap(({ commit }) => arrivalOf.get(commit) ?? [])
  if (order.some((at, i) => i > 0 && at < order[i - 1]!)) tell('its events are not in the order of the log')
}

const memory = async ({ node, see, tell, note, token }: Question, id: RecordId, limit: number): Promise<void> => {
  const options = token === null ? {} : { token, wait_ms: 1_500 }
  const before = see()
  const answer = await node.get(id, options).catch((error: unknown) => {
    if (error instanceof NodeError && error.code === 'not_found') return null
    throw error
  })
  const after = see()
  const put = putsOf(before).get(id)
  const isSteady = put !== undefined && after.hashes.has(put.hash) && !after.hidden.has(id)
  if (answer === null && isSteady) return tell(`memory ${id} is on its disk, and answered as not there`)
  if (before.state === after.state) {
    note('memory held against the model')
    const model = modelOf(historyOf(before), id, textsOf([before.texts]))
    if ((answer === null) !== (model === null))
      tell(
        `memory ${id} is ${answer === null ? 'visible by its log, and not there' : 'there, and not visible by its log'}`,
      )
    else if (answer !== null && !isSame(answer.memory, model!))
      tell(
        `memory ${id} reads otherwise than by its log: ${JSON.stringify(answer.memory)} for ${JSON.stringify(model)}`,
      )
  }
  if (put === undefined) return
  await history({ node, see, tell, options }, id, limit)
  await links({ node, see, tell, options }, id, limit)
}

type Looking = Pick<Question, 'node' | 'see' | 'tell'> & {
  readonly options: { readonly token?: string; readonly wait_ms?: number }
}

const history = async ({ node, see, tell, options }: Looking, id: RecordId, limit: number): Promise<void> => {
  const before = see()
  const got: EventId[] = []
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await node.history(id, { ...options, limit, ...(cursor !== undefined && { cursor }) })
    got.push(...page.rows.map(({ event_id }) => event_id))
    cursor = page.next_cursor
    if (got.length > PAGES_MAX) return tell(`the history of ${id} does not end`)
  }
  const after = see()
  const there = new Set(got)
  for (const { event, commit } of historyOf(before).says) {
    if (
      event.kind.startsWith('memory.') &&
      'record' in event &&
      event.record === id &&
      after.hashes.has(commit) &&
      !there.has(event.id)
    )
      tell(`the history of ${id} lacks event ${event.id}`)
  }
}

const links = async ({ node, see, tell, options }: Looking, id: RecordId, limit: number): Promise<void> => {
  const before = see()
  const got: string[] = []
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await node.links(id, { ...options, limit, ...(cursor !== undefined && { cursor }) })
    got.push(...page.rows.map((link) => link.id))
    cursor = page.next_cursor
    if (got.length > PAGES_MAX) return tell(`the links of ${id} do not end`)
  }
  if (before.state !== see().state) return
  const said = historyOf(before)
  const ids = new Set(
    said.says.flatMap(({ event }) =>
      event.kind === 'link.put' && (event.from === id || event.to === id) ? [event.record] : [],
    ),
  )
  const wanted = [...ids].filter((link) => readLinkOf(said, link)?.removed === false).sort()
  if (got.join() !== wanted.join())
    tell(`the links of ${id} are ${wanted.join() || 'none'} by its log, read was ${got.join() || 'nothing'}`)
}

const AGENTS = 3
/** As far as they say that they go; and where nothing lags, as far as the log did. */
const episodes = async ({ node, see, tell, note }: Question): Promise<void> => {
  for (let client = 0; client < AGENTS; client++) {
    const before = see()
    const { rows, frontier, lag } = await node.episodes({ agent_id: agentOf(client), limit: 500 }, { frontier: 'full' })
    const isTold = ({ chain, header: { namespace, seq } }: Commit): boolean =>
      lag === 0 || (chainsOf({ frontier })[namespace]?.[chain] ?? 0) >= seq
    const after = see()
    const there = new Set(rows.map(({ id }) => id))
    const said = before.counting
      .filter((commit) => after.hashes.has(commit.hash) && isTold(commit))
      .flatMap(({ events }) =>
        events.flatMap(({ event }) =>
          event.kind === 'episode.append' && event.agent === agentOf(client) ? [event.id] : [],
        ),
      )
    for (const id of said) if (!there.has(id)) tell(`episode ${id} is on its disk, and not shown`)
    if (said.length > 0) note('episodes held against the log')
  }
}

const namespaces = async ({ node, see, tell, note }: Question): Promise<void> => {
  const before = see()
  const { rows, lag } = await node.namespaces({})
  if (before.state !== see().state || lag > 0) return
  note('namespaces held against the model')
  const [said, textOf] = [historyOf(before), textsOf([before.texts])]
  const counts = new Map<string, number>()
  for (const id of putsOf(before).keys()) {
    const model = modelOf(said, id, textOf)
    if (model !== null) counts.set(model.namespace, (counts.get(model.namespace) ?? 0) + 1)
  }
  const told = (entries: Iterable<readonly [string, number]>): string =>
    [...entries]
      .map(([name, many]) => `${name} ${many}`)
      .sort()
      .join()
  const [got, wanted] = [told(rows.map(({ namespace, memories }) => [namespace, memories])), told(counts)]
  if (got !== wanted) tell(`${wanted || 'none'} by its log, read was ${got || 'none'}`)
}

/** Whoever names a frontier has the documents of it, whenever and wherever. */
const digests = async ({ evidence }: ReaderWorld, { node, tell, note }: Question): Promise<void> => {
  const { frontier, documents } = await node.digests()
  // Some are being worked out.
  if (documents === null) return
  const known = evidence.documentsByFrontier.get(frontier)
  note('digests held against one another')
  if (known !== undefined && known !== documents)
    tell(
      `documents ${documents.slice(0, 12)} at frontier ${frontier.slice(0, 12)}, told before were ${known.slice(0, 12)}`,
    )
  evidence.documentsByFrontier.set(frontier, documents)
}
