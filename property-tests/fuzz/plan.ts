/** How a run's inputs are shared out: every target about the same time, in chunks that a job works off one by one. */
import type { Target } from './target.ts'

export type Chunk = { readonly target: string; readonly from: number; readonly to: number }

/** Of a run, however dear a target is: less would say nothing about it. */
const SHARE_MIN = 1 / 250
/** Long enough that a collection before and after it costs little. */
const CHUNK_MICROS = 1_500_000

/** Inputs of each target: in inverse proportion to its cost, `inputs` together. */
export const shares = (targets: readonly Target[], inputs: number): ReadonlyMap<string, number> => {
  const weights = targets.map(({ micros }) => 1 / micros)
  const sum = weights.reduce((a, b) => a + b, 0)
  const counts = weights.map((weight) => Math.ceil(inputs * Math.max(SHARE_MIN, weight / sum)))
  return new Map(targets.map(({ name }, i) => [name, counts[i]!]))
}

/** The targets' chunks in turn, so that a run that is cut short has been everywhere. */
export const chunksOf = (targets: readonly Target[], inputs: number): readonly Chunk[] => {
  const countByTarget = shares(targets, inputs)
  const queues = targets.map((target) => {
    const count = countByTarget.get(target.name) ?? 0
    const opening = target.inputsPerOpening ?? 1
    const size = Math.max(1, Math.round(CHUNK_MICROS / target.micros / opening)) * opening
    return Array.from({ length: Math.ceil(count / size) }, (_, n) => ({
      target: target.name,
      from: n * size,
      to: Math.min(count, (n + 1) * size),
    }))
  })
  const chunks: Chunk[] = []
  for (let round = 0; queues.some((queue) => queue.length > round); round++) {
    for (const queue of queues) if (queue[round] !== undefined) chunks.push(queue[round]!)
  }
  return chunks
}
