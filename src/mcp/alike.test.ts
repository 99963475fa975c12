/** Two texts are alike by their pieces, in any script. */
import { expect, test } from 'vitest'
import { likeness } from './alike.ts'

test('the same but for case and spaces is 1, nothing in common is 0, and the order does not matter', () => {
  expect(likeness('The deploy key\n rotates', 'the DEPLOY key rotates')).toBe(1)
  expect(likeness('abcdef', 'uvwxyz')).toBe(0)
  expect([likeness('', ''), likeness('a', 'A'), likeness('a', 'b'), likeness('', 'abc')]).toEqual([1, 1, 0, 0])
  const [one, other] = ['The deploy key rotates on Fridays', 'On Mondays the deploy key is rotated']
  expect(likeness(one, other)).toBe(likeness(other, one))
})

test('one word that was changed leaves texts alike, in scripts without spaces too; another subject does not', () => {
  expect(likeness('The deploy key rotates on Fridays', 'The deploy key rotates on Mondays')).toBeGreaterThan(0.7)
  expect(likeness('部署密钥每周五轮换，由运维负责', '部署密钥每周一轮换，由运维负责')).toBeGreaterThan(0.5)
  expect(likeness('The deploy key rotates on Fridays', 'Tests run with vitest in forks')).toBeLessThan(0.3)
})
