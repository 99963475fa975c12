/** Frontiers: one digest for one state of a log, and tokens that name what was seen. */
import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toBase64Url } from './base64.ts'
import { covers, decodeToken, encodeToken, frontierDigest, type FrontierEntry } from './frontier.ts'
import { bytesToHex, hexToBytes, type ChainId, type CommitHash, type MeshId } from './ids.ts'
import { limits } from './limits.ts'
import { pack, type Packable } from './msgpack.ts'
import { fastestMs } from './timing.test-support.ts'

const mesh = '0123456789abcdef'.repeat(4) as MeshId
const chainArb = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => bytesToHex(bytes) as ChainId)
const entryArb: fc.Arbitrary<FrontierEntry> = fc.record({
  chain: chainArb,
  seq: fc.integer({ min: 1, max: limits.seq_max }),
  hash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytesToHex(bytes) as CommitHash),
})
const frontierArb = fc.uniqueArray(entryArb, { selector: ({ chain }) => chain, maxLength: 12 })
const chain = (n: number): ChainId => n.toString(16).padStart(32, '0') as ChainId

describe('the digest', () => {
  it('is that of the tree of the sorted entries (here one leaf), whatever their order; chains without commits do not count', () => {
    fc.assert(
      fc.property(frontierArb, fc.uint8Array({ maxLength: 32 }), fc.infiniteStream(fc.nat()), (entries, key, order) => {
        const dumb = createHash('sha256').update('mnemesh/frontier-leaf/1')
        for (const { chain: c, seq, hash } of entries.toSorted((a, b) => (a.chain < b.chain ? -1 : 1)))
          dumb
            .update(Buffer.from(c, 'hex'))
            .update(Buffer.from(seq.toString(16).padStart(16, '0'), 'hex'))
            .update(Buffer.from(hash, 'hex'))
        const root = entries.length === 0 ? new Uint8Array(32) : dumb.digest()
        const expected = createHash('sha256').update(key).update(root).digest('hex')
        const shuffled = entries
          .map((entry) => [order.next().value as number, entry] as const)
          .sort(([a], [b]) => a - b)
          .map(([, entry]) => entry)
        expect(bytesToHex(frontierDigest(shuffled, key))).toBe(expected)
        const empty = { chain: chain(99), seq: 0, hash: '00'.repeat(32) as CommitHash }
        expect(bytesToHex(frontierDigest([empty, ...shuffled], key))).toBe(expected)
      }),
      { numRuns: 60 },
    )
  })

  it('is another one for another key, seq or hash', () => {
    const entry: FrontierEntry = { chain: chain(1), seq: 1, hash: '11'.repeat(32) as CommitHash }
    const digests = [
      frontierDigest([]),
      frontierDigest([], Uint8Array.of(1)),
      frontierDigest([entry]),
      frontierDigest([entry], Uint8Array.of(1)),
      frontierDigest([{ ...entry, seq: 2 }]),
      frontierDigest([{ ...entry, hash: '12'.repeat(32) as CommitHash }]),
    ]
    expect(new Set(digests.map(bytesToHex)).size).toBe(digests.length)
  })
})

describe('a token', () => {
  it('comes back sorted by chain', () => {
    fc.assert(
      fc.property(frontierArb, (entries) => {
        const positions = entries.map(({ chain: c, seq }) => ({ chain: c, seq }))
        expect(decodeToken(mesh, encodeToken(mesh, positions))).toEqual(
          positions.toSorted((a, b) => (a.chain < b.chain ? -1 : 1)),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('names at most 256 chains, the first given, and fits its limit', () => {
    const positions = Array.from({ length: 300 }, (_, i) => ({ chain: chain(i), seq: limits.seq_max }))
    const token = encodeToken(mesh, positions)
    expect(token.length).toBeLessThanOrEqual(limits.causal_token_bytes_max)
    expect(decodeToken(mesh, token)).toEqual(positions.slice(0, 256))
  })

  it('names a chain once, as far as it was given', () => {
    expect(
      decodeToken(
        mesh,
        encodeToken(mesh, [
          { chain: chain(1), seq: 4 },
          { chain: chain(0), seq: 2 },
          { chain: chain(1), seq: 3 },
        ]),
      ),
    ).toEqual(
      [
        { chain: chain(0), seq: 2 },
        { chain: chain(1), seq: 4 },
      ].sort((a, b) => (a.chain < b.chain ? -1 : 1)),
    )
  })

  const prefix = hexToBytes(mesh).subarray(0, 8)
  const token = (value: Packable): string => toBase64Url(pack(value))
  it.each<[string, string]>([
    ['of another mesh', encodeToken('ff'.repeat(32) as MeshId, [])],
    ['of version 2', token([2, prefix, []])],
    ['of a short mesh', token([1, prefix.subarray(1), []])],
    ['of four fields', token([1, prefix, [], 0])],
    ['with seq 0', token([1, prefix, [[new Uint8Array(16), 0]]])],
    ['with a short chain', token([1, prefix, [[new Uint8Array(15), 1]]])],
    ['with a triple', token([1, prefix, [[new Uint8Array(16), 1, 1]]])],
    ['with seq of text', token([1, prefix, [[new Uint8Array(16), '1']]])],
    ['with a seq past the bound', token([1, prefix, [[new Uint8Array(16), limits.seq_max + 1]]])],
    [
      'with a chain twice',
      token([
        1,
        prefix,
        [
          [new Uint8Array(16), 1],
          [new Uint8Array(16), 2],
        ],
      ]),
    ],
    [
      'with chains out of order',
      token([
        1,
        prefix,
        [
          [new Uint8Array(16).fill(2), 1],
          [new Uint8Array(16).fill(1), 1],
        ],
      ]),
    ],
    [
      'with 257 chains',
      token([1, prefix, Array.from({ length: 257 }, (_, i) => [hexToBytes(i.toString(16).padStart(32, '0')), 1])]),
    ],
    ['that is empty', ''],
    ['with padding', `${encodeToken(mesh, [])}==`],
    ['with a bit more', `${encodeToken(mesh, []).slice(0, -1)}_`],
    ['that is too long', 'A'.repeat(1_000_000)],
    ['that is no base64', '{"chain":1}'],
  ])('%s is none', (_, text) => {
    expect(fastestMs(() => expect(decodeToken(mesh, text)).toBeNull())).toBeLessThan(50)
  })

  it('is covered by a log that is as far on every chain it names', () => {
    const seqOf = (c: ChainId): number => (c === chain(1) ? 5 : c === chain(2) ? 1 : 0)
    expect(covers(seqOf, [])).toBe(true)
    expect(
      covers(seqOf, [
        { chain: chain(1), seq: 5 },
        { chain: chain(2), seq: 1 },
      ]),
    ).toBe(true)
    expect(covers(seqOf, [{ chain: chain(1), seq: 6 }])).toBe(false)
    expect(
      covers(seqOf, [
        { chain: chain(1), seq: 5 },
        { chain: chain(3), seq: 1 },
      ]),
    ).toBe(false)
  })
})
