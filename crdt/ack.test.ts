/** Acks: what a voter signed, what a part of it proves, and all the ways not to be one. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ackStatement, isGenuine, isGenuinePart, partOf, signAck, type SignedAck, type Watermark } from './ack.ts'
import { sha256Hex } from './hash.ts'
import { bytesToHex, hexToBytes, type ChainId, type CommitHash, type MeshId, type PeerId } from './ids.ts'
import { limits } from './limits.ts'
import { merkleRoot } from './merkle.ts'
import { pack } from './msgpack.ts'
import { keyPairFromSeed, publicKeyHex, sign } from './signature.ts'
import { seed } from './test-support.ts'

const mesh = 'aa'.repeat(32) as MeshId
const keys = keyPairFromSeed(seed(1))
const voter = publicKeyHex(keys) as PeerId
const chain = (n: number): ChainId => sha256Hex(`chain ${n}`).slice(0, 32) as ChainId
const mark = (n: number, fields: Partial<Watermark> = {}): Watermark => ({
  chain: chain(n),
  seq: n + 1,
  hash: sha256Hex(`${n}`) as CommitHash,
  whole: true,
  ...fields,
})
const marks = (count: number): Watermark[] => Array.from({ length: count }, (_, n) => mark(n))
const ack = signAck({ mesh, voter, watermarks: [mark(0), mark(1, { whole: false }), mark(2)] }, keys)
const leaf = ({ chain: of, seq, hash, whole }: Watermark): Uint8Array =>
  pack([hexToBytes(of), seq, hexToBytes(hash), whole])
const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, bytes[at]! ^ 1)
const flipHex = <Hex extends string>(hex: Hex, at: number): Hex => bytesToHex(flip(hexToBytes(hex), at)) as Hex
/** The ack with one of its watermarks changed, in the order that is due. */
const changed = (at: number, fields: Partial<Watermark>): SignedAck => ({
  ...ack,
  watermarks: ack.watermarks
    .map((watermark, i) => (i === at ? { ...watermark, ...fields } : watermark))
    .sort((a, b) => (a.chain < b.chain ? -1 : 1)),
})

