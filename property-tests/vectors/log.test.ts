/**
 * Vectors of the log on file, read as another implementation would: verdicts and their order, fork proofs, what leaves the
 * documents, signatures by bad keys, ids made from hashes.
 */
import { createHash, createPublicKey, verify as opensslVerify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeCommit, eventsRoot, sealCommit, type Commit } from '../../crdt/commit.ts'
import { emptyChain, extendChain } from '../../crdt/chain.ts'
import { chainId } from '../../crdt/commit.ts'
import { decodeEvent } from '../../crdt/event.ts'
import { encodeCanonical, type Json } from '../../crdt/canonical.ts'
import { verifyForkProof } from '../../crdt/fork.ts'
import {
  bytesToHex,
  hexToBytes,
  type CommitHash,
  type Incarnation,
  type MeshId,
  type Namespace,
  type PeerId,
  type SegmentId,
} from '../../crdt/ids.ts'
import { historyRoot } from '../../crdt/merkle.ts'
import { applyCommit, documentHeads, excludeCommit, openSegment } from '../../crdt/segment.ts'
import { isUsablePublicKey, keyPairFromSeed, verify } from '../../crdt/signature.ts'
import { createMesh, createReplica } from '../../crdt/test-support.ts'
import { makeBoundsVectors, makeLeavingVectors, type BoundsVectors, type LeavingVectors } from './bounds-cases.ts'
import { makeForkVectors, type ForkVectors } from './fork-cases.ts'
import { makeNameVectors, makeSignatureVectors, type NameVectors, type SignatureVectors } from './signature-cases.ts'
import { judgeIn, makeVerdictVectors, VERDICT_OF, type VerdictVectors } from './verdict-cases.ts'

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8'))
const commitOf = (hex: string): Commit => {
  const decoded = decodeCommit(hexToBytes(hex))
  if (!decoded.ok) throw new Error(`no commit: ${decoded.reason}`)
  return decoded.commit
}
/** A peer of whom nothing but its log matters. */
const reader = (mesh: string) => createReplica({ ...createMesh(), id: mesh as MeshId, control: [] }, 0x77)

it.each(
  Object.entries({
    verdict: makeVerdictVectors,
    fork: makeForkVectors,
    bounds: makeBoundsVectors,
    leaving: makeLeavingVectors,
    signature: makeSignatureVectors,
    name: makeNameVectors,
  }),
)('%s.json is what the script makes', (name, make) => {
  expect(JSON.parse(JSON.stringify(make()))).toEqual(read(name))
})

describe('verdict.json', () => {
  const { mesh, log, verdicts } = read('verdict') as VerdictVectors
  const [whole, empty] = [reader(mesh), reader(mesh)]
  const verdictsOnTheLog = log.map((bytes) => whole.take(hexToBytes(bytes)).kind)

  it('AD12 the log itself is admitted', () => expect(new Set(verdictsOnTheLog)).toEqual(new Set(['admitted'])))
  it.each(verdicts)('$rule: $name is $verdict', ({ rule, bytes, taken, fork_at, verdict }) => {
    expect(judgeIn((taken === 0 ? empty : whole).view, hexToBytes(bytes), fork_at)).toBe(verdict)
    expect(VERDICT_OF[rule]).toContain(verdict)
  })
  it('has every verdict of every rule, and every rule before the next', () => {
    const seen = new Set(verdicts.map(({ rule, verdict }) => `${rule} ${verdict}`))
    expect(
      Object.entries(VERDICT_OF)
        .flatMap(([rule, all]) => all.map((verdict) => `${rule} ${verdict}`))
        .filter((each) => !seen.has(each)),
    ).toEqual([])
    const pairs = new Set(verdicts.flatMap(({ rule, beats }) => (beats === null ? [] : [`${rule} ${beats}`])))
    const wanted = [
      'AD1 AD2',
      'AD2 AD4',
      'AD3 AD5',
      'AD4 AD5',
      'AD5 AD6',
      'AD6 AD9',
      'AD6 AD10',
      'AD7 AD7',
      'AD8 AD9',
      'AD8 AD10',
      'AD9 AD10',
      'AD9 AD11',
      'AD10 AD11',
    ]
    expect(wanted.filter((pair) => !pairs.has(pair))).toEqual([])
  })
})

describe('fork.json', () => {
  const { mesh, proofs, refused } = read('fork') as ForkVectors
  it.each(proofs)('$rule: $name', ({ proof, peer, chain, at }) =>
    expect(verifyForkProof(hexToBytes(proof), mesh as MeshId)).toEqual({ peer, chain, at }),
  )
  it.each(refused)('$rule: $name proves nothing', ({ proof }) =>
    expect(verifyForkProof(hexToBytes(proof), mesh as MeshId)).toBeNull(),
  )
})

