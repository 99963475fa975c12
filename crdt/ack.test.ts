/** Acks: what a voter signed, and all the ways not to be one. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeAckStatement, encodeAckStatement, signAck, verifyAck, type AckStatement, type Watermark } from './ack.ts'
import { sha256Hex } from './hash.ts'
import { bytesToHex, hexToBytes, type ChainId, type CommitHash, type MeshId, type PeerId } from './ids.ts'
import { limits } from './limits.ts'
import { pack, type Packable } from './msgpack.ts'
import { keyPairFromSeed, publicKeyHex, sign } from './signature.ts'
import { seed } from './test-support.ts'

const mesh = 'aa'.repeat(32) as MeshId
const keys = keyPairFromSeed(seed(1))
const voter = publicKeyHex(keys) as PeerId
const chain = (n: number): ChainId => sha256Hex(`chain ${n}`).slice(0, 32) as ChainId
const mark = (n: number, fields: Partial<Watermark> = {}): Watermark => ({ chain: chain(n), seq: n + 1, hash: sha256Hex(`${n}`) as CommitHash, whole: true, ...fields })
const statement: AckStatement = { mesh, voter, watermarks: [mark(0), mark(1, { whole: false })] }
const hex32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHex)

describe('a statement', () => {
  it('comes back as it was, and is verified', () => {
    const markArb = fc.record({ chain: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => bytesToHex(bytes) as ChainId), seq: fc.integer({ min: 1, max: limits.seq_max }), hash: hex32.map((hex) => hex as CommitHash), whole: fc.boolean() })
    fc.assert(fc.property(hex32, fc.array(markArb, { maxLength: 8 }), (id, watermarks) => {
      const said = { mesh: id as MeshId, voter, watermarks }
      expect(decodeAckStatement(encodeAckStatement(said))).toEqual(said)
      expect(verifyAck(signAck(said, keys), said.mesh)).toEqual(said)
    }), { numRuns: 50 })
  })

  it('is not verified for another mesh, another voter, another purpose, or with a bit flipped', () => {
    const ack = signAck(statement, keys)
    expect(verifyAck(ack, 'bb'.repeat(32) as MeshId)).toBeNull()
    const other = keyPairFromSeed(seed(2))
    expect(verifyAck(signAck(statement, other), mesh)).toBeNull()
    expect(verifyAck({ ...ack, statement: encodeAckStatement({ ...statement, voter: publicKeyHex(other) as PeerId }) }, mesh)).toBeNull()
    for (const domain of ['mnemesh/commit/1', 'mnemesh/handshake/1'] as const) expect(verifyAck({ ...ack, signature: sign(domain, ack.statement, keys) }, mesh)).toBeNull()
    for (let at = 0; at < ack.statement.length; at++) expect(verifyAck({ ...ack, statement: ack.statement.with(at, ack.statement[at]! ^ 1) }, mesh)).toBeNull()
    for (let at = 0; at < 64; at++) expect(verifyAck({ ...ack, signature: ack.signature.with(at, ack.signature[at]! ^ 1) }, mesh)).toBeNull()
    expect(verifyAck({ ...ack, signature: new Uint8Array(0) }, mesh)).toBeNull()
  })

  it('by the zero key, a point of small order, says nothing', () => {
    const zero = '00'.repeat(32) as PeerId
    expect(verifyAck({ statement: encodeAckStatement({ ...statement, voter: zero }), signature: new Uint8Array(64) }, mesh)).toBeNull()
  })

  const [id, own] = [hexToBytes(mesh), hexToBytes(voter)]
  const good: readonly Packable[] = [hexToBytes(chain(0)), 1, hexToBytes(sha256Hex('x')), true]
  it.each<[string, Packable]>([
    ['of version 2', [2, id, own, []]], ['of four fields no more', [1, id, own, [], 0]], ['with a short mesh', [1, id.subarray(1), own, []]], ['with a voter of text', [1, id, voter, []]],
    ['without a list', [1, id, own, null]], ['with seq 0', [1, id, own, [good.with(1, 0)]]], ['with seq beyond the limit', [1, id, own, [good.with(1, limits.seq_max + 1)]]], ['with seq of text', [1, id, own, [good.with(1, '1')]]],
    ['with whole = 1', [1, id, own, [good.with(3, 1)]]], ['with a short chain', [1, id, own, [good.with(0, new Uint8Array(15))]]], ['with a short hash', [1, id, own, [good.with(2, new Uint8Array(31))]]],
    ['with five parts in an entry', [1, id, own, [[...good, null]]]], ['with 257 watermarks', [1, id, own, Array.from({ length: 257 }, () => good)]],
  ])('%s is none', (_, value) => expect(decodeAckStatement(pack(value))).toBeNull())

  it('of 256 watermarks fits the limit; more bytes are refused unread', () => {
    const full = encodeAckStatement({ mesh, voter, watermarks: Array.from({ length: limits.ack_watermarks_max }, (_, i) => mark(i, { seq: limits.seq_max - i })) })
    expect(full.length).toBeLessThanOrEqual(limits.ack_bytes_max)
    expect(decodeAckStatement(full)?.watermarks).toHaveLength(256)
    expect(decodeAckStatement(new Uint8Array(limits.ack_bytes_max + 1))).toBeNull()
  })
})
