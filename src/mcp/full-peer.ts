/** The tools of the profile `full` that tell of the peer, its mesh and its log. */
import { limits } from '../../crdt/limits.ts'
import type { LogEntry, PeerAnswer } from '../api.ts'
import { namespaceOf } from '../input/ids.ts'
import {
  cursor,
  from,
  integer,
  listOf,
  most,
  readFrom,
  readNamespace,
  text,
  textOrNull,
  tokens,
  TOKENS_DEFAULT,
} from './fields.ts'
import { lagLine, seeingOwn } from './reading.ts'
import { fitting, moreLine, toldList, toldOf } from './told.ts'
import { answer, object, READS, type Asked, type Hints, type Tool } from './tool.ts'

type Paging = {
  readonly limit?: number
  readonly cursor?: string
  readonly max_tokens?: number
  readonly namespace?: string
}
const PAGE_DEFAULT = 50

/** A question without arguments, and its answer as it is. */
const about = (
  name: string,
  title: string,
  description: string,
  ask: (asked: Asked) => Promise<Readonly<Record<string, unknown>>>,
  after: (data: Readonly<Record<string, unknown>>) => string = () => '',
): Tool => ({
  name,
  title,
  description,
  hints: READS,
  input: object({}),
  output: answer({ notice: text }),
  async run(asked: Asked) {
    const data = await ask(asked)
    return toldOf(name, data, after(data))
  },
})

const health = about(
  'health',
  'Health',
  'Whether this memory can be written and searched now, and the reasons where it cannot. Ask when a tool was refused; not before each write.',
  async ({ node }) => ({ ...(await node.health()) }),
  ({ writes, reasons }) =>
    `\n(${writes === true ? 'writes succeed' : 'writes do not succeed'}${Array.isArray(reasons) && reasons.length > 0 ? '; reasons says why and what mends it' : ''})`,
)
const stats = about(
  'stats',
  'Counts',
  'How many memories, links and episodes there are, by namespace, kind and tier. For the namespaces by name use namespaces.',
  async (asked) => {
    const { frontier: _frontier, ...counts } = await seeingOwn(asked, (options) => asked.node.stats(options))
    return counts
  },
)
const quorum = about(
  'quorum',
  'Quorum',
  'What a write waits for before it counts: voters, and how many of them must have it on disk.',
  async ({ node }) => node.quorum(),
)
const capabilities = about(
  'capabilities',
  'Capabilities',
  'What this peer can do: search modes, projections, formats. Rarely needed.',
  async ({ node }) => node.capabilities(),
)
const verifyLog = about(
  'verify_log',
  'Check the whole log',
  'Check every signature, chain, root and text of this peer from the beginning: takes seconds to minutes. For one memory use proof.',
  async ({ node }) => {
    const { problems, ...counts } = await node.verify()
    return { ...counts, problems: problems.slice(0, PROBLEMS_SHOWN_MAX), problem_count: problems.length }
  },
  ({ ok }) =>
    ok === true
      ? '\n(everything holds)'
      : '\n(something is damaged; tell the user: the peer mends itself from others where it can)',
)
const PROBLEMS_SHOWN_MAX = 20

const REBUILDS: Hints = { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false }
const rebuildIndex: Tool = {
  ...about(
    'rebuild_index',
    'Make the search index anew',
    'Make the search index anew from the log, while the old one serves: only when recall misses what get finds. Takes seconds to minutes.',
    async ({ node }) => ({ ...(await node.rebuild()) }),
  ),
  hints: REBUILDS,
}

const namespaces: Tool = {
  name: 'namespaces',
  title: 'Namespaces',
  hints: READS,
  description:
    'The namespaces (projects) that hold memories, how many, and when each was changed last. To see what is in one use list with its namespace.',
  input: object({ cursor, max_tokens: tokens }, []),
  output: answer(
    { notice: text, namespaces: listOf({ type: 'object' }), count: integer, next_cursor: textOrNull, lag: integer },
    ['namespaces', 'next_cursor'],
  ),
  async run(asked: Asked, { cursor: at, max_tokens = TOKENS_DEFAULT }: Paging) {
    const { rows, lag } = await seeingOwn(asked, (options) => asked.node.namespaces(options))
    const behind = rows
      .filter(({ namespace }) => at === undefined || namespace > at)
      .toSorted((a, b) => (a.namespace < b.namespace ? -1 : 1))
    const items = fitting(behind, max_tokens)
    const next_cursor = items.length < behind.length ? items.at(-1)!.namespace : null
    return toldList('namespaces', items, 'There are none yet.', `${moreLine(next_cursor)}${lagLine(lag)}`, {
      namespaces: items,
      count: items.length,
      next_cursor,
      lag,
    })
  },
}

