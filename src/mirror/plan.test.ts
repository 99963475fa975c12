/** Every state of a file and what is done about it. `B` is what both were made from, `L` and `R` are other texts. */
import { expect, test } from 'vitest'
import { decide, type Facts } from './plan.ts'

const side = (text: string | null, isSettled = true): Facts['remote'] => (text === null ? null : { text, isSettled })

test.each<readonly [base: string | null, local: string | null, remote: string | null, both: string, send: string]>([
  [null, null, null, 'nothing', 'nothing'],
  [null, 'L', null, 'send L', 'send L'],
  [null, null, 'R', 'receive R', 'hold'],
  [null, 'L', 'L', 'note L', 'note L'],
  [null, 'old', 'R', 'receive R', 'hold'],
  ['B', null, null, 'drop', 'drop'],
  ['B', 'B', null, 'delete', 'hold'],
  ['B', 'L', null, 'send L', 'send L'],
  ['B', null, 'B', 'forget', 'forget'],
  ['B', null, 'R', 'receive R', 'hold'],
  ['B', 'B', 'B', 'note B', 'note B'],
  ['B', 'L', 'B', 'send L', 'send L'],
  ['B', 'B', 'R', 'receive R', 'hold'],
  ['B', 'L', 'L', 'note L', 'note L'],
  ['B\n', 'B\nL\n', 'R\nB\n', 'send R\nB\nL\n', 'send B\nL\n'],
])('made from %j, here %j, there %j: %s, of instructions %s', (base, local, remote, both, send) => {
  for (const [way, expected] of [
    ['both', both],
    ['send', send],
  ] as const) {
    const step = decide({ base, local, remote: side(remote), past: ['old'], way })
    expect('text' in step ? `${step.do} ${step.text}` : step.do).toBe(expected)
  }
})

test('what stands there as several texts is written down as one', () => {
  expect(decide({ base: 'B', local: 'B', remote: side('R', false), past: [], way: 'both' })).toEqual({
    do: 'send',
    text: 'R',
  })
  expect(decide({ base: 'B', local: null, remote: side('B', false), past: [], way: 'both' })).toEqual({
    do: 'send',
    text: 'B',
  })
})
