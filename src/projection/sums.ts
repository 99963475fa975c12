/**
 * What a question's hits are worth together: in each memory, in each run; and the best of them.
 *
 * One pass over the hits, in typed arrays: there are thousands a question, and maps of them take twice as long and were a third
 * of the garbage that a question leaves.
 */
import { WEIGHTS } from './lookup.ts'
import type { Term } from './terms.ts'
import { IMPACT_STEPS, REST_SHARE, RUN_SHARE } from './weights.ts'

/** Of each memory that was hit, at its place: its number, what it has by itself, and what its run has, read as one text. */
export type Sums = { readonly memories: Int32Array; readonly own: Float64Array; readonly whole: Float64Array }
export type Summed = { readonly memory: number; readonly own: number; readonly whole: number }

type Places = { readonly numbers: Int32Array; count(): number; of(number: number): number }

/**
 * Gives each number a place, 0, 1, 2, … as they first come: a hash table, open addressing, linear probing, at most half full.
 * @param most so many numbers at most.
 */
const createPlaces = (most: number): Places => {
  const bits = Math.ceil(Math.log2(Math.max(2, 2 * most)))
  const numbers = new Int32Array(most)
  /** Place + 1; 0 where nothing lies. */
  const slots = new Int32Array(2 ** bits)
  let count = 0
  return {
    numbers,
    count: () => count,
    of: (number) => {
      // Fibonacci hashing (Knuth, TAOCP 3, 6.4): numbers that follow each other lie apart.
      let slot = Math.imul(number, 0x9e3779b1) >>> (32 - bits)
      while (slots[slot] !== 0 && numbers[slots[slot]! - 1] !== number) slot = (slot + 1) % slots.length
      if (slots[slot] === 0) {
        numbers[count] = number
        slots[slot] = ++count
      }
      return slots[slot]! - 1
    },
  }
}

export const sumsOf = (terms: readonly Term[]): Sums => {
  const lists = terms.flatMap(({ found, worth }) =>
    found.flatMap(({ hits }) => (hits === null ? [] : [{ step: worth / IMPACT_STEPS, ...hits }])),
  )
  const count = lists.reduce((sum, { runs }) => sum + runs.length, 0)
  const [memories, runs] = [createPlaces(count), createPlaces(count)]
  const [own, runOf] = [new Float64Array(count), new Int32Array(count)]
  // Of each run: what the words before have there, the best share of the word in hand, and which that is.
  const [before, most, last] = [new Float64Array(count), new Float64Array(count), new Int32Array(count)]
  lists.forEach((list, word) => {
    for (let i = 0; i < list.runs.length; i++) {
      const memory = Math.floor(list.weighed[i]! / WEIGHTS)
      const share = (list.weighed[i]! - memory * WEIGHTS) * list.step
      const place = memories.of(memory)
      own[place]! += share
      if (list.runs[i] === 0) {
        runOf[place] = NO_RUN
        continue
      }
      const run = (runOf[place] = runs.of(list.runs[i]!))
      if (last[run] !== word) {
        before[run]! += most[run]!
        most[run] = 0
        last[run] = word
      }
      if (share > most[run]!) most[run] = share
    }
  })
  const whole = new Float64Array(memories.count())
  for (let place = 0; place < memories.count(); place++) {
    const run = runOf[place]!
    whole[place] = run === NO_RUN ? own[place]! : before[run]! + most[run]!
  }
  return { memories: memories.numbers.subarray(0, memories.count()), own: own.subarray(0, memories.count()), whole }
}

const NO_RUN = -1

/**
 * The same of a question in passages: of each memory what its best passage gives it, and a little of what the others do.
 * @param passages how many there are.
 */
export const sumsByPassage = (terms: readonly Term[], passages: number): Sums => {
  if (passages === 1) return sumsOf(terms)
  const best = new Map<number, { own: number; whole: number; most: number; all: number }>()
  for (let passage = 0; passage < passages; passage++) {
    const sums = sumsOf(terms.filter((term) => term.passages.includes(passage)))
    for (let place = 0; place < sums.memories.length; place++) {
      const [memory, own, whole] = [sums.memories[place]!, sums.own[place]!, sums.whole[place]!]
      const score = own + RUN_SHARE * whole
      const known = best.get(memory)
      if (known === undefined) best.set(memory, { own, whole, most: score, all: score })
      else {
        known.all += score
        if (score > known.most) Object.assign(known, { own, whole, most: score })
      }
    }
  }
  const all = [...best.values()]
  return {
    memories: Int32Array.from(best.keys()),
    own: Float64Array.from(all, ({ own, most, all: sum }) => own + REST_SHARE * (sum - most)),
    whole: Float64Array.from(all, ({ whole }) => whole),
  }
}

/** The best of them, best first, at most `most`; among equals the newest. Few get among the best, so one look at each is all that most take. */
export const bestOf = ({ memories, own, whole }: Sums, most: number): readonly Summed[] => {
  const scores = new Float64Array(own.length)
  const isBetter = (a: number, b: number): boolean =>
    scores[a]! > scores[b]! || (scores[a] === scores[b] && memories[a]! > memories[b]!)
  const best: number[] = []
  for (let place = 0; place < scores.length; place++) {
    scores[place] = own[place]! + RUN_SHARE * whole[place]!
    if (best.length === most && !isBetter(place, best.at(-1)!)) continue
    let at = best.length
    while (at > 0 && isBetter(place, best[at - 1]!)) at--
    best.splice(at, 0, place)
    if (best.length > most) best.pop()
  }
  return best.map((place) => ({ memory: memories[place]!, own: own[place]!, whole: whole[place]! }))
}