it('CH10 bounds.json: the commits of the recipe have these hashes, and the one too many is left out whole', () => {
  const { mesh, control, seed, incarnation, segment: home, template, full } = read('bounds') as BoundsVectors
  const keys = keyPairFromSeed(hexToBytes(seed))
  const peer = bytesToHex(keys.publicKey) as PeerId
  const namespace = (template as { readonly ns: Namespace }).ns
  let chain = emptyChain(
    chainId(peer, incarnation as Incarnation, namespace),
    peer,
    incarnation as Incarnation,
    namespace,
  )
  const segment = openSegment(namespace, home as SegmentId)
  for (const { from, count, hlc, hash, change_hash, left_out } of full) {
    const events = Array.from({ length: count }, (_, i) => {
      const bytes = encodeCanonical(
        JSON.parse(JSON.stringify(template).replaceAll('#', (from + i).toString(16).padStart(12, '0'))) as Json,
      )
      const decoded = decodeEvent(bytes)
      if (!decoded.ok) throw new Error(decoded.reason)
      return { bytes, event: decoded.event, attestation: null }
    })
    const commit = sealCommit(
      {
        mesh: mesh as MeshId,
        namespace,
        peer,
        incarnation: incarnation as Incarnation,
        seq: chain.seq + 1,
        prev: chain.hash,
        history: bytesToHex(historyRoot(chain.history)),
        hlc: hlc as never,
        policy: commitOf(control.at(-1)!).hash,
        segment: home as SegmentId,
        deps: [...segment.heads].sort(),
        eventsRoot: eventsRoot(events),
        eventCount: count,
        changeHash: change_hash as never,
      },
      events,
      keys,
    )
    expect(commit.hash).toBe(hash)
    expect(applyCommit(segment, commit)).toBe(left_out)
    chain = extendChain(chain, commit, 1)
  }
  expect(full.map(({ left_out }) => left_out)).toEqual([null, null, 'segment_full'])
})

describe('leaving.json', () => {
  const { mesh, namespace, segment: home, log, endings } = read('leaving') as LeavingVectors
  it.each(endings)('$rule: $name', ({ statement, fork, left_out, heads }) => {
    const replica = reader(mesh)
    for (const { bytes } of log) expect(replica.take(hexToBytes(bytes)).kind).toBe('admitted')
    const said = statement === null ? [] : commitOf(statement).events.map(({ event }) => event)
    const revoke = said.find((event) => event.kind === 'peer.revoke') ?? null
    const page = said.find((event) => event.kind === 'peer.cut')
    if (statement !== null) expect(replica.take(hexToBytes(statement)).kind).toBe('admitted')
    const counts = (commit: Commit): boolean => {
      if (fork !== null && commit.chain === fork.chain) return commit.header.seq < fork.at
      return (
        revoke === null ||
        commit.header.peer !== revoke.peer ||
        commit.header.seq <= ((page?.last ?? {})[commit.chain] ?? 0)
      )
    }
    const segment = openSegment(namespace as Namespace, home as SegmentId)
    for (const commit of replica.log.filter(({ header }) => header.segment !== null))
      if (counts(commit)) applyCommit(segment, commit)
      else excludeCommit(segment, commit.hash, 'excluded')
    expect(log.map(({ hash }) => hash).filter((hash) => segment.refused.has(hash as CommitHash))).toEqual(left_out)
    expect(documentHeads(segment)).toEqual(heads)
  })
})

describe('signature.json', () => {
  const { signatures, small_order } = read('signature') as SignatureVectors
  const byOpenssl = ({ domain, message, key, signature }: SignatureVectors['signatures'][number]): boolean => {
    const signed = createHash('sha256').update(`${domain}\0`).update(hexToBytes(message)).digest()
    return opensslVerify(
      null,
      signed,
      createPublicKey({
        key: Buffer.concat([hexToBytes('302a300506032b6570032100'), hexToBytes(key)]),
        format: 'der',
        type: 'spki',
      }),
      hexToBytes(signature),
    )
  }
  it.each(signatures)('$rule: $name: $valid', (vector) =>
    expect(verify(vector.domain, hexToBytes(vector.message), hexToBytes(vector.signature), vector.key)).toBe(
      vector.valid,
    ),
  )
  it('PR5: some of what is refused satisfies the equation, so that the rule alone refuses it', () => {
    expect(signatures.filter((vector) => byOpenssl(vector)).map(({ name, valid }) => [name, valid])).toEqual([
      ['honest', true],
      ['the identity as key and as R, S = 0', false],
      ['y + p as key', false],
      ['R is the identity, S = k·a: the equation holds', false],
    ])
  })
  it.each(small_order)("$rule: $key is nobody's id", ({ key, usable }) => {
    expect(usable).toBe(false)
    expect(isUsablePublicKey(hexToBytes(key))).toBe(false)
  })
})

describe('name.json', () => {
  it.each((read('name') as NameVectors).names)('$rule: $name', ({ domain, parts, digest, uuid }) => {
    const hash = createHash('sha256').update(domain).update(JSON.stringify(parts)).digest()
    expect(hash.toString('hex')).toBe(digest)
    const bytes = hash.subarray(0, 16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x80
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    expect(bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')).toBe(uuid)
  })
})
