/**
 * Every field of every kind comes back as it was given: through registers, bodies, canonical bytes, the log of another peer,
 * documents and rows. One mesh of three real peers on virtual time serves all runs.
 */
import { canonicalize, type Json } from '../../crdt/canonical.ts'
import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { RecordId } from '../../crdt/ids.ts'
import { MEMORY_DEFAULTS } from '../../crdt/event.ts'
import type { MemoryInput, Node } from '../../src/api.ts'
import type { MemoryRow } from '../../src/ports/projection.ts'
import { episodeInput, memoryInput, memoryPatch } from '../generators/inputs.ts'
import { agentOf, NS } from '../sim/clients.ts'
import { createWorld, type World } from '../sim/world.ts'

const RUNS = 60
const ANSWER_MS = 30_000
const agent = agentOf(0)
let world: World
const node = (peer: number): Node => world.machines[peer]!.process!.peer!.node
const ask = <T>(promise: Promise<T>): Promise<T> => world.settle(promise, ANSWER_MS)

beforeAll(async () => {
  world = createWorld({
    seed: 'round trips',
    peers: 3,
    topology: 'full',
    evil: null,
    skewMs: [0, 0, 0],
    delayMs: [1, 1],
    flushMs: [1, 1],
    steps: [],
  })
  world.start()
  await world.until(
    () =>
      world.machines.every(
        ({ process }) => process?.peer?.mesh.links().filter(({ state }) => state === 'up').length === 2,
      ),
    10_000,
  )
})

/** What a memory reads that was given these fields. */
const expected = (input: MemoryInput): Readonly<Record<string, Json>> => ({
  title: input.title ?? null,
  content: input.content ?? null,
  kind: input.kind ?? MEMORY_DEFAULTS.kind,
  tier: input.tier ?? MEMORY_DEFAULTS.tier,
  tags: [...(input.tags ?? [])].sort(),
  priority: input.priority ?? MEMORY_DEFAULTS.priority,
  confidence: input.confidence ?? MEMORY_DEFAULTS.confidence,
  source: input.source ?? null,
  scope: input.scope ?? null,
  run_id: input.run_id ?? null,
  occurred_at: input.occurred_at ?? null,
  expires_at: input.expires_at ?? null,
  metadata: (input.metadata ?? {}) as Json,
})
const readable = (row: MemoryRow): string =>
  canonicalize(
    Object.fromEntries(
      Object.keys(expected({ content: '' })).map((field) => [field, row[field as keyof MemoryRow] as Json]),
    ),
  )

describe('what an agent gives', () => {
  test(
    'is what every peer reads, in documents and in rows, and again after any change',
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(memoryInput, memoryPatch, async (input, patch) => {
          const made = await ask(node(0).remember(NS, input, { agent, quorum: 3 }))
          for (const peer of [0, 1, 2])
            expect(readable((await ask(node(peer).get(made.id, { token: made.token }))).memory)).toBe(
              canonicalize(expected(input)),
            )
          const changed = await ask(node(1).patch(made.id, patch, { agent, quorum: 3 }))
          const after = canonicalize(expected({ ...input, ...patch }))
          for (const peer of [0, 1, 2])
            expect(readable((await ask(node(peer).get(made.id, { token: changed.token }))).memory)).toBe(after)
          await world.until(
            () =>
              world.machines.every(
                ({ rows, process }) => rows.cursor()?.arrival === process!.peer!.replica.index.arrivals,
              ),
            ANSWER_MS,
          )
          for (const { rows } of world.machines)
            expect(readable(rows.memories().find(({ id }) => id === made.id)!)).toBe(after)
        }),
        { numRuns: RUNS },
      )
    },
  )

  test('as an episode, is what every peer has', async () => {
    await fc.assert(
      fc.asyncProperty(episodeInput, async (input) => {
        const { id, token } = await ask(node(2).appendEpisode(NS, input, { agent, quorum: 3 }))
        for (const peer of [0, 1, 2]) {
          const { rows } = await ask(node(peer).episodes({ agent_id: agent, limit: 500 }, { token }))
          const { event_type, sender, recipient, body, inference_receipt_id, audit_event_hash } = rows.find(
            (row) => (row.id as string) === (id as string),
          )!
          expect(
            canonicalize({ event_type, sender, recipient, body: body as Json, inference_receipt_id, audit_event_hash }),
          ).toBe(
            canonicalize({
              event_type: input.event_type,
              sender: input.sender ?? null,
              recipient: input.recipient ?? null,
              body: (input.body ?? null) as Json,
              inference_receipt_id: input.inference_receipt_id ?? null,
              audit_event_hash: input.audit_event_hash ?? null,
            }),
          )
        }
      }),
      { numRuns: RUNS / 2 },
    )
  })

  test('as a link, is found from both its ends on every peer, and gone when it is removed', async () => {
    const [from, to] = [
      (await ask(node(0).remember(NS, { content: 'from' }, { agent }))).id,
      (await ask(node(0).remember(NS, { content: 'to' }, { agent, quorum: 3 }))).id,
    ]
    const linksOf = async (peer: number, id: RecordId, token: string) =>
      (await ask(node(peer).links(id, { token }))).rows.map(
        ({ from: a, to: b, relation, valid_from, valid_until }) => ({ a, b, relation, valid_from, valid_until }),
      )
    const made = await ask(
      node(1).link({ from, to, relation: 'about', valid_from: '2026-01-01T00:00:00.000Z' }, { agent, quorum: 3 }),
    )
    const wanted = [{ a: from, b: to, relation: 'about', valid_from: '2026-01-01T00:00:00.000Z', valid_until: null }]
    for (const peer of [0, 1, 2])
      for (const end of [from, to]) expect(await linksOf(peer, end, made.token)).toEqual(wanted)
    const gone = await ask(node(2).unlink({ from, to, relation: 'about' }, { agent, quorum: 3 }))
    for (const peer of [0, 1, 2]) expect(await linksOf(peer, from, gone.token)).toEqual([])
  })
})
