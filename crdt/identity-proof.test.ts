/**
 * A peer proves who it is to whoever asks with a challenge, and to nobody else.
 */
import { expect, test } from 'vitest'
import { sha256 } from './hash.ts'
import { isIdentityProven, proveIdentity } from './identity-proof.ts'
import type { PeerId } from './ids.ts'
import { keyPairFromSeed, publicKeyHex, sign } from './signature.ts'

const [keys, others] = [keyPairFromSeed(sha256('peer')), keyPairFromSeed(sha256('other'))]
const peer = publicKeyHex(keys) as PeerId
const challenge = sha256('challenge')

test('holds for its peer, challenge and port, and for nothing else', () => {
  const proof = proveIdentity(challenge, 7701, keys)
  expect(isIdentityProven(proof, challenge, 7701, peer)).toBe(true)
  expect(isIdentityProven(proof, challenge, 7702, peer)).toBe(false)
  expect(isIdentityProven(proof, sha256('another'), 7701, peer)).toBe(false)
  expect(isIdentityProven(proof, challenge, 7701, publicKeyHex(others) as PeerId)).toBe(false)
  expect(isIdentityProven(proveIdentity(challenge, 7701, others), challenge, 7701, peer)).toBe(false)
  expect(isIdentityProven(sign('mnemesh/handshake/1', challenge, keys), challenge, 7701, peer)).toBe(false)
  expect(isIdentityProven(proof.subarray(1), challenge, 7701, peer)).toBe(false)
})
