/** The feeder, over an engine and a log that live in memory: what it does when things fail, at every point. */
import { describe, expect, it, vi } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import {
  ProjectionFailure,
  type LogPlace,
  type MemoryRow,
  type ProjectionBatch,
  type ProjectionCursor,
} from '../ports/projection.ts'
import { createFeed, type Feed, type FeedSource } from './feed.ts'
import { createNoProjection } from './none.ts'
import { batch, EPOCH, id, memory } from './testing/rows.ts'

/** Memories that a log writes: some once, some again, so that a batch left out shows. */
const KEYS = 450

/** A log in which arrival n wrote memory n mod 450; reading it shows the newest text, as documents do. */
const createLog = (arrivals: number, rowsPerArrival = 1) => {
  const listeners = new Set<() => void>()
  const asked: number[] = []
  let count = arrivals
  const log: FeedSource & {
    grow(by: number): void
    readonly asked: readonly number[]
    epoch(): string
    truth(): ReadonlyMap<string, string>
  } = {
    epoch: () => EPOCH,
    asked,
    arrivals: () => count,
    revision: () => 0,
    includes: () => false,
    batch: async (cursor, limit): Promise<ProjectionBatch | null> => {
      const after = cursor?.arrival ?? 0
      asked.push(limit)
      const end = Math.min(count, after + limit)
      if (end === after) return null
      const touched = new Set<number>()
      for (let n = after + 1; n <= end; n++)
        for (let r = 0; r < rowsPerArrival; r++) touched.add(rowsPerArrival === 1 ? n % KEYS : n * rowsPerArrival + r)
      return batch(end, { memories: [...touched].map((key) => memory(key, { content: textOf(key) })) }, log.epoch())
    },
    onGrown: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    grow: (by) => {
      count += by
      for (const listener of listeners) listener()
    },
    truth: () => new Map(Array.from({ length: count }, (_, n) => [id((n + 1) % KEYS), textOf((n + 1) % KEYS)])),
  }
  const textOf = (key: number): string => `last written by ${count - ((((count - key) % KEYS) + KEYS) % KEYS)}`
  return log
}

/** An engine in memory that fails at its `failAt`-th call, before or after its effect, as a crash does, or comes back empty. */
const createStore = (
  failAt = 0,
  when: 'before' | 'after' | 'with the loss of all rows at' = 'before',
  rebuild = false,
) => {
  let cursor: ProjectionCursor | null = null
  let calls = 0
  let underWay = 0
  const rows = new Map<string, MemoryRow>()
  const counts = { resets: 0, takeovers: 0, applied: [] as number[], overlaps: 0, fewest: Number.POSITIVE_INFINITY }
  /** The second generation: it outlives crashes, as the first does. */
  let next: { cursor: ProjectionCursor | null; readonly rows: Map<string, MemoryRow> } | null = null
  const call = async (effect: () => void): Promise<void> => {
    if (++underWay > 1) counts.overlaps++
    await Promise.resolve()
    underWay--
    const fails = ++calls === failAt
    if (fails && when === 'before') throw new ProjectionFailure('crash', rebuild)
    effect()
    if (fails && when !== 'after') {
      rows.clear()
      cursor = null
    }
    // What a reader would see now.
    counts.fewest = Math.min(counts.fewest, rows.size)
    if (fails) throw new ProjectionFailure('crash', rebuild)
  }
  return {
    rows,
    counts,
    calls: () => calls,
    open: async () => {
      await call(() => undefined)
      return cursor
    },
    abilities: async () => ({ age: null, lacks: [] }),
    arrivedOf: async () => [],
    apply: (given: ProjectionBatch) =>
      call(() => {
        if (cursor !== null && given.cursor.arrival <= cursor.arrival) return
        for (const row of given.memories) rows.set(row.id, row)
        cursor = given.cursor
        counts.applied.push(given.cursor.arrival)
      }),
    reset: () =>
      call(() => {
        rows.clear()
        cursor = null
        next = null
        counts.resets++
      }),
    unfinished: async () => next !== null,
    begin: async ({ epoch, arrival }: LogPlace) => {
      await call(() => {
        if (next === null || (next.cursor !== null && (next.cursor.epoch !== epoch || next.cursor.arrival > arrival)))
          next = { cursor: null, rows: new Map() }
      })
      return next?.cursor ?? null
    },
    applyNext: (given: ProjectionBatch) =>
      call(() => {
        if (next === null) throw new ProjectionFailure('there is none', true)
        if (next.cursor !== null && given.cursor.arrival <= next.cursor.arrival) return
        for (const row of given.memories) next.rows.set(row.id, row)
        next.cursor = given.cursor
      }),
    takeOver: () =>
      call(() => {
        if (next === null) throw new ProjectionFailure('there is none', true)
        counts.takeovers++
        rows.clear()
        for (const [key, row] of next.rows) rows.set(key, row)
        cursor = next.cursor
        next = null
      }),
  }
}

