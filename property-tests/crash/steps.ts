/**
 * Crash states between two recorded moments in which several files change: an opening, a closing, a full write buffer, texts got
 * off the disk. And files of moments far apart in one folder, as a bad backup leaves them.
 *
 * LevelDB flushes a table before its manifest names it, a manifest before CURRENT points at it, and both before it deletes
 * what they replace. So the files change in ranks, and a crash leaves: all of the lower ranks done, any part of one, nothing above.
 */
import { createDraw, type Draw } from '../fuzz/draw.ts'
import type { Image } from './image.ts'
import type { Moment, Recording } from './recording.ts'
import type { State } from './states.ts'

/** A change of one file from one image to the next. */
type Change = {
  readonly path: string
  readonly rank: number
  readonly before: Buffer | undefined
  readonly after: Buffer | undefined
}

/** What the store's own files (mark, lock, clean, before/) follow: mark and clean are flushed, in this order with the database's. */
const rankOf = (path: string, after: Buffer | undefined): number => {
  if (/^db\/.*\.(ldb|sst|dbtmp)$/.test(path)) return after === undefined ? 5 : 1
  if (path.startsWith('db/MANIFEST')) return after === undefined ? 5 : 2
  if (path === 'db/CURRENT') return 3
  if (/^db\/.*\.log$/.test(path)) return after === undefined ? 5 : 0
  return 4
}

const changesBetween = (a: Image, b: Image): readonly Change[] =>
  [...new Set([...a.keys(), ...b.keys()])]
    .filter((path) => a.get(path) === undefined || b.get(path) === undefined || !a.get(path)!.equals(b.get(path)!))
    .map((path) => ({ path, rank: rankOf(path, b.get(path)), before: a.get(path), after: b.get(path) }))

/** A part of a change: nothing, some sectors of what was appended, a shorter file, or all of it. */
const partly = (draw: Draw, { before, after }: Change): Buffer | undefined => {
  const way = draw.below(4)
  if (way === 0 || after === undefined) return draw.chance(2) ? before : after
  if (way === 1) return after
  const from = before !== undefined && after.subarray(0, before.length).equals(before) ? before.length : 0
  if (before !== undefined && from === 0) return draw.chance(2) ? before : after
  const cut = from + draw.below(after.length - from + 1)
  const file = Buffer.from(after.subarray(0, way === 2 ? cut : after.length))
  return way === 2 ? file : file.fill(0, cut)
}

const between = (draw: Draw, a: Moment, b: Moment): Image => {
  const changes = changesBetween(a.image, b.image)
  const ranks = [...new Set(changes.map(({ rank }) => rank))].sort((x, y) => x - y)
  const stopped = draw.pick([...ranks, 9])
  const image = new Map(a.image)
  for (const change of changes) {
    const file = change.rank < stopped ? change.after : change.rank === stopped ? partly(draw, change) : change.before
    if (file === undefined) image.delete(change.path)
    else image.set(change.path, file)
  }
  return image
}

/** Steps between successive moments of `recording` in which more than the log grew. */
export const betweenMoments = (recording: Recording, seed: number, count: number): readonly State[] => {
  const pairs = recording.moments.slice(1).map((b, i) => [recording.moments[i]!, b] as const)
  const steps = pairs.filter(([a, b]) => changesBetween(a.image, b.image).some(({ rank }) => rank !== 0 && rank !== 4))
  if (steps.length === 0) return []
  return Array.from({ length: count }, (_, n) => {
    const draw = createDraw(seed, `steps ${recording.kind}`, n)
    const [a, b] = draw.pick(steps)
    return {
      family: `between two moments, ${recording.kind}`,
      name: `state ${n}: ${a.what} ${a.acknowledged} to ${b.what} ${b.acknowledged}`,
      expected: {
        kind: recording.kind,
        acknowledged: a.acknowledged,
        begun: b.acknowledged,
        after: 'crash' as const,
        mayNeedRepair: true,
      },
      make: () => between(draw, a, b),
    }
  })
}

/** Every recorded moment as it was: a kill there. */
export const moments = (recording: Recording): readonly State[] =>
  recording.moments.map((moment, n) => ({
    family: `killed, ${recording.kind}`,
    name: `moment ${n}: ${moment.what} ${moment.acknowledged}`,
    expected: {
      kind: recording.kind,
      acknowledged: moment.acknowledged,
      begun: recording.batches,
      after: 'crash' as const,
      exactly: moment.acknowledged,
    },
    make: () => moment.image,
  }))

/** Files of two moments in one folder: some of one, all others of another. What the mark of the two says must be there, or be told. */
export const mixtures = (recording: Recording, seed: number, count: number): readonly State[] =>
  Array.from({ length: count }, (_, n) => {
    const draw = createDraw(seed, `mixtures ${recording.kind}`, n)
    const [a, b] = [draw.pick(recording.moments), draw.pick(recording.moments)]
    const taken = draw.pick<(path: string) => boolean>([
      (path) => path.startsWith('db/'),
      (path) => path === 'mark',
      (path) => /CURRENT|MANIFEST/.test(path),
      (path) => path.endsWith('.log'),
      (path) => path.endsWith('.ldb'),
      () => draw.chance(2),
    ])
    const ofB = new Set([...a.image.keys(), ...b.image.keys()].sort().filter(taken))
    const image = new Map([
      ...[...a.image].filter(([path]) => !ofB.has(path)),
      ...[...b.image].filter(([path]) => ofB.has(path)),
    ])
    return {
      family: `files of two moments, ${recording.kind}`,
      name: `state ${n}: ${a.what} ${a.acknowledged} with ${[...ofB].join()} of ${b.what} ${b.acknowledged}`,
      expected: {
        kind: recording.kind,
        acknowledged: (ofB.has('mark') ? b : a).acknowledged,
        begun: recording.batches,
        after: 'damage' as const,
      },
      make: () => image,
    }
  })
