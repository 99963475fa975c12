/**
 * What the authority says about members, as control events; and whether it may be said.
 */
import { authorityAt, isCutWhole, type ControlState, type Member } from '../../crdt/control.ts'
import { cutOf } from '../../crdt/cut.ts'
import type { ControlEvent, Founder, MeshGenesis, MeshRecover, Recovery } from '../../crdt/event.ts'
import {
  CONTROL_NAMESPACE,
  parseAgentId,
  uuidV7,
  type AgentId,
  type ChainId,
  type EventId,
  type PeerId,
  type PublicKey,
} from '../../crdt/ids.ts'
import type { Invite } from '../../crdt/invite.ts'
import { limits } from '../../crdt/limits.ts'
import { publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { NodeError } from '../errors.ts'
import type { Clock, Random } from '../ports/clock.ts'

export type Saying = { readonly clock: Clock; readonly random: Random }
/** Members named in one line. */
const NAMED_MAX = 8
const AUTHORITY = parseAgentId('mesh:authority') as AgentId

/** What every statement has. */
export const said = ({ clock, random }: Saying) => {
  const now = clock.now()
  return {
    v: 1 as const,
    id: uuidV7(now, random.bytes(10)) as EventId,
    ns: CONTROL_NAMESPACE,
    agent: AUTHORITY,
    at: new Date(now).toISOString(),
  }
}

/** @param authority its public key. @param members who founds the mesh; each one's name is checked. @param recovery public keys. */
export const genesis = (
  saying: Saying,
  name: string,
  authority: KeyPair,
  members: readonly Founder[],
  recovery: Recovery = { threshold: 0, keys: [] },
): MeshGenesis => {
  for (const founder of members) checkName(founder.name)
  return {
    ...said(saying),
    kind: 'mesh.genesis',
    name: checkName(name),
    authority: publicKeyHex(authority) as PublicKey,
    recovery,
    members,
  }
}

/** @param authority who governs from there on. */
export const recovery = (saying: Saying, authority: KeyPair): MeshRecover => ({
  ...said(saying),
  kind: 'mesh.recover',
  authority: publicKeyHex(authority) as PublicKey,
})

/** Whether nothing is to be done for its request: a join that was cut short, or whose answer was lost, is asked for again. */
export const isEnrolled = (control: ControlState, peer: PeerId): boolean => control.members.get(peer)?.revoked === null

/** Of one who is no member yet. @throws NodeError `token_expired`, `token_used`, `wrong_mesh`. */
export const enrolment = (
  saying: Saying,
  control: ControlState,
  request: { readonly invite: Invite; readonly peer: PeerId; readonly name: string },
): ControlEvent => {
  const { invite, peer, name } = request
  if (invite.mesh !== control.mesh)
    throw new NodeError('wrong_mesh', 'the token is for another mesh: ask a member of this one for a new token')
  if (invite.authority !== authorityAt(control, control.seq))
    throw new NodeError(
      'token_expired',
      'the token was signed by a key that does not govern this mesh (any more): ask for a new one with `mnemesh mesh invite`',
    )
  checkExpiry(invite, saying.clock)
  if (control.members.has(peer))
    throw new NodeError('conflict', 'this peer was taken out of the mesh: join in a new folder')
  if (control.invitesUsed.has(invite.id))
    throw new NodeError(
      'token_used',
      'the token has been used: each admits one peer; ask for a new one with `mnemesh mesh invite`',
    )
  // Names are how people mean members: two of one name could be told apart by nobody.
  const namesake = [...control.members.values()].find((member) => member.name === name && member.revoked === null)
  if (namesake !== undefined)
    throw new NodeError(
      'conflict',
      `a member is called ${name} already (${namesake.peer.slice(0, 12)}): join again with the same token and another --name`,
    )
  return { ...said(saying), kind: 'peer.enrol', peer, name: checkName(name), role: invite.role, invite: invite.id }
}

type Lasts = Readonly<Record<ChainId, number>>
/** As many as fit `proposal_bytes_max`, each of 7 KB at most: 640 chains. */
const PAGES_PER_COMMIT = 5

/**
 * What takes a member out: a commit each. The first does it, and names what counts; should the others not come, that is asked for again.
 * @param last how far each of the peer's chains counts.
 */
export const revocation = (
  saying: Saying,
  control: ControlState,
  peer: PeerId,
  last: Lasts,
): readonly (readonly ControlEvent[])[] => {
  const member = memberOf(control, peer)
  if (member.revoked !== null && isCutWhole(member))
    throw new NodeError('conflict', `${member.name} has been taken out already`)
  return cutting(saying, 'peer.revoke', peer, last)
}

/** What lets a member leave behind what it wrote beyond `last`, and say it again. */
export const leavingBehind = (
  saying: Saying,
  control: ControlState,
  peer: PeerId,
  last: Lasts,
): readonly (readonly ControlEvent[])[] => {
  const member = memberOf(control, peer)
  if (member.revoked !== null)
    throw new NodeError('conflict', `${member.name} was taken out of the mesh: nothing of it is said again`)
  return cutting(saying, 'peer.leave_behind', peer, last)
}

const memberOf = (control: ControlState, peer: PeerId): Member => {
  const member = control.members.get(peer)
  if (member === undefined) throw new NodeError('not_found', `no member ${peer}: see \`mnemesh mesh members\``)
  return member
}

const cutting = (
  saying: Saying,
  kind: 'peer.revoke' | 'peer.leave_behind',
  peer: PeerId,
  last: Lasts,
): readonly (readonly ControlEvent[])[] => {
  const { name, pages } = cutOf(last)
  const events: readonly ControlEvent[] = [
    { ...said(saying), kind, peer, cut: name },
    ...pages.map((page): ControlEvent => ({ ...said(saying), kind: 'peer.cut', peer, last: page })),
  ]
  return Array.from({ length: Math.ceil(events.length / PAGES_PER_COMMIT) }, (_, i) =>
    events.slice(i * PAGES_PER_COMMIT, (i + 1) * PAGES_PER_COMMIT),
  )
}

export const checkExpiry = (invite: Invite, clock: Clock): void => {
  if (invite.expiresMs <= clock.now())
    throw new NodeError(
      'token_expired',
      `the token expired at ${new Date(invite.expiresMs).toISOString()}: ask for a new one with \`mnemesh mesh invite\``,
    )
}

export const checkName = (name: string): string => {
  const bytes = new TextEncoder().encode(name).length
  if (bytes < 1 || bytes > limits.peer_name_bytes_max || /\p{Cc}/u.test(name))
    throw new NodeError('malformed', `a name has 1 … ${limits.peer_name_bytes_max} bytes and no control characters`)
  return name
}

/** A member by its id, its name, or the start of its id. @throws NodeError when none or several are meant. */
export const findMember = (control: ControlState, text: string): PeerId => {
  const meant = [...control.members.values()].filter(
    (member) => member.peer === text || member.name === text || (text.length >= 6 && member.peer.startsWith(text)),
  )
  // Who was taken out has left its name to others.
  const active = meant.filter(({ revoked }) => revoked === null)
  const found = active.length > 0 ? active : meant
  const [only] = found
  if (only === undefined) throw new NodeError('not_found', `no member ${text}: see \`mnemesh mesh members\``)
  if (found.length > 1)
    throw new NodeError(
      'conflict',
      `${text} is ${found.length} members: give the id of the one you mean, ${found
        .slice(0, NAMED_MAX)
        .map(({ name, peer }) => `${name} ${peer.slice(0, 12)}`)
        .join(', ')}${found.length > NAMED_MAX ? ', …' : ''}`,
    )
  return only.peer
}
