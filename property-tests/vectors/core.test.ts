/**
 * The core's byte vectors on file, read as another implementation would read them: every output again from its input,
 * hashes and signatures with `node:crypto`, changes with Automerge.
 */
import { applyChanges, decodeChange, encodeChange, getHeads, init } from '@automerge/automerge'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  chainId,
  controlChainId,
  decodeCommit,
  encodeHeader,
  eventsRoot,
  hasValidSignature,
  isSignedBy,
  sealCommit,
  type Commit,
  type VerifiedCommit,
} from '../../crdt/commit.ts'
import { emptyControl, enrolledAt, firstExcluded, levelAt, reduceControl } from '../../crdt/control.ts'
import { emptyLine, extendLine, nextFault, type ControlLine } from '../../crdt/control-line.ts'
import { outranks } from '../../crdt/epoch.ts'
import { bodyRefs, decodeEvent, encodeEvent } from '../../crdt/event.ts'
import { decodeToken, encodeToken, frontierDigest } from '../../crdt/frontier.ts'
import {
  bytesToHex,
  hexToBytes,
  segmentId,
  type ChainId,
  type MeshId,
  type Namespace,
  type PeerId,
  type RecordId,
  type SegmentId,
} from '../../crdt/ids.ts'
import { merkleRoot } from '../../crdt/merkle.ts'
import { readLink, readMemory } from '../../crdt/reading.ts'
import { applyCommit, documentHeads, openSegment } from '../../crdt/segment.ts'
import { keyPairFromSeed, publicKeyHex, sign } from '../../crdt/signature.ts'
import { createReplica, createMesh } from '../../crdt/test-support.ts'
import {
  makeCoreVectors,
  type CommitVectors,
  type ControlVectors,
  type EventVectors,
  type FrontierVectors,
} from './core-cases.ts'
import { readingVector, type DocumentVectors } from './document-cases.ts'

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8'))
const commitOf = (hex: string): Commit => {
  const decoded = decodeCommit(hexToBytes(hex))
  if (!decoded.ok) throw new Error(`no commit: ${decoded.reason}`)
  return decoded.commit
}
const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()

describe('the files', () => {
  it.each(Object.entries(makeCoreVectors()))('%s.json is what the script makes', (name, made) => {
    expect(JSON.parse(JSON.stringify(made))).toEqual(read(name))
  })
})

describe('event.json', () => {
  const { valid, refused } = read('event') as EventVectors
  it('has every kind', () => expect(new Set(valid.map(({ kind }) => kind)).size).toBe(15))
  it.each(valid)('$kind', ({ kind, bytes, bodies }) => {
    const decoded = decodeEvent(hexToBytes(bytes))
    if (!decoded.ok) throw new Error(decoded.reason)
    expect(decoded.event.kind).toBe(kind)
    expect(bytesToHex(encodeEvent(decoded.event))).toBe(bytes)
    expect(bodyRefs(decoded.event)).toEqual(bodies)
  })
  it.each(refused)('$rule: $name is $reason, and for nothing else', ({ bytes, reason, mended, detail }) => {
    const decoded = decodeEvent(hexToBytes(bytes))
    expect(decoded.ok ? 'ok' : decoded.reason).toBe(detail === null ? reason : `${reason}: ${detail}`)
    expect(decodeEvent(hexToBytes(mended)).ok).toBe(true)
    expect(mended).not.toBe(bytes)
  })
})

