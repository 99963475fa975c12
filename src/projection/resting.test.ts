/** The read model that rests: states by a double with timers driven by hand, and once with the real database in its worker. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ProjectionFailure } from '../ports/projection.ts'
import { createNoProjection } from './none.ts'
import { openProjection } from './projection.ts'
import { createResting } from './resting.ts'
import { batch, cursor, id, memory, NOW } from './testing/rows.ts'

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-resting-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const IDLE = 1
const BACKLOG = 2

/** Timers that run when they are told to; databases that count themselves. */
const played = (open: () => Promise<null> = async () => null) => {
  const timers = new Map<symbol, { readonly ms: number; readonly run: () => void }>()
  const after = (ms: number, run: () => void) => {
    const key = Symbol('timer')
    timers.set(key, { ms, run })
    return () => void timers.delete(key)
  }
  const pass = (ms: number): void => {
    for (const [key, timer] of timers) if (timer.ms === ms && timers.delete(key)) timer.run()
  }
  const happened: string[] = []
  let running = 0
  const make = () => {
    happened.push('made')
    const none = createNoProjection()
    return {
      ...none,
      open: async () => {
        running++
        happened.push(`open ${running}`)
        return open()
      },
      apply: async () => void happened.push('apply'),
      stats: async () => ({
        total: 0,
        by_namespace: {},
        by_kind: {},
        by_tier: {},
        links: 0,
        episodes: 0,
        at: null,
        frontier: '',
      }),
      unembedded: async () => null,
      embed: async () => undefined,
      close: async () => {
        await Promise.resolve()
        running--
        happened.push('closed')
      },
    }
  }
  return {
    resting: createResting(make, {
      timers: { after },
      idleMs: IDLE,
      backlogMs: BACKLOG,
      log: (line) => happened.push(line),
    }),
    pass,
    happened,
    pending: () => timers.size,
  }
}
const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false
  const note = (): void => void (done = true)
  promise.then(note, note)
  for (let i = 0; i < 20; i++) await Promise.resolve()
  return done
}

describe('a read model that rests', () => {
  it('opens nothing until somebody asks; then the feeder goes on as well', async () => {
    const { resting, happened } = played()
    const opened = resting.open()
    expect(await settled(opened)).toBe(false)
    expect(happened).toEqual([])
    expect(resting.isResting()).toBe(true)
    await resting.stats()
    await opened
    expect(happened).toEqual(['made', 'open 1'])
    expect(resting.isResting()).toBe(false)
    await resting.close()
  })

  it('is let go when idle, never twice open, and a write waits for the next question', async () => {
    const { resting, pass, happened } = played()
    await resting.stats()
    pass(IDLE)
    expect(resting.isResting()).toBe(true)
    // While the last one closes.
    const asked = resting.stats()
    const written = resting.apply(batch(1, {}))
    await asked
    await written
    expect(happened).toEqual(['made', 'open 1', 'closed', 'made', 'open 1', 'apply'])
    await resting.close()
  })

  it('takes in what was written after the longest wait, without a question', async () => {
    const { resting, pass, happened } = played()
    const written = resting.apply(batch(1, {}))
    expect(await settled(written)).toBe(false)
    pass(BACKLOG)
    await written
    expect(happened).toEqual(['made', 'open 1', 'apply'])
    await resting.close()
  })

  it('is not let go during a call', async () => {
    let go: (value: null) => void = () => undefined
    const { resting, pass, happened } = played(() => new Promise((resolve) => (go = resolve)))
    const asked = resting.stats()
    await settled(asked)
    pass(IDLE)
    expect(happened).toEqual(['made', 'open 1'])
    go(null)
    await asked
    await resting.close()
  })

  it('has a write wait that comes while it opens', async () => {
    let go: (value: null) => void = () => undefined
    const { resting, happened } = played(() => new Promise((resolve) => (go = resolve)))
    const asked = resting.stats()
    await settled(asked)
    const written = resting.apply(batch(1, {}))
    await settled(written)
    expect(happened).toEqual(['made', 'open 1'])
    go(null)
    await Promise.all([asked, written])
    expect(happened).toEqual(['made', 'open 1', 'apply'])
    await resting.close()
  })

  it('tells whoever asks why it does not open, and opens again by the feeder', async () => {
    let broken = true
    const { resting } = played(async () => {
      if (broken) throw new ProjectionFailure('the disk is full')
      return null
    })
    await expect(resting.stats()).rejects.toThrow('the disk is full')
    await expect(resting.open()).rejects.toThrow('the disk is full')
    broken = false
    await resting.open()
    await expect(resting.stats()).resolves.toMatchObject({ total: 0 })
    await resting.close()
  })

  it('refuses who waits when its peer stops, and leaves no timer behind', async () => {
    const { resting, happened, pending } = played()
    const opened = resting.open()
    const written = resting.apply(batch(1, {}))
    const both = Promise.allSettled([opened, written])
    resting.end()
    expect((await both).map((result) => result.status === 'rejected' && String(result.reason))).toEqual([
      expect.stringContaining('closed'),
      expect.stringContaining('closed'),
    ])
    await resting.close()
    await expect(resting.stats()).rejects.toBeInstanceOf(ProjectionFailure)
    expect(happened).toEqual([])
    expect(pending()).toBe(0)
  })

  it('has the same rows after a rest, with the real database', async () => {
    const after = (ms: number, run: () => void) => {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    }
    const timers = { after }
    const make = () =>
      openProjection(
        { kind: 'pglite', dir: join(folder, 'real') },
        { clock: { now: () => Date.parse(NOW) }, timers, log: () => undefined },
      )
    const resting = createResting(make, { timers, idleMs: 100, backlogMs: 60_000, log: () => undefined })
    const [, first] = await Promise.all([resting.wake(), resting.open()])
    expect(first).toBeNull()
    await resting.apply(batch(1, { memories: [memory(7)] }))
    while (!resting.isResting()) await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await resting.recall({ q: 'text of 7', limit: 1 }, NOW)).memories[0]?.id).toBe(id(7))
    expect(await resting.open()).toEqual(cursor(1))
    await resting.close()
  }, 60_000)
})
