/**
 * The digest of all documents, kept up to date, is the one from nothing: whatever was written, refused, forked, revoked, erased, damaged
 * and healed, in whatever order it came, over restarts, and whichever documents were in memory.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Commit } from '../crdt/commit.ts'
import { historyArb, play } from '../crdt/history.test-support.ts'
import { bytesToHex, incarnation } from '../crdt/ids.ts'
import { keyPairFromSeed } from '../crdt/signature.ts'
import { NOW_MS, seed, type TestMesh } from '../crdt/test-support.ts'
import { boot } from '../src/replica/boot.ts'
import { createShell } from '../src/replica/effects.ts'
import { createReplica } from '../src/replica/replica.ts'
import { memoryDisk, openMemoryStore, placeOf, type MemoryDisk } from '../src/store/memory.ts'
import { documentsFromNothing } from './model/documents-digest.ts'
import { stream, type Stream } from './sim/streams.ts'
import { FOUNDING, FROM, WITNESSES, withTrouble, type Told } from './troubled.ts'

const RUNS = 6

const open = async (mesh: TestMesh, key: number, disk: MemoryDisk, draw: Stream) => {
  const store = openMemoryStore({ random: draw, disk })
  if (disk.arrivals.length === 0)
    await store.write({
      commits: mesh.control
        .slice(0, FOUNDING)
        .map(({ chain, header, hash, bytes }) => ({ chain, seq: header.seq, hash, bytes })),
    })
  const replica = createReplica({
    mesh: mesh.id,
    keys: keyPairFromSeed(seed(key)),
    authority: null,
    store,
    incarnation: incarnation(NOW_MS, key),
    quorum: null,
  })
  await boot(replica, store, NOW_MS)
  return {
    store,
    replica,
    shell: createShell({ replica, store, clock: { now: () => NOW_MS }, mesh: () => null, taken: () => undefined }),
  }
}

const tally = { lives: 0, own: 0, kept: 0, restarts: 0, trusted: 0, damaged: 0, refused: 0, forked: 0, revoked: 0 }

/** One witness's life until nothing new comes to light. */
const observe = async ({ mesh, commits, proofs }: Told, key: number, order: string) => {
  const draw = stream(order)
  const disk = memoryDisk()
  let peer = await open(mesh, key, disk, draw)
  const give = async (some: readonly Commit[]): Promise<void> => {
    peer.shell.feed({
      kind: 'received',
      from: FROM,
      parcels: some.map(({ chain, header, bytes }) => ({ chain, seq: header.seq, bytes, bodies: [] })),
      delivery: 0,
    })
    await peer.shell.settled()
    await peer.shell.toldOfDamage()
  }
  const check = (): void => {
    const { documentDigests, index } = peer.replica
    const [kept, plain] = [documentDigests.all(), documentsFromNothing(peer.replica)]
    const of = documentDigests.of(index.namespaces)
    if (kept !== null) {
      tally.kept++
      expect(kept).toBe(plain.all)
    }
    for (const [namespace, digest] of of) if (digest !== null) expect(digest).toBe(plain.byNamespace.get(namespace))
    expect(kept === null).toBe(documentDigests.waiting > 0)
  }
  const restart = async (): Promise<void> => {
    await peer.shell.settled()
    await peer.store.close()
    peer = await open(mesh, key, disk, draw)
    tally.restarts++
    const before = peer.replica.documents.hot
    // One step of a replay, or all of a document that needs none since the store remembers that it refused nothing.
    const { waiting } = peer.replica.documentDigests
    peer.replica.documentDigests.work(0.01)
    if (waiting > 0 && peer.replica.documentDigests.waiting < waiting) tally.trusted++
    expect(peer.replica.documents.hot).toBe(before)
  }
  const waiting = draw.some([...commits, ...draw.some(commits, draw.int(0, commits.length))], 2 * commits.length)
  const untold = [...proofs]
  const dirty = new Set<Commit>()
  while (waiting.length > 0) {
    await give(waiting.splice(0, draw.int(1, 6)))
    if (draw.chance(0.1)) peer.replica.documents.dropAll()
    if (draw.chance(0.3)) peer.replica.documentDigests.work(draw.int(1, 5))
    if (untold.length > 0 && draw.chance(0.1))
      peer.shell.feed({ kind: 'forks', from: FROM, proofs: untold.splice(0, 1) })
    if (draw.chance(0.12)) {
      const harmed = draw.pick(commits)
      const kept = disk.commitByPlace.get(placeOf(harmed.chain, harmed.header.seq))
      if (kept !== undefined) {
        disk.commitByPlace.set(placeOf(harmed.chain, harmed.header.seq), {
          ...kept,
          commit: { ...kept.commit, bytes: kept.commit.bytes.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) },
        })
        dirty.add(harmed)
        tally.damaged++
        await restart()
      }
    }
    if (draw.chance(0.15)) await restart()
    await peer.shell.settled()
    if (draw.chance(0.3)) check()
    if (dirty.size > 0 && draw.chance(0.3)) {
      await give([...dirty])
      dirty.clear()
    }
  }
  if (untold.length > 0) peer.shell.feed({ kind: 'forks', from: FROM, proofs: untold })
  const own = (): readonly Commit[] => {
    const { index, commits: kept, self } = peer.replica
    return [...index.chains.values()].flatMap(({ id, peer: author, seq }) =>
      author === self ? Array.from({ length: seq }, (_, i) => kept.at(id, i + 1)!) : [],
    )
  }
  /** Everything, and `also`, until nothing new comes of it. What rests on a branch that nobody sends is judged by that branch's headers, each of which may bring the next to light. */
  const hear = async (also: readonly Commit[]): Promise<void> => {
    for (let before = '', now = 'begun'; now !== before;) {
      before = now
      await give([...commits, ...also])
      const missing = new Set(peer.replica.intake.missingDeps())
      peer.shell.feed({
        kind: 'headers',
        from: FROM,
        headers: commits.flatMap(({ hash, headerBytes }) => (missing.has(hash) ? [headerBytes] : [])),
      })
      await peer.shell.settled()
      now = `${peer.replica.index.arrivals} ${peer.replica.intake.pending()} ${[...missing].sort().join()}`
    }
  }
  /** What it holds, all being said. */
  const end = () => {
    const { replica } = peer
    for (let turns = 0; replica.documentDigests.waiting > 0 && turns < 10_000; turns++) replica.documentDigests.work(1)
    check()
    expect([replica.index.holes.size, replica.documentDigests.waiting]).toEqual([0, 0])
    tally.forked += replica.index.forkedAt.size
    tally.revoked += [...replica.index.control.members.values()].filter(({ revoked }) => revoked !== null).length
    tally.own += own().length
    for (const entry of replica.index.segments.values())
      tally.refused += replica.documents.open(entry).segment.refused.size
    return {
      frontier: bytesToHex(replica.frontierDigest()),
      documents: replica.documentDigests.all(),
      byNamespace: [...replica.documentDigests.of(replica.index.namespaces)],
    }
  }
  await hear([])
  return { own, hear, end }
}

test(
  'whatever happened, in whatever order, the kept digest is the one from nothing, and those of two members with the same log are equal',
  { timeout: 240_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(historyArb, fc.nat(), fc.nat(), async (history, a, b) => {
        const told = withTrouble(play(history), stream(`trouble ${a}`))
        const [one, other] = [await observe(told, WITNESSES[0], `b ${b}`), await observe(told, WITNESSES[1], `a ${a}`)]
        // Who was told of a branch says its erasings himself, and the others hear of them from him.
        for (let said = -1; said < one.own().length + other.own().length;) {
          said = one.own().length + other.own().length
          await one.hear(other.own())
          await other.hear(one.own())
        }
        tally.lives += 2
        expect(one.end()).toEqual(other.end())
      }),
      { numRuns: RUNS, seed: 20261129, endOnFailure: true },
    )
    process.stdout.write(`checked and seen: ${JSON.stringify(tally)}\n`)
    // Lives in which nothing happened would prove little.
    for (const what of ['lives', 'own', 'kept', 'restarts', 'refused', 'forked', 'revoked'] as const)
      expect(tally[what], what).toBeGreaterThan(0)
  },
)
