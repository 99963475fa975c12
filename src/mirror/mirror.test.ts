/**
 * Two folders on two machines, a mesh that parts, people who edit, and mirrors that stop at any step: in the end both folders are equal, hold every
 * line that somebody wrote and nobody removed, and nothing goes on happening.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMirror, type Mirror, type MirrorOptions } from './mirror.ts'
import { createSimDisk, type SimDisk } from './testing/sim-disk.ts'
import { createSimMesh, type SimPeer } from './testing/sim-mesh.ts'

class Crash extends Error {}
type Place = { readonly disk: SimDisk; readonly peer: SimPeer; mirror: Mirror | null; readonly agent: string }

const createWorld = (more: Partial<MirrorOptions> = {}, isCaseless = false) => {
  const sim = createSimMesh()
  const places: Place[] = ['ai:one', 'ai:two'].map((agent, n) => ({
    disk: createSimDisk(isCaseless && n === 1),
    peer: sim.peer(),
    mirror: null,
    agent,
  }))
  let [now, keys] = [0, 0]
  /** @param stopAt the step at which the machine stops, from 0. @param meanwhile what somebody does at step `at`. */
  const pass = async (
    n: number,
    stopAt = Number.POSITIVE_INFINITY,
    meanwhile: { readonly at: number; do(): void } | null = null,
  ) => {
    const place = places[n]!
    let steps = 0
    now += 100_000
    const step = (): void => {
      if (steps === meanwhile?.at) meanwhile.do()
      if (steps++ >= limit) throw new Crash()
    }
    let limit = Number.POSITIVE_INFINITY
    const make = () =>
      createMirror({
        folder: place.disk.folder(() => steppers.get(place)!()),
        records: place.disk.recordsOf(() => steppers.get(place)!()),
        mesh: place.peer.mesh(place.agent, () => steppers.get(place)!()),
        now: () => now,
        newKey: () => `k${++keys}`,
        isExcluded: () => false,
        accepts: new Set(),
        isSecret: async () => false,
        isDry: false,
        ...more,
      })
    steppers.set(place, step)
    limit = stopAt
    place.mirror ??= make()
    place.mirror.allowDeletions()
    try {
      return await place.mirror.pass()
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      place.mirror = null
      return null
    }
  }
  const steppers = new Map<Place, () => void>()
  const sync = (): void => {
    places[0]!.peer.hear(places[1]!.peer)
    places[1]!.peer.hear(places[0]!.peer)
  }
  /** Until neither has anything to do. */
  const settle = async () => {
    for (let round = 0; round < 30; round++) {
      sync()
      const passes = [await pass(0), await pass(1)]
      sync()
      if (round > 1 && passes.every((one) => one !== null && one.done.length === 0 && !one.isMore)) return round
    }
    throw new Error('they never come to rest')
  }
  return {
    places,
    pass,
    sync,
    settle,
    files: (n: number) => Object.fromEntries([...places[n]!.disk.files].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}

test('what is written in one folder is in the other, and what goes goes', async () => {
  const world = createWorld()
  const [one, two] = [world.places[0]!.disk.files, world.places[1]!.disk.files]
  one.set('a.md', 'first\n')
  one.set('deep/b.md', '')
  await world.settle()
  expect(world.files(1)).toEqual({ 'a.md': 'first\n', 'deep/b.md': '' })
  two.set('a.md', 'first\nsecond\n')
  two.delete('deep/b.md')
  await world.settle()
  expect(world.files(0)).toEqual({ 'a.md': 'first\nsecond\n' })
})

test('both change other lines while they do not see one another: one text; the same line: both stay, marked, and told', async () => {
  const world = createWorld()
  const [one, two] = [world.places[0]!.disk.files, world.places[1]!.disk.files]
  one.set('a.md', 'a\nb\nc\nd\n')
  await world.settle()
  one.set('a.md', 'A\nb\nc\nd\n')
  two.set('a.md', 'a\nb\nc\nD\n')
  await world.pass(0)
  await world.pass(1)
  await world.settle()
  expect([world.files(0), world.files(1)]).toEqual([{ 'a.md': 'A\nb\nc\nD\n' }, { 'a.md': 'A\nb\nc\nD\n' }])
  one.set('a.md', 'left\nb\nc\nD\n')
  two.set('a.md', 'right\nb\nc\nD\n')
  await world.pass(0)
  await world.pass(1)
  await world.settle()
  expect(world.files(0)['a.md']).toMatch(/^<<<<<<< mnemesh.*\nleft\n=======.*\nright\n>>>>>>> mnemesh\nb\n/)
  expect(world.files(1)).toEqual(world.files(0))
  expect((await world.pass(1))!.conflicts).toEqual(['a.md'])
  one.set('a.md', 'settled\nb\nc\nD\n')
  await world.settle()
  expect([world.files(1)['a.md'], (await world.pass(1))!.conflicts]).toEqual(['settled\nb\nc\nD\n', []])
})

test('an edit wins over a deletion, whoever was first', async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const world = createWorld()
    world.places[0]!.disk.files.set('a.md', 'a\n')
    await world.settle()
    world.places[0]!.disk.files.delete('a.md')
    world.places[1]!.disk.files.set('a.md', 'a\nmore\n')
    for (const n of order) await world.pass(n)
    await world.settle()
    expect([world.files(0), world.files(1)]).toEqual([{ 'a.md': 'a\nmore\n' }, { 'a.md': 'a\nmore\n' }])
  }
})

