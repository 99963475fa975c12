/**
 * A run of the process fuzzer: lanes of frames and of requests beside the healthy client, in windows, each of which ends with the
 * questions whether the process lives, is well, stood still, or has grown.
 */
import { residentMib } from '../process-facts.ts'
import type { Theatre } from '../theatre.ts'
import { FRAMES_PER_PHASE } from './inputs.ts'
import { emptyTally, frameLane, requestLane, type Tally } from './lanes.ts'

export type FuzzOptions = {
  readonly frames: number
  readonly requests: number
  readonly seed: number
  /** Where the numbers begin: a part of a run that failed is made again by its seed and this, in halves until one input is left. */
  readonly firstFrame?: number
  readonly firstRequest?: number
  /** Links at one time, each a member of its own. */
  readonly lanes: number
  readonly onWindow: (window: Window) => void
}
export type Window = {
  readonly seconds: number
  readonly frames: number
  readonly requests: number
  readonly worstCpuMs: number
  readonly worstMs: number
  readonly mib: number
}
export type FuzzResult = {
  readonly frames: Tally
  readonly requests: Tally
  readonly windows: readonly Window[]
  readonly faults: readonly string[]
}

const STALL_CPU_MS = 250
const WINDOW_MS = 10_000
/** From the second window on: V8 takes what it likes at first. */
const GROWTH_MIB_MAX = 128
const REQUEST_LANES = 6

export const fuzzProcess = async (
  theatre: Theatre,
  { frames, requests, seed, firstFrame = 0, firstRequest = 0, lanes: width, onWindow }: FuzzOptions,
): Promise<FuzzResult> => {
  const { victim } = theatre
  const pid = victim.pid()
  // A member has one link: each lane is one of its own. The last alone is a voter, whose commits count: nobody joins any more beside one that never votes.
  const stages = []
  while (stages.length < width)
    stages.push(await theatre.stage(await theatre.cast(stages.length < width - 1 ? { role: 'observer' } : {})))
  const [stage] = stages
  if (stage === undefined) throw new Error('no lane')
  const [frameTally, requestTally] = [emptyTally(), emptyTally()]
  const windows: Window[] = []
  const faults: string[] = []
  let done = false
  const startedMs = performance.now()
  const [frameRuns, requestRuns] = [sharedRuns(firstFrame, frames), sharedRuns(firstRequest, requests)]
  const ended = (): boolean => faults.length > 0
  const lanes = Promise.all([
    ...stages.map((own) => frameLane(own, seed, indices(frameRuns, ended), frameTally)),
    ...Array.from({ length: REQUEST_LANES }, () => requestLane(stage, seed, indices(requestRuns, ended), requestTally)),
  ])
    .catch((error: unknown) => void faults.push(error instanceof Error ? error.message : String(error)))
    .finally(() => {
      done = true
    })

  while (!done) {
    // Others may still be at runs before the last.
    const from = `frame ${Math.max(firstFrame, frameTally.lastIndex + 1 - width * FRAMES_PER_PHASE)}, request ${Math.max(firstRequest, requestTally.lastIndex + 1 - REQUEST_LANES * FRAMES_PER_PHASE)}`
    theatre.healthy().begin()
    await Promise.race([lanes, stage.pause(WINDOW_MS)])
    const upTo = `up to frame ${frameTally.lastIndex}, request ${requestTally.lastIndex}`
    if (!victim.running() || victim.pid() !== pid) {
      faults.push(`the process ended (from ${from} ${upTo}): ${victim.output().slice(-500)}`)
      break
    }
    const figures = await theatre.healthy().end()
    const window = {
      seconds: (performance.now() - startedMs) / 1_000,
      frames: frameTally.sent,
      requests: requestTally.sent,
      worstCpuMs: figures.worstCpuMs,
      worstMs: figures.worstMs,
      mib: residentMib(pid),
    }
    windows.push(window)
    onWindow(window)
    if (figures.worstCpuMs > STALL_CPU_MS)
      faults.push(`stood still for ${figures.worstCpuMs} ms of processor time (from ${from} ${upTo})`)
    if (figures.failures.length > 0)
      faults.push(`refused to the healthy client (from ${from} ${upTo}): ${figures.failures.join('; ')}`)
  }
  await lanes
  for (const each of stages) await each.clear()
  const [warm, last] = [windows[1] ?? windows[0], windows.at(-1)]
  if (warm !== undefined && last !== undefined && last.mib - warm.mib > GROWTH_MIB_MAX)
    faults.push(`grown from ${warm.mib.toFixed(0)} to ${last.mib.toFixed(0)} MiB`)
  return { frames: frameTally, requests: requestTally, windows, faults }
}

/** Hands out `count` numbers from `first` on in runs of FRAMES_PER_PHASE, each to whoever asks next. */
const sharedRuns = (first: number, count: number): (() => readonly [from: number, end: number] | null) => {
  let at = first
  return () => {
    if (at >= first + count) return null
    const from = at
    at = Math.min(first + count, at - (at % FRAMES_PER_PHASE) + FRAMES_PER_PHASE)
    return [from, at]
  }
}

/** One lane's numbers, one after the other. */
const indices = (
  take: () => readonly [from: number, end: number] | null,
  ended: () => boolean,
): (() => number | null) => {
  let [at, end] = [0, 0]
  return () => {
    if (ended()) return null
    if (at >= end) {
      const run = take()
      if (run === null) return null
      ;[at, end] = run
    }
    return at++
  }
}