describe('commit.json', () => {
  const { commits, refused, not_signed } = read('commit') as CommitVectors
  it.each(commits)('$name', (vector) => {
    const commit = commitOf(vector.bytes)
    expect(commit.header).toEqual(vector.header)
    expect(bytesToHex(encodeHeader(vector.header))).toBe(vector.header_bytes)
    expect(commit.hash).toBe(vector.hash)
    expect(sha256('mnemesh/commit/1\0', hexToBytes(vector.header_bytes)).toString('hex')).toBe(vector.hash)
    expect(chainId(commit.header.peer, commit.header.incarnation, commit.header.namespace)).toBe(vector.chain)
    expect(
      sha256(
        'mnemesh/chain/1',
        Buffer.from(vector.header.peer + vector.header.incarnation, 'hex'),
        vector.header.namespace,
      ).toString('hex', 0, 16),
    ).toBe(vector.chain)
    expect(commit.events.map(({ bytes }) => bytesToHex(bytes))).toEqual(vector.events)
    expect(eventsRoot(commit.events)).toBe(vector.header.eventsRoot)
    for (const [i, key] of vector.attestation_keys.entries()) {
      expect(key === null).toBe(vector.attestations[i] === null)
      if (key === null) continue
      const attested = createPublicKey({
        key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key, 'hex').toString('base64url') },
        format: 'jwk',
      })
      expect(
        verify(
          null,
          sha256('mnemesh/event/1\0', hexToBytes(vector.events[i]!)),
          attested,
          hexToBytes(vector.attestations[i]!),
        ),
      ).toBe(true)
    }
    expect(hasValidSignature(commit)).toBe(true)
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(vector.header.peer, 'hex').toString('base64url') },
      format: 'jwk',
    })
    expect(verify(null, Buffer.from(vector.hash, 'hex'), key, Buffer.from(vector.signature, 'hex'))).toBe(true)
    expect(bytesToHex(sealCommit(vector.header, commit.events, keyPairFromSeed(hexToBytes(vector.seed))).bytes)).toBe(
      vector.bytes,
    )
  })
  it.each(refused)('$name is $reason', ({ bytes, reason }) => {
    const decoded = decodeCommit(hexToBytes(bytes))
    expect(decoded.ok ? 'ok' : decoded.reason).toBe(reason)
  })
  it.each(not_signed)('$name covers nothing', ({ bytes }) => expect(hasValidSignature(commitOf(bytes))).toBe(false))
})

