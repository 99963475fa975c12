/**
 * The byte vectors of acks and receipts: what voters sign, what a part of it proves, and what must be refused.
 */
import { ackStatement, partOf, signAck, type AckPart, type Watermark } from '../../crdt/ack.ts'
import {
  bytesToHex,
  hexToBytes,
  parseChainId,
  parseCommitHash,
  parseMeshId,
  parsePeerId,
  type PeerId,
} from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { merkleRoot } from '../../crdt/merkle.ts'
import { pack } from '../../crdt/msgpack.ts'
import { encodeReceipt, type ReceiptFault, type ReceiptJson, type Vouch } from '../../crdt/receipt.ts'
import { chainOfCommits, receiptOf, vouchOf } from '../../crdt/receipt.test-support.ts'
import { keyPairFromSeed, publicKeyHex, sign, type KeyPair } from '../../crdt/signature.ts'

export type AckVectors = {
  /** `paths`: of each watermark, in their order, from its leaf to `root`. */
  readonly acks: readonly {
    readonly name: string
    readonly seed: string
    readonly voter: string
    readonly mesh: string
    readonly watermarks: readonly Watermark[]
    readonly root: string
    readonly statement: string
    readonly signature: string
    readonly paths: readonly (readonly string[])[]
  }[]
  /** Each is to be refused for this `mesh`. */
  readonly refused: readonly {
    readonly name: string
    readonly mesh: string
    readonly voter: string
    readonly watermarks: readonly Watermark[]
    readonly signature: string
  }[]
  /** Of one ack what a receipt has of it. */
  readonly refused_parts: readonly ({
    readonly name: string
    readonly mesh: string
    readonly path: readonly string[]
    readonly signature: string
  } & Omit<AckPart, 'path' | 'signature'>)[]
  readonly receipts: readonly {
    readonly name: string
    readonly mesh: string
    readonly receipt: ReceiptJson
    readonly voters: readonly string[]
  }[]
  readonly refused_receipts: readonly {
    readonly name: string
    readonly mesh: string
    readonly receipt: unknown
    readonly fault: ReceiptFault
  }[]
}

const counting = (count: number, from = 0): Uint8Array => Uint8Array.from({ length: count }, (_, i) => from + i)
const must = <T>(value: T | null): T => {
  if (value === null) throw new Error('a case of the vectors is malformed: mend its id or number')
  return value
}
const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const [VOTER, OTHER] = [keyPairFromSeed(seed(1)), keyPairFromSeed(seed(2))]
const MESH = must(parseMeshId(publicKeyHex(keyPairFromSeed(seed(3)))))
const watermark = (seq: number, whole = true): Watermark => ({
  chain: must(parseChainId(bytesToHex(counting(16)))),
  seq,
  hash: must(parseCommitHash(bytesToHex(counting(32, 0x40)))),
  whole,
})
const peerOf = (keys: KeyPair): PeerId => must(parsePeerId(publicKeyHex(keys)))

/** The group order of Ed25519 (RFC 8032 §5.1): S + L satisfies the same equation as S. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const malleated = (signature: Uint8Array): Uint8Array => {
  const out = Uint8Array.from(signature)
  let carry = L
  for (let i = 32; i < 64; i++) {
    carry += BigInt(out[i]!)
    out[i] = Number(carry & 0xffn)
    carry >>= 8n
  }
  return out
}

/** Watermark `n` of an ack of several chains; of these the greater `n` stands first. */
const beside = (n: number, seq: number, whole = true): Watermark => ({
  ...watermark(seq, whole),
  chain: must(parseChainId(bytesToHex(counting(16, 0xf0 - n)))),
})

