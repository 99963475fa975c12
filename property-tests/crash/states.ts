/**
 * Crash states: folders as a crash or damage may leave them, made of recorded images.
 *
 * What a crash may do to a file: nothing that was flushed is lost; of what was written since, any subset of 512-byte sectors
 * may be on the disk, the others hold zeros or junk. Files are independent of each other except where a
 * flush orders them (`step`). What damage may do: anything.
 */
import { createDraw, type Draw } from '../fuzz/draw.ts'
import type { Expected } from './judge.ts'
import { logOf, replace, type Image } from './image.ts'
import type { Moment, Recording } from './recording.ts'

/** `make` is called when the state's turn has come. */
export type State = { readonly family: string; readonly name: string; readonly expected: Expected; make(): Image }

const SECTOR_BYTES = 512
const MARK = 'mark'

// ── prefixes of the write-ahead log ─────────────────────────────────────────────────────────────────────────────────────

/** The last stint's writes, with the length of the log after each; they must lie in one log. */
const lastLog = (
  recording: Recording,
): { readonly path: string; readonly writes: readonly (Moment & { readonly end: number })[] } => {
  const { moments } = recording
  const path = logOf(moments.at(-1)!.image)
  const writes = moments
    .filter(({ image, what }) => (what === 'written' || what === 'opened') && image.has(path))
    .map((moment) => ({ ...moment, end: moment.image.get(path)!.length }))
  return { path, writes }
}

/**
 * The log cut at every byte of the last two batches (or evenly, when fewer cuts are wanted), and at sampled places before. With the mark as it was when the cut batch
 * was not acknowledged yet, that is a crash; with the mark of the end it is a lost tail, which must be told by its size.
 *
 * Each cut is two states. @param atTheEnd cuts within the last two batches. @param elsewhere cuts anywhere.
 */
export const prefixes = (recording: Recording, seed: number, atTheEnd: number, elsewhere: number): readonly State[] => {
  const { path, writes } = lastLog(recording)
  const last = writes.at(-1)!
  const log = last.image.get(path)!
  const dense = writes.at(-3)!.end
  const draw = createDraw(seed, 'prefixes', 0)
  const step = Math.max(1, Math.ceil((log.length - dense) / atTheEnd))
  const cuts = [
    ...Array.from({ length: Math.ceil((log.length - dense) / step) }, (_, i) => log.length - i * step),
    ...Array.from({ length: elsewhere }, () => writes[0]!.end + draw.below(log.length - writes[0]!.end)),
  ]
  return cuts.flatMap((cut): State[] => {
    const within = writes.filter(({ end }) => end <= cut).at(-1)!
    const exactly = within.acknowledged
    const cutImage = (): Image => replace(last.image, path, log.subarray(0, cut))
    return [
      {
        family: 'log cut, mark of then',
        name: `cut at ${cut}`,
        expected: { kind: recording.kind, acknowledged: exactly, begun: recording.batches, after: 'crash', exactly },
        make: () => replace(cutImage(), MARK, within.image.get(MARK)!),
      },
      {
        family: 'log cut, mark of the end',
        name: `cut at ${cut}`,
        expected: {
          kind: recording.kind,
          acknowledged: recording.batches,
          begun: recording.batches,
          after: 'damage',
          exactly,
        },
        make: cutImage,
      },
    ]
  })
}

// ── torn writes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Which sectors of what was appended came to the disk is drawn; the rest is zeros or junk, or not even there. */
const torn = (draw: Draw, before: Buffer, after: Buffer): Buffer => {
  const disk = Buffer.from(after)
  const isJunk = draw.chance(2)
  const written = 1 + draw.below(4)
  for (let from = before.length - (before.length % SECTOR_BYTES); from < after.length; from += SECTOR_BYTES) {
    if (draw.below(4) < written && !draw.chance(12)) continue
    const [start, end] = [Math.max(from, before.length), Math.min(from + SECTOR_BYTES, after.length)]
    if (isJunk) disk.set(draw.bytes(end - start), start)
    else disk.fill(0, start, end)
  }
  return draw.chance(3) ? disk.subarray(0, before.length + draw.below(after.length - before.length + 1)) : disk
}

