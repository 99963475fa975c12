/**
 * A target: one reader of foreign bytes, how inputs for it are made, and the oracle that judges what it did with them.
 *
 * Invariants: `make` depends on its draw alone, `feed` on the input and what was fed since the opening. A target whose `feed`
 * keeps state is opened anew every `inputsPerOpening` inputs, so that a failure replays from the last opening.
 */
import type { Draw } from './draw.ts'
import { mutateBytes, rawBytes } from './mutate-bytes.ts'

/** What became of an input. Accepted ones passed the oracle; a refusal's reason is the reader's own word. */
export type Verdict = { readonly is: 'accepted' } | { readonly is: 'refused'; readonly reason: string }

export type Opened = {
  make(draw: Draw): Uint8Array
  /** Throws `WronglyJudged` where the oracle disagrees; whatever else it throws is a crash of the reader. */
  feed(input: Uint8Array): Verdict | Promise<Verdict>
  /** The reader without the oracle: what counts for a stall, where the oracle takes its time. */
  readAlone?(input: Uint8Array): void | Promise<void>
  close?(): Promise<void>
}

export type Target = {
  readonly name: string
  /** What it costs an input, roughly, µs: shares of a run are drawn from it. */
  readonly micros: number
  /** Undefined: `feed` keeps no state, and one opening serves a whole run. */
  readonly inputsPerOpening?: number
  open(): Opened | Promise<Opened>
}

/** The reader took what it must not take, or refused what it must take. */
export class WronglyJudged extends Error {}

export const ACCEPTED: Verdict = { is: 'accepted' }
export const refused = (reason: string): Verdict => ({ is: 'refused', reason })

/** @throws WronglyJudged when it does not hold. */
export const judge = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new WronglyJudged(otherwise)
}

/** One of four ways to an input: a sample as it is, its shape mutated, its bytes mutated, no sample at all. */
export const mutant = (
  draw: Draw,
  samples: readonly Uint8Array[],
  mutateShape: (draw: Draw, sample: Uint8Array) => Uint8Array,
): Uint8Array => {
  const sample = draw.pick(samples)
  const way = draw.below(20)
  if (way === 0) return sample
  if (way < 13) return mutateShape(draw, sample)
  return way < 19 ? mutateBytes(draw, sample, draw.pick(samples)) : rawBytes(draw)
}
