// violates: nothing
import { expect, it } from 'vitest'

it.skipIf(process.platform === 'win32')('says where it does not run', () => expect(1).toBe(1))
it('skips aloud', (context) => {
  context.skip(process.platform === 'win32', 'no statfs there')
  expect(1).toBe(1)
})
