/**
 * Membership from the command line: making a mesh, inviting, joining, listing, taking out. Works on a peer's folder while the
 * peer is stopped, and through the running peer's HTTP door while it has the folder.
 */
import { readdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { activeMembers, type ControlState } from '../../crdt/control.ts'
import { bytesToHex, type MeshId, type PeerId } from '../../crdt/ids.ts'
import { decodeInvite, encodeInvite, encodeJoin, encodeRevoke, type Invite } from '../../crdt/invite.ts'
import { publicKeyHex } from '../../crdt/signature.ts'
import { NodeError } from '../errors.ts'
import { StoreFailure, type Clock, type CommitStore, type Random } from '../ports.ts'
import { openLevelStore } from '../store/level.ts'
import { checkControlLog, emptyControlLog, lastOf, readControlLog, sealOnto, writeControlLog, type ControlLog } from './control-log.ts'
import { fetchControlLog, isMemberAt, postJoin, postRevoke, requirePeer } from './door.ts'
import { beginIdentity, finishIdentity, readIdentity, requireIdentity, runningUrl, type Identity } from './folder.ts'
import { checkExpiry, checkName, enrolment, findMember, firstEnrolment, genesis, isEnrolled, revocation } from './statements.ts'

type Saying = { readonly clock: Clock; readonly random: Random }

export type Member = { readonly peer_id: PeerId; readonly name: string; readonly role: 'voter' | 'observer'; readonly revoked: boolean; readonly self: boolean; readonly authority: boolean }

/** Makes a mesh: its authority key and the first peer's identity, in `dir`. */
export const initMesh = async ({ dir, name, ...saying }: Saying & { readonly dir: string; readonly name: string }): Promise<{ mesh_id: MeshId; peer_id: PeerId }> => {
  checkName(name)
  await requireEmpty(dir)
  const begun = await beginIdentity(dir, saying.random, 'init')
  const authority = requireAuthority({ dir, authority: begun.authority })
  const mesh = publicKeyHex(authority) as MeshId
  const peer = publicKeyHex(begun.keys) as PeerId
  const founded = sealOnto(emptyControlLog(mesh), genesis(saying, name), authority, saying.clock.now())
  const log = sealOnto(founded, firstEnrolment(saying, peer, name), authority, saying.clock.now())
  await withStore(dir, saying.random, (store) => beginLog(dir, store, log))
  await finishIdentity(dir, { mesh, meshName: name, name, peers: [] })
  return { mesh_id: mesh, peer_id: peer }
}

/** A single-use token. @param ttl_ms how long it may be used. */
export const makeInvite = async ({ dir, role, ttl_ms, clock, random }: Saying & { readonly dir: string; readonly role: 'voter' | 'observer'; readonly ttl_ms: number }): Promise<string> => {
  const identity = await requireIdentity(dir)
  const authority = requireAuthority(identity)
  const url = await runningUrl(dir)
  const invite: Invite = { mesh: identity.mesh, id: bytesToHex(random.bytes(16)), role, expiresMs: clock.now() + ttl_ms, urls: url === null ? [] : [url] }
  return encodeInvite(invite, authority)
}

/**
 * Makes a peer's identity in `dir` and enrols it: through a running peer when one answers at the invite's address, else in
 * the inviting peer's own folder when that is on this machine and stopped.
 * @param from that folder; without it, it is looked for beside `dir`. A token does not name it: tokens travel.
 */
export const joinMesh = async ({ token, dir, name, from, ...saying }: Saying & { readonly token: string; readonly dir: string; readonly name: string; readonly from?: string }): Promise<{ mesh_id: MeshId; peer_id: PeerId; members: number }> => {
  const invite = decodeInvite(token)
  if (invite === null) throw new NodeError('malformed', 'this is no invite token: give the one line that `mnemesh mesh invite` printed, whole')
  checkName(name)
  checkExpiry(invite, saying.clock)
  await requireFolder(dir)
  const present = await readIdentity(dir)
  if (present !== null) throw new NodeError(present.mesh === invite.mesh ? 'conflict' : 'wrong_mesh', present.mesh === invite.mesh ? `${dir} is a member of this mesh already: start it with \`mnemesh serve --data ${dir}\`` : `${dir} belongs to another mesh: join in another folder`)
  const { keys } = await beginIdentity(dir, saying.random, 'join')
  const peer = publicKeyHex(keys) as PeerId
  const { log, url } = await enrolSomewhere(invite, encodeJoin(token.trim(), name, keys), { peer, name, beside: dir, from }, saying)
  await withStore(dir, saying.random, (store) => beginLog(dir, store, log))
  // Enrolled under another name by an attempt that was cut short, it has that.
  await finishIdentity(dir, { mesh: invite.mesh, meshName: log.state.name, name: log.state.members.get(peer)?.name ?? name, peers: url === null ? [] : [`${url.replace(/^http/, 'ws')}/mesh`] })
  return { mesh_id: invite.mesh, peer_id: peer, members: activeMembers(log.state).length }
}

/** What the log begins with, unless an attempt that was cut short has written it. */
const beginLog = async (dir: string, store: CommitStore, log: ControlLog): Promise<void> => {
  if (store.arrivals() === 0) return writeControlLog(store, log, 0)
  if (store.commit(log.chain.id, 1) === null) throw new NodeError('wrong_mesh', `${dir} holds the log of another mesh: take another folder`)
}

export const listMembers = async ({ dir }: { readonly dir: string }): Promise<Member[]> => {
  const identity = await requireIdentity(dir)
  const { state } = await controlLogOf(identity)
  return [...state.members.values()].map((member) => ({
    peer_id: member.peer, name: member.name, role: member.role, revoked: member.revoked !== null, self: member.peer === identity.peer, authority: member.peer === identity.peer && identity.authority !== null,
  }))
}

/** @param peer a member's id, name, or the start of its id. */
export const revokeMember = async ({ dir, peer, ...saying }: Saying & { readonly dir: string; readonly peer: string }): Promise<void> => {
  const identity = await requireIdentity(dir)
  const authority = requireAuthority(identity)
  const member = (control: ControlState): PeerId => findMember(control, peer)
  const done = await whenStopped(identity, async (store) => {
    const log = readControlLog(identity.mesh, store)
    const target = member(log.state)
    const sealed = sealOnto(log, revocation(saying, log.state, target, await lastOf(store, target)), authority, saying.clock.now())
    await writeControlLog(store, sealed, log.commits.length)
  })
  if (done !== null) return
  const url = await requireRunning(identity)
  await postRevoke(url, encodeRevoke(identity.mesh, member((await fetchControlLog(url, identity.mesh)).state), saying.clock.now(), authority))
}

// ── where the control log can be reached ───────────────────────────────────────────────────────────────────────────────

const enrolSomewhere = async (invite: Invite, request: Uint8Array, who: { peer: PeerId; name: string; beside: string; from: string | undefined }, saying: Saying): Promise<{ log: ControlLog; url: string | null }> => {
  const inviter = await inviterOf(invite.mesh, who)
  for (const url of [...invite.urls, ...(await urlNow(inviter))]) {
    const member = await isMemberAt(url, invite.mesh, randomOfSystem)
    if (member === false) throw new NodeError('conflict', `what answers at ${url} is no member of the token's mesh, so it was not told the token: make a new one where the mesh runs`)
    const answer = member === null ? null : await postJoin(url, request)
    if (answer !== null) return { log: checkControlLog(invite.mesh, answer), url }
  }
  if (inviter !== null) {
    const { authority } = inviter
    const log = await whenStopped(inviter, async (store) => {
      const before = readControlLog(invite.mesh, store)
      if (isEnrolled(before.state, who.peer)) return before
      const sealed = sealOnto(before, enrolment(saying, before.state, { invite, ...who }), authority, saying.clock.now())
      await writeControlLog(store, sealed, before.commits.length)
      return sealed
    })
    if (log !== null) return { log: log.result, url: null }
  }
  const tried = invite.urls.length > 0 ? ` (tried ${invite.urls.join(', ')})` : ''
  throw new NodeError('not_found', `cannot reach the peer that gave the token${tried}: start it with \`mnemesh serve\`, make a new token there, and join again; or name its folder with --from, when it is stopped on this machine`)
}

/** The inviter may have been started, or moved to another port, since the token was made. */
const urlNow = async (inviter: Inviter | null): Promise<readonly string[]> => {
  const url = inviter === null ? null : await runningUrl(inviter.dir).catch(() => null)
  return url === null ? [] : [url]
}

type Inviter = Identity & { readonly authority: NonNullable<Identity['authority']> }
/** Folders looked at beside the new peer's: a machine's peers lie together; among more than that, --from says which. */
const FOLDERS_LOOKED_AT_MAX = 4_096

/** The folder on this machine that holds the mesh's authority key: a folder that merely says so is none, its key is checked. */
const inviterOf = async (mesh: MeshId, { beside, from }: { readonly beside: string; readonly from: string | undefined }): Promise<Inviter | null> => {
  const parent = dirname(resolve(beside))
  const folders = from !== undefined ? [from] : (await readdir(parent, { withFileTypes: true }).catch(() => [])).filter((entry) => entry.isDirectory()).slice(0, FOLDERS_LOOKED_AT_MAX).map(({ name }) => join(parent, name))
  for (const folder of folders) {
    const identity = await readIdentity(folder).catch(() => null)
    if (identity?.mesh === mesh && identity.authority !== null && publicKeyHex(identity.authority) === mesh) return { ...identity, authority: identity.authority }
  }
  if (from !== undefined) throw new NodeError('not_found', `${from} does not hold the authority key of the token's mesh: name the folder in which \`mesh init\` was run`)
  return null
}

const controlLogOf = async (identity: Identity): Promise<ControlLog> => {
  const stopped = await whenStopped(identity, async (store) => readControlLog(identity.mesh, store))
  return stopped === null ? fetchControlLog(await requireRunning(identity), identity.mesh) : stopped.result
}

/** Does the work in the peer's store; null when a running process has it. */
const whenStopped = async <T>(identity: Pick<Identity, 'dir'>, work: (store: CommitStore) => Promise<T>): Promise<{ result: T } | null> => {
  try {
    return { result: await withStore(identity.dir, randomOfSystem, work) }
  } catch (error) {
    if (error instanceof StoreFailure && error.code === 'locked') return null
    throw error
  }
}

const withStore = async <T>(dir: string, random: Random, work: (store: CommitStore) => Promise<T>): Promise<T> => {
  const store = await openLevelStore(dir, { random })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
const randomOfSystem: Random = { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) }

const requireRunning = async (identity: Identity): Promise<string> => {
  const url = await runningUrl(identity.dir)
  if (url === null) throw new NodeError('conflict', `${identity.dir} is in use by a process that did not say where it listens: stop it, then try again`)
  await requirePeer(url, identity.peer, randomOfSystem)
  return url
}

const requireAuthority = (identity: Pick<Identity, 'dir' | 'authority'>): NonNullable<Identity['authority']> => {
  if (identity.authority === null) throw new NodeError('forbidden', `${identity.dir} does not hold the mesh's authority key: do this with the folder in which \`mesh init\` was run`)
  return identity.authority
}

const requireFolder = async (dir: string): Promise<void> => {
  const found = await stat(dir).catch(() => null)
  if (found !== null && !found.isDirectory()) throw new NodeError('malformed', `${dir} is not a folder: take another place`)
}

const requireEmpty = async (dir: string): Promise<void> => {
  await requireFolder(dir)
  if ((await readIdentity(dir)) !== null) throw new NodeError('conflict', `${dir} belongs to a mesh already: take another folder, or start it with \`mnemesh serve --data ${dir}\``)
}
