/**
 * Vectors of the seal and of enrolment on file. The seal is opened by libsodium, and by HChaCha20, ChaCha20 and Poly1305 written down
 * here from their definitions, as another implementation would have it.
 */
import { createCipheriv, createHash, createPublicKey, verify as opensslVerify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeInvite, decodeJoin, decodeLevel, decodeRevoke } from '../../crdt/invite.ts'
import { hexToBytes, type MeshId, type PublicKey } from '../../crdt/ids.ts'
import { pack, unpack, type Packable } from '../../crdt/msgpack.ts'
import { createOpener } from '../../crdt/secret-stream.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { encode, TAGS } from '../../transports/messages.ts'
import { makeFrameVectors, readFrame, shown, type FrameVectors } from './frame-cases.ts'
import type { HandshakeVectors } from './handshake-cases.ts'
import { makeEnrolVectors, makeSealVectors, sealKeysOf, type EnrolVectors, type SealVectors } from './seal-cases.ts'

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8'))
const [handshake, seal, enrol] = [
  read('handshake') as HandshakeVectors,
  read('seal') as SealVectors,
  read('enrol') as EnrolVectors,
]
const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()

it('the files are what the script makes', () => {
  expect(JSON.parse(JSON.stringify(makeSealVectors(handshake, handshake.handshakes[0]!.name)))).toEqual(seal)
  expect(JSON.parse(JSON.stringify(makeEnrolVectors()))).toEqual(enrol)
  expect(JSON.parse(JSON.stringify(makeFrameVectors()))).toEqual(read('frame'))
})

describe('seal.json', () => {
  it.each(seal.streams)(
    'SE2 $sender: header from the transcript, the same key on both sides',
    ({ sender, key, header }) => {
      const { hello, answer } = handshake.handshakes[0]!
      const [first, second] = [hexToBytes(hello), hexToBytes(answer)]
      const transcript = sha256(
        'dialer',
        first.subarray(8, 40),
        first.subarray(72, 104),
        second.subarray(40, 72),
        first.subarray(40, 72),
        second.subarray(8, 40),
        first.subarray(104, 136),
        second.subarray(72, 104),
        first.subarray(136),
        first.subarray(2, 8),
        second.subarray(2, 8),
      )
      expect(sha256('mnemesh/seal/1', sender, transcript).subarray(0, 24).toString('hex')).toBe(header)
      const keys = sealKeysOf(handshake)
      const [own, other] = sender === 'dialer' ? [keys.dialer, keys.acceptor] : [keys.acceptor, keys.dialer]
      expect([own.send.key, other.receive.key]).toEqual([hexToBytes(key), hexToBytes(key)])
    },
  )
  it.each(seal.streams)('SE1 $sender: each frame opens as the next', ({ key, header, frames }) => {
    const open = createOpener(hexToBytes(key), hexToBytes(header))
    for (const { content, sealed } of frames) expect(open(hexToBytes(sealed))).toEqual(hexToBytes(content))
  })
  it.each(seal.streams)('SE1 $sender: the same bytes by its definition', ({ key, header, frames }) => {
    const push = secretStream(hexToBytes(key), hexToBytes(header))
    for (const { content, sealed } of frames) expect(push(hexToBytes(content)).toString('hex')).toBe(sealed)
  })
  it.each(seal.refused)('$rule: $name', ({ sender, frames }) => {
    const { key, header } = seal.streams.find((stream) => stream.sender === sender)!
    const open = createOpener(hexToBytes(key), hexToBytes(header))
    expect(frames.map((frame) => open(hexToBytes(frame)) !== null)).toEqual(frames.map((_, i) => i < frames.length - 1))
  })
})

describe('frame.json', () => {
  const { frames, refused } = read('frame') as FrameVectors
  it.each(frames)('$rule: $type', ({ tag, type, fields, bytes }) => {
    const decoded = readFrame(hexToBytes(bytes))
    if (!decoded.ok) throw new Error(decoded.reason)
    expect([decoded.message.type, TAGS[decoded.message.type]]).toEqual([type, tag])
    expect(encode(decoded.message)).toEqual(hexToBytes(bytes))
    expect((unpack(hexToBytes(bytes)) as readonly Packable[]).map(shown)).toEqual([
      tag,
      ...(fields as readonly unknown[]),
    ])
  })
  it.each(refused)('$rule: $name is $reason, and nothing else is wrong', ({ bytes, reason, mended }) => {
    expect(readFrame(hexToBytes(bytes))).toEqual({ ok: false, reason })
    expect(readFrame(hexToBytes(mended)).ok).toBe(true)
  })
})

