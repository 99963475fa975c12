/**
 * The byte vectors on file, read as another implementation would read them: every output again from its input.
 *
 * The public functions are held to the files, and so is the script that made them; hashes and signatures are checked with `node:crypto` too.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ackStatement, isGenuine, isGenuinePart, partOf, signAck } from '../../crdt/ack.ts'
import { refOf } from '../../crdt/body.ts'
import { canonicalize, encodeCanonical, parseCanonical, type Json } from '../../crdt/canonical.ts'
import { hlcCounter, hlcMs, observe, parseHlc, tick, type Hlc } from '../../crdt/hlc.ts'
import { bytesToHex, hexToBytes, parseMeshId, parsePeerId, type MeshId, type PeerId } from '../../crdt/ids.ts'
import {
  appendLeaf,
  consistencyProof,
  emptyHistory,
  historyRoot,
  inclusionProof,
  leafHash,
  merkleRoot,
  verifyConsistency,
  verifyInclusion,
} from '../../crdt/merkle.ts'
import { encodeReceipt, readReceipt, verifyReceipt } from '../../crdt/receipt.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import type { AckVectors } from './ack-cases.ts'
import { makeVectors, type BodyVectors, type HlcVectors, type JcsVectors, type MerkleVectors } from './cases.ts'

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8'))

describe('the files', () => {
  it.each(Object.entries(makeVectors()))('%s.json is what the script makes', (name, made) => {
    expect(made).toEqual(read(name))
  })
})

describe('jcs.json', () => {
  const { numbers, canonical, refused } = read('jcs') as JcsVectors

  it.each(numbers)('$ieee754 is $text', ({ ieee754, text }) => {
    expect(canonicalize(new DataView(hexToBytes(ieee754).buffer).getFloat64(0))).toBe(text)
  })

  it.each(canonical)('$name', (vector) => {
    const value = JSON.parse(new TextDecoder().decode(hexToBytes(vector.json))) as Json
    expect(bytesToHex(encodeCanonical(value))).toBe(vector.canonical)
    expect(parseCanonical(hexToBytes(vector.canonical))).toEqual({ ok: true, value })
  })

  it.each(refused)('$name is $reason', ({ bytes, reason }) => {
    expect(parseCanonical(hexToBytes(bytes))).toEqual({ ok: false, reason })
  })
})

describe('merkle.json', () => {
  const vectors = read('merkle') as MerkleVectors
  const leaves = vectors.leaves.map(hexToBytes)
  const [hashes, roots] = [vectors.leaf_hashes.map(hexToBytes), vectors.roots.map(hexToBytes)]

  it('leaf hashes', () => {
    expect(leaves.map((leaf) => bytesToHex(leafHash(leaf)))).toEqual(vectors.leaf_hashes)
    expect(leaves.map((leaf) => createHash('sha256').update(Buffer.of(0)).update(leaf).digest('hex'))).toEqual(
      vectors.leaf_hashes,
    )
  })

  it('roots of every size, at once and leaf by leaf', () => {
    expect(roots.map((_, size) => bytesToHex(merkleRoot(leaves.slice(0, size))))).toEqual(vectors.roots)
    let history = emptyHistory
    const grown = [historyRoot(history), ...hashes.map((hash) => historyRoot((history = appendLeaf(history, hash))))]
    expect(grown.map(bytesToHex)).toEqual(vectors.roots)
  })

  it('inclusion proofs of every leaf in every size', () => {
    expect(vectors.inclusion.length).toBe((leaves.length * (leaves.length + 1)) / 2)
    for (const { index, size, proof } of vectors.inclusion) {
      expect(inclusionProof(leaves.slice(0, size), index).map(bytesToHex)).toEqual(proof)
      expect(verifyInclusion(hashes[index]!, index, size, proof.map(hexToBytes), roots[size]!)).toBe(true)
    }
  })

  it('consistency proofs from every size to every later one', () => {
    expect(vectors.consistency.length).toBe((leaves.length * (leaves.length + 3)) / 2)
    for (const { from, to, proof } of vectors.consistency) {
      expect(consistencyProof(leaves.slice(0, to), from).map(bytesToHex)).toEqual(proof)
      expect(verifyConsistency(from, to, roots[from]!, roots[to]!, proof.map(hexToBytes))).toBe(true)
    }
  })
})

describe('hlc.json', () => {
  const vectors = read('hlc') as HlcVectors
  const hlc = (value: number): Hlc => {
    const parsed = parseHlc(value)
    if (parsed === null) throw new Error(`${value} is no clock value: mend hlc.json`)
    return parsed
  }

  it.each(vectors.parts)('$hlc is $ms ms and $counter', (part) => {
    expect({ hlc: part.hlc, ms: hlcMs(hlc(part.hlc)), counter: hlcCounter(hlc(part.hlc)) }).toEqual(part)
  })
  it.each(vectors.tick)('tick $last at $now_ms', ({ last, now_ms, next }) => expect(tick(hlc(last), now_ms)).toBe(next))
  it.each(vectors.observe)('observe $remote after $last at $now_ms', ({ last, remote, now_ms, next }) =>
    expect(observe(hlc(last), hlc(remote), now_ms)).toBe(next),
  )
  it.each(vectors.refused)('%s is no clock value', (value) => expect(parseHlc(value)).toBeNull())
})

describe('body.json', () => {
  it.each((read('body') as BodyVectors).bodies)('$name', ({ salt, text, ref }) => {
    expect(refOf(hexToBytes(salt), hexToBytes(text))).toBe(ref)
    expect(
      createHash('sha256').update('mnemesh/body/1').update(hexToBytes(salt)).update(hexToBytes(text)).digest('hex'),
    ).toBe(ref)
  })
})

describe('ack.json', () => {
  const {
    acks,
    refused,
    refused_parts: refusedParts,
    receipts,
    refused_receipts: refusedReceipts,
  } = read('ack') as AckVectors
  const meshId = (text: string): MeshId => {
    const mesh = parseMeshId(text)
    if (mesh === null) throw new Error(`${text} is no mesh id: mend ack.json`)
    return mesh
  }

  const peerId = (text: string): PeerId => {
    const peer = parsePeerId(text)
    if (peer === null) throw new Error(`${text} is no peer id: mend ack.json`)
    return peer
  }

  const opensslVerifies = ({ voter, statement, signature }: (typeof acks)[number]): boolean => {
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(voter, 'hex').toString('base64url') },
      format: 'jwk',
    })
    const signed = createHash('sha256').update('mnemesh/ack/1\0').update(hexToBytes(statement)).digest()
    return verify(null, signed, key, hexToBytes(signature))
  }

  it.each(acks)('$name', (vector) => {
    const [keys, mesh, voter] = [
      keyPairFromSeed(hexToBytes(vector.seed)),
      meshId(vector.mesh),
      parsePeerId(vector.voter),
    ]
    if (voter === null) throw new Error(`${vector.voter} is no peer id: mend ack.json`)
    const ack = signAck({ mesh, voter, watermarks: vector.watermarks }, keys)
    expect(publicKeyHex(keys)).toBe(vector.voter)
    expect(bytesToHex(ackStatement(mesh, voter, hexToBytes(vector.root), vector.watermarks.length))).toBe(
      vector.statement,
    )
    expect([bytesToHex(ack.signature), ack.watermarks]).toEqual([vector.signature, vector.watermarks])
    expect(opensslVerifies(vector)).toBe(true)
    expect(isGenuine(ack, mesh)).toBe(true)
    for (const [i, { chain }] of vector.watermarks.entries()) {
      const part = partOf(ack, chain)!
      expect([part.index, part.path.map(bytesToHex), isGenuinePart(part, mesh)]).toEqual([i, vector.paths[i], true])
    }
  })

  it.each(refused)('$name is refused', ({ mesh, voter, watermarks, signature }) => {
    expect(isGenuine({ voter: peerId(voter), watermarks, signature: hexToBytes(signature) }, meshId(mesh))).toBe(false)
  })

  it.each(refusedParts)('a part: $name is refused', ({ mesh, path, signature, ...part }) => {
    expect(isGenuinePart({ ...part, path: path.map(hexToBytes), signature: hexToBytes(signature) }, meshId(mesh))).toBe(
      false,
    )
  })

  it.each(receipts)('a receipt: $name', ({ mesh, receipt, voters }) => {
    expect(verifyReceipt(receipt, meshId(mesh))).toMatchObject({
      ok: true,
      commit: receipt.commit,
      chain: receipt.chain,
      seq: receipt.seq,
      voters,
    })
    expect(encodeReceipt(readReceipt(receipt)!)).toEqual(receipt)
  })

  it.each(refusedReceipts)('a receipt: $name is refused', ({ mesh, receipt, fault }) => {
    expect(verifyReceipt(receipt, meshId(mesh))).toMatchObject({ ok: false, fault })
  })
})