describe('control.json', () => {
  const { mesh, chain, commits, enrolled, levels, first_excluded, votes, three, next, recoverable, recoveries, lines } =
    read('control') as ControlVectors
  it.each(votes)('a vote is these bytes, signed', ({ seed, epoch, seq, hash, message, signature }) => {
    const bytes = hexToBytes(message)
    expect(Buffer.from(bytes)).toEqual(
      Buffer.concat([
        Buffer.from('9501c420', 'hex'),
        Buffer.from(three.mesh, 'hex'),
        Buffer.from([epoch, seq]),
        Buffer.from('c420', 'hex'),
        Buffer.from(hash, 'hex'),
      ]),
    )
    expect(bytesToHex(sign('mnemesh/vote/1', bytes, keyPairFromSeed(hexToBytes(seed))))).toBe(signature)
  })
  it.each(next)('a statement with votes: $says', ({ bytes, reason }) => {
    const replica = createReplica({ ...createMesh(), id: three.mesh as MeshId, control: [] }, 1)
    for (const each of three.commits) expect(replica.take(hexToBytes(each)).kind).toBe('admitted')
    expect(replica.take(hexToBytes(bytes))).toMatchObject(
      reason === null ? { kind: 'admitted' } : { kind: 'refused', reason },
    )
  })
  it.each(recoveries)('a recovery: $says', ({ bytes, reason }) => {
    const replica = createReplica({ ...createMesh(), id: recoverable.mesh as MeshId, control: [] }, 1)
    for (const each of recoverable.commits) expect(replica.take(hexToBytes(each)).kind).toBe('admitted')
    expect(replica.take(hexToBytes(bytes))).toMatchObject(
      reason === null ? { kind: 'admitted' } : { kind: 'refused', reason },
    )
  })
  it.each(lines)('CL9 of two lines: $says', ({ lines: both, follows }) => {
    const [first, second] = both.map((behind) =>
      [...recoverable.commits, ...behind].reduce(
        (line, bytes) => {
          const commit = commitOf(bytes)
          expect(nextFault(line, commit)).toBeNull()
          return extendLine(line, commit as VerifiedCommit)
        },
        emptyLine(recoverable.mesh as MeshId),
      ),
    ) as [ControlLine, ControlLine]
    expect([outranks(first.state.line, second.state.line), outranks(second.state.line, first.state.line)]).toEqual([
      follows === 0,
      follows === 1,
    ])
  })
  it('is one chain of the authority', () => {
    for (const [i, { bytes }] of commits.entries()) {
      const commit = commitOf(bytes)
      expect(commit).toMatchObject({ hash: commits[i]!.hash, chain })
      expect(isSignedBy(commit, publicKeyHex(keyPairFromSeed(hexToBytes('aa'.repeat(32)))))).toBe(true)
      expect(commit.header).toMatchObject({
        peer: mesh,
        seq: i + 1,
        prev: commits[i - 1]?.hash ?? '00'.repeat(32),
        policy: commits[i - 1]?.hash ?? '00'.repeat(32),
      })
      expect(commit.header.history).toBe(
        bytesToHex(merkleRoot(commits.slice(0, i).map(({ hash }) => hexToBytes(hash)))),
      )
    }
    expect(controlChainId(mesh as MeshId)).toBe(chain)
  })
  it('says who is a member when', () => {
    // The mesh's id is the hash of what founded it.
    expect(sha256('mnemesh/genesis/1', Buffer.from(commitOf(commits[0]!.bytes).events[0]!.bytes)).toString('hex')).toBe(
      mesh,
    )
    const replica = createReplica({ ...createMesh(), id: mesh as MeshId, control: [] }, 1)
    for (const { bytes } of commits) expect(replica.take(hexToBytes(bytes)).kind).toBe('admitted')
    const state = replica.control()
    for (const { peer, at } of enrolled) expect(at.map((_, seq) => enrolledAt(state, peer as PeerId, seq))).toEqual(at)
    expect(levels.map((_, seq) => levelAt(state, seq))).toEqual(levels)
    const after = (seq: number) =>
      replica.log
        .slice(0, seq)
        .reduce(
          (reduced, commit) => reduceControl(reduced, commit as Parameters<typeof reduceControl>[1]),
          emptyControl(state.mesh),
        )
    for (const { peer, chain: of, begun_at, after: place, seq } of first_excluded)
      expect(firstExcluded(after(place), { peer: peer as PeerId, id: of as ChainId, begunAt: begun_at })).toBe(
        seq ?? Number.POSITIVE_INFINITY,
      )
    expect(reduceControl(emptyControl(state.mesh), replica.log[0] as Parameters<typeof reduceControl>[1]).name).toBe(
      'home',
    )
  })
})

