/** The handshake's vectors on file, read as another implementation would read them: signatures and keys by `node:crypto`. */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { hexToBytes, parsePeerId } from '../../crdt/ids.ts'
import { keyPairFromSeed } from '../../crdt/signature.ts'
import { OWN_OFFER } from '../../transports/versions.ts'
import { acceptOf, dialOf, makeHandshakeVectors, type HandshakeVectors } from './handshake-cases.ts'

const vectors = JSON.parse(readFileSync(new URL('handshake.json', import.meta.url), 'utf8')) as HandshakeVectors
const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()
/** Ed25519 over SHA-256(domain ‖ 00 ‖ message). */
const isSigned = (message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean =>
  verify(
    null,
    sha256('mnemesh/handshake/1\0', message),
    createPublicKey({
      key: Buffer.concat([hexToBytes('302a300506032b6570032100'), publicKey]),
      format: 'der',
      type: 'spki',
    }),
    signature,
  )

it('the file is what the script makes', () =>
  expect(JSON.parse(JSON.stringify(makeHandshakeVectors()))).toEqual(vectors))

it.each(vectors.handshakes)(
  'HS1 $name: every byte has its place, and both signatures are over all of it',
  ({ hello, answer, proof, audience, dialer_offer, acceptor_offer, version, digest_key }) => {
    const [first, second, third] = [hello, answer, proof].map(hexToBytes) as [Uint8Array, Uint8Array, Uint8Array]
    expect([first.length, second.length, third.length]).toEqual([168, 168, 66])
    const offer = ({ min, max, abilities }: typeof dialer_offer): Buffer => {
      const bytes = Buffer.from([min, max, 0, 0, 0, 0])
      bytes.writeUInt32BE(abilities, 2)
      return bytes
    }
    expect([first.subarray(0, 8), second.subarray(0, 8), third.subarray(0, 2)]).toEqual(
      [
        Buffer.concat([Buffer.of(1, 1), offer(dialer_offer)]),
        Buffer.concat([Buffer.of(1, 2), offer(acceptor_offer)]),
        Buffer.of(1, 3),
      ].map((bytes) => new Uint8Array(bytes)),
    )
    const [dialer, acceptor] = [vectors.dialer_seed, vectors.acceptor_seed].map(
      (seed) => keyPairFromSeed(hexToBytes(seed)).publicKey,
    ) as [Uint8Array, Uint8Array]
    expect([first.subarray(8, 40), first.subarray(40, 72), first.subarray(72, 104), first.subarray(136)]).toEqual([
      hexToBytes(vectors.mesh),
      dialer,
      hexToBytes(vectors.dialer_random).subarray(0, 32),
      audience === null ? new Uint8Array(32) : hexToBytes(audience),
    ])
    expect([second.subarray(8, 40), second.subarray(40, 72)]).toEqual([
      acceptor,
      hexToBytes(vectors.acceptor_random).subarray(0, 32),
    ])
    const rest = Buffer.concat([
      hexToBytes(vectors.mesh),
      first.subarray(72, 104),
      second.subarray(40, 72),
      dialer,
      acceptor,
      first.subarray(104, 136),
      second.subarray(72, 104),
      first.subarray(136),
      offer(dialer_offer),
      offer(acceptor_offer),
    ])
    const signedBy = (role: string): Buffer => Buffer.concat([Buffer.from(role), rest])
    expect(isSigned(signedBy('acceptor'), second.subarray(104), acceptor)).toBe(true)
    expect(isSigned(signedBy('dialer'), third.subarray(2), dialer)).toBe(true)
    expect(version).toBe(Math.min(dialer_offer.max, acceptor_offer.max))
    expect(sha256('mnemesh/digest/1', sha256(signedBy('dialer'))).toString('hex')).toBe(digest_key)
  },
)

it.each(vectors.handshakes)(
  'HS2 $name: made again from its parts',
  ({ hello, answer, proof, audience, dialer_offer, acceptor_offer, version }) => {
    const [ours, theirs] = [
      dialOf(dialer_offer, audience === null ? null : parsePeerId(audience)),
      acceptOf(acceptor_offer),
    ]
    expect(ours.first).toEqual(hexToBytes(hello))
    expect(theirs.receive(hexToBytes(hello), 1_700_000_000_000)).toEqual({ kind: 'wait', send: hexToBytes(answer) })
    const done = ours.receive(hexToBytes(answer), 1_700_000_000_000)
    expect(done).toMatchObject({ kind: 'done', send: hexToBytes(proof), session: { version } })
    expect(theirs.receive(hexToBytes(proof), 1_700_000_000_000)).toMatchObject({ kind: 'done', session: { version } })
  },
)

it.each(vectors.refused)('HS2 $name is $reason', ({ frame, reason, theirs }) => {
  const step = acceptOf(OWN_OFFER).receive(hexToBytes(frame), 1_700_000_000_000)
  expect(step).toEqual({ kind: 'refused', reason, ...(theirs !== null && { theirs }) })
})
