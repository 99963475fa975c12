/**
 * Two texts that were made from one, as one: a merge by lines that is a pure function of base, left and right, and the same with left and right
 * changed over. So two folders that merge the same texts end with the same text, whoever of them is which side.
 *
 * Different lines that were changed both stand; equal changes are one. Lines that both put in at one place all stay, in an order that follows from
 * the texts. Where both changed the same lines, both stay between marks that say so.
 */
import { diffArrays } from 'diff'

export const MARKS = {
  first: '<<<<<<< mnemesh: both were written at the same time; keep what is right and remove the marks',
  between: '======= mnemesh',
  last: '>>>>>>> mnemesh',
}

/** Changed lines beyond which two texts count as having nothing in common: it bounds the work to some 10 ms for the largest texts. */
const EDITS_MAX = 2_000

/** Lines `[from, to)` of the base became `lines`. */
type Hunk = { readonly from: number; readonly to: number; readonly lines: readonly string[] }

/** Whether two changes of one text are left to a person. */
export const isUnsettled = (text: string): boolean =>
  text.includes(MARKS.last) && text.split('\n').some((line) => line === MARKS.last)

/** @param base what both were made from; null when nobody knows: then what they have in common stands for it. */
export const merge = (base: string | null, left: string, right: string): string => {
  if (left === right || right === base) return left
  if (left === base) return right
  const [one, other] = left < right ? [left.split('\n'), right.split('\n')] : [right.split('\n'), left.split('\n')]
  const from = base === null ? common(one, other) : base.split('\n')
  return joined(from, hunks(from, one), hunks(from, other), base !== null).join('\n')
}

const common = (one: readonly string[], other: readonly string[]): readonly string[] =>
  (diffArrays([...one], [...other], { maxEditLength: EDITS_MAX }) ?? []).flatMap((part) =>
    part.added || part.removed ? [] : part.value,
  )

const hunks = (base: readonly string[], made: readonly string[]): readonly Hunk[] => {
  const parts = diffArrays([...base], [...made], { maxEditLength: EDITS_MAX })
  if (parts === undefined) return [{ from: 0, to: base.length, lines: made }]
  const found: { from: number; to: number; lines: string[] }[] = []
  let at = 0
  let open: { from: number; to: number; lines: string[] } | null = null
  for (const { added, removed, value } of parts) {
    if (!added && !removed) {
      at += value.length
      open = null
      continue
    }
    if (open === null) found.push((open = { from: at, to: at, lines: [] }))
    if (removed) open.to = at += value.length
    else for (const line of value) open.lines.push(line)
  }
  return found
}

const isInsertion = ({ from, to }: Hunk): boolean => from === to
/** Lines put in at the edge of lines that the other changed are beside them. */
const touches = (a: Hunk, b: Hunk): boolean =>
  isInsertion(a) && isInsertion(b) ? a.from === b.from : a.from < b.to && b.from < a.to

/** Both lists in one walk; hunks that touch, through one another too, are one region. */
const joined = (
  base: readonly string[],
  ones: readonly Hunk[],
  others: readonly Hunk[],
  isKnown: boolean,
): readonly string[] => {
  const out: string[] = []
  const put = (lines: readonly string[]): void => {
    for (const line of lines) out.push(line)
  }
  let [at, i, j] = [0, 0, 0]
  while (i < ones.length || j < others.length) {
    const [startI, startJ] = [i, j]
    const a = ones[i]
    const b = others[j]
    if (b === undefined || (a !== undefined && isBefore(a, b))) i++
    else j++
    const first = (i > startI ? a : b)!
    const region = { from: first.from, to: first.to, lines: [] as string[] }
    const isIn = (hunk: Hunk | undefined): hunk is Hunk => hunk !== undefined && touches(hunk, region)
    for (let grown = true; grown;) {
      grown = false
      for (; isIn(ones[i]); i++, grown = true) region.to = Math.max(region.to, ones[i]!.to)
      for (; isIn(others[j]); j++, grown = true) region.to = Math.max(region.to, others[j]!.to)
    }
    put(base.slice(at, region.from))
    at = region.to
    const mine = applied(base, region, ones.slice(startI, i))
    const theirs = applied(base, region, others.slice(startJ, j))
    put(i === startI ? theirs : j === startJ ? mine : both(mine, theirs, isKnown && isInsertion(region)))
  }
  put(base.slice(at))
  return out
}

/** At one place what is put in comes before what is changed. */
const isBefore = (a: Hunk, b: Hunk): boolean =>
  a.from < b.from || (a.from === b.from && (isInsertion(a) || !isInsertion(b)))

const applied = (
  base: readonly string[],
  region: { readonly from: number; readonly to: number },
  changes: readonly Hunk[],
): readonly string[] => {
  let lines: readonly string[] = []
  let at = region.from
  for (const hunk of changes) {
    lines = [...lines, ...base.slice(at, hunk.from), ...hunk.lines]
    at = hunk.to
  }
  return [...lines, ...base.slice(at, region.to)]
}

/** What they share at their ends stands once; the rest in the order of the texts, without marks where nothing that was there was changed. */
const both = (mine: readonly string[], theirs: readonly string[], isAdded: boolean): readonly string[] => {
  let start = 0
  while (start < mine.length && start < theirs.length && mine[start] === theirs[start]) start++
  let end = 0
  while (end < mine.length - start && end < theirs.length - start && mine.at(-1 - end) === theirs.at(-1 - end)) end++
  const inner = (lines: readonly string[]): readonly string[] => lines.slice(start, lines.length - end)
  const [one, other] =
    inner(mine).join('\n') < inner(theirs).join('\n') ? [inner(mine), inner(theirs)] : [inner(theirs), inner(mine)]
  const head = mine.slice(0, start)
  const tail = mine.slice(mine.length - end)
  if (isAdded || (one.length === 0 && other.length === 0)) return [...head, ...one, ...other, ...tail]
  return [...head, MARKS.first, ...one, MARKS.between, ...other, MARKS.last, ...tail]
}