const manual = () => {
  const set = new Map<number, { readonly ms: number; readonly run: () => void }>()
  let next = 0
  return {
    after: (ms: number, run: () => void) => {
      const key = ++next
      set.set(key, { ms, run })
      return () => set.delete(key)
    },
    waits: () => [...set.values()].map(({ ms }) => ms),
    fire: () => {
      const due = [...set.values()]
      set.clear()
      for (const { run } of due) run()
    },
  }
}
/** Pauses end at once. */
const hasty = {
  after: (_: number, run: () => void) => {
    queueMicrotask(run)
    return () => undefined
  },
}

const caughtUp = (feed: Feed): Promise<void> =>
  vi.waitFor(() => expect([feed.lag(), feed.cursor() !== null]).toEqual([0, true]), { interval: 1 })
const contents = (rows: ReadonlyMap<string, MemoryRow>) => new Map([...rows].map(([key, row]) => [key, row.content]))

describe('the feeder', () => {
  it('applies what is there, then what arrives', async () => {
    const log = createLog(700)
    const store = createStore()
    const feed = createFeed({
      gatherMs: 0,
      source: log,
      projection: store,
      timers: manual(),
      onError: (error) => expect.unreachable(error.message),
    })
    await caughtUp(feed)
    log.grow(3)
    expect(feed.lag()).toBe(3)
    await caughtUp(feed)
    expect(contents(store.rows)).toEqual(log.truth())
    expect(store.counts.resets).toBe(0)
    expect(Math.max(...log.asked)).toBe(limits.projection_batch_arrivals_max)
    await feed.stop()
    log.grow(1)
    expect(feed.lag()).toBe(1)
    expect(store.counts.applied.at(-1)).toBe(703)
  })

  it.each([
    ['before', false],
    ['after', false],
    ['before', true],
    ['after', true],
    ['with the loss of all rows at', false],
  ] as const)(
    'ends with the rows of a straight run after a crash %s any one call (asking for a rebuild: %s)',
    async (when, rebuild) => {
      const straight = createStore()
      const run = async (store: ReturnType<typeof createStore>): Promise<readonly Error[]> => {
        const log = createLog(300)
        const errors: Error[] = []
        const feed = createFeed({
          gatherMs: 0,
          source: log,
          projection: store,
          timers: hasty,
          onError: (error) => errors.push(error),
        })
        await caughtUp(feed)
        log.grow(300)
        await caughtUp(feed)
        await feed.stop()
        expect(contents(store.rows)).toEqual(log.truth())
        return errors
      }
      expect(await run(straight)).toEqual([])
      expect(straight.calls()).toBeGreaterThan(4)
      for (let failAt = 1; failAt <= straight.calls(); failAt++) {
        const store = createStore(failAt, when, rebuild)
        expect([failAt, await run(store)]).toEqual([failAt, [expect.objectContaining({ message: 'crash' })]])
        expect(contents(store.rows)).toEqual(contents(straight.rows))
        expect(store.counts.overlaps).toBe(0)
        expect(store.counts.resets).toBe(rebuild ? 1 : 0)
        expect(
          store.counts.applied.every(
            (arrival, i, all) => i === 0 || arrival > all[i - 1]! || rebuild || when.startsWith('with'),
          ),
        ).toBe(true)
      }
    },
  )

  it.each([
    ['another log', '77'.repeat(16), 1],
    ['a longer log than ours', EPOCH, 99],
  ])('rebuilds rows of %s', async (_, epoch, arrival) => {
    const store = createStore()
    await store.apply(batch(arrival, { memories: [memory('stranger')] }, epoch))
    const log = createLog(3)
    const feed = createFeed({
      gatherMs: 0,
      source: log,
      projection: store,
      timers: manual(),
      onError: (error) => expect.unreachable(error.message),
    })
    await caughtUp(feed)
    expect([store.counts.resets, store.rows.has(id('stranger')), feed.cursor()?.epoch]).toEqual([1, false, EPOCH])
    await feed.stop()
  })

  it('does not pass what it could not read, says so, and pauses longer each time', async () => {
    const log = createLog(5)
    const store = createStore()
    const timers = manual()
    const errors: string[] = []
    let broken = true
    const source: FeedSource = {
      ...log,
      batch: (after, limit) => (broken ? Promise.reject(new Error('cannot read')) : log.batch(after, limit)),
    }
    const feed = createFeed({
      gatherMs: 0,
      source,
      projection: store,
      timers,
      onError: (error) => errors.push(error.message),
    })
    const pauses: number[] = []
    for (let i = 1; i <= 10; i++) {
      await vi.waitFor(() => expect([errors.length, timers.waits().length]).toEqual([i, 1]), { interval: 1 })
      pauses.push(...timers.waits())
      if (i === 10) broken = false
      timers.fire()
    }
    expect(pauses).toEqual([
      100,
      200,
      400,
      800,
      1_600,
      3_200,
      ...Array.from({ length: 4 }, () => limits.projection_retry_ms_max),
    ])
    await caughtUp(feed)
    expect(store.counts.applied.at(-1)).toBe(5)
    await feed.stop()
  })

  it('asks for fewer arrivals when they touch many rows', async () => {
    const log = createLog(100, 256)
    const feed = createFeed({
      gatherMs: 0,
      source: log,
      projection: createStore(),
      timers: manual(),
      onError: (error) => expect.unreachable(error.message),
    })
    await caughtUp(feed)
    expect(Math.max(...log.asked) * 256).toBeLessThanOrEqual(limits.projection_batch_rows_target)
    await feed.stop()
  })

  it('lets readers wait for an arrival, or for more, up to a bound', async () => {
    const log = createLog(2)
    const timers = manual()
    const feed = createFeed({
      gatherMs: 0,
      source: log,
      projection: createStore(),
      timers,
      onError: (error) => expect.unreachable(error.message),
    })
    await caughtUp(feed)
    const at = (arrival: number): LogPlace => ({ ...feed.place(), arrival })
    expect(await feed.waitFor(feed.place(), 1_000)).toBe(true)
    const [there, late] = [feed.waitFor(at(3), 1_000), feed.waitFor(at(9), 1_000)]
    log.grow(1)
    expect(await there).toBe(true)
    expect(timers.waits()).toEqual([1_000])
    timers.fire()
    expect(await late).toBe(false)
    const crowd = Array.from({ length: limits.causal_waiters_max }, () => feed.waitFor(at(99), 1))
    expect(await feed.waitFor(at(99), 1)).toBe(false)
    await feed.stop()
    expect(new Set(await Promise.all(crowd))).toEqual(new Set([false]))
  })

  it('rebuilds when asked, in full view', async () => {
    const log = createLog(100)
    const store = createStore()
    const feed = createFeed({
      gatherMs: 0,
      source: log,
      projection: store,
      timers: manual(),
      onError: (error) => expect.unreachable(error.message),
    })
    await caughtUp(feed)
    const seen: number[] = []
    await feed.rebuild((done, total) => seen.push(done, total))
    expect([store.counts.resets, store.counts.takeovers]).toEqual([0, 1])
    expect(seen.slice(-2)).toEqual([100, 100])
    expect(contents(store.rows)).toEqual(log.truth())
    await feed.stop()
    await expect(feed.rebuild()).rejects.toBeInstanceOf(ProjectionFailure)
  })

  it('looks again when a reader was refused, says so until all is well, and takes what it finds for the truth', async () => {
    const log = createLog(100)
    const store = createStore()
    const errors: string[] = []
    let gone = false
    const projection = {
      ...store,
      open: () => (gone ? Promise.reject(new ProjectionFailure('no such server')) : store.open()),
    }
    const timers = manual()
    const feed = createFeed({
      gatherMs: 0,
      source: log,
      projection,
      timers,
      onError: (error) => errors.push(error.message),
    })
    await caughtUp(feed)
    expect(feed.trouble()).toBeNull()
    gone = true
    feed.recheck('a reader was refused')
    expect(feed.trouble()).toBe('a reader was refused')
    await vi.waitFor(
      () => expect([feed.trouble(), timers.waits()]).toEqual(['no such server', [limits.projection_retry_ms_min]]),
      { interval: 1 },
    )
    gone = false
    await store.reset()
    timers.fire()
    await vi.waitFor(() => expect(feed.trouble()).toBeNull(), { interval: 1 })
    await caughtUp(feed)
    expect([contents(store.rows), errors]).toEqual([log.truth(), ['no such server']])
    await feed.stop()
  })

  it('looks at an idle database in its own time, when told to', async () => {
    const store = createStore()
    const timers = manual()
    const feed = createFeed({
      gatherMs: 0,
      source: createLog(10),
      projection: store,
      timers,
      onError: (error) => expect.unreachable(error.message),
      checkEveryMs: 77,
    })
    await caughtUp(feed)
    await vi.waitFor(() => expect(timers.waits()).toEqual([77]), { interval: 1 })
    await store.reset()
    timers.fire()
    await vi.waitFor(() => expect(store.rows.size).toBe(10), { interval: 1 })
    expect([feed.lag(), feed.trouble()]).toEqual([0, null])
    await feed.stop()
  })

  it('does not forget a rebuild by stopping', async () => {
    const store = createStore()
    const feed = createFeed({
      gatherMs: 0,
      source: createLog(10),
      projection: store,
      timers: manual(),
      onError: (error) => expect.unreachable(error.message),
    })
    await caughtUp(feed)
    const [refused] = await Promise.allSettled([feed.rebuild(), feed.stop()])
    expect(refused.status === 'rejected' && String(refused.reason)).toMatch(/next start/)
    expect([store.counts.resets, store.rows.size, await store.unfinished()]).toEqual([0, 10, true])
    const again = createFeed({
      gatherMs: 0,
      source: createLog(10),
      projection: store,
      timers: manual(),
      onError: (error) => expect.unreachable(error.message),
    })
    await vi.waitFor(() => expect(store.counts.takeovers).toBe(1), { interval: 1 })
    await caughtUp(again)
    await again.stop()
    expect([store.rows.size, await store.unfinished()]).toEqual([10, false])
  })

  it.each([
    ['before', false],
    ['after', false],
    ['before', true],
    ['after', true],
  ] as const)(
    'serves all rows throughout a rebuild, growth and a crash %s any one call (asking for a rebuild: %s), and ends with one generation',
    async (when, rebuild) => {
      const run = async (failAt: number): Promise<ReturnType<typeof createStore>> => {
        const log = createLog(300)
        const store = createStore(failAt, when, rebuild)
        const feed = createFeed({
          gatherMs: 0,
          source: log,
          projection: store,
          timers: hasty,
          onError: () => undefined,
        })
        await caughtUp(feed)
        store.counts.fewest = store.rows.size
        const rebuilt = feed.rebuild()
        log.grow(100)
        await rebuilt
        await caughtUp(feed)
        log.grow(1)
        await caughtUp(feed)
        await feed.stop()
        expect([failAt, contents(store.rows), await store.unfinished()]).toEqual([failAt, log.truth(), false])
        return store
      }
      const straight = await run(0)
      const [before] = [createStore()]
      const first = createFeed({
        gatherMs: 0,
        source: createLog(300),
        projection: before,
        timers: hasty,
        onError: () => undefined,
      })
      await caughtUp(first)
      await first.stop()
      for (let failAt = before.calls() + 1; failAt <= straight.calls(); failAt++) {
        const { counts } = await run(failAt)
        // Rows that serve and turn out damaged are dropped; the others never.
        if (counts.resets === 0) expect([failAt, counts.fewest, counts.takeovers > 0]).toEqual([failAt, 300, true])
        else expect(rebuild).toBe(true)
      }
    },
  )

  it('goes on serving rows of another epoch while all they show is in this log, and says that they lag', async () => {
    const store = createStore()
    await store.apply(batch(7, { memories: [memory('older')] }, '77'.repeat(16)))
    const log = createLog(30)
    const shown: unknown[] = []
    let isReached = false
    const watched = {
      ...store,
      applyNext: (given: ProjectionBatch) => {
        shown.push([feed.lag(), feed.cursor()?.arrival, store.rows.has(id('older')), isReached])
        return store.applyNext(given)
      },
    }
    const feed: Feed = createFeed({
      gatherMs: 0,
      source: { ...log, includes: () => true },
      projection: watched,
      timers: manual(),
      onError: (error) => expect.unreachable(error.message),
    })
    const reached = feed.waitFor({ ...feed.place(), arrival: 1 }, 1_000).then((answer) => (isReached = answer))
    await caughtUp(feed)
    expect(new Set(shown.map((at) => JSON.stringify(at)))).toEqual(new Set(['[30,7,true,false]']))
    expect(await reached).toBe(true)
    expect([store.counts.resets, store.counts.takeovers, store.rows.has(id('older')), feed.cursor()?.epoch]).toEqual([
      0,
      1,
      false,
      EPOCH,
    ])
    await feed.stop()
  })

  it('keeps a peer without a projection in step', async () => {
    const log = createLog(10)
    const none = createNoProjection()
    const feed = createFeed({
      gatherMs: 0,
      source: log,
      projection: none,
      timers: manual(),
      onError: (error) => expect.unreachable(error.message),
    })
    await caughtUp(feed)
    expect((await none.open())?.arrival).toBe(10)
    await expect(none.recall({ q: 'x', limit: 1 }, '')).rejects.toThrow(/--projection pglite/)
    await feed.stop()
  })

  it('gathers what is written while nobody waits, for a time and up to a number; a reader is not kept waiting', async () => {
    const log = createLog(3)
    const store = createStore()
    const timers = manual()
    const feed = createFeed({
      source: log,
      projection: store,
      timers,
      onError: (error) => expect.unreachable(error.message),
    })
    await caughtUp(feed)
    const applied = (): number => store.counts.applied.length
    const settled = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    }
    const before = applied()
    for (let n = 0; n < 5; n++) {
      log.grow(1)
      await settled()
    }
    expect([applied() - before, timers.waits()]).toEqual([0, [100]])
    timers.fire()
    await caughtUp(feed)
    // Five arrivals, and no batch of one alone but where the size of a batch has to grow first.
    expect(applied() - before).toBeLessThanOrEqual(2)
    log.grow(1)
    await settled()
    const from = applied()
    expect(timers.waits()).toEqual([100])
    expect(await feed.waitFor(feed.place(), 1_000)).toBe(true)
    expect([applied() - from, timers.waits()]).toEqual([1, []])
    log.grow(1)
    await settled()
    log.grow(limits.projection_batch_arrivals_max)
    await caughtUp(feed)
    expect(contents(store.rows)).toEqual(log.truth())
    await feed.stop()
  })
})
