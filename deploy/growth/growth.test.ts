/** The growth bench measures a real peer, holds each figure to its goal, and draws it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { figuresOf } from './goals.ts'
import { measureGrowth, type Size } from './measure.ts'
import { curvesOf } from './picture.ts'

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-growth-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a real peer is measured', async () => {
  const [size] = await measureGrowth({
    dir: join(folder, 'peer'),
    sizes: [200],
    batch: 10,
    asked: { writes: 10, reads: 10, pages: 3 },
    say: () => undefined,
  })
  const { memories, commits, disk_bytes, text_bytes, ...times } = size!
  expect(memories).toBe(200)
  expect(commits).toBeGreaterThanOrEqual(20)
  expect(disk_bytes).toBeGreaterThan(text_bytes)
  for (const value of Object.values(times)) expect(value).toBeGreaterThan(0)
}, 120_000)

const SIZE: Size = {
  memories: 100,
  commits: 25,
  text_bytes: 18_000,
  disk_bytes: 60_000,
  serving_after_stop_ms: 700,
  serving_after_kill_ms: 900,
  resident_started_mib: 100,
  resident_used_mib: 120,
  write_ms: 1,
  get_ms: 0.5,
  list_ms: 2,
}

test('each figure beside its goal', () => {
  const missed = (size: Partial<Size>): readonly string[] =>
    figuresOf({ ...SIZE, ...size }, SIZE).flatMap(({ name, met }) => (met ? [] : [name]))
  expect(missed({})).toEqual([])
  expect(missed({ write_ms: 1.29, get_ms: 0.66 })).toEqual(['a read by id, of that with the fewest'])
  expect(missed({ serving_after_kill_ms: 3_001, resident_used_mib: 401 })).toEqual([
    'serving after a kill',
    'resident in use',
  ])
  expect(figuresOf(SIZE, SIZE)[1]).toEqual({
    name: 'bytes on disk beside its text',
    unit: 'B',
    value: 420,
    goal: null,
    met: true,
  })
})

test('a picture with a curve a figure, and a line for its goal', () => {
  const sizes = [SIZE, { ...SIZE, memories: 1_000, resident_used_mib: 500 }]
  const picture = curvesOf(sizes.map((size) => ({ memories: size.memories, figures: figuresOf(size, SIZE) })))
  expect(picture.match(/<polyline/g)).toHaveLength(9)
  expect(picture.match(/stroke-dasharray/g)).toHaveLength(7)
  expect(picture).toContain('>500<')
  expect(picture).not.toMatch(/NaN|Infinity/)
})
