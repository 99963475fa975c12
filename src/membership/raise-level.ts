/**
 * Whether the mesh's format level may be raised, and what says so. A voter that cannot read a level takes no writes below it, and a mesh whose
 * voters cannot write has no quorum: so all of them must read it. An observer that cannot goes on without documents, and is named.
 */
import { activeMembers, levelAt, votersAt, type ControlState } from '../../crdt/control.ts'
import type { ControlEvent } from '../../crdt/event.ts'
import type { PeerId } from '../../crdt/ids.ts'
import { FIRST_LEVEL, LEVELS_MAX } from '../../crdt/level.ts'
import { NodeError } from '../errors.ts'
import { said, type Saying } from './statements.ts'

/** A member that does not read a level. `reads`: up to which it does, as it told last; null: it never told. */
export type Below = { readonly peer_id: PeerId; readonly name: string; readonly reads: number | null }

/**
 * @param reads up to which level a member's build reads, this peer's too; null: nobody knows.
 * @throws NodeError `malformed` for no level, `conflict` where the mesh has it already, or with the voters that cannot read it.
 */
export const levelRaise = (
  saying: Saying,
  control: ControlState,
  level: number,
  reads: (peer: PeerId) => number | null,
): ControlEvent => {
  if (!Number.isSafeInteger(level) || level <= FIRST_LEVEL || level > LEVELS_MAX)
    throw new NodeError('malformed', `a format level to raise to is a number from ${FIRST_LEVEL + 1} to ${LEVELS_MAX}`)
  const now = levelAt(control, control.seq)
  if (level <= now)
    throw new NodeError('conflict', `the mesh writes format level ${now} already: it only rises`, { level: now })
  const below = membersBelow(control, level, reads, votersAt(control, control.seq))
  if (below.length > 0)
    throw new NodeError(
      'conflict',
      `level ${level} cannot be in force yet, for not all voters read it: ${below.map(belowText).join(', ')}; upgrade and start them, then say this again`,
      { level: now, voters_below: below },
    )
  return { ...said(saying), kind: 'mesh.level', level }
}

/** Members that replicate without documents once the level is in force. */
export const observersBelow = (
  control: ControlState,
  level: number,
  reads: (peer: PeerId) => number | null,
): readonly Below[] =>
  membersBelow(control, level, reads, new Set(activeMembers(control, 'observer').map(({ peer }) => peer)))

/** Of all members: of this peer what its own build reads. */
export const readBy =
  (self: PeerId, own: number, told: (peer: PeerId) => number | null) =>
  (peer: PeerId): number | null =>
    peer === self ? own : told(peer)

const membersBelow = (
  control: ControlState,
  level: number,
  reads: (peer: PeerId) => number | null,
  among: ReadonlySet<PeerId>,
): readonly Below[] =>
  [...among]
    .map((peer) => ({ peer_id: peer, name: control.members.get(peer)?.name ?? peer, reads: reads(peer) }))
    .filter((member) => member.reads === null || member.reads < level)

const belowText = ({ name, reads }: Below): string =>
  `${name} ${reads === null ? 'has not told what it reads' : `reads up to level ${reads}`}`
