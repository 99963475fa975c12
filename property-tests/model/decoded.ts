/**
 * A commit's bytes, decoded once a process: the peers of a world hold the same commits, each in bytes of its own, and the judge and
 * the readers look at all of them again and again. Decoding is a function of the bytes alone, and the memory's key is all of them.
 */
import { LRUCache } from 'lru-cache'
import { decodeCommit, type Commit } from '../../crdt/commit.ts'

/** Some worlds' worth. */
const REMEMBERED_MAX = 2_048
const byContent = new LRUCache<string, Commit>({ max: REMEMBERED_MAX })
/** Nobody changes bytes in place: a disk that is damaged gets new ones. */
const byIdentity = new WeakMap<Uint8Array, Commit>()

/** Null when they are no commit. */
export const decodedOnce = (bytes: Uint8Array): Commit | null => {
  const before = byIdentity.get(bytes)
  if (before !== undefined) return before
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const commit = byContent.get(key) ?? decodedNow(bytes)
  if (commit === null) return null
  byContent.set(key, commit)
  byIdentity.set(bytes, commit)
  return commit
}

const decodedNow = (bytes: Uint8Array): Commit | null => {
  const read = decodeCommit(bytes)
  return read.ok ? read.commit : null
}
