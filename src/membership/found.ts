/**
 * Founding a mesh: one genesis that names everybody who founds it, and a folder for each.
 *
 * Keys come first, then the log, `mesh.json` last, folder by folder with the first one's at the very end: a founding that was cut
 * short is asked for again and goes on, under the same keys, and from the same genesis where one was written.
 */
import { publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { decodeCommit } from '../../crdt/commit.ts'
import type { Founder } from '../../crdt/event.ts'
import type { MeshId, PeerId } from '../../crdt/ids.ts'
import { NodeError } from '../errors.ts'
import type { CommitStore } from '../ports/store.ts'
import { foundedLog, readControlLog, type ControlLog } from './control-log.ts'
import { beginIdentity, finishIdentity, readIdentity, requireAuthority, startLine, type Identity } from './folder.ts'
import { makeRecovery } from './recovery-keys.ts'
import type { RecoveryPlan } from './recovery-plan.ts'
import { genesis, type Saying } from './statements.ts'
import { beginLog, requireFolder, withStore } from './stopped.ts'

export type Founding = { readonly dir: string; readonly name: string }

/** Recovery keys as they are shown, once: of a mesh that an attempt which was cut short has made, nobody has them but who saw that. */
export type Shown = {
  readonly recovery: { readonly threshold: number; readonly of: number; readonly keys: readonly string[] }
}

/** Makes a mesh of one: its authority's key and the first peer's identity, in `dir`. */
export const initMesh = async ({
  dir,
  name,
  ...rest
}: Asked & Founding): Promise<{ mesh_id: MeshId; peer_id: PeerId } & Shown> => {
  const { mesh_id, peer_ids, recovery } = await foundMesh({ name, founders: [{ dir, name }], ...rest })
  return { mesh_id, peer_id: peer_ids[0]!, recovery }
}

/** `recovery`: none when absent. `showKeys`: awaited before the mesh is made, so that no mesh is there whose keys nobody has seen. */
type Asked = Saying & {
  readonly recovery?: RecoveryPlan
  readonly showKeys?: (secrets: readonly string[]) => Promise<void>
}

/**
 * Makes a mesh of all `founders`, voters each, whose folders lie on this machine. The authority's key lies in the first one's.
 * @param founders one at least; those whose folders are whole already belong to the mesh that the first one's folder names.
 */
export const foundMesh = async ({
  name,
  founders,
  recovery: plan = NO_RECOVERY,
  showKeys,
  ...saying
}: Asked & { readonly name: string; readonly founders: readonly Founding[] }): Promise<
  { mesh_id: MeshId; peer_ids: readonly PeerId[] } & Shown
> => {
  const [first] = founders
  if (first === undefined) throw new RangeError('a mesh is founded by somebody')
  await requireEmpty(first.dir)
  const keys: KeyPair[] = []
  const whole: Identity[] = []
  let authority: KeyPair | null = null
  for (const { dir } of founders) {
    await requireFolder(dir)
    const present = dir === first.dir ? null : await readIdentity(dir)
    if (present !== null) whole.push(present)
    const begun = await beginIdentity(dir, saying.random, dir === first.dir ? 'init' : 'join')
    keys.push(begun.keys)
    authority ??= requireAuthority({ dir, authority: begun.authority })
  }
  const peers = keys.map((pair) => publicKeyHex(pair) as PeerId)
  const members = founders.map((founder, at): Founder => ({ peer: peers[at]!, name: founder.name, role: 'voter' }))
  let shown: readonly string[] = []
  const log = await withStore(first.dir, saying.random, async (store) => {
    const begun = logBegunIn(first.dir, store)
    const foreign = whole.find(({ mesh }) => mesh !== begun?.state.mesh)
    if (foreign !== undefined)
      throw new NodeError('conflict', `${foreign.dir} belongs to a mesh already: take another folder`)
    if (begun !== null) return begun
    const { recovery, secrets } = makeRecovery(plan, saying.random)
    const made = foundedLog(genesis(saying, name, authority!, members, recovery), authority!)
    await showKeys?.(secrets)
    shown = secrets
    await beginLog(first.dir, store, made)
    return made
  })
  const absent = members.find(({ peer }) => !log.state.members.has(peer))
  if (absent !== undefined)
    throw new NodeError(
      'conflict',
      `${first.dir} was begun as a mesh without ${absent.name} and not finished: finish that with \`mnemesh mesh init\`, or take other folders`,
    )
  const mesh = log.state.mesh
  for (const { dir, name: own } of founders.toReversed()) {
    if (dir !== first.dir) await withStore(dir, saying.random, (store) => beginLog(dir, store, log))
    await finishIdentity(dir, { mesh, meshName: log.state.name, name: own, peers: [] })
  }
  const { threshold, keys: all } = log.state.recovery
  return { mesh_id: mesh, peer_ids: peers, recovery: { threshold, of: all.length, keys: shown } }
}
const NO_RECOVERY: RecoveryPlan = { threshold: 0, count: 0 }

/** The control log that a founding which was cut short has left; null when it had not come so far. */
const logBegunIn = (dir: string, store: CommitStore): ControlLog | null => {
  const arrival = store.arrivals() === 0 ? null : store.arrival(1)
  if (arrival === null) return null
  const stored = store.commit(arrival.chain, arrival.seq)
  const decoded = stored && decodeCommit(stored.bytes)
  if (!decoded?.ok) throw new NodeError('conflict', `${dir} holds a damaged log: take another folder`)
  return readControlLog(decoded.commit.header.mesh, store)
}

const requireEmpty = async (dir: string): Promise<void> => {
  await requireFolder(dir)
  if ((await readIdentity(dir)) !== null)
    throw new NodeError(
      'conflict',
      `${dir} belongs to a mesh already: take another folder, or start it with \`${await startLine(dir)}\``,
    )
}
