/** Bodies: a ref binds salt and text, and every byte of both. */
import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SALT_BYTES, makeBody, refOf } from './body.ts'

const saltArb = fc.uint8Array({ minLength: SALT_BYTES, maxLength: SALT_BYTES })

describe('a ref', () => {
  it('is the hash of domain, salt and text', () => {
    fc.assert(
      fc.property(saltArb, fc.uint8Array(), (salt, text) => {
        expect(makeBody(salt, text)).toEqual({
          ref: createHash('sha256').update('mnemesh/body/1').update(salt).update(text).digest('hex'),
          salt,
          text,
        })
      }),
    )
  })

  it('is another one when any bit of salt or text is', () => {
    const [salt, text] = [new Uint8Array(SALT_BYTES), new TextEncoder().encode('a short text')]
    const refs = new Set([refOf(salt, text)])
    for (let bit = 0; bit < 8 * SALT_BYTES; bit++) refs.add(refOf(salt.with(bit >> 3, 1 << (bit & 7)), text))
    for (let bit = 0; bit < 8 * text.length; bit++)
      refs.add(refOf(salt, text.with(bit >> 3, text[bit >> 3]! ^ (1 << (bit & 7)))))
    expect(refs.size).toBe(1 + 8 * (SALT_BYTES + text.length))
  })
})
