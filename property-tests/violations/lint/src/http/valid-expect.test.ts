// violates: vitest(valid-expect)
import { expect, it } from 'vitest'

it('asserts nothing', () => {
  expect(1)
})
