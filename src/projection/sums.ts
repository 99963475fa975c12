/**
 * What a question's hits are worth together: in each memory, in each run; and the best of them.
 *
 * Hits are brought together by sorting them, in typed arrays: there are thousands a question, and maps of them were a third of the
 * garbage that a question leaves.
 */
import { WEIGHTS } from './lookup.ts'
import type { Term } from './terms.ts'
import { IMPACT_STEPS, RUN_SHARE } from './weights.ts'

/** Of each memory that was hit, at its place: its number, what it has by itself, and what its run has, read as one text. */
export type Sums = { readonly memories: Int32Array; readonly own: Float64Array; readonly whole: Float64Array }
export type Summed = { readonly memory: number; readonly own: number; readonly whole: number }

/**
 * Number × room + hit sorts by number, then by hit, and gives both back: a power of two divides without rounding. Whole numbers go to
 * 2^53: four million hits of the last of 2^31 memories.
 */
const roomFor = (hits: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, hits)))

export const sumsOf = (terms: readonly Term[]): Sums => {
  const lists = terms.flatMap(({ found, worth }) => found.flatMap(({ hits }) => (hits === null ? [] : [{ step: worth / IMPACT_STEPS, ...hits }])))
  const count = lists.reduce((sum, { runs }) => sum + runs.length, 0)
  const room = roomFor(count)
  const [byMemory, byRun] = [new Float64Array(count), new Float64Array(count)]
  const [shares, words] = [new Float64Array(count), new Int32Array(count)]
  let hit = 0
  lists.forEach(({ weighed, runs, step }, word) => {
    for (let i = 0; i < runs.length; i++, hit++) {
      const memory = Math.floor(weighed[i]! / WEIGHTS)
      byMemory[hit] = memory * room + hit
      byRun[hit] = runs[i]! * room + hit
      shares[hit] = (weighed[i]! - memory * WEIGHTS) * step
      words[hit] = word
    }
  })
  byMemory.sort()
  byRun.sort()
  const [numbers, own, placeOf] = [new Int32Array(count), new Float64Array(count), new Int32Array(count)]
  let places = 0
  for (const key of byMemory) {
    const memory = Math.floor(key / room)
    if (places === 0 || numbers[places - 1] !== memory) numbers[places++] = memory
    const at = key - memory * room
    placeOf[at] = places - 1
    own[places - 1]! += shares[at]!
  }
  return { memories: numbers.subarray(0, places), own: own.subarray(0, places), whole: wholes(byRun, shares, words, placeOf, own) }
}

/** Of each memory, at its place: Σ over the words of the best share of any memory of its run; its own where it has no run. @param byRun hits by run, and by word within it. */
const wholes = (byRun: Float64Array, shares: Float64Array, words: Int32Array, placeOf: Int32Array, own: Float64Array): Float64Array => {
  const count = byRun.length
  const room = roomFor(count)
  const whole = own.slice()
  for (let from = 0, to = 0; from < count; from = to) {
    const run = Math.floor(byRun[from]! / room)
    let sum = 0
    let most = 0
    let word = -1
    for (; to < count && Math.floor(byRun[to]! / room) === run; to++) {
      const at = byRun[to]! - run * room
      if (words[at] !== word) {
        sum += most
        most = 0
        word = words[at]!
      }
      most = Math.max(most, shares[at]!)
    }
    if (run !== 0) for (let i = from; i < to; i++) whole[placeOf[byRun[i]! - run * room]!] = sum + most
  }
  return whole
}

/** The best of them, best first, at most `most`; among equals the newest. Where the last of them stands is found before any is moved: sorting all costs five times that. */
export const bestOf = ({ memories, own, whole }: Sums, most: number): readonly Summed[] => {
  const scores = new Float64Array(own.length)
  for (let place = 0; place < own.length; place++) scores[place] = own[place]! + RUN_SHARE * whole[place]!
  const least = scores.length > most ? scores.slice().sort().at(-most)! : Number.NEGATIVE_INFINITY
  const places: number[] = []
  for (let place = 0; place < scores.length; place++) if (scores[place]! >= least) places.push(place)
  places.sort((a, b) => scores[b]! - scores[a]! || memories[b]! - memories[a]!)
  return places.slice(0, most).map((place) => ({ memory: memories[place]!, own: own[place]!, whole: whole[place]! }))
}
