/**
 * First start of a local mesh: all its peers found it together, and who is added later is invited and joins. Each step is skipped
 * where its folder is whole already, so a start that was cut short is taken up where it ended.
 */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Io } from '../io.ts'
import type { FleetPeer } from './peers.ts'

const INVITE_TTL_MS = 10 * 60_000

/** Resolves with whether anything had to be made. */
export const prepareFleet = async (peers: readonly FleetPeer[], io: Io): Promise<boolean> => {
  const missing: FleetPeer[] = []
  for (const peer of peers) if (!(await isWhole(peer.dir))) missing.push(peer)
  const [first] = peers
  if (missing.length === 0 || first === undefined) return false

  const { clock, random } = io
  if (missing.includes(first)) {
    const { foundMesh } = await import('../../membership/index.ts')
    await foundMesh({ name: first.name, founders: missing.map(({ dir, name }) => ({ dir, name })), clock, random })
    return true
  }
  const { joinMesh, makeInvite } = await import('../../membership/index.ts')
  for (const { dir, name } of missing) {
    await joinMesh({
      token: await makeInvite({ dir: first.dir, role: 'voter', ttl_ms: INVITE_TTL_MS, clock, random }),
      dir,
      name,
      clock,
      random,
    })
  }
  return true
}

/** The last file that becoming a member writes. */
const isWhole = (dir: string): Promise<boolean> =>
  access(join(dir, 'mesh.json')).then(
    () => true,
    () => false,
  )
