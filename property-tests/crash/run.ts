/** Lays out each state in a folder of its own, has it judged, and counts what became of it by family. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lay } from './image.ts'
import { judge, type Outcome } from './judge.ts'
import { scratchRoot } from './scratch.ts'
import type { State } from './states.ts'

export type Count = Record<Outcome, number> & { states: number; failed: number; slowestMs: number }
export type Result = { readonly byFamily: ReadonlyMap<string, Count>; readonly failures: readonly string[] }

/** Openings under way at one time: they wait for the disk, and each holds two databases. */
const AT_ONCE = 4
const FAILURES_SHOWN = 20
/** Every so manieth state is also written on, stopped and opened again. */
const GO_ON_EVERY = 5

/** @param nowMs a clock that only goes forward. @param onDone told how many have been judged. */
export const runStates = async (
  states: readonly State[],
  nowMs: () => number,
  onDone: (done: number) => void = () => undefined,
): Promise<Result> => {
  const byFamily = new Map<string, Count>()
  const failures: string[] = []
  let next = 0
  let done = 0
  const root = scratchRoot()
  const work = async (): Promise<void> => {
    for (let n = next++; n < states.length; n = next++) {
      const state = states[n]!
      const count = byFamily.get(state.family) ?? { whole: 0, told: 0, refused: 0, states: 0, failed: 0, slowestMs: 0 }
      byFamily.set(state.family, count)
      count.states++
      const startedMs = nowMs()
      const dir = mkdtempSync(join(root, 'mnemesh-crash-'))
      try {
        lay(state.make(), dir)
        count[await judge(dir, state.expected, n % GO_ON_EVERY === 0)]++
      } catch (error) {
        count.failed++
        if (failures.length < FAILURES_SHOWN)
          failures.push(`${state.family}, ${state.name}: ${error instanceof Error ? error.message : String(error)}`)
      } finally {
        rmSync(dir, { recursive: true })
      }
      count.slowestMs = Math.max(count.slowestMs, nowMs() - startedMs)
      onDone(++done)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return { byFamily, failures }
}