describe('an ack', () => {
  it('signs the root over its watermarks, ascending by chain', () => {
    const sorted = marks(3).sort((a, b) => (a.chain < b.chain ? -1 : 1))
    const signed = signAck({ mesh, voter, watermarks: sorted.toReversed() }, keys)
    expect(signed.watermarks).toEqual(sorted)
    const statement = pack([2, hexToBytes(mesh), hexToBytes(voter), merkleRoot(sorted.map(leaf)), 3])
    expect(signed.signature).toEqual(sign('mnemesh/ack/1', statement, keys))
    expect(isGenuine(signed, mesh)).toBe(true)
  })

  it('is genuine as it was signed, whatever it names', () => {
    const markArb = fc.record({
      chain: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => bytesToHex(bytes) as ChainId),
      seq: fc.integer({ min: 1, max: limits.seq_max }),
      hash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytesToHex(bytes) as CommitHash),
      whole: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.uniqueArray(markArb, { minLength: 1, maxLength: 40, selector: (watermark) => watermark.chain }),
        (watermarks) => {
          const signed = signAck({ mesh, voter, watermarks }, keys)
          expect(isGenuine(signed, mesh)).toBe(true)
          for (const watermark of watermarks) expect(isGenuinePart(partOf(signed, watermark.chain)!, mesh)).toBe(true)
          expect(partOf(signed, 'ff'.repeat(16) as ChainId)).toBeNull()
        },
      ),
      { numRuns: 50 },
    )
  })

  it('is not genuine for another mesh, another voter, another purpose, or with anything changed', () => {
    const other = keyPairFromSeed(seed(2))
    const statement = ackStatement(mesh, voter, merkleRoot(ack.watermarks.map(leaf)), 3)
    expect(ack.signature).toEqual(sign('mnemesh/ack/1', statement, keys))
    const not: readonly (readonly [string, SignedAck, MeshId])[] = [
      ['another mesh', ack, 'bb'.repeat(32) as MeshId],
      ['signed by another', { ...ack, signature: sign('mnemesh/ack/1', statement, other) }, mesh],
      ['in the name of another', { ...ack, voter: publicKeyHex(other) as PeerId }, mesh],
      [
        'by the zero key, a point of small order',
        { ...ack, voter: '00'.repeat(32) as PeerId, signature: new Uint8Array(64) },
        mesh,
      ],
      ...(['mnemesh/commit/1', 'mnemesh/handshake/1'] as const).map(
        (domain) => [domain, { ...ack, signature: sign(domain, statement, keys) }, mesh] as const,
      ),
      ...Array.from(
        { length: 64 },
        (_, at) =>
          [`bit of byte ${at} of the signature`, { ...ack, signature: flip(ack.signature, at) }, mesh] as const,
      ),
      ['no signature', { ...ack, signature: new Uint8Array(0) }, mesh],
      ...[0, 1, 2].flatMap(
        (at) =>
          [
            ['another chain', changed(at, { chain: flipHex(ack.watermarks[at]!.chain, 15) }), mesh],
            ['another seq', changed(at, { seq: ack.watermarks[at]!.seq + 1 }), mesh],
            ['another hash', changed(at, { hash: flipHex(ack.watermarks[at]!.hash, 31) }), mesh],
            ['another whole', changed(at, { whole: !ack.watermarks[at]!.whole }), mesh],
            ['one fewer', { ...ack, watermarks: ack.watermarks.toSpliced(at, 1) }, mesh],
          ] as const,
      ),
      ['another order', { ...ack, watermarks: ack.watermarks.toReversed() }, mesh],
    ]
    for (const [what, one, of] of not) expect([what, isGenuine(one, of)]).toEqual([what, false])
  })

  it('names 1 to 256 chains, none twice: signed otherwise it is none', () => {
    const many = signAck({ mesh, voter, watermarks: marks(256) }, keys)
    expect(isGenuine(many, mesh)).toBe(true)
    for (const watermarks of [[], [mark(0), mark(0)], marks(257)])
      expect(isGenuine(signAck({ mesh, voter, watermarks }, keys), mesh)).toBe(false)
  })
})

describe('a part of an ack', () => {
  const part = partOf(ack, chain(2))!

  it('tells its own chain alone', () => {
    const told = JSON.stringify({ ...part, path: part.path.map(bytesToHex), signature: bytesToHex(part.signature) })
    for (const watermark of ack.watermarks.filter((one) => one.chain !== chain(2)))
      expect(told.includes(watermark.chain) || told.includes(watermark.hash)).toBe(false)
    expect(isGenuinePart(part, mesh)).toBe(true)
  })

  it('proves nothing with anything changed', () => {
    const { watermark } = part
    const not = [
      { ...part, index: part.index + 1 },
      { ...part, index: part.index - 1 },
      { ...part, index: part.index + 3 },
      { ...part, index: -1 },
      { ...part, index: 0.5 },
      ...[0, 1, 2, 4, 257, 2 ** 40].map((count) => ({ ...part, count })),
      { ...part, path: part.path.slice(1) },
      { ...part, path: [...part.path, part.path[0]!] },
      { ...part, path: part.path.toReversed() },
      ...part.path.map((_, at) => ({ ...part, path: part.path.map((hash, i) => (i === at ? flip(hash, 7) : hash)) })),
      { ...part, watermark: { ...watermark, seq: watermark.seq + 1 } },
      { ...part, watermark: { ...watermark, whole: false } },
      { ...part, watermark: { ...watermark, hash: flipHex(watermark.hash, 0) } },
      { ...part, watermark: { ...watermark, chain: flipHex(watermark.chain, 0) } },
      { ...part, voter: publicKeyHex(keyPairFromSeed(seed(2))) as PeerId },
      { ...part, signature: flip(part.signature, 3) },
    ].filter((one) => JSON.stringify(one) !== JSON.stringify(part))
    for (const [at, one] of not.entries()) expect([at, isGenuinePart(one, mesh)]).toEqual([at, false])
    expect(isGenuinePart(part, 'bb'.repeat(32) as MeshId)).toBe(false)
  })
})
