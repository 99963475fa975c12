/**
 * A commit in its forms: from the wire, for the disk, for neighbours; and what makes a text sound.
 */
import { refOf, type Body } from '../../crdt/body.ts'
import { decodeCommit, textsOf, type Commit } from '../../crdt/commit.ts'
import type { Ref } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Parcel } from '../../transports/host.ts'
import type { StoredCommit } from '../ports/store.ts'
import type { WriteRequest } from './types.ts'

/** As the store keeps it. */
export const storedForm = (commit: Commit): StoredCommit => ({
  chain: commit.chain,
  seq: commit.header.seq,
  hash: commit.hash,
  bytes: commit.bytes,
})
/** As neighbours are given it: with those of its texts that are at hand. */
export const parcelOf = (commit: Commit, bodies: ReadonlyMap<Ref, Body>): Parcel => ({
  chain: commit.chain,
  seq: commit.header.seq,
  bytes: commit.bytes,
  bodies: textsOf(commit).flatMap((ref) => bodies.get(ref) ?? []),
})

/** One, or none when the bytes are no commit. */
export const commitIn = (bytes: Uint8Array): readonly Commit[] => {
  const decoded = decodeCommit(bytes)
  return decoded.ok ? [decoded.commit] : []
}

/** A body is what its ref says, and no larger than any field may be. */
export const isSound = (body: Body): boolean =>
  body.text.length <= limits.content_bytes_max && body.ref === refOf(body.salt, body.text)

/** The memories and links that their events are about. */
export const recordsIn = (commits: readonly Commit[]): ReadonlySet<string> =>
  new Set(commits.flatMap(({ events }) => events.flatMap(({ event }) => ('record' in event ? [event.record] : []))))

/** What a request takes while it waits, about. */
export const requestBytes = (request: WriteRequest): number =>
  request.bodies.reduce((sum, body) => sum + body.text.length, 1_024)
