/**
 * The handshake's byte vectors: all three frames from keys, random bytes and offers, and first frames that are refused, with the reason.
 */
import { concat } from '../../crdt/hash.ts'
import { bytesToHex, parseMeshId, parsePeerId, type MeshId, type PeerId } from '../../crdt/ids.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { acceptHandshake, dialHandshake, type Handshake, type HandshakeStep } from '../../transports/handshake.ts'
import { createNonces } from '../../transports/nonces.ts'
import { abilitiesOf, OWN_OFFER, type Offer } from '../../transports/versions.ts'

export type HandshakeVectors = {
  readonly mesh: string
  readonly dialer_seed: string
  readonly acceptor_seed: string
  /** 32 bytes of nonce and 32 of the ephemeral key's seed. */
  readonly dialer_random: string
  readonly acceptor_random: string
  readonly handshakes: readonly {
    readonly name: string
    readonly audience: string | null
    readonly dialer_offer: Offer
    readonly acceptor_offer: Offer
    readonly hello: string
    readonly answer: string
    readonly proof: string
    readonly version: number
    /** Of the session: SHA-256(`mnemesh/digest/1` ‖ transcript digest). */
    readonly digest_key: string
  }[]
  /** First frames, to an acceptor that speaks version 1 alone. `theirs`: the range that the frame tells. */
  readonly refused: readonly {
    readonly name: string
    readonly frame: string
    readonly reason: string
    readonly theirs: string | null
  }[]
}

const must = <T>(value: T | null): T => {
  if (value === null) throw new Error('a case of the handshake vectors is malformed')
  return value
}
const filled = (count: number, byte: number): Uint8Array => new Uint8Array(count).fill(byte)
const NOW = 1_700_000_000_000
const [DIALER_SEED, ACCEPTOR_SEED] = [filled(32, 1), filled(32, 2)]
const [DIALER_RANDOM, ACCEPTOR_RANDOM] = [filled(64, 0x11), filled(64, 0x22)]
const [dialer, acceptor] = [keyPairFromSeed(DIALER_SEED), keyPairFromSeed(ACCEPTOR_SEED)]
const MESH = must(parseMeshId(publicKeyHex(keyPairFromSeed(filled(32, 3)))))
const OTHER_MESH = must(parseMeshId(publicKeyHex(keyPairFromSeed(filled(32, 4)))))
const LATER: Offer = { min: 1, max: 2, abilities: abilitiesOf(2) }

export const dialOf = (offer: Offer, audience: PeerId | null, mesh: MeshId = MESH): Handshake =>
  dialHandshake({
    mesh,
    self: dialer,
    nonces: createNonces(4, 1_000),
    random: DIALER_RANDOM,
    nowMs: NOW,
    audience,
    offer,
  })
export const acceptOf = (offer: Offer): Handshake =>
  acceptHandshake({
    mesh: MESH,
    self: acceptor,
    nonces: createNonces(4, 1_000),
    random: ACCEPTOR_RANDOM,
    nowMs: NOW,
    offer,
  })

const sent = (step: HandshakeStep): Uint8Array => {
  if (step.kind === 'refused') throw new Error(`a handshake of the vectors was refused: ${step.reason}`)
  return must(step.send)
}

const whole = (
  name: string,
  audience: PeerId | null,
  dialer_offer: Offer,
  acceptor_offer: Offer,
): HandshakeVectors['handshakes'][number] => {
  const [ours, theirs] = [dialOf(dialer_offer, audience), acceptOf(acceptor_offer)]
  const hello = must(ours.first)
  const answer = sent(theirs.receive(hello, NOW))
  const step = ours.receive(answer, NOW)
  const proof = sent(step)
  const end = theirs.receive(proof, NOW)
  if (end.kind !== 'done' || step.kind !== 'done') throw new Error('a handshake of the vectors came to no end')
  return {
    name,
    audience,
    dialer_offer,
    acceptor_offer,
    hello: bytesToHex(hello),
    answer: bytesToHex(answer),
    proof: bytesToHex(proof),
    version: end.session.version,
    digest_key: bytesToHex(end.session.digestKey),
  }
}

export const makeHandshakeVectors = (): HandshakeVectors => {
  const audience = must(parsePeerId(publicKeyHex(acceptor)))
  const elsewhere = must(parsePeerId(publicKeyHex(keyPairFromSeed(filled(32, 5)))))
  const hello = must(dialOf(OWN_OFFER, null).first)
  const offered = (offer: Offer): Uint8Array => must(dialOf(offer, null).first)
  const frames: readonly (readonly [string, Uint8Array])[] = [
    ['versions 2 to 3 alone', offered({ min: 2, max: 3, abilities: 3 })],
    ['version 2 alone, in a frame of another length', concat(offered({ min: 2, max: 2, abilities: 3 }), filled(40, 0))],
    ['version 2 alone, nothing behind the offer', offered({ min: 2, max: 2, abilities: 3 }).slice(0, 8)],
    ['a range that begins at zero', offered({ min: 0, max: 9, abilities: 1 })],
    ['a range that ends before it begins', offered({ min: 2, max: 1, abilities: 1 })],
    ['version 1, one byte too long', concat(hello, filled(1, 0))],
    ['cut off within the offer', hello.slice(0, 7)],
    ['another first byte', hello.with(0, 2)],
    ['another kind', hello.with(1, 2)],
    ['another mesh', must(dialOf(OWN_OFFER, null, OTHER_MESH).first)],
    ['another audience', must(dialOf(OWN_OFFER, elsewhere).first)],
  ]
  return {
    mesh: MESH,
    dialer_seed: bytesToHex(DIALER_SEED),
    acceptor_seed: bytesToHex(ACCEPTOR_SEED),
    dialer_random: bytesToHex(DIALER_RANDOM),
    acceptor_random: bytesToHex(ACCEPTOR_RANDOM),
    handshakes: [
      whole('an address alone is known', null, OWN_OFFER, OWN_OFFER),
      whole('a certain peer is expected', audience, OWN_OFFER, OWN_OFFER),
      whole('the dialer speaks versions 1 to 2', null, LATER, OWN_OFFER),
      whole('the acceptor does', null, OWN_OFFER, LATER),
      whole('both do', null, LATER, LATER),
    ],
    refused: frames.map(([name, frame]) => {
      const step = acceptOf(OWN_OFFER).receive(frame, NOW)
      if (step.kind !== 'refused') throw new Error(`${name} is taken: mend the case`)
      return { name, frame: bytesToHex(frame), reason: step.reason, theirs: step.theirs ?? null }
    }),
  }
}
