/**
 * What the forger gives back is another commit, whole again. A forger that no longer knows the layout of a commit gives every
 * input back as it was: all hostile rows and fuzz targets that use it would send honest bytes, and find nothing.
 */
import { expect, test } from 'vitest'
import { decodeCommit, hasValidSignature, type Commit, type CommitHeader } from '../../crdt/commit.ts'
import { segmentId } from '../../crdt/ids.ts'
import { equalBytes } from '../../crdt/msgpack.ts'
import { NOW_MS, body, createReplica, hlcAt, meshOf, record, said } from '../../crdt/test-support.ts'
import { mendRoot, resign } from './forge.ts'

const writer = createReplica(meshOf(1), 1)
const home = segmentId(writer.peer, 0)
const put = (n: number) => ({ ...said('memory.put', n), record: record(n), set: { content: body(`${n}`) } })
const sealed = (n: number, lie: Partial<CommitHeader> = {}): Commit => writer.seal(hlcAt(NOW_MS), home, [put(n)], lie)
const honest = sealed(1)
/** Well-formed, and its root is of no events. */
const torn = sealed(1, { eventsRoot: '00'.repeat(32) })

const decoded = (bytes: Uint8Array): Commit | string => {
  const read = decodeCommit(bytes)
  return read.ok ? read.commit : read.reason
}

test('an honest commit is the same after its root is mended, signed again or not', () => {
  expect(equalBytes(mendRoot(honest.bytes), honest.bytes)).toBe(true)
  expect(
    equalBytes(
      resign(honest.bytes, writer.keys, () => null),
      honest.bytes,
    ),
  ).toBe(true)
})

test('a torn root is mended, and the signature stays what it was: of other bytes', () => {
  expect(decoded(torn.bytes)).toBeTypeOf('string')
  const mended = decoded(mendRoot(torn.bytes)) as Commit
  expect(mended.header).toEqual(honest.header)
  expect(hasValidSignature(mended)).toBe(false)
})

test('signed again it is whole, also with another change hash', () => {
  const changeHash = new Uint8Array(32).fill(7)
  expect(
    equalBytes(
      resign(torn.bytes, writer.keys, () => null),
      honest.bytes,
    ),
  ).toBe(true)
  const forged = decoded(resign(honest.bytes, writer.keys, () => changeHash)) as Commit
  expect(forged.header.changeHash).toBe('07'.repeat(32))
  expect(hasValidSignature(forged)).toBe(true)
})

test('what is no commit comes back as it is', () => {
  const bytes = Uint8Array.of(0x94, 1, 2, 3, 4)
  expect(mendRoot(bytes)).toBe(bytes)
  expect(resign(bytes, writer.keys, () => null)).toBe(bytes)
})