describe('enrol.json', () => {
  const authority = publicKeyHex(keyPairFromSeed(hexToBytes(enrol.authority_seed))) as PublicKey
  const isSigned = (domain: string, bytes: Uint8Array, key: string): boolean => {
    const fields = unpack(bytes) as Packable[]
    const publicKey = createPublicKey({
      key: Buffer.concat([hexToBytes('302a300506032b6570032100'), hexToBytes(key)]),
      format: 'der',
      type: 'spki',
    })
    return opensslVerify(null, sha256(`${domain}\0`, pack(fields.slice(0, -1))), publicKey, fields.at(-1) as Uint8Array)
  }
  it.each(enrol.invites)('$rule: $name', ({ id, role, expires_ms, urls, token }) => {
    expect(decodeInvite(token)).toEqual({ mesh: enrol.mesh, authority, id, role, expiresMs: expires_ms, urls })
    expect(isSigned('mnemesh/invite/1', Buffer.from(token, 'base64url'), authority)).toBe(true)
  })
  it.each(enrol.refused_tokens)('$rule: $name is no token', ({ token }) => expect(decodeInvite(token)).toBeNull())
  it.each(enrol.joins)('$rule: a join request', ({ token, name, request }) => {
    const peer = publicKeyHex(keyPairFromSeed(hexToBytes(enrol.peer_seed)))
    expect(decodeJoin(hexToBytes(request))).toEqual({ invite: decodeInvite(token), peer, name })
    expect((unpack(hexToBytes(request)) as Packable[]).slice(0, 4)).toEqual([1, token, hexToBytes(peer), name])
    expect(isSigned('mnemesh/join/1', hexToBytes(request), peer)).toBe(true)
  })
  it.each(enrol.refused_joins)('$rule: $name is no join request', ({ request }) =>
    expect(decodeJoin(hexToBytes(request))).toBeNull(),
  )
  it.each(enrol.revokes)('$rule: a revoke request', ({ peer, at_ms, request }) => {
    expect(decodeRevoke(hexToBytes(request), enrol.mesh as MeshId, authority)).toEqual({ peer, atMs: at_ms })
    expect(decodeRevoke(hexToBytes(request), enrol.mesh as MeshId, peer as PublicKey)).toBeNull()
    expect(isSigned('mnemesh/revoke/1', hexToBytes(request), authority)).toBe(true)
  })
  it.each(enrol.levels)('$rule: a request to raise the level', ({ level, at_ms, request }) => {
    expect(decodeLevel(hexToBytes(request), enrol.mesh as MeshId, authority)).toEqual({ level, atMs: at_ms })
    expect(decodeLevel(hexToBytes(request), '11'.repeat(32) as MeshId, authority)).toBeNull()
    expect(isSigned('mnemesh/level/1', hexToBytes(request), authority)).toBe(true)
  })
})

/** The push side of libsodium's secretstream, tag `MESSAGE` and no associated data. */
const secretStream = (key: Uint8Array, header: Uint8Array): ((content: Uint8Array) => Buffer) => {
  const stream = hchacha20(key, header.subarray(0, 16))
  const nonce = Buffer.concat([Buffer.of(1, 0, 0, 0), header.subarray(16)])
  const chacha = (counter: number, bytes: Uint8Array): Buffer => {
    const iv = Buffer.alloc(16)
    iv.writeUInt32LE(counter)
    nonce.copy(iv, 4)
    return createCipheriv('chacha20', stream, iv).update(bytes)
  }
  return (content) => {
    const macKey = chacha(0, new Uint8Array(64)).subarray(0, 32)
    const block = chacha(1, new Uint8Array(64))
    const body = chacha(2, content)
    const length = Buffer.alloc(16)
    length.writeBigUInt64LE(BigInt(64 + content.length), 8)
    // As libsodium has it: the padding is of (16 − 64 + length) mod 16 bytes.
    const padding = new Uint8Array((16 - 64 + content.length) & 15)
    const mac = poly1305(macKey, Buffer.concat([block, body, padding, length]))
    for (let i = 0; i < 8; i++) nonce[4 + i]! ^= mac[i]!
    nonce.writeUInt32LE(nonce.readUInt32LE() + 1)
    return Buffer.concat([block.subarray(0, 1), body, mac])
  }
}

const hchacha20 = (key: Uint8Array, input: Uint8Array): Buffer => {
  const state = new Uint32Array(16)
  const words = Buffer.concat([Buffer.from('expand 32-byte k'), key, input])
  for (let i = 0; i < 16; i++) state[i] = words.readUInt32LE(4 * i)
  const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))
  const quarter = (a: number, b: number, c: number, d: number): void => {
    for (const [p, q, r, by] of [
      [a, b, d, 16],
      [c, d, b, 12],
      [a, b, d, 8],
      [c, d, b, 7],
    ] as const) {
      state[p] = state[p]! + state[q]!
      state[r] = rotate(state[r]! ^ state[p], by)
    }
  }
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 4; i++) quarter(i, 4 + i, 8 + i, 12 + i)
    for (let i = 0; i < 4; i++) quarter(i, 4 + ((i + 1) & 3), 8 + ((i + 2) & 3), 12 + ((i + 3) & 3))
  }
  const out = Buffer.alloc(32)
  for (let i = 0; i < 4; i++) {
    out.writeUInt32LE(state[i]!, 4 * i)
    out.writeUInt32LE(state[12 + i]!, 16 + 4 * i)
  }
  return out
}

const poly1305 = (key: Uint8Array, message: Uint8Array): Buffer => {
  const number = (bytes: Uint8Array): bigint => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  const r = number(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn
  let sum = 0n
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16)
    sum = ((sum + number(block) + (1n << BigInt(8 * block.length))) * r) % (2n ** 130n - 5n)
  }
  const tag = (sum + number(key.subarray(16))) & (2n ** 128n - 1n)
  return Buffer.from(Uint8Array.from({ length: 16 }, (_, i) => Number((tag >> BigInt(8 * i)) & 0xffn)))
}
