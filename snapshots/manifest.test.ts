/** A manifest comes back as it was signed; one that anything was changed of is told by what is wrong, and none reaches beside its folder. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../crdt/hash.ts'
import type { MeshId, PeerId } from '../crdt/ids.ts'
import { keyPairFromSeed, publicKeyHex } from '../crdt/signature.ts'
import { CHUNK_BYTES_MAX, decodeManifest, encodeManifest, type Backup } from './manifest.ts'

const keys = keyPairFromSeed(new Uint8Array(32).fill(7))
const other = keyPairFromSeed(new Uint8Array(32).fill(8))
const hash = sha256Hex(new Uint8Array(1))
const backup: Backup = {
  v: 1,
  mesh: sha256Hex(new Uint8Array(2)) as MeshId,
  peer: publicKeyHex(keys) as PeerId,
  name: 'berlin',
  made_at: '2026-01-02T03:04:05.678Z',
  commits: 3,
  sealing: { salt: '00'.repeat(16), cost: 65_536 },
  files: [
    { path: 'log/db/000005.ldb', bytes: CHUNK_BYTES_MAX + 1, chunks: [hash, hash] },
    { path: 'identity.json', bytes: 0, chunks: [] },
  ],
}
const bytes = encodeManifest(backup, keys)

describe('a manifest', () => {
  test('comes back as it was', () => expect(decodeManifest(bytes)).toEqual(backup))
  test('is signed by its own peer alone', () =>
    expect(() => encodeManifest(backup, other)).toThrow(/signed by the peer/))

  test('with any byte changed, cut or added is refused', () => {
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Uint8Array.from(bytes)
        changed[at] = changed[at]! ^ by
        // White space at the very end says nothing.
        if (new TextDecoder().decode(changed).trim() !== new TextDecoder().decode(bytes).trim())
          expect(decodeManifest(changed)).toHaveProperty('wrong')
        expect(decodeManifest(bytes.subarray(0, Math.min(at, bytes.length - 2)))).toHaveProperty('wrong')
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['a path above the folder', { files: [{ path: '../identity.json', bytes: 0, chunks: [] }] }],
    ['an absolute path', { files: [{ path: '/etc/passwd', bytes: 0, chunks: [] }] }],
    ['a path through a folder of dots', { files: [{ path: 'log/../../x', bytes: 0, chunks: [] }] }],
    ['a file twice', { files: [backup.files[1]!, backup.files[1]!] }],
    ['no files', { files: [] }],
    ['fewer chunks than bytes', { files: [{ path: 'a', bytes: 1, chunks: [] }] }],
    ['a cost that takes all memory', { sealing: { salt: '00'.repeat(16), cost: 2 ** 30 } }],
    ['a cost that is no power of two', { sealing: { salt: '00'.repeat(16), cost: 100 } }],
    ['another version', { v: 2 }],
    ['no time', { made_at: 'yesterday' }],
  ])('with %s is refused, whoever signs it', (_what, change) =>
    expect(decodeManifest(encodeManifest({ ...backup, ...change } as Backup, keys))).toHaveProperty('wrong'),
  )

  test('is never anything else: bytes of any kind are refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((text) => new TextEncoder().encode(text)),
        ),
        (any) => {
          expect(decodeManifest(any)).toHaveProperty('wrong')
        },
      ),
      { numRuns: 300 },
    )
  })
})
