/**
 * Who the members of simulated meshes are: the same keys in every schedule, and control logs made once per size, so that a
 * schedule costs what happens in it. The last member of a mesh with a dishonest one is that one.
 */
import type { MeshId, PeerId } from '../../crdt/ids.ts'
import { sha256 } from '../../crdt/hash.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import type { Identity } from '../../src/membership/folder.ts'
import { foundedLog, type ControlLog } from '../../src/membership/control-log.ts'
import { genesis } from '../../src/membership/statements.ts'
import { stream } from './streams.ts'

export const START_MS = Date.UTC(2026, 0, 1)

export type Member = {
  readonly keys: KeyPair
  readonly peer: PeerId
  readonly name: string
  readonly role: 'voter' | 'observer'
  readonly url: string
  readonly honest: boolean
  /** Not enrolled yet. */ readonly late: boolean
}
export type Founded = {
  readonly mesh: MeshId
  readonly authority: KeyPair
  readonly members: readonly Member[]
  readonly log: ControlLog
}

const authority = keyPairFromSeed(sha256('mnemesh/sim/authority'))
const foundedByShape = new Map<string, Founded>()

/** @param honest voters; @param evil one more member, which lies; @param late what those of the honest are who are enrolled later. */
export const found = (
  honest: number,
  evil: 'observer' | 'voter' | null,
  late: ReadonlyMap<number, Member['role']>,
): Founded => {
  const shape = `${honest} ${evil ?? ''} ${[...late].join(' ')}`
  const known = foundedByShape.get(shape)
  if (known !== undefined) return known
  const members = Array.from({ length: honest + (evil === null ? 0 : 1) }, (_, index): Member => {
    const keys = keyPairFromSeed(sha256(`mnemesh/sim/member/${index}`))
    const isHonest = index < honest
    return {
      keys,
      peer: publicKeyHex(keys) as PeerId,
      name: `peer-${index}`,
      role: late.get(index) ?? (isHonest || evil === null ? 'voter' : evil),
      url: `ws://peer-${index}:1/mesh`,
      honest: isHonest,
      late: late.has(index),
    }
  })
  const saying = { clock: { now: () => START_MS }, random: stream(`founding ${shape}`) }
  const founders = members.filter((member) => !member.late).map(({ peer, name, role }) => ({ peer, name, role }))
  const log = foundedLog(genesis(saying, 'world', authority, founders), authority)
  const made = { mesh: log.state.mesh, authority, members, log }
  foundedByShape.set(shape, made)
  return made
}

/** The first peer's folder is the one in which the mesh was made. */
export const identityOf = ({ mesh, members, authority: key }: Founded, { name, peer, keys }: Member): Identity => ({
  dir: '',
  mesh,
  meshName: 'world',
  name,
  peer,
  keys,
  authority: peer === members[0]!.peer ? key : null,
  peers: [],
})
