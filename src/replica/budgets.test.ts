/**
 * What members may use up: new chains are delayed, never refused; what waits is bounded by its sender and looked at when its time has
 * come; both are seen by member.
 */
import { describe, expect, test } from 'vitest'
import type { Commit } from '../../crdt/commit.ts'
import type { Hlc } from '../../crdt/hlc.ts'
import type { EventId, Namespace, PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { createReplica, hlcAt, meshOf, NOW_MS, said, type TestReplica } from '../../crdt/test-support.ts'
import { createChainBudget } from './chain-budget.ts'
import { createIntake, type Intake } from './intake.ts'

const [ANN, BOB] = ['a', 'b'].map((letter) => letter.repeat(64) as PeerId) as [PeerId, PeerId]
const SLOW = { burst: 4, perSecond: 10 }

describe('the budget of new chains', () => {
  test('gives what it has at once, then by time, and says when to ask again', () => {
    const budget = createChainBudget(SLOW, SLOW)
    expect([1, 2, 3, 4].map(() => budget.begin(ANN, ANN, 0))).toEqual([0, 0, 0, 0])
    expect([1, 2, 3].map(() => budget.begin(ANN, ANN, 0))).toEqual([100, 200, 300])
    expect(budget.begin(ANN, ANN, 100)).toBe(0)
    expect(budget.begin(ANN, ANN, 101)).toBeGreaterThan(0)
    // Nobody waits longer than a second to be asked again, and nobody saves up more than the burst.
    expect(Math.max(...Array.from({ length: 1_000 }, () => budget.begin(ANN, ANN, 102)))).toBe(1_000)
    expect([1, 2, 3, 4, 5].map(() => budget.begin(ANN, ANN, 1e9) === 0)).toEqual([true, true, true, true, false])
  })

  test("of one member is not another's, and what it passes on is not its own", () => {
    const budget = createChainBudget(SLOW, { burst: 6, perSecond: 10 })
    for (let n = 0; n < 4; n++) budget.begin(ANN, ANN, 0)
    expect(budget.begin(BOB, BOB, 0)).toBe(0)
    expect(Array.from({ length: 7 }, () => budget.begin(ANN, BOB, 0) === 0)).toEqual([
      true,
      true,
      true,
      true,
      true,
      true,
      false,
    ])
  })

  test('is not stopped by a clock that was put back', () => {
    const budget = createChainBudget(SLOW, SLOW)
    for (let n = 0; n < 5; n++) budget.begin(ANN, ANN, 1e6)
    expect(budget.begin(ANN, ANN, 0)).toBeGreaterThan(0)
    expect(budget.begin(ANN, ANN, 100)).toBe(0)
  })
})

/** One first commit of each of `count` chains of `author`. */
const chainsOf = (author: TestReplica, count: number, hlc: Hlc = hlcAt(NOW_MS)): Commit[] =>
  Array.from({ length: count }, (_, n) =>
    author.seal(hlc, null, [
      {
        v: 1,
        id: `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}` as EventId,
        ns: `flood/${n}` as Namespace,
        agent: 'ai:flood' as never,
        at: '2026-01-01T00:00:00.000Z',
        kind: 'episode.append',
        event_type: 'flood',
      },
    ]),
  )
const take = (intake: Intake, from: PeerId, commits: readonly Commit[], nowMs: number): void =>
  intake.take(
    from,
    commits.map(({ chain, header, bytes }) => ({ chain, seq: header.seq, bytes, bodies: [] })),
    nowMs,
  )
const drain = (intake: Intake, into: TestReplica, nowMs: number): number => {
  let accepted = 0
  intake.tick(nowMs)
  intake.drain(
    into.view,
    nowMs,
    1_000,
    () => undefined,
    (commit) => {
      into.take(commit.bytes, nowMs)
      accepted++
    },
  )
  return accepted
}

describe('a member that begins chains without end', () => {
  test('is slowed down, seen by name, and in the end everything of it is here', () => {
    const mesh = meshOf(1, 2)
    const [author, peer] = [createReplica(mesh, 1), createReplica(mesh, 2)]
    const intake = createIntake(createChainBudget(SLOW, SLOW))
    take(intake, author.peer, chainsOf(author, 20), NOW_MS)
    expect(drain(intake, peer, NOW_MS)).toBe(4)
    expect(intake.heldBack().get(author.peer)).toEqual({ chains: 16, waiting: 16, dropped: 0 })
    expect(intake.refused).toEqual([])
    let here = 4
    for (let ms = 25; here < 20 && ms < 20_000; ms += 25) {
      here += drain(intake, peer, NOW_MS + ms)
      expect(here).toBeLessThanOrEqual(4 + Math.floor((ms * SLOW.perSecond) / 1_000))
    }
    expect([here, intake.pending(), intake.heldBack().size]).toEqual([20, 0, 0])
  })

  test('does not slow down what follows in chains that it has', () => {
    const mesh = meshOf(1, 2)
    const [author, peer] = [createReplica(mesh, 1), createReplica(mesh, 2)]
    const intake = createIntake(createChainBudget({ burst: 1, perSecond: 1 }, SLOW))
    const [first] = chainsOf(author, 1)
    author.take(first!.bytes)
    const [second] = chainsOf(author, 1, hlcAt(NOW_MS + 1))
    take(intake, author.peer, [first!, second!], NOW_MS)
    expect(drain(intake, peer, NOW_MS)).toBe(2)
  })
})

describe('what waits', () => {
  test('beyond what one sender may is dropped by name, and counted against it', () => {
    const mesh = meshOf(1, 2)
    const [author, peer] = [createReplica(mesh, 1), createReplica(mesh, 2)]
    const intake = createIntake()
    const [commit] = chainsOf(author, 1)
    const tooMany = limits.pending_commits_per_peer_max + 3
    // No signature is on them and nothing covers them, so they wait under their hashes.
    const bare = Array.from({ length: tooMany }, (_, n) =>
      author.seal(
        hlcAt(NOW_MS + n),
        null,
        commit!.events.map(({ event }) => event),
      ),
    )
    for (const one of bare)
      take(intake, author.peer, [{ ...one, bytes: one.bytes.with(-2, one.bytes.at(-2)! ^ 1) }], NOW_MS)
    expect(intake.heldBack().get(author.peer)?.dropped).toBe(3)
    expect(intake.refused.at(-1)).toMatchObject({ from: author.peer, reason: 'too_many_waiting' })
    expect(drain(intake, peer, NOW_MS)).toBe(0)
  })

  test('for tomorrow is looked at when that has come, not at each tick before', () => {
    const mesh = meshOf(1, 2)
    const [author, peer] = [createReplica(mesh, 1), createReplica(mesh, 2)]
    const intake = createIntake()
    take(intake, author.peer, chainsOf(author, 3, hlcAt(NOW_MS + limits.clock_bound_ms + 1_000)), NOW_MS)
    expect(drain(intake, peer, NOW_MS)).toBe(0)
    intake.tick(NOW_MS + 500)
    expect(intake.ready()).toBe(false)
    expect(drain(intake, peer, NOW_MS + 999)).toBe(0)
    expect(drain(intake, peer, NOW_MS + 1_000)).toBe(3)
  })
})

test('a commit that comes again, in the log or waiting, is told by its hash and not read again; a text that comes with it is taken', () => {
  const mesh = meshOf(1, 2)
  const [author, peer] = [createReplica(mesh, 1), createReplica(mesh, 2)]
  const intake = createIntake()
  const [first] = chainsOf(author, 1)
  const hashAt = () => first!.hash
  // Where its bytes were read, the damaged event would be found and refused; what counts is that they are not.
  const damaged = { ...first!, bytes: first!.bytes.with(first!.bytes.length - 3, first!.bytes.at(-3)! ^ 1) }
  take(intake, author.peer, [first!], NOW_MS)
  let checked = 0
  const parcel = { chain: first!.chain, seq: 1, bytes: damaged.bytes, bodies: [] }
  for (let n = 0; n < 1_000; n++) intake.take(author.peer, [parcel], NOW_MS, () => checked++)
  expect([checked, intake.counters.duplicates, intake.pending(), intake.refused]).toEqual([0, 1_000, 1, []])
  expect(drain(intake, peer, NOW_MS)).toBe(1)
  intake.take(author.peer, [parcel], NOW_MS, () => checked++, hashAt)
  expect([checked, intake.counters.duplicates, intake.pending()]).toEqual([0, 1_001, 0])
  // Another commit in that place is read: it may prove a fork.
  intake.take(
    author.peer,
    [{ ...parcel, bytes: first!.bytes }],
    NOW_MS,
    () => checked++,
    () => 'ff'.repeat(32) as Commit['hash'],
  )
  expect(checked).toBe(1)
})

test('a chain with a gap costs the same however many of its commits wait behind it', () => {
  const mesh = meshOf(1, 2)
  const [author, peer] = [createReplica(mesh, 1), createReplica(mesh, 2)]
  const later = NOW_MS + 10
  const commits = Array.from({ length: 2_000 }, (_, n) =>
    author.write(hlcAt(NOW_MS + Math.floor(n / 1_000), n % 1_000), null, {
      ...said('episode.append', n + 1),
      event_type: 'flood',
    }),
  )
  const intake = createIntake()
  /** The shortest look at what waits after one more of these has come. */
  const shortestMs = (some: readonly Commit[]): number =>
    Math.min(
      ...some.map((commit) => {
        take(intake, author.peer, [commit], later)
        const fromMs = performance.now()
        drain(intake, peer, later)
        return performance.now() - fromMs
      }),
    )
  take(intake, author.peer, commits.slice(0, 1), later)
  expect(drain(intake, peer, later)).toBe(1)
  const few = shortestMs(commits.slice(2, 102))
  shortestMs(commits.slice(102, 1_900))
  expect(shortestMs(commits.slice(1_900)) / few).toBeLessThan(2.5)
  expect(intake.pending()).toBe(1_998)
})
