/**
 * One history, delivered to production replicas in any order, twice, late, in batches of any size: frontier, documents and
 * readings are the same, and they are what the dumb model reads. And what stands for a history is exact:
 * causal tokens cover what was seen, and nothing else.
 */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { covers, decodeToken, encodeToken } from '../../crdt/frontier.ts'
import { historyArb, LINKS_OF_HISTORY, play, RECORDS } from '../../crdt/history.test-support.ts'
import { bytesToHex, incarnation, type ChainId, type MeshId, type PeerId } from '../../crdt/ids.ts'
import { documentHeads } from '../../crdt/segment.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { NOW_MS, seed, type TestMesh } from '../../crdt/test-support.ts'
import type { Commit } from '../../crdt/commit.ts'
import { boot } from '../../src/replica/boot.ts'
import { createShell } from '../../src/replica/effects.ts'
import { createReplica } from '../../src/replica/replica.ts'
import { createReader } from '../../src/service/rows.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { stream } from '../sim/streams.ts'
import { heard } from './history.ts'
import { readLinkOf, readMemoryOf } from './memory.ts'

const OBSERVER = 9
const RUNS = 20

const receive = async (mesh: TestMesh, commits: readonly Commit[], order: string) => {
  const draw = stream(order)
  const store = openMemoryStore({ random: draw })
  await store.write({
    commits: mesh.control.map(({ chain, header, hash, bytes }) => ({ chain, seq: header.seq, hash, bytes })),
  })
  const replica = createReplica({
    mesh: mesh.id,
    keys: keyPairFromSeed(seed(OBSERVER)),
    authority: null,
    store,
    incarnation: incarnation(NOW_MS, OBSERVER),
    quorum: null,
  })
  await boot(replica, store, NOW_MS)
  const shell = createShell({ replica, store, clock: { now: () => NOW_MS }, mesh: () => null, taken: () => undefined })
  const waiting = draw.some([...commits, ...draw.some(commits, draw.int(0, commits.length))], 2 * commits.length)
  for (let delivery = 1; waiting.length > 0; delivery++) {
    const parcels = waiting
      .splice(0, draw.int(1, 6))
      .map(({ chain, header, bytes }) => ({ chain, seq: header.seq, bytes, bodies: [] }))
    shell.feed({ kind: 'received', from: publicKeyHex(keyPairFromSeed(seed(1))) as PeerId, parcels, delivery })
    if (draw.chance(0.7)) await shell.settled()
  }
  while (replica.flushing()) await shell.settled()
  const reader = createReader(replica, store)
  return {
    frontier: bytesToHex(replica.frontierDigest()),
    heads: [...replica.index.segments]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => [key, documentHeads(replica.documents.open(entry).segment)]),
    memories: RECORDS.map((id) => reader.memory(id)),
    links: LINKS_OF_HISTORY.map((id) => reader.link(id)),
    arrived: Array.from({ length: replica.index.arrivals - mesh.control.length }, (_, i) =>
      replica.commits.arrived(mesh.control.length + 1 + i)!,
    ),
    waiting: replica.intake.pending(),
  }
}

describe('one history in any order of delivery, doubled, late, in any batches', () => {
  test("is one frontier, one set of heads, one reading, and the model's", { timeout: 120_000 }, async () => {
    const seen = { conflicts: 0, twins: 0, copies: 0 }
    await fc.assert(
      fc.asyncProperty(historyArb, fc.nat(), fc.nat(), async (history, a, b) => {
        const { mesh, commits } = play(history)
        const { arrived, ...first } = await receive(mesh, commits, `a ${a}`)
        const { arrived: _other, ...second } = await receive(mesh, commits, `b ${b}`)
        expect(second).toEqual(first)
        expect([first.waiting, arrived.length]).toEqual([0, commits.length])
        const model = heard(arrived)
        for (const [i, id] of RECORDS.entries()) {
          const row = first.memories[i]
          const { version: _version, ...read } = row ?? { version: '' }
          expect(row === null || row === undefined ? null : read).toEqual(readMemoryOf(model, id, () => null))
          seen.conflicts += row?.conflicts ?? 0
          seen.copies += model.happened.filter(
            ({ first, copies }) =>
              'record' in first.event && first.event.record === id && new Set(copies.map(({ peer }) => peer)).size > 1,
          ).length
          seen.twins +=
            model.says.filter(({ event }) => event.kind === 'memory.put' && event.record === id).length > 1 ? 1 : 0
        }
        for (const [i, id] of LINKS_OF_HISTORY.entries()) expect(first.links[i] ?? null).toEqual(readLinkOf(model, id))
      }),
      { numRuns: RUNS },
    )
    // Histories in which nothing ever met would prove little.
    expect(Math.min(seen.conflicts, seen.twins)).toBeGreaterThan(0)
    expect(seen.copies).toBeGreaterThan(0)
  })
})

const hex = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(bytesToHex)
const position = fc.record({ chain: hex(16) as fc.Arbitrary<ChainId>, seq: fc.integer({ min: 1, max: 1_000_000 }) })
const mesh = publicKeyHex(keyPairFromSeed(seed(0xaa))) as MeshId

describe('a causal token', () => {
  test('covers exactly what was seen', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(position, { maxLength: 40, selector: ({ chain }) => chain }),
        fc.nat(),
        (positions, which) => {
          const read = decodeToken(mesh, encodeToken(mesh, positions))!
          const seqByChain = new Map(positions.map(({ chain, seq }) => [chain, seq]))
          expect(covers((chain) => seqByChain.get(chain) ?? 0, read)).toBe(true)
          const short = positions[which % Math.max(1, positions.length)]
          if (short !== undefined)
            expect(
              covers((chain) => (chain === short.chain ? short.seq - 1 : (seqByChain.get(chain) ?? 0)), read),
            ).toBe(false)
        },
      ),
    )
  })
})
