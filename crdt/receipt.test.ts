/** Receipts: what they show to whoever has nothing else, and that no bit of one may be another. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64Url, toBase64Url } from './base64.ts'
import { bytesToHex, hexToBytes, type MeshId, type PeerId } from './ids.ts'
import {
  checkReceipt,
  encodeReceipt,
  readReceipt,
  verifyReceipt,
  type ReceiptFault,
  type ReceiptJson,
} from './receipt.ts'
import { chainOfCommits, receiptOf, vouchOf } from './receipt.test-support.ts'
import { keyPairFromSeed, publicKeyHex } from './signature.ts'
import { seed } from './test-support.ts'

const mesh = 'ab'.repeat(32) as MeshId
const [AUTHOR, ANN, BOB] = [1, 2, 3].map((byte) => keyPairFromSeed(seed(byte))) as [
  ReturnType<typeof keyPairFromSeed>,
  ReturnType<typeof keyPairFromSeed>,
  ReturnType<typeof keyPairFromSeed>,
]
const idOf = (keys: typeof ANN): PeerId => publicKeyHex(keys) as PeerId
const commits = chainOfCommits(mesh, AUTHOR, 40)
/** Ann signed the commit itself, Bob a later one, each beside other chains. */
const receipt = receiptOf(commits, 13, [vouchOf(mesh, ANN, commits, 13, 13, 2), vouchOf(mesh, BOB, commits, 13, 29, 5)])
const json = encodeReceipt(receipt)

describe('a receipt', () => {
  it('shows which voters hold the commit, by itself', () => {
    expect(verifyReceipt(JSON.parse(JSON.stringify(json)), mesh)).toEqual({
      ok: true,
      commit: commits[12]!.hash,
      chain: commits[12]!.chain,
      seq: 13,
      header: commits[12]!.header,
      voters: [idOf(ANN), idOf(BOB)],
    })
    expect(readReceipt(json)).toEqual(receipt)
    expect(checkReceipt({ ...receipt, acks: [] }, mesh)).toMatchObject({ ok: true, voters: [] })
  })

  it('verifies whatever later commit its voters named', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 39 }),
        fc.integer({ min: 0, max: 9 }),
        (seq, ahead, beside) => {
          const vouch = vouchOf(mesh, ANN, commits, seq, Math.min(40, seq + ahead), beside)
          expect(verifyReceipt(encodeReceipt(receiptOf(commits, seq, [vouch])), mesh)).toMatchObject({
            ok: true,
            seq,
            voters: [idOf(ANN)],
          })
        },
      ),
    )
  })

  it('tells no other chain', () => {
    const named = [...Array(5).keys()].map((n) => vouchOf(mesh, BOB, commits, 13, 29, 5).watermark.chain + n)
    expect(named.some((chain) => JSON.stringify(json).includes(chain))).toBe(false)
    expect(Object.keys(json.acks[1]!)).toEqual(['voter', 'seq', 'hash', 'index', 'count', 'path', 'signature', 'tie'])
  })

  it('is refused with a bit of any byte changed', () => {
    let changed = 0
    for (const [where, bytes, put] of partsOf(json)) {
      for (const [at, byte] of bytes.entries()) {
        if (verifyReceipt(put(bytes.with(at, byte ^ (1 << (at % 8)))), mesh).ok)
          expect.fail(`${where}, byte ${at}: still verifies`)
        changed++
      }
    }
    expect(changed).toBeGreaterThan(1_000)
  })

  const [ann, bob] = json.acks as [ReceiptJson['acks'][0], ReceiptJson['acks'][0]]
  const tie = bob.tie!
  it.each<[string, unknown, ReceiptFault]>([
    ['of nothing', null, 'malformed'],
    ['a list', [json], 'malformed'],
    ['a field too many', { ...json, more: 1 }, 'malformed'],
    ['a field too few', { ...json, seq: undefined }, 'malformed'],
    ['another commit', { ...json, commit: 'ab'.repeat(32) }, 'malformed'],
    ['another seq', { ...json, seq: 14 }, 'malformed'],
    ['another chain', { ...json, chain: 'ab'.repeat(16) }, 'malformed'],
    ['acks without end', { ...json, acks: Array.from({ length: 257 }, () => ann) }, 'malformed'],
    ['an ack of another shape', { ...json, acks: [{ ...ann, statement: '' }] }, 'malformed'],
    ['a seq of text', { ...json, acks: [{ ...ann, seq: '13' }] }, 'malformed'],
    ['a path of half a hash', { ...json, acks: [{ ...ann, path: 'AAAA' }] }, 'malformed'],
    [
      'a signature of 63 bytes',
      { ...json, acks: [{ ...ann, signature: toBase64Url(new Uint8Array(63)) }] },
      'malformed',
    ],
    ['base64 of another form', { ...json, header: `${json.header}=` }, 'malformed'],
    ['a voter twice', { ...json, acks: [ann, bob, ann] }, 'voter_twice'],
    ['an ack in the name of another', { ...json, acks: [{ ...ann, voter: idOf(BOB) }] }, 'bad_signature'],
    [
      'an earlier commit than its own',
      encodeReceipt(receiptOf(commits, 14, [{ ...vouchOf(mesh, ANN, commits, 13, 13), tie: null }])),
      'not_tied',
    ],
    ['a later commit without a tie', { ...json, acks: [{ ...bob, tie: null }] }, 'not_tied'],
    ['a tie where none is due', { ...json, acks: [{ ...ann, tie }] }, 'not_tied'],
    [
      'a tie to another commit',
      { ...json, acks: [{ ...bob, tie: { ...tie, header: toBase64Url(commits[29]!.headerBytes) } }] },
      'not_tied',
    ],
    [
      'a tie whose path is cut',
      { ...json, acks: [{ ...bob, tie: { ...tie, path: toBase64Url(fromBase64Url(tie.path)!.slice(32)) } }] },
      'not_tied',
    ],
    ['another index', { ...json, acks: [{ ...bob, index: bob.index + 1 }] }, 'bad_signature'],
    ['another count', { ...json, acks: [{ ...ann, count: ann.count + 1 }] }, 'bad_signature'],
  ])('with %s is refused', (_, value, fault) => expect(verifyReceipt(value, mesh)).toMatchObject({ ok: false, fault }))

  it('is of its own mesh, and of a word that the texts are there', () => {
    expect(verifyReceipt(json, 'cd'.repeat(32) as MeshId)).toMatchObject({ ok: false, fault: 'foreign_mesh' })
    const lacking = { ...receipt.acks[0]!, watermark: { ...receipt.acks[0]!.watermark, whole: false } }
    expect(checkReceipt({ ...receipt, acks: [lacking] }, mesh)).toMatchObject({ ok: false, fault: 'not_tied' })
  })
})

