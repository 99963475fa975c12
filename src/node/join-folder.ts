/**
 * Joining a mesh with a folder: an empty one, or one that holds memories in another mesh already, which come along.
 *
 * The new peer is made in `joining/` inside the folder, under a key of its own, while the old log is held open so that nothing is written
 * to it; the log's events are sealed there again (`carry.ts`); then the folders change places (`membership/moving.ts`). Until then the
 * folder is what it was: cut short, the command is run again and begins anew, under the key that may be enrolled already.
 */
import { decodeInvite } from '../../crdt/invite.ts'
import { levelAt, type ControlState } from '../../crdt/control.ts'
import { incarnation, type PeerId } from '../../crdt/ids.ts'
import { NodeError } from '../errors.ts'
import { readControlLog } from '../membership/control-log.ts'
import { readIdentity, requireIdentity, type Identity } from '../membership/folder.ts'
import { joinMesh } from '../membership/index.ts'
import { makeFolder } from '../membership/make-folder.ts'
import { clearStaging, finishMove, sayWhole, stagingOf } from '../membership/moving.ts'
import { whenStopped } from '../membership/stopped.ts'
import type { CommitStore } from '../ports/store.ts'
import { boot } from '../replica/boot.ts'
import { createReplica } from '../replica/replica.ts'
import { openLevelStore } from '../store/level.ts'
import { carryOver, type Carried } from './carry.ts'
import { restoredFrom } from './restore.ts'

type Joining = Omit<Parameters<typeof joinMesh>[0], 'name' | 'beside'> & {
  /** Of a folder that has one, that one when absent. */ readonly name?: string
  /** Whether a mesh is left in which others stay. */ readonly leave?: boolean
  /** Told as what begins; a test ends the process there. */ readonly reached?: (step: Step) => void
}
/** In this order. */
type Step = 'enrolled' | 'carried' | 'whole'
type Joined = Awaited<ReturnType<typeof joinMesh>> & {
  readonly name: string
  /** What came along, and the folder in which the old peer is left; null where there was none. */
  readonly brought: (Carried & { readonly left: string }) | null
}

/** @throws NodeError, StoreFailure with a line that names cause and mend; then the folder is as it was. */
export const joinFolder = async ({ name: asked, reached, leave, ...joining }: Joining): Promise<Joined> => {
  const { dir } = joining
  await finishMove(dir)
  const present = await readIdentity(dir).catch(() => null)
  const name = asked ?? present?.name ?? null
  if (name === null)
    throw new NodeError('malformed', `${dir} belongs to no mesh, so the peer has no name yet: give one with --name`)
  const invite = decodeInvite(joining.token)
  if (present === null || invite === null || invite.mesh === present.mesh)
    return { ...(await joinMesh({ ...joining, name })), name, brought: null }
  if (invite.role !== 'voter')
    throw new NodeError(
      'conflict',
      `the token is for an observer, which writes nothing, and ${dir} holds memories that the peer would have to write into the mesh: ask for a token for a voter, or join in another folder`,
    )
  if ((await restoredFrom(dir)) !== null)
    throw new NodeError(
      'conflict',
      `${dir} was restored from a backup and has not caught up with its mesh: start it until it has, then join`,
    )
  const done = await whenStopped(present, async (store) => {
    const { joined, brought } = await stage(present, store, {
      ...joining,
      name,
      leave: leave === true,
      reached: reached ?? (() => undefined),
    })
    await sayWhole(dir, present.mesh)
    reached?.('whole')
    return { joined, brought }
  })
  if (done === null)
    throw new NodeError(
      'conflict',
      `${dir} is in use by a peer that runs: stop it, then join; what it holds comes along`,
    )
  const left = await finishMove(dir)
  return { ...done.result.joined, name, brought: { ...done.result.brought, left: left ?? dir } }
}

/** Members that a mesh still counts on, by their names. A peer that goes away without their authority's word is missing from their quorum. */
const othersIn = ({ members }: ControlState, self: PeerId): readonly string[] =>
  [...members.values()].filter(({ peer, revoked }) => peer !== self && revoked === null).map(({ name }) => name)
/** In an error's one line. */
const NAMED_MAX = 3

/** The new peer's folder, whole. */
const stage = async (
  old: Identity,
  oldStore: CommitStore,
  {
    name,
    leave,
    reached,
    ...joining
  }: Joining & { readonly name: string; readonly leave: boolean; readonly reached: (step: Step) => void },
) => {
  const { dir, clock, random } = joining
  const staging = stagingOf(dir)
  const replica = createReplica({
    mesh: old.mesh,
    keys: old.keys,
    authority: null,
    store: oldStore,
    // Nothing is written under it.
    incarnation: incarnation(clock.now(), 0),
    quorum: null,
  })
  await boot(replica, oldStore, clock.now())
  const others = othersIn(replica.index.control, old.peer)
  if (others.length > 0 && !leave)
    throw new NodeError(
      'wrong_mesh',
      `the token is for another mesh, and ${dir} is a member of one in which others stay (${others.slice(0, NAMED_MAX).join(', ')}): join in another folder, or leave that mesh with --leave, after its authority took this peer out`,
    )
  await makeFolder(staging, 0o700)
  await clearStaging(dir)
  const joined = await joinMesh({ ...joining, name, dir: staging, beside: dir })
  reached('enrolled')
  if (joined.proposed)
    throw new NodeError(
      'not_ready',
      `the enrolment of this peer is kept where the token was made, and in force when most of ${joined.not_yet.join(', ')} run: then say this again. ${dir} is as it was`,
    )
  const fresh = await requireIdentity(staging)
  const store = await openLevelStore(staging, { random })
  try {
    const control = readControlLog(fresh.mesh, store)
    const { control: was } = replica.index
    if (levelAt(was, was.seq) > levelAt(control.state, control.state.seq))
      throw new NodeError(
        'conflict',
        `this folder writes format level ${levelAt(was, was.seq)}, and the mesh that it is to join ${levelAt(control.state, control.state.seq)}: raise that first with \`mnemesh mesh level\``,
      )
    const brought = await carryOver({ replica, store: oldStore }, { control, store, keys: fresh.keys, random })
    reached('carried')
    return { joined, brought }
  } finally {
    await store.close()
  }
}
