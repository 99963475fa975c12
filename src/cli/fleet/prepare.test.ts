/** A first start that is killed is taken up where it ended, as a mesh of three. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listMembers } from '../../membership/index.ts'
import type { Io } from '../io.ts'
import { fleetPeers } from './peers.ts'
import { prepareFleet } from './prepare.ts'

test('members that were enrolled before it was killed are not enrolled again', async () => {
  const root = await mkdtemp(join(tmpdir(), 'mnemesh-prepare-'))
  try {
    const peers = fleetPeers({ MNEMESH_DATA: root })
    const io = {
      clock: { now: Date.now },
      random: { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) },
    } as Io
    expect(await prepareFleet(peers, io)).toBe(true)
    const [first, second, third] = peers.map(({ dir }) => dir)
    await rm(join(second!, 'mesh.json'))
    await rm(join(third!, 'mesh.json'))
    await rm(join(third!, 'log'), { recursive: true })
    expect(await prepareFleet(peers, io)).toBe(true)
    expect(await listMembers({ dir: first! })).toHaveLength(3)
    expect(await prepareFleet(peers, io)).toBe(false)
  } finally {
    await rm(root, { recursive: true })
  }
})