/** The content of `ack.json`. */
export const makeAckVectors = (): AckVectors => {
  const named: readonly (readonly [string, number, readonly Watermark[]])[] = [
    ['one', 1, [watermark(1)]],
    [
      'every width of seq, one chain each',
      2,
      [127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, limits.seq_max]
        .map((seq, n) => beside(n, seq))
        .toReversed(),
    ],
    ['a body is missing', 2, [watermark(7, false)]],
    ['two chains', 1, [watermark(1), beside(0, 5, false)]],
    ['three chains', 1, [watermark(1), beside(1, 2), beside(0, 3)]],
  ]
  const two = [watermark(1), beside(0, 5)]
  const good = signAck({ mesh: MESH, voter: peerOf(VOTER), watermarks: two }, VOTER)
  const rootOf = (watermarks: readonly Watermark[]): Uint8Array =>
    merkleRoot(watermarks.map(({ chain, seq, hash, whole }) => pack([hexToBytes(chain), seq, hexToBytes(hash), whole])))
  const statement = ackStatement(MESH, peerOf(VOTER), rootOf(two), 2)
  const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(bytes.length - 2, bytes.at(-2)! ^ 1)
  const refused = (
    name: string,
    watermarks: readonly Watermark[],
    signature: Uint8Array,
    mesh: string = MESH,
    voter: string = peerOf(VOTER),
  ) => ({ name, mesh, voter, watermarks, signature: bytesToHex(signature) })
  const signedAnyway = (name: string, watermarks: readonly Watermark[]) =>
    refused(
      name,
      watermarks,
      sign('mnemesh/ack/1', ackStatement(MESH, peerOf(VOTER), rootOf(watermarks), watermarks.length), VOTER),
    )
  const part = must(partOf(good, two[1]!.chain))
  const refusedPart = (name: string, fields: Partial<AckPart>) => {
    const { path, signature, ...rest } = { ...part, ...fields }
    return { name, mesh: MESH, ...rest, path: path.map(bytesToHex), signature: bytesToHex(signature) }
  }
  return {
    acks: named.map(([name, byte, watermarks]) => {
      const keys = keyPairFromSeed(seed(byte))
      const made = signAck({ mesh: MESH, voter: peerOf(keys), watermarks }, keys)
      const root = rootOf(made.watermarks)
      return {
        name,
        seed: bytesToHex(seed(byte)),
        voter: made.voter,
        mesh: MESH,
        watermarks: made.watermarks,
        root: bytesToHex(root),
        statement: bytesToHex(ackStatement(MESH, made.voter, root, watermarks.length)),
        signature: bytesToHex(made.signature),
        paths: made.watermarks.map(({ chain }) => must(partOf(made, chain)).path.map(bytesToHex)),
      }
    }),
    refused: [
      refused('a bit of the signature is another', two, flipped(good.signature)),
      refused('S + L', two, malleated(good.signature)),
      refused('signed by another voter', two, sign('mnemesh/ack/1', statement, OTHER)),
      refused('signed for another purpose', two, sign('mnemesh/event/1', statement, VOTER)),
      refused('of another mesh', two, good.signature, publicKeyHex(OTHER)),
      refused('in the name of another voter', two, good.signature, MESH, peerOf(OTHER)),
      refused('one of two left out', two.slice(0, 1), good.signature),
      refused('another seq', [two[0]!, { ...two[1]!, seq: 6 }], good.signature),
      refused('signed as version 1', two, sign('mnemesh/ack/1', statement.with(1, 1), VOTER)),
      signedAnyway('nothing', []),
      signedAnyway('a chain twice', [watermark(1), watermark(1)]),
      signedAnyway('not ascending by chain', two.toReversed()),
      signedAnyway(
        '257 chains',
        Array.from({ length: limits.ack_watermarks_max + 1 }, (_, n) => ({
          ...watermark(1),
          chain: must(parseChainId(n.toString(16).padStart(32, '0'))),
        })),
      ),
    ],
    refused_parts: [
      refusedPart('another index', { index: 0 }),
      refusedPart('another count', { count: 3 }),
      refusedPart('no path', { path: [] }),
      refusedPart('a path too long', { path: [...part.path, part.path[0]!] }),
      refusedPart('another hash on the path', { path: part.path.map(flipped) }),
      refusedPart('another seq', { watermark: { ...part.watermark, seq: 4 } }),
      refusedPart('another word on the bodies', { watermark: { ...part.watermark, whole: false } }),
    ],
    ...receipts(),
  }
}

const receipts = (): Pick<AckVectors, 'receipts' | 'refused_receipts'> => {
  const commits = chainOfCommits(MESH, keyPairFromSeed(seed(4)), 12)
  const [exact, later, last] = [
    vouchOf(MESH, VOTER, commits, 5, 5),
    vouchOf(MESH, OTHER, commits, 5, 8, 2),
    vouchOf(MESH, OTHER, commits, 5, 12),
  ]
  const shown = (name: string, seq: number, acks: readonly Vouch[]) => ({
    name,
    mesh: MESH,
    receipt: encodeReceipt(receiptOf(commits, seq, acks)),
    voters: acks.map(({ voter }) => voter),
  })
  const json = encodeReceipt(receiptOf(commits, 5, [exact, later]))
  const refused = (name: string, receipt: ReceiptJson, fault: ReceiptFault, mesh: string = MESH) => ({
    name,
    mesh,
    receipt,
    fault,
  })
  const [first, second] = json.acks as [ReceiptJson['acks'][0], ReceiptJson['acks'][0]]
  const withSecond = (fields: object): ReceiptJson => ({ ...json, acks: [first, { ...second, ...fields }] })
  return {
    receipts: [
      shown('the commit itself', 5, [exact]),
      shown('the commit itself, and a later one beside other chains', 5, [exact, later]),
      shown('the last of twelve', 5, [last]),
      shown('the first of the chain', 1, [vouchOf(MESH, VOTER, commits, 1, 2)]),
      shown('nobody', 5, []),
    ],
    refused_receipts: [
      refused('of another mesh', json, 'foreign_mesh', publicKeyHex(OTHER)),
      refused('seq is not that of the header', { ...json, seq: 6 }, 'malformed'),
      refused('a later commit without a tie', withSecond({ tie: null }), 'not_tied'),
      refused(
        'tied to the commit before',
        withSecond({ tie: { ...second.tie!, header: encodeReceipt(receiptOf(commits, 7, [])).header } }),
        'not_tied',
      ),
      refused(
        'the path of another commit',
        withSecond({
          tie:
            vouchOf(MESH, OTHER, commits, 4, 8).tie &&
            encodeReceipt(receiptOf(commits, 4, [vouchOf(MESH, OTHER, commits, 4, 8)])).acks[0]!.tie,
        }),
        'not_tied',
      ),
      refused('signed by another voter', withSecond({ signature: first.signature }), 'bad_signature'),
      refused('one voter twice', { ...json, acks: [first, first] }, 'voter_twice'),
    ],
  }
}
