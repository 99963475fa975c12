/**
 * As of a time: what a peer would read that had heard of nothing since, by the dumb model, on histories with twins and copies; and what
 * was destroyed since is not read, at no time.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { hear, historyArb, LINKS_OF_HISTORY, play, RECORDS } from '../../crdt/history.test-support.ts'
import type { Hlc } from '../../crdt/hlc.ts'
import type { PeerId } from '../../crdt/ids.ts'
import { createReplica } from '../../crdt/test-support.ts'
import type { CommitStore } from '../../src/ports/store.ts'
import { createLogIndex, indexCommit } from '../../src/replica/log-index.ts'
import { createReader } from '../../src/service/rows.ts'
import { heard } from './history.ts'
import { readLinkOf, readMemoryOf } from './memory.ts'

const OBSERVER = 9
const RUNS = 16
const TIMES_A_RUN = 8
const NOBODY = '' as PeerId

test(
  'memories and links as of every time read as the model says of what was said by then',
  { timeout: 120_000 },
  () => {
    const seen = { different: 0, hidden: 0, erasedSince: 0, conflicts: 0 }
    fc.assert(
      fc.property(historyArb, (history) => {
        const { mesh, replicas } = play(history)
        const observer = createReplica(mesh, OBSERVER)
        for (const replica of replicas) hear(observer, replica)
        const index = createLogIndex(mesh.id)
        for (const [i, commit] of observer.log.entries()) indexCommit(index, commit, i + 1, NOBODY)
        const store: Pick<CommitStore, 'body'> = {
          body: (ref) => ({ ref, salt: new Uint8Array(16), text: new TextEncoder().encode(ref) }),
        }
        const replica = {
          index,
          documents: {
            open: ({ id }: { id: Parameters<typeof observer.segment>[0] }) => ({ segment: observer.segment(id) }),
          },
          commits: { byHash: () => null },
        } as never
        const reader = createReader(replica, store as CommitStore)
        const log = observer.log.filter(({ header }) => header.segment !== null)
        const times = [...new Set(log.map(({ header }) => header.hlc))].sort((a, b) => a - b)
        const step = Math.max(1, Math.floor(times.length / TIMES_A_RUN))
        for (const through of [
          0,
          ...times.filter((_, i) => i % step === 0),
          times.at(-1)!,
          Number.MAX_SAFE_INTEGER,
        ] as Hlc[]) {
          const past = reader.asOf(through)
          const then = heard(log.filter(({ header }) => header.hlc <= through))
          const erasedNow = heard(log).erased
          for (const id of RECORDS) {
            const row = past.memory(id)
            const wanted = readMemoryOf({ ...then, erased: erasedNow }, id, (ref) => ref)
            // Gone by then, whatever was said since.
            const hidden = wanted === null || wanted.forgotten || then.erased.has(id)
            const { version: _version, ...read } = row ?? { version: '' }
            expect(row === null ? null : read).toEqual(hidden ? null : wanted)
            seen.hidden += wanted !== null && hidden ? 1 : 0
            seen.erasedSince += row?.erased === true ? 1 : 0
            seen.conflicts += row?.conflicts ?? 0
            seen.different += row !== null && row.version !== reader.memory(id)?.version ? 1 : 0
          }
          for (const id of LINKS_OF_HISTORY) expect(past.link(id)).toEqual(readLinkOf(then, id))
        }
        // At the end of time it is the present, read in the other way.
        for (const id of RECORDS) {
          const now = reader.memory(id)
          expect(reader.asOf(Number.MAX_SAFE_INTEGER as Hlc).memory(id)).toEqual(
            now?.forgotten || now?.erased ? null : now,
          )
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    )
    // Of histories in which the past is the present, nothing would be shown.
    for (const [what, many] of Object.entries(seen)) expect(many, what).toBeGreaterThan(RUNS / 4)
  },
)
