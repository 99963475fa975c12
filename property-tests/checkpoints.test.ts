/**
 * An index that was read from a checkpoint is the one that the whole log gives: whatever was written, forked, revoked, damaged and healed,
 * whenever the checkpoint was made, and whatever was done to it; and what is damaged in a part of the log that no start has read is found.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Commit } from '../crdt/commit.ts'
import { historyArb, play } from '../crdt/history.test-support.ts'
import { incarnation } from '../crdt/ids.ts'
import { keyPairFromSeed } from '../crdt/signature.ts'
import { NOW_MS, seed, type TestMesh } from '../crdt/test-support.ts'
import { boot } from '../src/replica/boot.ts'
import { createShell } from '../src/replica/effects.ts'
import { createReplica } from '../src/replica/replica.ts'
import { createCheckpoints } from '../src/service/checkpoints.ts'
import { recheck } from '../src/service/recheck.ts'
import { memoryDisk, openMemoryStore, placeOf, type MemoryDisk } from '../src/store/memory.ts'
import { memoryCheckpointFiles } from '../src/testing/checkpoint-files.ts'
import { plainIndex } from '../src/testing/plain-index.ts'
import { wholeIndex } from './model/whole-index.ts'
import { copyOf } from './sim/disk.ts'
import { stream, type Stream } from './sim/streams.ts'
import { FOUNDING, FROM, WITNESSES, withTrouble, type Told } from './troubled.ts'

const RUNS = 6
const WRITTEN_TURNS_MAX = 50

const tally = { restarts: 0, read: 0, behind: 0, rebuilt: 0, spoiled: 0, old: 0, rolledBack: 0, damaged: 0, forked: 0 }

type Files = Map<string, Uint8Array>
const after = (_ms: number, call: () => void): void => void setImmediate(call)
const open = async (mesh: TestMesh, key: number, disk: MemoryDisk, files: Files, draw: Stream) => {
  if (disk.arrivals.length === 0)
    await openMemoryStore({ random: draw, disk }).write({
      commits: mesh.control
        .slice(0, FOUNDING)
        .map(({ chain, header, hash, bytes }) => ({ chain, seq: header.seq, hash, bytes })),
    })
  const store = openMemoryStore({ random: draw, disk })
  const keys = keyPairFromSeed(seed(key))
  const replica = createReplica({
    mesh: mesh.id,
    keys,
    authority: null,
    store,
    incarnation: incarnation(NOW_MS, key),
    quorum: null,
  })
  // Of one that was killed, and writes to a disk that another has open; and where the control log is damaged, which is read at each start.
  const trouble = (message: string): void => {
    if (!/is closed|of the control log cannot be read/.test(message)) throw new Error(message)
  }
  const checkpoints = createCheckpoints({
    replica,
    store,
    files: memoryCheckpointFiles(files),
    version: '0.0.0',
    after,
    growthMin: 1,
    trouble,
  })
  const booted = await boot(replica, store, NOW_MS, checkpoints)
  const shell = createShell({ replica, store, clock: { now: () => NOW_MS }, mesh: () => null, taken: () => undefined })
  const { unread } = booted
  // As right after the start of one that reads everything: before anything new comes.
  const whole = await wholeIndex({ mesh: mesh.id, keys, disk, random: draw }, NOW_MS)
  // One that cannot read all of it sees damage that the other has yet to meet.
  if (whole.isSound) {
    for (const { documentDigests } of [replica, whole.replica]) documentDigests.work(1e9)
    expect(plainIndex(replica.index)).toEqual(plainIndex(whole.replica.index))
    expect(booted.commits).toBe(replica.index.arrivals)
  }
  await recheck({ store, shell, ...unread, after, giveUp: checkpoints.giveUp, trouble })
  await shell.toldOfDamage()
  expect([...replica.index.holes.keys()].sort()).toEqual([...whole.replica.index.holes.keys()].sort())
  tally.read += unread.upTo > 0 ? 1 : 0
  tally.behind += unread.upTo > 0 && unread.upTo < replica.index.arrivals ? 1 : 0
  tally.rebuilt += unread.upTo === 0 ? 1 : 0
  checkpoints.start(shell, booted)
  return { store, replica, shell, checkpoints }
}

/** One witness's life until nothing new comes to light. */
const live = async ({ mesh, commits, proofs }: Told, key: number, order: string): Promise<void> => {
  const draw = stream(order)
  let disk = memoryDisk()
  const files: Files = new Map()
  let kept: MemoryDisk | null = null
  let older: Uint8Array | null = null
  let peer = await open(mesh, key, disk, files, draw)
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
  /** What is on its way to the files gets there, some of the time. */
  const written = async (): Promise<void> => {
    const before = files.size === 0 ? '' : [...files.keys()].join()
    for (let turns = 0; turns < WRITTEN_TURNS_MAX && [...files.keys()].join() === before; turns++)
      await new Promise<void>((resolve) => void setImmediate(resolve))
  }
  const restart = async (): Promise<void> => {
    await peer.shell.settled()
    if (draw.chance(0.4)) {
      await peer.shell.stop()
      await peer.checkpoints.stop()
      await peer.store.close()
    }
    const [name] = files.keys()
    if (name !== undefined && draw.chance(0.3)) {
      const bytes = files.get(name)!
      if (older !== null && draw.chance(0.5)) {
        files.set(name, older)
        tally.old++
      } else {
        const at = draw.int(0, bytes.length - 1)
        files.set(name, draw.chance(0.5) ? bytes.slice(0, at) : bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)))
        tally.spoiled++
      }
    } else if (name !== undefined) older = files.get(name)!
    if (kept !== null && draw.chance(0.4)) {
      disk = { ...copyOf(kept), clean: false }
      tally.rolledBack++
    } else if (draw.chance(0.5)) kept = copyOf(disk)
    tally.restarts++
    peer = await open(mesh, key, disk, files, draw)
  }
  const waiting = draw.some([...commits, ...draw.some(commits, draw.int(0, commits.length))], 2 * commits.length)
  const untold = [...proofs]
  const dirty = new Set<Commit>()
  while (waiting.length > 0) {
    await give(waiting.splice(0, draw.int(1, 6)))
    if (draw.chance(0.4)) await written()
    if (untold.length > 0 && draw.chance(0.1))
      peer.shell.feed({ kind: 'forks', from: FROM, proofs: untold.splice(0, 1) })
    if (draw.chance(0.15)) {
      const harmed = draw.pick(commits)
      const record = disk.commitByPlace.get(placeOf(harmed.chain, harmed.header.seq))
      if (record !== undefined) {
        disk.commitByPlace.set(placeOf(harmed.chain, harmed.header.seq), {
          ...record,
          commit: { ...record.commit, bytes: record.commit.bytes.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) },
        })
        dirty.add(harmed)
        tally.damaged++
        await restart()
      }
    }
    if (draw.chance(0.4)) await restart()
    if (dirty.size > 0 && draw.chance(0.4)) {
      await give([...dirty])
      dirty.clear()
    }
  }
  await give([...dirty])
  if (untold.length > 0) peer.shell.feed({ kind: 'forks', from: FROM, proofs: untold })
  await give(commits)
  await restart()
  tally.forked += peer.replica.index.forkedAt.size
}

test('an index read from a checkpoint is the one that the whole log gives', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(historyArb, fc.nat(), fc.nat(), async (history, a, b) => {
      await live(withTrouble(play(history), stream(`trouble ${a}`)), WITNESSES[0], `life ${b}`)
    }),
    { numRuns: RUNS, seed: 20261201, endOnFailure: true },
  )
  process.stdout.write(`checked and seen: ${JSON.stringify(tally)}\n`)
  // Lives in which nothing happened would prove little.
  for (const [what, times] of Object.entries(tally)) expect(times, what).toBeGreaterThan(0)
})
