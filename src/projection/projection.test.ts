/** The proxy and its real worker, with a real embedded database. */
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import { BadCursor, ProjectionFailure } from '../ports/projection.ts'
import { openProjection } from './projection.ts'
import { batch, cursor, id, memory, NOW } from './testing/rows.ts'

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-projection-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const clock = { now: () => Date.parse(NOW) }
const timers = {
  after: (ms: number, run: () => void) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

describe('the projection in its worker', () => {
  it('answers as the engine does, without holding up the main thread, and comes back after each end', async () => {
    const dir = join(folder, 'a')
    const said: string[] = []
    const open = (given = timers) =>
      openProjection({ kind: 'pglite', dir }, { clock, timers: given, log: (line) => said.push(line) })
    let projection = open()
    await expect(projection.list({}, { limit: 1, now: NOW })).rejects.toThrow(/not open yet/)

    let beats = 0
    let longest = 0
    let last = performance.now()
    const pulse = setInterval(() => {
      const now = performance.now()
      if (beats++ > 0) longest = Math.max(longest, now - last)
      last = now
    }, 5)
    const [first, second] = await Promise.all([projection.open(), projection.open()])
    expect([first, second]).toEqual([null, null])
    for (let i = 0; i < 4; i++)
      await projection.apply(
        batch(i + 1, { memories: Array.from({ length: 512 }, (_, j) => memory(i * 512 + j, { tags: ['x'] })) }),
      )
    clearInterval(pulse)
    expect(beats).toBeGreaterThan(10)
    // Opening alone takes seconds: on this thread it would be one long pause. A busy machine makes short ones.
    expect(longest).toBeLessThan(1_500)

    expect((await projection.recall({ q: 'text of 7', limit: 1 }, NOW)).memories[0]?.id).toBe(id(7))
    expect(await projection.stats()).toMatchObject({ total: 2_048 })
    expect((await projection.namespaces()).rows).toHaveLength(1)
    await expect(projection.list({}, { limit: 1, now: NOW, cursor: 'x' })).rejects.toBeInstanceOf(BadCursor)

    const flood = await Promise.allSettled(
      Array.from({ length: limits.projection_calls_max + 10 }, () => projection.links(id(1))),
    )
    const refused = flood.filter((result) => result.status === 'rejected')
    expect(refused).toHaveLength(10)
    expect(String(refused[0]?.reason)).toMatch(/calls are under way/)

    const digest = await projection.digest()
    await projection.close()
    await projection.close()
    await expect(projection.digest()).rejects.toBeInstanceOf(ProjectionFailure)
    await expect(projection.open()).rejects.toThrow(/closed/)
    expect(existsSync(join(dir, 'open'))).toBe(false)

    projection = open()
    expect(await projection.open()).toEqual(cursor(4))
    expect(await projection.digest()).toEqual(digest)
    await projection.close()

    // Every table's file cut to nothing: the failure asks for a reset, which mends it.
    const base = join(dir, 'pglite', 'base')
    for (const database of readdirSync(base))
      for (const name of readdirSync(join(base, database)))
        if (/^\d+$/.test(name)) truncateSync(join(base, database, name))
    projection = open()
    await expect(projection.open()).rejects.toMatchObject({ constructor: ProjectionFailure, rebuild: true })
    await projection.reset()
    expect(await projection.open()).toBeNull()
    expect(await projection.digest()).not.toEqual(digest)
    await projection.apply(batch(1, { memories: [memory(1)] }))
    await expect(projection.apply(batch(9, {}, '99'.repeat(16)))).rejects.toMatchObject({
      constructor: ProjectionFailure,
      rebuild: true,
    })
    await projection.close()
  }, 120_000)

  it('gives up a worker that hangs, and starts another', async () => {
    let hang = false
    const impatient = { after: (ms: number, run: () => void) => timers.after(hang ? 0 : ms, run) }
    const projection = openProjection(
      { kind: 'pglite', dir: join(folder, 'b') },
      { clock, timers: impatient, log: () => undefined },
    )
    await projection.open()
    await projection.apply(batch(1, { memories: [memory(1)] }))
    hang = true
    const late = projection.apply(batch(2, { memories: Array.from({ length: 2_000 }, (_, i) => memory(i)) }))
    await expect(late).rejects.toThrow(/took longer/)
    hang = false
    expect(await projection.open()).toEqual(cursor(1))
    await projection.close()
  }, 120_000)
})
