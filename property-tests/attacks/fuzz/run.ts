/**
 * A run of the process fuzzer: lanes of frames and of requests beside the healthy client, in windows, each of which ends with the
 * questions whether the process lives, is well, stood still, or has grown.
 */
import { residentMib } from '../process-facts.ts'
import type { Theatre } from '../theatre.ts'
import { emptyTally, frameLane, requestLane, type Tally } from './lanes.ts'

export type FuzzOptions = { readonly frames: number; readonly requests: number; readonly seed: number; readonly onWindow: (window: Window) => void }
export type Window = { readonly frames: number; readonly requests: number; readonly worstCpuMs: number; readonly worstMs: number; readonly mib: number }
export type FuzzResult = { readonly frames: Tally; readonly requests: Tally; readonly windows: readonly Window[]; readonly faults: readonly string[] }

const STALL_CPU_MS = 250
const WINDOW_MS = 10_000
/** From the second window on: V8 takes what it likes at first. */
const GROWTH_MIB_MAX = 128
const FRAME_LANES = 3
const REQUEST_LANES = 3

export const fuzzProcess = async (theatre: Theatre, { frames, requests, seed, onWindow }: FuzzOptions): Promise<FuzzResult> => {
  const { victim } = theatre
  const pid = victim.pid()
  const stage = await theatre.stage(await theatre.cast({}))
  const [frameTally, requestTally] = [emptyTally(), emptyTally()]
  const windows: Window[] = []
  const faults: string[] = []
  let done = false
  const counter = (limit: number) => {
    let at = 0
    return (): number | null => (at < limit && faults.length === 0 ? at++ : null)
  }
  const [nextFrame, nextRequest] = [counter(frames), counter(requests)]
  const lanes = Promise.all([
    ...Array.from({ length: FRAME_LANES }, () => frameLane(stage, seed, nextFrame, frameTally)),
    ...Array.from({ length: REQUEST_LANES }, () => requestLane(stage, seed, nextRequest, requestTally)),
  ]).catch((error: unknown) => void faults.push(error instanceof Error ? error.message : String(error))).finally(() => {
    done = true
  })

  while (!done) {
    const from = `frames ${frameTally.lastIndex + 1}, requests ${requestTally.lastIndex + 1}`
    theatre.healthy().begin()
    await Promise.race([lanes, stage.pause(WINDOW_MS)])
    const upTo = `up to frame ${frameTally.lastIndex}, request ${requestTally.lastIndex}`
    if (!victim.running() || victim.pid() !== pid) {
      faults.push(`the process ended (from ${from} ${upTo}): ${victim.output().slice(-500)}`)
      break
    }
    const figures = await theatre.healthy().end()
    const window = { frames: frameTally.sent, requests: requestTally.sent, worstCpuMs: figures.worstCpuMs, worstMs: figures.worstMs, mib: residentMib(pid) }
    windows.push(window)
    onWindow(window)
    if (figures.worstCpuMs > STALL_CPU_MS) faults.push(`stood still for ${figures.worstCpuMs} ms of processor time (from ${from} ${upTo})`)
    if (figures.failures.length > 0) faults.push(`refused to the healthy client (from ${from} ${upTo}): ${figures.failures.join('; ')}`)
  }
  await lanes
  await stage.clear()
  const [warm, last] = [windows[1] ?? windows[0], windows.at(-1)]
  if (warm !== undefined && last !== undefined && last.mib - warm.mib > GROWTH_MIB_MAX) faults.push(`grown from ${warm.mib.toFixed(0)} to ${last.mib.toFixed(0)} MiB`)
  return { frames: frameTally, requests: requestTally, windows, faults }
}
