/** Ed25519 under domains: forged, malleated and transplanted signatures, and keys with which anybody could sign. */
import { describe, expect, it } from 'vitest'
import { fromLittleEndian, L, littleEndian, SMALL_ORDER } from './edwards.test-support.ts'
import { sha256 } from './hash.ts'
import { bytesToHex } from './ids.ts'
import { isUsablePublicKey, keyPairFromSeed, publicKeyHex, sign, verify, type Domain } from './signature.ts'
import { seed } from './test-support.ts'

const DOMAINS: readonly Domain[] = [
  'mnemesh/commit/1',
  'mnemesh/event/1',
  'mnemesh/ack/1',
  'mnemesh/handshake/1',
  'mnemesh/invite/1',
  'mnemesh/join/1',
  'mnemesh/revoke/1',
  'mnemesh/address/1',
]
const keys = keyPairFromSeed(seed(1))
const other = keyPairFromSeed(seed(2))
const message = new TextEncoder().encode('what was said')
const good = sign('mnemesh/commit/1', message, keys)

describe('a signature', () => {
  it('verifies', () => expect(verify('mnemesh/commit/1', message, good, publicKeyHex(keys))).toBe(true))

  it('verifies for no other purpose', () => {
    for (const domain of DOMAINS.slice(1)) {
      expect(verify(domain, message, good, publicKeyHex(keys))).toBe(false)
      expect(verify('mnemesh/commit/1', message, sign(domain, message, keys), publicKeyHex(keys))).toBe(false)
    }
  })

  it('does not verify for a message that begins with the rest of a longer domain', () => {
    // Without the zero byte between them, ("a", "b…") and ("ab", "…") would be the same bytes.
    expect(bytesToHex(sha256('mnemesh/commit/1', message))).not.toBe(
      bytesToHex(sha256('mnemesh/commit/1', Uint8Array.of(0), message)),
    )
    expect(verify('mnemesh/commit/1', Uint8Array.of(0, ...message), good, publicKeyHex(keys))).toBe(false)
  })

  it('does not verify under another key, or with any bit of it or of the message flipped', () => {
    expect(verify('mnemesh/commit/1', message, good, publicKeyHex(other))).toBe(false)
    for (let at = 0; at < 64; at++)
      for (const bit of [1, 128])
        expect(verify('mnemesh/commit/1', message, good.with(at, good[at]! ^ bit), publicKeyHex(keys))).toBe(false)
    for (let at = 0; at < message.length; at++)
      expect(verify('mnemesh/commit/1', message.with(at, message[at]! ^ 1), good, publicKeyHex(keys))).toBe(false)
  })

  it('does not verify with S + k·L in place of S', () => {
    const s = fromLittleEndian(good.subarray(32))
    let tried = 0
    for (let k = 1n; s + k * L < 2n ** 256n; k++, tried++) {
      expect(
        verify(
          'mnemesh/commit/1',
          message,
          Uint8Array.from([...good.subarray(0, 32), ...littleEndian(s + k * L)]),
          publicKeyHex(keys),
        ),
      ).toBe(false)
    }
    expect(tried).toBeGreaterThan(10)
  })

  it.each([0, 1, 63, 65, 128])('of %i bytes does not verify', (length) =>
    expect(verify('mnemesh/commit/1', message, new Uint8Array(length), publicKeyHex(keys))).toBe(false),
  )
  it.each(['', 'ab', publicKeyHex(keys).slice(2), `${publicKeyHex(keys)}00`])(
    'does not verify under a key of another length (%s)',
    (key) => {
      expect(verify('mnemesh/commit/1', message, good, key)).toBe(false)
    },
  )
})

describe('a key of small order', () => {
  it('has 14 encodings here: 8 canonical points, and 6 that are none', () => {
    expect(new Set(SMALL_ORDER.map(bytesToHex)).size).toBe(14)
  })

  it.each(SMALL_ORDER.map((key) => [bytesToHex(key), key] as const))(
    '%s is not usable, and verifies nothing',
    (hex, key) => {
      expect(isUsablePublicKey(key)).toBe(false)
      // R = the key's own point or the neutral one, S = 0: what such a key would accept for any message, or one in eight.
      for (const r of SMALL_ORDER) {
        const forged = Uint8Array.from([...r, ...new Uint8Array(32)])
        for (let n = 0; n < 8; n++) expect(verify('mnemesh/commit/1', Uint8Array.of(n), forged, hex)).toBe(false)
      }
    },
  )

  it('is told from honest ones', () => {
    for (let byte = 1; byte < 20; byte++) expect(isUsablePublicKey(keyPairFromSeed(seed(byte)).publicKey)).toBe(true)
  })

  it.each([0, 31, 33])('is not usable with %i bytes', (length) =>
    expect(isUsablePublicKey(new Uint8Array(length).fill(1))).toBe(false),
  )
})
