/** Commits, bodies and randomness for the store's tests, all from a seed. The store never looks into a commit's bytes. */
import { makeBody, SALT_BYTES } from '../../../crdt/body.ts'
import type { Body } from '../../../crdt/body.ts'
import { concat, sha256, sha256Hex } from '../../../crdt/hash.ts'
import type { ChainId, CommitHash } from '../../../crdt/ids.ts'
import type { Random } from '../../ports/clock.ts'
import type { CommitStore, ScannedCommit, StoredCommit } from '../../ports/store.ts'

/** A stream of bytes that depends on the seed alone: SHA-256 in counter mode. */
export const seeded = (seed: string): Random => {
  let counter = 0
  return {
    bytes(count) {
      const blocks: Uint8Array[] = []
      for (let have = 0; have < count; have += 32) blocks.push(sha256(`${seed}/${counter++}`))
      return concat(...blocks).slice(0, count)
    },
  }
}

export const chainOf = (name: string): ChainId => sha256Hex('chain', name).slice(0, 32) as ChainId

/** @param version another one gives other bytes under another hash for the same place. */
export const sampleCommit = (chain: string, seq: number, size = 600, version = 0): StoredCommit => {
  const bytes = seeded(`${chain}/${seq}/${version}`).bytes(size)
  return { chain: chainOf(chain), seq, hash: sha256Hex(bytes) as CommitHash, bytes }
}

export const run = (chain: string, from: number, count: number, size = 600): StoredCommit[] =>
  Array.from({ length: count }, (_, i) => sampleCommit(chain, from + i, size))

export const sampleBody = (name: string, size = 200): Body =>
  makeBody(seeded(`salt ${name}`).bytes(SALT_BYTES), seeded(`text ${name}`).bytes(size))

export const scanAll = async (store: CommitStore): Promise<ScannedCommit[]> => {
  const all: ScannedCommit[] = []
  for await (const batch of store.scan()) all.push(...batch)
  return all
}
