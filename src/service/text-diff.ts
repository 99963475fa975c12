/**
 * What was changed of a text, line by line, as a unified diff without a head.
 */
import { createTwoFilesPatch, OMIT_HEADERS } from 'diff'

/** Lines around a change. */
const CONTEXT_LINES = 3
/** Edits that are looked for, a square of it in steps: some 10 ms. Texts that differ by more are shown as replaced. */
const EDITS_MAX = 400

/** Empty when they are the same. A field that was not set has no lines. */
export const lineDiff = (before: string, after: string): string => {
  if (before === after) return ''
  return (
    createTwoFilesPatch('', '', before, after, undefined, undefined, {
      context: CONTEXT_LINES,
      maxEditLength: EDITS_MAX,
      headerOptions: OMIT_HEADERS,
    }) ?? replaced(before, after)
  )
}

const replaced = (before: string, after: string): string => {
  const [out, into] = [before.split('\n'), after.split('\n')]
  return [
    `@@ -1,${out.length} +1,${into.length} @@`,
    ...out.map((line) => `-${line}`),
    ...into.map((line) => `+${line}`),
    '',
  ].join('\n')
}

/** A field's value as lines: a text is its own, an object its JSON. Null when its text is not here. */
export const linesOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === null || value === undefined ? '' : JSON.stringify(value, null, 2)
