/** Reading a log in which something is lost: what follows the loss waits until its past is here. */
import { expect, test } from 'vitest'
import type { Commit } from '../../crdt/commit.ts'
import { segmentId } from '../../crdt/ids.ts'
import { ALICE, body, createReplica, hlcAt, meshOf, NOW_MS, NS, record, said } from '../../crdt/test-support.ts'
import { createLogIndex, placeKey } from './log-index.ts'
import { createLogReader } from './read-log.ts'

/** a writes three memories, b changes the last: control log 1–3, then a1, a2, a3, b1. */
const history = () => {
  const mesh = meshOf(1)
  for (const byte of [2, 3]) mesh.enrol(byte)
  const [a, b] = [createReplica(mesh, 1), createReplica(mesh, 2)]
  const segment = segmentId(a.peer, 0)
  const puts = [1, 2, 3].map((n) =>
    a.write(hlcAt(NOW_MS + n), segment, {
      ...said('memory.put', n, NS),
      agent: ALICE,
      record: record(n),
      set: { content: body(`text ${n}`) },
    }),
  )
  for (const put of puts) b.take(put.bytes)
  const patch = b.write(hlcAt(NOW_MS + 9), segment, {
    ...said('memory.patch', 9, NS),
    record: record(3),
    set: { kind: 'fact' },
  })
  return {
    mesh,
    a,
    b,
    control: mesh.control as readonly Commit[],
    puts: puts as readonly Commit[],
    patch: patch as Commit,
  }
}

/** Reads arrivals 1, 2, …; null is a lost one, and only what is not null lies in the store. */
const read = (of: ReturnType<typeof history>, arrivals: readonly (Commit | null)[]) => {
  const here = arrivals.filter((commit) => commit !== null)
  const index = createLogIndex(of.mesh.id)
  const at = (chain: string, seq: number) =>
    here.find((commit) => commit.chain === chain && commit.header.seq === seq) ?? null
  const byHash = (hash: string) => here.find((commit) => commit.hash === hash) ?? null
  const find = (hash: string) => {
    const found = byHash(hash)
    return found && { chain: found.chain, seq: found.header.seq }
  }
  const reader = createLogReader(
    index,
    { find },
    {
      at,
      byHash,
      hashAt: (chain, seq) => at(chain, seq)?.hash ?? null,
      arrived: (n) => arrivals[n - 1] ?? null,
      keep: () => undefined,
      forget: () => undefined,
    },
    of.a.peer,
  )
  for (const [i, commit] of arrivals.entries()) {
    if (commit === null) reader.lost(i + 1)
    else reader.commit(commit, i + 1)
  }
  reader.end()
  const [segment] = index.segments.values()
  return {
    index,
    replayed: segment?.arrivals ?? [],
    reached: (commit: Commit) => index.chains.get(commit.chain)?.seq ?? 0,
  }
}

test('a whole log is read as it arrived', () => {
  const of = history()
  const { index, replayed, reached } = read(of, [...of.control, ...of.puts, of.patch])
  expect([reached(of.puts[0]!), reached(of.patch), index.setAside.size]).toEqual([3, 1, 0])
  expect(replayed).toEqual([4, 5, 6, 7])
})

test('what follows a lost commit is set aside, with all that rests on it, and claimed by no frontier', () => {
  const of = history()
  const [first, , third] = of.puts
  const { index, replayed, reached } = read(of, [...of.control, first!, null, third!, of.patch])
  expect([reached(first!), reached(of.patch)]).toEqual([1, 0])
  expect([...index.setAside.entries()]).toEqual([
    [placeKey(third!.chain, 3), { hash: third!.hash, n: 6 }],
    [placeKey(of.patch.chain, 1), { hash: of.patch.hash, n: 7 }],
  ])
  expect([replayed, index.arrivals]).toEqual([[4], 7])
})

test('a lost commit that came again under a later number is read in its place', () => {
  const of = history()
  const [first, second, third] = of.puts
  const { index, replayed, reached } = read(of, [...of.control, first!, null, third!, of.patch, second!])
  expect([reached(first!), reached(of.patch), index.setAside.size]).toEqual([3, 1, 0])
  expect(replayed).toEqual([4, 8, 6, 7])
})

test('so is a lost control commit, before what was said under it', () => {
  const of = history()
  const [genesis, one, two] = of.control
  const lost = read(of, [genesis!, one!, null, ...of.puts, of.patch])
  expect([lost.index.control.seq, lost.index.setAside.size]).toEqual([2, 4])
  const again = read(of, [genesis!, one!, null, ...of.puts, of.patch, two!])
  expect([
    again.index.control.seq,
    again.index.setAside.size,
    again.reached(of.puts[0]!),
    again.reached(of.patch),
  ]).toEqual([3, 0, 3, 1])
})

test('what rests on a lost commit of another chain waits for it as well, though the store knows it by now', () => {
  const of = history()
  const [first, second, third] = of.puts
  const { index, replayed, reached } = read(of, [...of.control, first!, second!, null, of.patch, third!])
  expect([reached(first!), reached(of.patch), index.setAside.size]).toEqual([3, 1, 0])
  expect(replayed).toEqual([4, 5, 8, 7])
})
