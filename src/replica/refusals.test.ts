/** Who is told what is refused (PROTOCOL RF2), and which of our commits a word is about (RF4). */
import { expect, test } from 'vitest'
import { sha256 } from '../../crdt/hash.ts'
import { bytesToHex, ZERO_HASH, type ChainId, type CommitHash, type PeerId } from '../../crdt/ids.ts'
import type { Refused } from './intake.ts'
import { isAbout, refusalsToTell } from './refusals.ts'

const peer = (name: string): PeerId => bytesToHex(sha256(name)) as PeerId
const hash = bytesToHex(sha256('a commit')) as CommitHash
const chain = (name: string): ChainId => bytesToHex(sha256(name).subarray(0, 16)) as ChainId
const refused = (more: Partial<Refused>): Refused => ({
  peer: peer('author'),
  from: peer('relay'),
  chain: chain('a'),
  seq: 3,
  hash,
  reason: 'hlc_not_after',
  atMs: 0,
  ...more,
})
const told = (of: Refused, linked: readonly string[] = ['author', 'relay']) =>
  refusalsToTell([of], new Set(linked.map(peer)), (each) => each === chain('control')).map((effect) =>
    effect.kind === 'REFUSED' ? [effect.to, ...effect.refused] : [],
  )

test('RF2 the author is told where it is linked, else whoever brought it', () => {
  const word = { chain: chain('a'), seq: 3, hash, reason: 'hlc_not_after' }
  expect(told(refused({}))).toEqual([[peer('author'), word]])
  expect(told(refused({}), ['relay'])).toEqual([[peer('relay'), word]])
})

test('RF2 bytes that nobody can read are told to whoever brought them, for whatever it has at that place', () => {
  expect(told(refused({ peer: peer('author'), hash: null, reason: 'commit_shape' }))).toEqual([
    [peer('relay'), { chain: chain('a'), seq: 3, hash: ZERO_HASH, reason: 'commit_shape' }],
  ])
})

test('RF2 of the control chain nothing is told: it may be taken from others', () =>
  expect(told(refused({ chain: chain('control') }))).toEqual([]))

test('RF4 a word is about the commit of its hash, or, without one, about whatever stands there', () => {
  const word = { chain: chain('a'), seq: 3, hash, reason: 'forked' }
  const ours = (at: CommitHash | null) => () => at
  expect([
    isAbout(word, { seq: 5 }, ours(hash)),
    isAbout(word, { seq: 5 }, ours(bytesToHex(sha256('another')) as CommitHash)),
    isAbout(word, { seq: 2 }, ours(hash)),
    isAbout(word, null, ours(hash)),
  ]).toEqual([true, false, false, false])
  expect(isAbout({ ...word, hash: ZERO_HASH as CommitHash }, { seq: 3 }, ours(hash))).toBe(true)
})