test('a peer that has not heard of a memory yet makes no file go', async () => {
  const world = createWorld()
  world.places[0]!.disk.files.set('a.md', 'a\n')
  await world.settle()
  world.places[1]!.peer.log.length = 0
  world.places[1]!.mirror = null
  const pass = await world.pass(1)
  expect([world.files(1), pass!.held.length]).toEqual([{ 'a.md': 'a\n' }, 1])
})

test('what tells agents what to do goes out and does not come in, but from whom it was said', async () => {
  for (const [accepts, received] of [
    [[], {}],
    [['ai:one'], { 'CLAUDE.md': 'do this\n' }],
    [['ai:other'], {}],
  ] as const) {
    const world = createWorld({ accepts: new Set<string>(accepts) })
    world.places[0]!.disk.files.set('CLAUDE.md', 'do this\n')
    await world.settle()
    expect(world.files(1)).toEqual(received)
    expect(world.places[1]!.peer.log).toHaveLength(1)
    world.places[0]!.disk.files.set('CLAUDE.md', 'do that\n')
    await world.settle()
    expect(world.places[1]!.peer.log).toHaveLength(2)
  }
})

test('a mass deletion waits for a yes, a secret stays here', async () => {
  const world = createWorld({ isSecret: async (_path, text) => text.includes('secret') })
  const [one] = world.places
  for (let i = 0; i < 30; i++) one!.disk.files.set(`${i}.md`, `file ${i}\n`)
  one!.disk.files.set('s.md', 'secret\n')
  await world.settle()
  expect(Object.keys(world.files(1))).toHaveLength(30)
  const mirror = one!.mirror!
  one!.disk.files.clear()
  const held = await mirror.pass()
  expect([held.waiting.length, held.done]).toEqual([30, []])
  mirror.allowDeletions()
  expect((await mirror.pass()).done).toHaveLength(30)
})

test('names that differ in case alone, and a disk that does not tell', async () => {
  const world = createWorld({}, true)
  const [one, two] = [world.places[0]!.disk.files, world.places[1]!.disk.files]
  for (const [path, text] of [
    ['Notes.md', 'capital'],
    ['notes.md', 'small'],
    ['Docs/a.md', 'a'],
    ['docs/b.md', 'b'],
  ] as const)
    one.set(path, `${text}\n`)
  await world.settle()
  const twin = [...two.keys()].find((path) => path.includes('~'))!
  expect(Object.values(world.files(1)).sort()).toEqual(['a\n', 'b\n', 'capital\n', 'small\n'])
  two.set(twin, `${two.get(twin)!}more\n`)
  two.set('docs/B.md', 'b\nmore\n')
  await world.settle()
  expect([one.get('Notes.md')!, one.get('notes.md')!].sort()).toEqual(
    [`capital\n${twin.startsWith('N') ? 'more\n' : ''}`, `small\n${twin.startsWith('n') ? 'more\n' : ''}`].sort(),
  )
  expect(one.get('docs/b.md')).toBe('b\nmore\n')
  expect([one.size, two.size]).toEqual([4, 4])
})

type Act = {
  readonly n: number
  readonly what: 'add' | 'change' | 'cut' | 'remove' | 'pass' | 'sync'
  readonly file: number
  readonly at: number
  readonly stop: number
  readonly during: number
}
const act: fc.Arbitrary<Act> = fc.record({
  n: fc.nat(1),
  what: fc.constantFrom('add', 'add', 'change', 'cut', 'remove', 'pass', 'pass', 'sync'),
  file: fc.nat(2),
  at: fc.nat(20),
  stop: fc.oneof(fc.constant(999), fc.nat(60)),
  during: fc.nat(40),
})

test('random edits, partitions and crashes at every step', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 2, maxLength: 40 }), async (acts) => {
      const world = createWorld()
      let lines = 0
      const owed = new Map<string, string>()
      for (const { n, what, file, at, stop, during } of acts) {
        const { files } = world.places[n]!.disk
        const path = `${['a', 'b', 'c'][file]}.md`
        const text = files.get(path)
        const old = text?.split('\n').filter((line) => line !== '') ?? []
        const place = old.length === 0 ? 0 : at % old.length
        const fresh = `line ${++lines}`
        const write = (now: readonly string[]): void => void files.set(path, now.map((line) => `${line}\n`).join(''))
        if (what === 'sync') world.sync()
        else if (what === 'pass') {
          const save = (): void => {
            files.set(path, `${fresh}\n${files.get(path) ?? ''}`)
            owed.set(fresh, path)
          }
          await world.pass(n, stop, { at: during, do: save })
        } else if (what === 'add') {
          write(old.toSpliced(at % (old.length + 1), 0, fresh))
          owed.set(fresh, path)
        } else if (text === undefined || (old.length === 0 && what !== 'remove')) continue
        else if (what === 'remove') {
          for (const line of old) owed.delete(line)
          files.delete(path)
        } else {
          for (const line of old) if (line === old[place]) owed.delete(line)
          write(what === 'cut' ? old.toSpliced(place, 1) : old.with(place, fresh))
          if (what === 'change') owed.set(fresh, path)
        }
      }
      await world.settle()
      expect(world.files(1)).toEqual(world.files(0))
      for (const [line, path] of owed) expect(world.files(0)[path]?.split('\n') ?? []).toContain(line)
    }),
    { numRuns: Number(process.env['MNEMESH_MIRROR_RUNS'] ?? 400) },
  )
}, 600_000)