/** A batch in flight: its log torn, its mark not yet written; the mark of the batch before may still be on its way as well. */
export const tornBatches = (recording: Recording, seed: number, count: number): readonly State[] => {
  const { path, writes } = lastLog(recording)
  return Array.from({ length: count }, (_, n) => {
    const draw = createDraw(seed, 'torn batches', n)
    const at = 1 + draw.below(writes.length - 1)
    const [before, after] = [writes[at - 1]!, writes[at]!]
    const marked = draw.chance(2) ? before : writes[Math.max(0, at - 2)]!
    return {
      family: 'batch torn at sectors',
      name: `state ${n}: batch ${after.acknowledged}`,
      expected: {
        kind: recording.kind,
        acknowledged: before.acknowledged,
        begun: after.acknowledged,
        after: 'crash' as const,
      },
      make: () =>
        replace(
          replace(after.image, path, torn(draw, before.image.get(path)!, after.image.get(path)!)),
          MARK,
          marked.image.get(MARK)!,
        ),
    }
  })
}

/** Sectors of the whole log lost, swapped or turned to junk: damage, which must be told where anything is missing. */
export const garbledLogs = (recording: Recording, seed: number, count: number): readonly State[] => {
  const { path, writes } = lastLog(recording)
  const last = writes.at(-1)!
  return Array.from({ length: count }, (_, n) => {
    const draw = createDraw(seed, 'garbled logs', n)
    return {
      family: 'log garbled by sectors',
      name: `state ${n}`,
      expected: {
        kind: recording.kind,
        acknowledged: recording.batches,
        begun: recording.batches,
        after: 'damage' as const,
      },
      make: () => replace(last.image, path, garbled(draw, last.image.get(path)!)),
    }
  })
}

/** A batch written a second time in another batch's place, as by a disk that wrote where it should not. */
export const repeatedBatches = (recording: Recording, seed: number, count: number): readonly State[] => {
  const { path, writes } = lastLog(recording)
  const last = writes.at(-1)!
  return Array.from({ length: count }, (_, n) => {
    const draw = createDraw(seed, 'repeated batches', n)
    const [from, to] = [draw.below(writes.length - 1), draw.below(writes.length - 1)]
    return {
      family: 'batch over another',
      name: `state ${n}: ${from} over ${to}`,
      expected: {
        kind: recording.kind,
        acknowledged: recording.batches,
        begun: recording.batches,
        after: 'damage' as const,
      },
      make: () => {
        const log = last.image.get(path)!
        const bytes = Buffer.concat([log, Buffer.alloc(writes[from + 1]!.end - writes[from]!.end)])
        log.copy(bytes, writes[to]!.end, writes[from]!.end, writes[from + 1]!.end)
        return replace(last.image, path, bytes.subarray(0, draw.chance(2) ? log.length : bytes.length))
      },
    }
  })
}

const garbled = (draw: Draw, bytes: Buffer): Buffer => {
  const disk = Buffer.from(bytes)
  for (let left = 1 + draw.small(3); left > 0; left--) {
    const from = draw.below(Math.ceil(disk.length / SECTOR_BYTES)) * SECTOR_BYTES
    const to = Math.min(disk.length, from + SECTOR_BYTES * (1 + draw.small(8)))
    const way = draw.below(3)
    if (way === 0) disk.fill(0, from, to)
    else if (way === 1) disk.set(draw.bytes(to - from), from)
    else disk.copy(disk, from, Math.max(0, from - SECTOR_BYTES), Math.max(0, from - SECTOR_BYTES) + to - from)
  }
  return disk
}

// ── the mark ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One slot of the mark torn while it was written: the other stands, one batch older. Both gone: then that must be told. */
export const tornMarks = (recording: Recording, seed: number, count: number): readonly State[] => {
  const written = recording.moments.filter(({ what }) => what === 'written')
  return Array.from({ length: count }, (_, n) => {
    const draw = createDraw(seed, 'torn marks', n)
    const moment = draw.pick(written)
    const both = draw.chance(4)
    return {
      family: both ? 'mark unreadable' : 'mark torn',
      name: `state ${n}: batch ${moment.acknowledged}`,
      expected: {
        kind: recording.kind,
        acknowledged: moment.acknowledged,
        begun: moment.acknowledged,
        after: both ? ('damage' as const) : ('crash' as const),
        exactly: moment.acknowledged,
      },
      make: () => {
        const mark = Buffer.from(moment.image.get(MARK)!)
        const slots = (draw.chance(2) ? [0, 4_096] : [4_096, 0]).slice(0, both ? 2 : 1)
        for (const slot of slots) {
          const from = slot + draw.below(84)
          if (draw.chance(2)) mark.fill(0, slot, Math.min(mark.length, slot + SECTOR_BYTES))
          else mark[from]! ^= 1 << draw.below(8)
        }
        return replace(moment.image, MARK, mark)
      },
    }
  })
}
