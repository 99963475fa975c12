/** What a peer that grows is held to, and each size's figures beside it. */
import type { Size } from './measure.ts'

export type Figure = {
  readonly name: string
  readonly unit: string
  readonly value: number
  /** null: printed and held to nothing. */
  readonly goal: number | null
  readonly met: boolean
}

/** Within so many times what it takes with the fewest memories. */
const RATIO_MAX = 1.3
const SERVING_MS_MAX = 3_000
const RESIDENT_MIB_MAX = 400

/** @param first of the smallest size. */
export const figuresOf = (size: Size, first: Size): readonly Figure[] => {
  const figure = (name: string, unit: string, value: number, goal: number | null): Figure => ({
    name,
    unit,
    value: Number(value.toFixed(2)),
    goal,
    met: goal === null || value <= goal,
  })
  return [
    figure('bytes on disk a memory', 'B', size.disk_bytes / size.memories, null),
    figure('bytes on disk beside its text', 'B', (size.disk_bytes - size.text_bytes) / size.memories, null),
    figure('serving after a stop', 'ms', size.serving_after_stop_ms, SERVING_MS_MAX),
    figure('serving after a kill', 'ms', size.serving_after_kill_ms, SERVING_MS_MAX),
    figure('resident after the start', 'MiB', size.resident_started_mib, RESIDENT_MIB_MAX),
    figure('resident in use', 'MiB', size.resident_used_mib, RESIDENT_MIB_MAX),
    figure('a write, of that with the fewest', '×', size.write_ms / first.write_ms, RATIO_MAX),
    figure('a read by id, of that with the fewest', '×', size.get_ms / first.get_ms, RATIO_MAX),
    figure('a page of the list, of that with the fewest', '×', size.list_ms / first.list_ms, RATIO_MAX),
  ]
}
