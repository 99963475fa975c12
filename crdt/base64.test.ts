/** base64url without padding: one text for each byte string. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64Url, toBase64Url } from './base64.ts'

describe('base64url', () => {
  it('is what Node writes, and comes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = toBase64Url(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64url'))
        expect(fromBase64Url(text)).toEqual(bytes)
      }),
    )
  })

  it.each([
    ['padding', 'AA=='],
    ['bits left over', 'AB'],
    ['the other alphabet', '+/+/'],
    ['white space', 'AA AA'],
    ['a line', 'AAAA\n'],
    ['one letter', 'A'],
    ['no ASCII', 'ÄÄÄÄ'],
  ])('refuses %s', (_, text) => {
    expect(fromBase64Url(text)).toBeNull()
  })
})
