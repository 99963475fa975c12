/**
 * Who the members of simulated meshes are: the same keys in every schedule, and control logs made once per size, so that a
 * schedule costs what happens in it. The last member of a mesh with a dishonest one is that one.
 */
import type { ControlEvent } from '../../crdt/event.ts'
import type { MeshId, PeerId } from '../../crdt/ids.ts'
import { sha256 } from '../../crdt/hash.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import type { Identity } from '../../src/membership/folder.ts'
import { emptyControlLog, sealControl, type ControlLog } from '../../src/membership/control-log.ts'
import { firstEnrolment, genesis } from '../../src/membership/statements.ts'
import { stream } from './streams.ts'

export const START_MS = Date.UTC(2026, 0, 1)

export type Member = { readonly keys: KeyPair; readonly peer: PeerId; readonly name: string; readonly role: 'voter' | 'observer'; readonly url: string; readonly honest: boolean }
export type Founded = { readonly mesh: MeshId; readonly authority: KeyPair; readonly members: readonly Member[]; readonly log: ControlLog }

const authority = keyPairFromSeed(sha256('mnemesh/sim/authority'))
const foundedByShape = new Map<string, Founded>()

/** @param honest voters; @param evil one more member, which lies. */
export const found = (honest: number, evil: 'observer' | 'voter' | null): Founded => {
  const shape = `${honest} ${evil ?? ''}`
  const known = foundedByShape.get(shape)
  if (known !== undefined) return known
  const members = Array.from({ length: honest + (evil === null ? 0 : 1) }, (_, index): Member => {
    const keys = keyPairFromSeed(sha256(`mnemesh/sim/member/${index}`))
    const isHonest = index < honest
    return { keys, peer: publicKeyHex(keys) as PeerId, name: `peer-${index}`, role: isHonest || evil === null ? 'voter' : evil, url: `ws://peer-${index}:1/mesh`, honest: isHonest }
  })
  const mesh = publicKeyHex(authority) as MeshId
  const saying = { clock: { now: () => START_MS }, random: stream(`founding ${shape}`) }
  let log = sealControl(emptyControlLog(mesh), genesis(saying, 'world'), authority, START_MS)
  for (const { peer, name, role } of members) log = sealControl(log, withRole(firstEnrolment(saying, peer, name), role), authority, START_MS)
  const made = { mesh, authority, members, log }
  foundedByShape.set(shape, made)
  return made
}

const withRole = (event: ControlEvent, role: 'voter' | 'observer'): ControlEvent => (event.kind === 'peer.enrol' ? { ...event, role } : event)

export const identityOf = ({ mesh }: Founded, { name, peer, keys }: Member): Identity => ({ dir: '', mesh, meshName: 'world', name, peer, keys, authority: null, peers: [] })