describe('document.json', () => {
  const vectors = read('document') as DocumentVectors

  it('every change is derived again, byte for byte, in every segment', () => {
    const segments = new Map(
      vectors.segments.map(({ id }) => [id, openSegment(vectors.namespace as Namespace, id as SegmentId)]),
    )
    for (const vector of vectors.commits) {
      const commit = commitOf(vector.bytes)
      expect([commit.hash, commit.header.history]).toEqual([vector.hash, vector.history])
      const segment = segments.get(commit.header.segment ?? '')!
      expect(applyCommit(segment, commit)).toBe(vector.left_out)
      expect(commit.header.changeHash).toBe(vector.change_hash)
      if (vector.change === null) continue
      const change = hexToBytes(vector.change)
      expect(sha256(change.subarray(8)).toString('hex')).toBe(vector.change_hash)
      const { actor, seq, startOp, deps, ops } = decodeChange(change)
      expect({ actor, seq, start_op: startOp, deps, ops }).toEqual({
        actor: vector.actor,
        seq: vector.seq,
        start_op: vector.start_op,
        deps: vector.deps,
        ops: vector.ops,
      })
      const { peer, incarnation } = commit.header
      expect(
        sha256(Buffer.from(peer + incarnation, 'hex'), vectors.namespace, Buffer.from(segment.id, 'hex')).toString(
          'hex',
          0,
          16,
        ),
      ).toBe(actor)
    }
    for (const { id, heads } of vectors.segments) expect(documentHeads(segments.get(id)!)).toEqual(heads)
    const both = [...segments.values()]
    expect(vectors.memories.map(({ id }) => readingVector(readMemory(both, id as RecordId)!))).toEqual(vectors.memories)
    expect(vectors.links.map(({ id }) => readingVector(readLink(both, id as RecordId)!))).toEqual(vectors.links)
  })

  it('all of them are admitted, in this order, by a log that has the control log', () => {
    const replica = createReplica({ ...createMesh(), id: vectors.mesh as MeshId, control: [] }, 3)
    for (const bytes of vectors.control) expect(replica.take(hexToBytes(bytes)).kind).toBe('admitted')
    for (const { bytes, left_out } of vectors.commits)
      expect(replica.take(hexToBytes(bytes))).toMatchObject({ kind: 'admitted', left_out })
  })

  it('Automerge alone, given genesis and changes, has the same heads', () => {
    const genesis = encodeChange({
      actor: '00'.repeat(16),
      seq: 1,
      startOp: 1,
      time: 0,
      message: null,
      author: null,
      deps: [],
      ops: [
        { action: 'makeMap', obj: '_root', key: 'memories', pred: [] },
        { action: 'makeMap', obj: '_root', key: 'links', pred: [] },
      ] as never,
    })
    const [home] = vectors.segments
    const changes = vectors.commits
      .filter(({ bytes, change }) => change !== null && commitOf(bytes).header.segment === home!.id)
      .map(({ change }) => hexToBytes(change!))
    const [doc] = applyChanges(init<unknown>(), [genesis, ...changes])
    expect(getHeads(doc).sort()).toEqual(home!.heads)
  })

  it('has what it is for', () => {
    expect(
      vectors.commits.some(({ ops }) => ops?.some((op) => 'pred' in op && (op.pred as readonly string[]).length === 2)),
    ).toBe(true)
    expect(
      new Set(vectors.commits.flatMap(({ bytes }) => commitOf(bytes).events.map(({ event }) => event.kind))).size,
    ).toBe(7)
    expect(vectors.memories[0]).toMatchObject({
      edited_meanwhile: [expect.any(String)],
      segments: [expect.any(String), expect.any(String)],
    })
    expect(segmentId(commitOf(vectors.commits[0]!.bytes).header.peer, 0)).toBe(vectors.segments[0]!.id)
  })
})

describe('frontier.json', () => {
  const { digests, tokens } = read('frontier') as FrontierVectors
  it.each(digests)('$digest', ({ key, entries, digest }) => {
    expect(bytesToHex(frontierDigest(entries, hexToBytes(key)))).toBe(digest)
    // By the page alone.
    const sorted = entries.filter(({ seq }) => seq > 0).toSorted((x, y) => (x.chain < y.chain ? -1 : 1))
    const tree = (prefix: string): string => {
      const under = sorted.filter(({ chain }) => chain.startsWith(prefix))
      if (under.length === 0) return '00'.repeat(32)
      const [domain, parts] =
        under.length > 16
          ? ['node', Array.from('0123456789abcdef', (digit) => tree(prefix + digit))]
          : ['leaf', under.map(({ chain, seq, hash }) => chain + seq.toString(16).padStart(16, '0') + hash)]
      return sha256(
        Buffer.concat([Buffer.from(`mnemesh/frontier-${domain}/1`), Buffer.from(parts.join(''), 'hex')]),
      ).toString('hex')
    }
    expect(sha256(Buffer.from(key + tree(''), 'hex')).toString('hex')).toBe(digest)
  })
  it.each(tokens)('$token', ({ mesh, positions, token }) => {
    expect(encodeToken(mesh as MeshId, positions)).toBe(token)
    expect(decodeToken(mesh as MeshId, token)).toEqual(positions.toSorted((x, y) => (x.chain < y.chain ? -1 : 1)))
  })
})