const listPeers: Tool = {
  name: 'list_peers',
  title: 'Peers',
  hints: READS,
  description: 'The members of the mesh that keep this memory, whether each can be reached, and how far behind it is.',
  input: object({ cursor, max_tokens: tokens }, []),
  output: answer({ notice: text, peers: listOf({ type: 'object' }), count: integer, next_cursor: textOrNull }, [
    'peers',
    'next_cursor',
  ]),
  async run({ node }: Asked, { cursor: at, max_tokens = TOKENS_DEFAULT }: Paging) {
    const behind = (await node.peers())
      .filter(({ peer_id }) => at === undefined || peer_id > at)
      .toSorted((a, b) => (a.peer_id < b.peer_id ? -1 : 1))
    const items = fitting(behind.map(peerOf), max_tokens)
    const next_cursor = items.length < behind.length ? items.at(-1)!.peer_id : null
    return toldList('peers', items, 'There are none.', moreLine(next_cursor), {
      peers: items,
      count: items.length,
      next_cursor,
    })
  },
}
const peerOf = ({
  peer_id,
  name,
  role,
  self,
  revoked,
  forked,
  link,
  round_trip_ms,
  commits_behind,
  last_error,
}: PeerAnswer) => ({ peer_id, name, role, self, link, round_trip_ms, commits_behind, last_error, revoked, forked })

const digests: Tool = {
  name: 'digests',
  title: 'Digests',
  hints: READS,
  description:
    'Hashes of log, documents and search index: equal on two peers that hold the same. To compare peers, nothing else.',
  input: object(
    { namespace: { ...readNamespace, description: 'only this one' }, limit: most(PAGE_DEFAULT, 200), cursor },
    [],
  ),
  output: answer(
    {
      notice: text,
      frontier: text,
      documents: textOrNull,
      projection: textOrNull,
      namespaces: { type: 'object' },
      next_cursor: textOrNull,
    },
    ['frontier'],
  ),
  async run({ node }: Asked, { namespace, limit = PAGE_DEFAULT, cursor: at }: Paging) {
    const found = await node.digests({
      limit,
      ...from(at),
      ...(namespace === undefined ? {} : { namespace: namespaceOf(namespace) }),
    })
    return toldOf('digests', { ...found }, moreLine(found.next_cursor))
  },
}

const events: Tool = {
  name: 'events',
  title: 'The log',
  hints: READS,
  description:
    "Events in the order in which they came to this peer, oldest first, without texts: who did what to which memory. Begin with the cursor you have, or from the start. For one memory's changes use history.",
  input: object(
    { cursor, limit: most(PAGE_DEFAULT, limits.list_limit_max), namespace: readNamespace, max_tokens: tokens },
    [],
  ),
  output: answer({ notice: text, events: listOf({ type: 'object' }), count: integer, next_cursor: text }, [
    'events',
    'next_cursor',
  ]),
  async run(asked: Asked, { cursor: at, limit = PAGE_DEFAULT, namespace, max_tokens = TOKENS_DEFAULT }: Paging) {
    const { events: found, next } = await asked.node.events(at, { ...readFrom(asked, namespace), limit })
    const items = fitting(found.map(eventOfLog), max_tokens)
    const next_cursor = items.length < found.length ? items.at(-1)!.cursor : next
    return toldList('events', items, 'Nothing came after that.', `\n(go on with cursor ${next_cursor})`, {
      events: items,
      count: items.length,
      next_cursor,
    })
  },
}
const eventOfLog = ({
  cursor: at,
  event_id,
  kind,
  record,
  agent_id,
  peer_id,
  namespace,
  at: said,
  commit,
  seq,
}: LogEntry) => ({
  event_id,
  what: kind,
  memory: record,
  author: agent_id,
  at: said,
  namespace,
  peer_id,
  commit,
  seq,
  cursor: at,
})

export const fullPeer: readonly Tool[] = [
  health,
  stats,
  namespaces,
  listPeers,
  quorum,
  capabilities,
  digests,
  events,
  verifyLog,
  rebuildIndex,
]
