/** The handshake and what is thrown at it (PROTOCOL HS1–HS10, SE1–SE3). */
import { expect, test } from 'vitest'
import { concat, sha256 } from '../crdt/hash.ts'
import { hexToBytes, type MeshId, type PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { publicKeyHex, sign } from '../crdt/signature.ts'
import { acceptHandshake, dialHandshake, type Authenticated, type Handshake, type HandshakeStep } from './handshake.ts'
import { createNonces, type Nonces } from './nonces.ts'
import { createSeal } from './seal.ts'
import { keysOf, meshIdOfTests, peerOf } from './test-host.ts'
import { abilitiesOf, commonVersion, levelIn, offerBytes, OWN_OFFER, type Offer } from './versions.ts'

const NOW = 1_700_000_000_000
const newNonces = (): Nonces => createNonces(limits.nonces_remembered_max, limits.nonce_ms_max)
const random = (seed: string): Uint8Array => Uint8Array.from([...sha256(seed, '1'), ...sha256(seed, '2')])
const accept = (
  name: string,
  seed: string,
  nonces = newNonces(),
  mesh: MeshId = meshIdOfTests,
  offer: Offer = OWN_OFFER,
): Handshake => acceptHandshake({ mesh, self: keysOf(name), nonces, random: random(seed), nowMs: NOW, offer })
const dial = (
  name: string,
  seed: string,
  audience: PeerId | null = null,
  nonces = newNonces(),
  mesh: MeshId = meshIdOfTests,
  offer: Offer = OWN_OFFER,
): Handshake => dialHandshake({ mesh, self: keysOf(name), nonces, random: random(seed), nowMs: NOW, audience, offer })
/** Where the first field behind the offer begins, and others as the frames have them. */
const [FIELDS, AUDIENCE, SIGNATURE] = [8, 136, 104]

const sent = (step: HandshakeStep): Uint8Array => {
  if (step.kind === 'refused' || step.send === null)
    throw new Error(`nothing sent: ${step.kind === 'refused' ? step.reason : step.kind}`)
  return step.send
}
const session = (step: HandshakeStep): Authenticated => {
  if (step.kind !== 'done') throw new Error(`not done: ${step.kind === 'refused' ? step.reason : step.kind}`)
  return step.session
}
const reason = (step: HandshakeStep): string => (step.kind === 'refused' ? step.reason : step.kind)

/** All three frames, and both sessions. */
const shake = (dialer: Handshake, acceptor: Handshake) => {
  const hello = dialer.first!
  const answer = sent(acceptor.receive(hello, NOW))
  const atDialer = dialer.receive(answer, NOW)
  const proof = sent(atDialer)
  const atAcceptor = acceptor.receive(proof, NOW)
  return { hello, answer, proof, dialer: session(atDialer), acceptor: session(atAcceptor) }
}

test('HS1 both sides learn who the other is, and agree on keys that work both ways', () => {
  const { dialer, acceptor } = shake(dial('a', 'd1', peerOf('b')), accept('b', 'a1'))
  expect([dialer.peer, acceptor.peer]).toEqual([peerOf('b'), peerOf('a')])
  expect(dialer.digestKey).toEqual(acceptor.digestKey)
  const [left, right] = [createSeal(dialer.seal), createSeal(acceptor.seal)]
  expect(right.open(left.seal(Uint8Array.of(1, 2)))).toEqual(Uint8Array.of(1, 2))
  expect(left.open(right.seal(Uint8Array.of(3)))).toEqual(Uint8Array.of(3))
})

test('HS2 frames of another size or kind are refused before anything is computed', () => {
  const hello = dial('a', 'd').first!
  for (const frame of [
    new Uint8Array(0),
    hello.subarray(0, 7),
    hello.subarray(0, 167),
    Uint8Array.from([...hello, 0]),
    Uint8Array.from([2, ...hello.subarray(1)]),
    new Uint8Array(4_096),
  ])
    expect(reason(accept('b', 'x').receive(frame, NOW))).toBe('malformed_handshake')
})

const dialWith = (offer: Offer): Handshake => dial('a', 'd', null, newNonces(), meshIdOfTests, offer)
const acceptWith = (offer: Offer): Handshake => accept('b', 'x', newNonces(), meshIdOfTests, offer)

test('HS2 a hello of version 2 alone is answered by name, with its range, whatever its length', () => {
  const later = dialWith({ min: 2, max: 3, abilities: 3 }).first!
  for (const frame of [later, later.subarray(0, 8), Uint8Array.from([...later, ...new Uint8Array(100)])])
    expect(accept('b', 'x').receive(frame, NOW)).toEqual({
      kind: 'refused',
      reason: 'version_unsupported',
      theirs: '2-3',
    })
  const dialer = dial('a', 'd')
  const answer = sent(accept('b', 'x').receive(dialer.first!, NOW)).slice()
  answer.set([2, 2], 2)
  expect(dialer.receive(answer, NOW)).toEqual({ kind: 'refused', reason: 'version_unsupported', theirs: '2-2' })
  // A range that is none.
  expect(reason(acceptWith(OWN_OFFER).receive(dialWith({ min: 0, max: 9, abilities: 0 }).first!, NOW))).toBe(
    'version_unsupported',
  )
})

test('HS2 who speaks versions 1 to 2 talks with us in version 1, and with its like in version 2', () => {
  const [today, later] = [OWN_OFFER, { min: 1, max: 2, abilities: abilitiesOf(2) }]
  for (const [left, right, version] of [
    [today, later, 1],
    [later, today, 1],
    [later, later, 2],
  ] as const) {
    const both = shake(dialWith(left), acceptWith(right))
    expect([both.dialer.version, both.acceptor.version]).toEqual([version, version])
    expect([both.dialer.offer, both.acceptor.offer]).toEqual([right, left])
    expect(both.dialer.digestKey).toEqual(both.acceptor.digestKey)
  }
  expect(commonVersion({ min: 1, max: 4, abilities: 0 }, { min: 3, max: 9, abilities: 0 })).toBe(4)
  expect(commonVersion({ min: 1, max: 2, abilities: 0 }, { min: 3, max: 9, abilities: 0 })).toBeNull()
})

test('HS1 an offer that was changed on the way does not verify: nobody is talked down to an older version', () => {
  const later = { min: 1, max: 2, abilities: abilitiesOf(2) }
  for (const at of [3, 7]) {
    const dialer = dialWith(later)
    const hello = dialer.first!.slice()
    hello[at] = 1
    expect(reason(dialer.receive(sent(acceptWith(later).receive(hello, NOW)), NOW)), `hello, byte ${at}`).toBe(
      'bad_signature',
    )
    const second = dialWith(later)
    const answer = sent(acceptWith(later).receive(second.first!, NOW)).slice()
    answer[at] = 1
    expect(reason(second.receive(answer, NOW)), `answer, byte ${at}`).toBe('bad_signature')
  }
})

test('HS11 abilities tell up to which format level each lower one is read too', () => {
  expect([1, 2, 16].map((level) => levelIn(abilitiesOf(level)))).toEqual([1, 2, 16])
  expect([0, 0b10, 0b1011, 0xffff_ffff].map(levelIn)).toEqual([0, 0, 2, 16])
})

test('HS3 another mesh and another audience are refused', () => {
  const other = publicKeyHex(keysOf('another authority')) as MeshId
  expect(reason(accept('b', 'x').receive(dial('a', 'd', null, newNonces(), other).first!, NOW))).toBe('wrong_mesh')
  expect(reason(accept('b', 'x').receive(dial('a', 'd', peerOf('c')).first!, NOW))).toBe('wrong_audience')
  // The dialer expects C; B, who is not C, answers as itself.
  const dialer = dial('a', 'd', peerOf('c'))
  const forB = dialer.first!.slice()
  forB.set(hexToBytes(peerOf('b')), AUDIENCE)
  expect(reason(dialer.receive(sent(accept('b', 'x').receive(forB, NOW)), NOW))).toBe('wrong_audience')
})

test('HS3 a hello whose audience was changed on the way does not verify', () => {
  const dialer = dial('a', 'd')
  const changed = dialer.first!.slice()
  changed.set(hexToBytes(peerOf('b')), AUDIENCE)
  expect(reason(dialer.receive(sent(accept('b', 'x').receive(changed, NOW)), NOW))).toBe('bad_signature')
})

test('HS4 a peer does not talk to itself, nor to its own reflection', () => {
  const dialer = dial('a', 'd')
  expect(reason(accept('a', 'x').receive(dialer.first!, NOW))).toBe('self_connection')
  expect(
    reason(
      dialer.receive(
        Uint8Array.from([
          1,
          2,
          ...dialer.first!.subarray(2, FIELDS),
          ...dialer.first!.subarray(40, 72),
          ...new Uint8Array(128),
        ]),
        NOW,
      ),
    ),
  ).toBe('self_connection')
})

test('HS5 a challenge reflected to the one who set it proves nothing: roles are signed', () => {
  // M says to B that it is A, and hands B's challenge to A as its own to have it signed.
  const b = accept('b', 'b')
  const m = dial('a', 'm')
  const challenge = sent(b.receive(m.first!, NOW))
  const toA = m.first!.slice()
  toA.set(hexToBytes(peerOf('b')), FIELDS + 32)
  toA.set(challenge.subarray(FIELDS + 32, FIELDS + 64), FIELDS + 64)
  const signedByA = sent(accept('a', 'a').receive(toA, NOW))
  expect(reason(b.receive(Uint8Array.from([1, 3, ...signedByA.subarray(SIGNATURE)]), NOW))).toBe('bad_signature')
})

test('HS6 a recorded handshake is refused by the same peer, by another, and after a restart', () => {
  const nonces = newNonces()
  const recorded = shake(dial('a', 'd'), accept('b', 'first', nonces))
  for (const [name, memory] of [
    ['b', nonces],
    ['b', newNonces()],
    ['c', newNonces()],
  ] as const) {
    const again = accept(name, `later ${name}`, memory)
    again.receive(recorded.hello, NOW)
    expect(reason(again.receive(recorded.proof, NOW))).toBe('bad_signature')
  }
})

test('HS6 a nonce counts once even where our own randomness repeats', () => {
  const nonces = newNonces()
  const recorded = shake(dial('a', 'd'), accept('b', 'same', nonces))
  const cloned = accept('b', 'same', nonces)
  cloned.receive(recorded.hello, NOW + 1_000)
  expect(reason(cloned.receive(recorded.proof, NOW + 1_000))).toBe('nonce_reused')
})

test('HS7 a nonce is worth 30 s', () => {
  const [dialer, acceptor] = [dial('a', 'd'), accept('b', 'x')]
  const answer = sent(acceptor.receive(dialer.first!, NOW))
  expect(reason(dialer.receive(answer, NOW + 30_001))).toBe('nonce_expired')
  const proof = sent(dialer.receive(answer, NOW + 30_000))
  expect(reason(acceptor.receive(proof, NOW + 30_001))).toBe('nonce_expired')
  expect(acceptor.receive(proof, NOW + 30_000).kind).toBe('done')
})

test('HS8 keys of small order are refused: as identity, and as ephemeral', () => {
  const hello = dial('a', 'd').first!.slice()
  hello.set(Uint8Array.of(1, ...new Uint8Array(31)), FIELDS + 32)
  expect(reason(accept('b', 'x').receive(hello, NOW))).toBe('bad_identity')
  // An ephemeral of zeros, honestly signed for: the secret would be known to all.
  const zeroed = dial('a', 'd').first!.slice()
  zeroed.fill(0, FIELDS + 96, AUDIENCE)
  const acceptor = accept('b', 'x')
  const answer = sent(acceptor.receive(zeroed, NOW))
  const [id, nonce, ephemeral] = [answer.subarray(FIELDS, 40), answer.subarray(40, 72), answer.subarray(72, SIGNATURE)]
  const transcript = concat(
    'dialer',
    hexToBytes(meshIdOfTests),
    zeroed.subarray(72, SIGNATURE),
    nonce,
    keysOf('a').publicKey,
    id,
    new Uint8Array(32),
    ephemeral,
    new Uint8Array(32),
    offerBytes(OWN_OFFER),
    offerBytes(OWN_OFFER),
  )
  expect(
    reason(acceptor.receive(concat(Uint8Array.of(1, 3), sign('mnemesh/handshake/1', transcript, keysOf('a'))), NOW)),
  ).toBe('bad_ephemeral')
})

test('HS9 a changed bit anywhere in answer or proof is refused', () => {
  for (let byte = 0; byte < 168; byte += 7) {
    const [dialer, acceptor] = [dial('a', 'd'), accept('b', 'x')]
    const answer = sent(acceptor.receive(dialer.first!, NOW)).slice()
    answer[byte]! ^= 4
    expect(dialer.receive(answer, NOW).kind, `answer, byte ${byte}`).toBe('refused')
  }
  for (let byte = 0; byte < 66; byte += 5) {
    const [dialer, acceptor] = [dial('a', 'd'), accept('b', 'x')]
    const proof = sent(dialer.receive(sent(acceptor.receive(dialer.first!, NOW)), NOW)).slice()
    proof[byte]! ^= 4
    expect(acceptor.receive(proof, NOW).kind, `proof, byte ${byte}`).toBe('refused')
  }
})

test('HS10 junk leaves the memory of nonces flat; even genuine handshakes fill it only to its bound', () => {
  const nonces = newNonces()
  const junk = new Uint8Array(66).fill(7)
  junk.set([1, 3])
  const hello = dial('a', 'd').first!
  for (let n = 0; n < 300; n++) {
    const acceptor = accept('b', `x${n}`, nonces)
    acceptor.receive(hello, NOW)
    expect(reason(acceptor.receive(junk, NOW))).toBe('bad_signature')
  }
  expect(nonces.size()).toBe(0)
  const small = createNonces(100, limits.nonce_ms_max)
  for (let n = 0; n < 1_000; n++) small.use(sha256(String(n)), NOW)
  expect(small.size()).toBe(100)
  small.use(sha256('later'), NOW + limits.nonce_ms_max + 1)
  expect(small.size()).toBe(1)
})

test('SE2 a frame replayed, skipped, reordered, changed or of another session does not open', () => {
  const streams = () => {
    const both = shake(dial('a', 'd'), accept('b', 'x'))
    return { left: createSeal(both.dialer.seal), right: createSeal(both.acceptor.seal) }
  }
  const [one, two, three] = [1, 2, 3].map((n) => Uint8Array.of(n)) as [Uint8Array, Uint8Array, Uint8Array]
  const replayed = streams()
  const first = replayed.left.seal(one)
  expect(replayed.right.open(first)).toEqual(one)
  expect(replayed.right.open(first)).toBeNull()
  const skipped = streams()
  skipped.left.seal(one)
  expect(skipped.right.open(skipped.left.seal(two))).toBeNull()
  const reflected = streams()
  expect(reflected.left.open(reflected.left.seal(one))).toBeNull()
  const changed = streams()
  const bits = changed.left.seal(three)
  bits[bits.length - 1]! ^= 1
  expect(changed.right.open(bits)).toBeNull()
  const other = createSeal(shake(dial('a', 'other'), accept('b', 'other')).dialer.seal)
  expect(streams().right.open(other.seal(one))).toBeNull()
  expect(streams().right.open(new Uint8Array(3))).toBeNull()
})
