/**
 * Events said twice by those who had not heard of one another: read as if each had happened once, at its earliest copy, whatever came
 * in between. The core's reading against the dumb model, on histories with many copies, without disk or network.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Commit } from '../../crdt/commit.ts'
import type { Event } from '../../crdt/event.ts'
import { sha256Hex } from '../../crdt/hash.ts'
import { hear, historyArb, LINKS_OF_HISTORY, play, RECORDS } from '../../crdt/history.test-support.ts'
import { createReplica } from '../../crdt/test-support.ts'
import type { PeerId, Ref } from '../../crdt/ids.ts'
import type { CommitStore } from '../../src/ports/store.ts'
import { createLogIndex, indexCommit } from '../../src/replica/log-index.ts'
import { createReader } from '../../src/service/rows.ts'
import { heard } from './history.ts'
import { readLinkOf, readMemoryOf, type TextOf } from './memory.ts'

const OBSERVER = 9
const RUNS = 40

/** What each ref stands for: copies name one text by refs of their own. Of some the text is not here. */
const textsIn = (
  commits: readonly Commit[],
  isHere: (ref: Ref) => boolean,
): { readonly textOf: TextOf; readonly store: Pick<CommitStore, 'body'> } => {
  const nameByPlace = new Map<string, string>()
  const textByRef = new Map<Ref, string>()
  for (const { event } of commits.flatMap(({ events }) => events))
    for (const [field, value] of 'set' in event ? Object.entries(event.set) : []) {
      if (typeof value !== 'object' || value === null) continue
      const { ref } = value
      const place = `${event.id} ${field}`
      nameByPlace.set(place, nameByPlace.get(place) ?? textByRef.get(ref) ?? ref)
      textByRef.set(ref, nameByPlace.get(place)!)
    }
  const textOf: TextOf = (ref) => (isHere(ref) ? (textByRef.get(ref) ?? null) : null)
  return {
    textOf,
    store: {
      body: (ref) =>
        textOf(ref) === null ? null : { ref, salt: new Uint8Array(16), text: new TextEncoder().encode(textOf(ref)!) },
    },
  }
}

test('memories and links read as the model says, also while some texts have not come', { timeout: 120_000 }, () => {
  const seen = { copied: 0, changed: 0, conflicts: 0, parted: 0 }
  fc.assert(
    fc.property(historyArb, fc.nat(), (history, lot) => {
      const { mesh, replicas, commits } = play(history)
      const { textOf, store } = textsIn(
        commits,
        (ref) => Number.parseInt(sha256Hex(`${ref} ${lot}`).slice(0, 4), 16) % 3 > 0,
      )
      const observer = createReplica(mesh, OBSERVER)
      for (const replica of replicas) hear(observer, replica)
      const index = createLogIndex(mesh.id)
      for (const [i, commit] of observer.log.entries()) indexCommit(index, commit, i + 1, '' as PeerId)
      const replica = {
        index,
        documents: {
          open: ({ id }: { id: Parameters<typeof observer.segment>[0] }) => ({ segment: observer.segment(id) }),
        },
        commits: { byHash: () => null },
      } as never
      const reader = createReader(replica, store as CommitStore)
      const model = heard(observer.log.filter(({ header }) => header.segment !== null))
      expect(observer.log.filter(({ header }) => header.segment !== null)).toHaveLength(commits.length)
      for (const id of RECORDS) {
        const { version: _version, ...read } = reader.memory(id) ?? { version: '' }
        expect(reader.memory(id) === null ? null : read).toEqual(readMemoryOf(model, id, textOf))
        seen.conflicts += reader.memory(id)?.conflicts ?? 0
      }
      for (const id of LINKS_OF_HISTORY) expect(reader.link(id)).toEqual(readLinkOf(model, id))
      const late = model.happened.flatMap(({ first, copies }) =>
        copies.filter(({ chain }) => chain !== first.chain).map((copy) => ({ first, copy })),
      )
      seen.copied += late.length
      const titleOf = ({ event }: { readonly event: Event }): string | null =>
        'set' in event && 'title' in event.set && event.set.title ? textOf(event.set.title.ref) : null
      seen.parted += late.filter(({ first, copy }) => (titleOf(first) === null) !== (titleOf(copy) === null)).length
      // Somebody else wrote between the two.
      seen.changed += late.filter(({ first, copy }) =>
        model.says.some((say) => say.segment === copy.segment && say.hlc > first.hlc && model.saidBefore(say, copy)),
      ).length
    }),
    { numRuns: RUNS, endOnFailure: true },
  )
  // Histories in which nothing was repeated, or nothing came in between, would prove little.
  expect(Math.min(seen.copied, seen.changed)).toBeGreaterThan(RUNS / 2)
  expect(Math.min(seen.conflicts, seen.parted)).toBeGreaterThan(0)
})
