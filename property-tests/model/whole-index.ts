/**
 * What the whole log says, read without a checkpoint by a peer that has nothing else; for holding an index against that was read from one.
 */
import type { MeshId } from '../../crdt/ids.ts'
import { incarnation } from '../../crdt/ids.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import type { Random } from '../../src/ports/clock.ts'
import { boot } from '../../src/replica/boot.ts'
import { createReplica } from '../../src/replica/replica.ts'
import type { Replica } from '../../src/replica/replica-types.ts'
import { openMemoryStore, type MemoryDisk } from '../../src/store/memory.ts'
import { copyOf } from '../sim/disk.ts'

/** @param disk is left as it is. Null commits: some of it cannot be read. */
export const wholeIndex = async (
  { mesh, keys, disk, random }: { mesh: MeshId; keys: KeyPair; disk: MemoryDisk; random: Random },
  nowMs: number,
): Promise<{ readonly replica: Replica; readonly isSound: boolean }> => {
  const store = openMemoryStore({ random, disk: copyOf(disk) })
  const replica = createReplica({
    mesh,
    keys,
    authority: null,
    store,
    incarnation: incarnation(nowMs, 0),
    quorum: null,
  })
  const { commits } = await boot(replica, store, nowMs)
  return { replica, isSound: commits === disk.arrivals.length }
}
