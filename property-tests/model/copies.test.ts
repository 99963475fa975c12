/**
 * Events said twice by those who had not heard of one another: read as if each had happened once, at its earliest copy, whatever came
 * in between. The core's reading against the dumb model, on histories with many copies, without disk or network.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { hear, historyArb, LINKS_OF_HISTORY, play, RECORDS } from '../../crdt/history.test-support.ts'
import { createReplica } from '../../crdt/test-support.ts'
import type { PeerId } from '../../crdt/ids.ts'
import { createLogIndex, indexCommit } from '../../src/replica/log-index.ts'
import { createReader } from '../../src/service/rows.ts'
import { heard } from './history.ts'
import { readLinkOf, readMemoryOf } from './memory.ts'

const OBSERVER = 9
const RUNS = 40

test('memories and links read as the model says', { timeout: 120_000 }, () => {
  const seen = { copied: 0, changed: 0, conflicts: 0 }
  fc.assert(fc.property(historyArb, (history) => {
    const { mesh, replicas, commits } = play(history)
    const observer = createReplica(mesh, OBSERVER)
    for (const replica of replicas) hear(observer, replica)
    const index = createLogIndex(mesh.id)
    for (const [i, commit] of observer.log.entries()) indexCommit(index, commit, i + 1, '' as PeerId)
    const replica = { index, documents: { open: ({ id }: { id: Parameters<typeof observer.segment>[0] }) => ({ segment: observer.segment(id) }) }, commits: { byHash: () => null } } as never
    const reader = createReader(replica, { body: () => null } as never)
    const model = heard(observer.log.filter(({ header }) => header.segment !== null))
    expect(observer.log.filter(({ header }) => header.segment !== null)).toHaveLength(commits.length)
    for (const id of RECORDS) {
      const { version: _version, ...read } = reader.memory(id) ?? { version: '' }
      expect(reader.memory(id) === null ? null : read).toEqual(readMemoryOf(model, id, () => null))
      seen.conflicts += reader.memory(id)?.conflicts ?? 0
    }
    for (const id of LINKS_OF_HISTORY) expect(reader.link(id)).toEqual(readLinkOf(model, id))
    const late = model.happened.flatMap(({ first, copies }) => copies.filter(({ chain }) => chain !== first.chain).map((copy) => ({ first, copy })))
    seen.copied += late.length
    // Somebody else wrote between the two.
    seen.changed += late.filter(({ first, copy }) => model.says.some((say) => say.segment === copy.segment && say.hlc > first.hlc && model.saidBefore(say, copy))).length
  }), { numRuns: RUNS, endOnFailure: true })
  // Histories in which nothing was repeated, or nothing came in between, would prove little.
  expect(Math.min(seen.copied, seen.changed)).toBeGreaterThan(RUNS / 2)
  expect(seen.conflicts).toBeGreaterThan(0)
})
