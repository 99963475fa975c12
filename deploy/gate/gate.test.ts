/** The ship gate's arithmetic: a count that looks whole hides a loss, contents do not; and no verdict is green without all phases. */
import { expect, test } from 'vitest'
import { figuresOf, type Phase } from './mesh.ts'
import { gateMarkdown } from './report.ts'

const acknowledged = new Set(['one', 'two', 'three', 'four'])

test('a lost write beside an unacknowledged one that is there: the count says 1, the contents say which is gone', () => {
  const whole = ['one', 'two', 'three', 'four']
  expect(figuresOf(acknowledged, [whole, whole])).toEqual({ byCount: 1, bySets: 1, missing: [], doubled: 0 })
  expect(figuresOf(acknowledged, [whole, ['one', 'two', 'three', 'refused']])).toEqual({
    byCount: 1,
    bySets: 0.75,
    missing: ['four'],
    doubled: 0,
  })
  expect(figuresOf(acknowledged, [whole, [...whole, 'two']])).toMatchObject({ byCount: 1, bySets: 1, doubled: 1 })
  expect(figuresOf(new Set(), [[], []])).toMatchObject({ byCount: 0, bySets: 0 })
})

test('the first line says why it is not green', () => {
  const phase = (name: string, reasons: readonly string[] = []): Phase => ({
    name,
    passed: reasons.length === 0,
    facts: [],
    reasons,
  })
  const lineOf = (phases: readonly Phase[], notTried: readonly string[] = []) =>
    gateMarkdown({ phases, notTried, seed: 1 }).text.split('\n')[0]
  expect(lineOf([phase('1'), phase('2')])).toBe('# Ship gate: passed: 2 phases')
  expect(lineOf([phase('1'), phase('2', ['b shows 199 texts'])])).toBe('# Ship gate: FAILED: 2: b shows 199 texts')
  expect(lineOf([phase('1')], ['phase 3: no Postgres'])).toMatch(/^# Ship gate: NOT DECIDED: .*no Postgres$/)
  expect(gateMarkdown({ phases: [], notTried: [], seed: 1 }).passed).toBe(false)
})
