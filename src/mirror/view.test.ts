/** A namespace that is too large for a mirror: refused by name, and no file goes for it. */
import { expect, test } from 'vitest'
import { fileDraft } from '../input/memory-file.ts'
import { mirrorLimits } from './limits.ts'
import { createMirror, type Mirror } from './mirror.ts'
import { MeshRefusal, type Mesh, type Row } from './ports.ts'
import { createSimDisk } from './testing/sim-disk.ts'
import { createView } from './view.ts'

const file = (n: number, content = 'text\n'): Row => {
  const { title, tags } = fileDraft(`/memories/n${n}.md`)
  return { id: `id-${n}`, title, content, version: 'v', tags, created_at: '', conflicts: 0, metadata: {} }
}
const never = (): never => {
  throw new Error('nothing is written')
}
/** Pages of a thousand; `more` come later, by the log. */
const meshOf = (rows: readonly Row[], more: readonly Row[] = []): Mesh => ({
  list: async (take) => {
    for (let from = 0; from < rows.length; from += 1_000) take(rows.slice(from, from + 1_000))
  },
  look: async (id) => {
    const row = [...rows, ...more].find((one) => one.id === id)
    return row === undefined ? { row: null, why: 'unknown' } : { row }
  },
  heads: async () => [],
  versions: async () => [],
  changes: async (after) => ({ ids: after === null ? [] : more.map(({ id }) => id), next: '1' }),
  create: never,
  change: never,
  forget: never,
  restore: never,
})
const mirrorOf = (mesh: Mesh, disk: ReturnType<typeof createSimDisk>): Mirror =>
  createMirror({
    folder: disk.folder(() => undefined),
    records: disk.recordsOf(() => undefined),
    mesh,
    now: () => 1e12,
    newKey: () => 'k',
    isExcluded: () => false,
    accepts: new Set(),
    isSecret: async () => false,
    isDry: false,
  })
const many = (count: number): readonly Row[] => Array.from({ length: count }, (_, n) => file(n))

test('as many as it holds, and again', async () => {
  const view = createView(meshOf(many(mirrorLimits.rows_max)), () => 'k')
  expect(await view.relist([])).toHaveLength(mirrorLimits.rows_max)
  expect(await view.relist([])).toHaveLength(mirrorLimits.rows_max)
})

test('texts count together; one that was changed counts once', async () => {
  const large = 'x'.repeat(mirrorLimits.rows_bytes_max / 2 - 100)
  const both = [file(1, large), file(2, large)]
  const view = createView(meshOf(both), () => 'k')
  await view.relist([])
  await view.look('id-1')
  await expect(createView(meshOf([...both, file(3, 'x'.repeat(500))]), () => 'k').relist([])).rejects.toThrow(
    MeshRefusal,
  )
})

test.each([
  ['at the start', meshOf(many(mirrorLimits.rows_max + 1))],
  ['by an event', meshOf(many(mirrorLimits.rows_max), [file(mirrorLimits.rows_max)])],
])('one too many, %s: refused by name, and the folder is as it was', async (_when, mesh) => {
  const disk = createSimDisk()
  const name = `/memories/n${mirrorLimits.rows_max}.md`
  disk.files.set('mine.md', 'mine\n')
  disk.files.set(`n${mirrorLimits.rows_max}.md`, 'text\n')
  disk.records.set(name, {
    name,
    path: `n${mirrorLimits.rows_max}.md`,
    id: `id-${mirrorLimits.rows_max}`,
    base: 'text\n',
  })
  const before = new Map(disk.files)
  await expect(mirrorOf(mesh, disk).pass()).rejects.toThrow(/more than 10000 files or 128 MiB/)
  expect(new Map(disk.files)).toEqual(before)
  expect([...disk.records.keys()]).toEqual([name])
})
