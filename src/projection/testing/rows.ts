/** Rows and batches for the projection's tests: plain defaults, overridden where a test cares. */
import { tokenOf } from '../../../crdt/frontier-token.ts'
import { sha256 } from '../../../crdt/hash.ts'
import {
  uuidV8,
  type AgentId,
  type ChainId,
  type EventId,
  type Namespace,
  type PeerId,
  type RecordId,
} from '../../../crdt/ids.ts'
import type {
  EpisodeRow,
  Frontier,
  LinkRow,
  MemoryRow,
  ProjectionBatch,
  ProjectionCursor,
  Reflects,
} from '../../ports/projection.ts'

export const NOW = '2030-01-01T00:00:00.000Z'
export const EPOCH = 'ab'.repeat(16)
export const ns = (name: string): Namespace => name as Namespace
export const agent = (name: string): AgentId => name as AgentId
const peer = 'cd'.repeat(32) as PeerId

/** The same id for the same seed. */
export const id = (seed: string | number): RecordId => uuidV8(sha256(`row ${seed}`)) as RecordId

/** `minute`: created that many minutes into 2026. */
export const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1) + minute * 60_000).toISOString()

export const memory = (seed: string | number, fields: Partial<MemoryRow> = {}): MemoryRow => ({
  id: id(seed),
  namespace: ns('default'),
  title: null,
  content: `text of ${seed}`,
  kind: 'fact',
  tier: 'mid',
  tags: [],
  priority: 5,
  confidence: 1,
  source: null,
  scope: null,
  run_id: null,
  occurred_at: null,
  expires_at: null,
  metadata: {},
  agent_id: agent('ai:alice'),
  peer_id: peer,
  created_at: at(0),
  updated_at: at(0),
  version: '1-a',
  forgotten: false,
  erased: false,
  conflicts: 0,
  ...fields,
})

export const link = (seed: string | number, from: RecordId, to: RecordId, fields: Partial<LinkRow> = {}): LinkRow => ({
  id: id(`link ${seed}`),
  namespace: ns('default'),
  from,
  to,
  relation: 'follows',
  valid_from: null,
  valid_until: null,
  agent_id: agent('ai:alice'),
  peer_id: peer,
  created_at: at(0),
  removed: false,
  ...fields,
})

export const episode = (seed: string | number, fields: Partial<EpisodeRow> = {}): EpisodeRow => ({
  id: id(`episode ${seed}`) as string as EventId,
  namespace: ns('default'),
  agent_id: agent('ai:alice'),
  peer_id: peer,
  event_type: 'said',
  sender: null,
  recipient: null,
  body: null,
  inference_receipt_id: null,
  audit_event_hash: null,
  created_at: at(0),
  ...fields,
})

const CHAIN = 'ef'.repeat(16) as ChainId
/** What rows show after arrival `n` of the log of `batch`. */
export const frontier = (n: number): Frontier => ({ [ns('default')]: { [CHAIN]: n } })
export const reflecting = (n: number): Reflects => ({ at: cursor(n), frontier: tokenOf(frontier(n)) })

export const cursor = (arrival: number, epoch = EPOCH): ProjectionCursor => ({ epoch, revision: 0, arrival })

export const batch = (
  arrival: number,
  rows: Partial<Omit<ProjectionBatch, 'cursor'>>,
  epoch = EPOCH,
): ProjectionBatch => ({
  memories: [],
  links: [],
  episodes: [],
  events: [],
  conflicts: [],
  chains: [{ chain: CHAIN, namespace: ns('default'), arrived: arrival, counted: arrival }],
  ...rows,
  cursor: cursor(arrival, epoch),
})

/** Numbers in [0, 1) that a seed replays (mulberry32). */
export const seeded = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}