/** Each part of a receipt that is bytes, with how to put others in its place. */
const partsOf = (of: ReceiptJson): readonly (readonly [string, Uint8Array, (bytes: Uint8Array) => unknown])[] => {
  const ack = (at: number, fields: object): unknown => ({
    ...of,
    acks: of.acks.map((one, i) => (i === at ? { ...one, ...fields } : one)),
  })
  const base64 = (text: string): Uint8Array => fromBase64Url(text)!
  return [
    ['commit', hexToBytes(of.commit), (bytes) => ({ ...of, commit: bytesToHex(bytes) })],
    ['chain', hexToBytes(of.chain), (bytes) => ({ ...of, chain: bytesToHex(bytes) })],
    ['seq', Uint8Array.of(of.seq), ([seq]) => ({ ...of, seq })],
    ['header', base64(of.header), (bytes) => ({ ...of, header: toBase64Url(bytes) })],
    ...of.acks.flatMap(
      (one, at) =>
        [
          ['voter', hexToBytes(one.voter), (bytes: Uint8Array) => ack(at, { voter: bytesToHex(bytes) })],
          ['hash', hexToBytes(one.hash), (bytes: Uint8Array) => ack(at, { hash: bytesToHex(bytes) })],
          ...(['seq', 'index', 'count'] as const).map(
            (name) => [name, Uint8Array.of(one[name]), ([value]: Uint8Array) => ack(at, { [name]: value })] as const,
          ),
          ['path', base64(one.path), (bytes: Uint8Array) => ack(at, { path: toBase64Url(bytes) })],
          ['signature', base64(one.signature), (bytes: Uint8Array) => ack(at, { signature: toBase64Url(bytes) })],
          ...(one.tie === null
            ? []
            : ([
                [
                  'tie.header',
                  base64(one.tie.header),
                  (bytes: Uint8Array) => ack(at, { tie: { ...one.tie, header: toBase64Url(bytes) } }),
                ],
                [
                  'tie.path',
                  base64(one.tie.path),
                  (bytes: Uint8Array) => ack(at, { tie: { ...one.tie, path: toBase64Url(bytes) } }),
                ],
              ] as const)),
        ] as const,
    ),
  ]
}
