/**
 * Membership from the command line: making a mesh (`found.ts`), inviting, joining, listing, taking out. Works on a peer's folder while the
 * peer is stopped, and through the running peer's HTTP door while it has the folder.
 */
import { readdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { activeMembers, votersAt, type ControlState } from '../../crdt/control.ts'
import type { ControlEvent } from '../../crdt/event.ts'
import { latestAt } from '../../crdt/hlc.ts'
import { bytesToHex, type MeshId, type PeerId } from '../../crdt/ids.ts'
import {
  decodeInvite,
  encodeInvite,
  encodeJoin,
  encodeLeaveBehind,
  encodeLevel,
  encodeRevoke,
  type Invite,
} from '../../crdt/invite.ts'
import { FORMAT_LEVEL } from '../../crdt/level.ts'
import { limits } from '../../crdt/limits.ts'
import { publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { majorityOf } from '../../crdt/vote.ts'
import type { Applied, LevelAnswer } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { Clock, Random } from '../ports/clock.ts'
import type { CommitStore } from '../ports/store.ts'
import { keptStatements, type Statement } from '../replica/kept-statements.ts'
import { levelToldIn } from '../replica/level-told.ts'
import { checkControlLog, isAlone, lastOf, readControlLog, sayStopped, type ControlLog } from './control-log.ts'
import { fetchApplied, fetchControlLog, isMemberAt, postJoin, postStatement, requirePeer } from './door.ts'
import {
  beginIdentity,
  finishIdentity,
  knownAddresses,
  readIdentity,
  requireAuthority,
  requireIdentity,
  runningUrl,
  startLine,
  type Identity,
} from './folder.ts'
import { levelRaise, observersBelow, readBy } from './raise-level.ts'
import { checkExpiry, checkName, enrolment, findMember, isEnrolled, leavingBehind, revocation } from './statements.ts'
import { beginLog, randomOfSystem, requireFolder, whenStopped, withStore } from './stopped.ts'

export { foundMesh, initMesh } from './found.ts'
export { prepareRecovery, signRecoveryFile, submitRecovery } from './recover.ts'
export { writeRecoveryKeys } from './recovery-keys.ts'

type Saying = { readonly clock: Clock; readonly random: Random }

export type Member = {
  readonly peer_id: PeerId
  readonly name: string
  readonly role: 'voter' | 'observer'
  readonly revoked: boolean
  readonly self: boolean
  readonly authority: boolean
}

/** A single-use token. @param ttl_ms how long it may be used. */
export const makeInvite = async ({
  dir,
  role,
  ttl_ms,
  clock,
  random,
}: Saying & {
  readonly dir: string
  readonly role: 'voter' | 'observer'
  readonly ttl_ms: number
}): Promise<string> => {
  const identity = await requireIdentity(dir)
  const authority = requireAuthority(identity)
  const invite: Omit<Invite, 'authority'> = {
    mesh: identity.mesh,
    id: bytesToHex(random.bytes(16)),
    role,
    expiresMs: clock.now() + ttl_ms,
    urls: await invitedTo(dir),
  }
  return encodeInvite(invite, authority)
}

/**
 * What a token says, and which voters know the mesh as its giver does. A token is no statement: that its holder is a member is one, when it joins.
 * @param wait for voters that can be reached and are behind.
 */
export const tellOfInvite = async ({
  dir,
  token,
  wait,
}: {
  readonly dir: string
  readonly token: string
  readonly wait: boolean
}): Promise<Invited> => {
  const identity = await requireIdentity(dir)
  const { role, expiresMs, urls } = decodeInvite(token)!
  const stopped = await whenStopped(identity, async (store) => readControlLog(identity.mesh, store).state)
  const url = stopped === null ? await requireRunning(identity) : null
  const state = stopped?.result ?? (await fetchControlLog(url!, identity.mesh)).state
  const names = appliedNames(url === null ? null : await fetchApplied(url, wait), state, identity.peer)
  return { token, mesh_id: identity.mesh, role, expires_at: new Date(expiresMs).toISOString(), urls, ...names }
}

export type Invited = {
  readonly token: string
  readonly mesh_id: MeshId
  readonly role: 'voter' | 'observer'
  readonly expires_at: string
  readonly urls: readonly string[]
} & Omit<AppliedNames, 'proposed'>

/** Where a joiner may ask, and whom it finds when the first is away: what this peer told of itself and knew of others, the best first. */
const invitedTo = async (dir: string): Promise<readonly string[]> => {
  const [running, known] = [await runningUrl(dir), await knownAddresses(dir)]
  const own = known.own.length > 0 ? known.own : running === null ? [] : [running]
  return [...new Set([...own, ...known.others])].slice(0, limits.invite_urls_told_max)
}

/**
 * Makes a peer's identity in `dir` and enrols it: through a running peer when one answers at the invite's address, else in
 * the inviting peer's own folder when that is on this machine and stopped. In a folder whose enrolment is not in force yet it asks
 * again, under the same key.
 * @param from that folder; without it, it is looked for beside `beside`, which is `dir` itself. A token does not name it: tokens travel.
 * @param wait until the voters that can be reached have the enrolment on disk.
 */
export const joinMesh = async ({
  token,
  dir,
  name,
  from,
  beside = dir,
  wait = true,
  ...saying
}: Saying & {
  readonly token: string
  readonly dir: string
  readonly name: string
  readonly from?: string
  readonly beside?: string
  readonly wait?: boolean
}): Promise<{ mesh_id: MeshId; peer_id: PeerId; members: number } & AppliedNames> => {
  const invite = decodeInvite(token)
  if (invite === null)
    throw new NodeError(
      'malformed',
      'this is no invite token: give the one line that `mnemesh mesh invite` printed, whole',
    )
  checkName(name)
  checkExpiry(invite, saying.clock)
  await requireFolder(dir)
  const present = await readIdentity(dir)
  if (present !== null && present.mesh !== invite.mesh)
    throw new NodeError('wrong_mesh', `${dir} belongs to another mesh: join in another folder`)
  if (present !== null && !(await isWaiting(present))) throw await memberAlready(present, invite, from)
  const { keys } = present ?? (await beginIdentity(dir, saying.random, 'join'))
  const peer = publicKeyHex(keys) as PeerId
  const { log, url, inviter, others } = await enrolSomewhere(
    invite,
    encodeJoin(token.trim(), name, keys),
    { peer, name, beside, from },
    saying,
  )
  // Asked again, it has a log, which goes on by itself.
  if (present === null) await withStore(dir, saying.random, (store) => beginLog(dir, store, log))
  // Enrolled under another name by an attempt that was cut short, it has that.
  await finishIdentity(dir, {
    mesh: invite.mesh,
    meshName: log.state.name,
    name: log.state.members.get(peer)?.name ?? name,
    peers: meshUrls([...(url === null ? [] : [url]), ...invite.urls, ...others]),
  })
  return {
    mesh_id: invite.mesh,
    peer_id: peer,
    members: activeMembers(log.state).length,
    ...(url === null || !isEnrolled(log.state, peer)
      ? said(log.state, isEnrolled(log.state, peer), inviter, peer)
      : {
          proposed: false,
          ...appliedNames(await fetchApplied(url, wait).catch(() => null), log.state, inviter, peer),
        }),
  }
}

export const listMembers = async ({ dir }: { readonly dir: string }): Promise<Member[]> => {
  const identity = await requireIdentity(dir)
  const { state } = await controlLogOf(identity)
  return [...state.members.values()].map((member) => ({
    peer_id: member.peer,
    name: member.name,
    role: member.role,
    revoked: member.revoked !== null,
    self: member.peer === identity.peer,
    authority: member.peer === identity.peer && identity.authority !== null,
  }))
}

/**
 * Takes a member out, and tells where that holds already.
 * @param peer a member's id, name, or the start of its id. @param force also the peer that holds the authority's key itself.
 */
export const revokeMember = async ({
  peer,
  force = false,
  ...asked
}: AboutMember & { readonly force?: boolean }): Promise<StatedAbout> => {
  const {
    meant: { target },
    state,
    names,
  } = await stateIn(asked, (control, identity, authority) => {
    const found = findMember(control, peer)
    if (found === identity.peer && !force)
      throw new NodeError(
        'conflict',
        `${control.members.get(found)?.name ?? found} is the peer of this folder, which holds the authority's key: with it out nobody can be invited or taken out any more, for the others listen to it no longer, and it takes no writes. To take out another one name that; with --force it is taken out all the same, for good`,
      )
    return {
      target: found,
      isMeant: (event) => event.kind === 'peer.revoke' && event.peer === found,
      statements: async (store) => revocation(asked, control, found, await lastOf(store, found)),
      post: (url) => postStatement(url, 'revoke', encodeRevoke(identity.mesh, found, asked.clock.now(), authority)),
    }
  })
  return { ...nameOf(state, target), ...names }
}

/** Lets a member leave behind what it sealed in the future, which it writes again itself; and tells where that holds already. */
export const leaveBehind = async ({ peer, ...asked }: AboutMember): Promise<StatedAbout> => {
  const {
    meant: { target },
    state,
    names,
  } = await stateIn(asked, (control, identity, authority) => {
    const found = findMember(control, peer)
    return {
      target: found,
      isMeant: (event) => event.kind === 'peer.leave_behind' && event.peer === found,
      statements: async (store) =>
        leavingBehind(asked, control, found, await lastOf(store, found, latestAt(asked.clock.now()))),
      post: (url) =>
        postStatement(url, 'leave-behind', encodeLeaveBehind(identity.mesh, found, asked.clock.now(), authority)),
    }
  })
  return { ...nameOf(state, target), ...names }
}

/**
 * Raises the mesh's format level, and tells where that holds already.
 * @throws NodeError `conflict` with the voters that do not read it.
 */
export const raiseLevel = async ({ level, ...asked }: Asked & { readonly level: number }): Promise<Raised> => {
  const {
    meant: { answer },
    names,
  } = await stateIn(asked, (control, identity, authority) => {
    const meaning = {
      answer: { level, observers_below: [] } as LevelAnswer,
      isMeant: (event: ControlEvent) => event.kind === 'mesh.level' && event.level === level,
      statements: async (store: CommitStore) => {
        const reads = readBy(identity.peer, FORMAT_LEVEL, (peer) => levelToldIn(store, peer))
        meaning.answer = { level, observers_below: observersBelow(control, level, reads) }
        return [[levelRaise(asked, control, level, reads)]]
      },
      post: async (url: string) => {
        meaning.answer = (await (
          await postStatement(url, 'level', encodeLevel(identity.mesh, level, asked.clock.now(), authority))
        ).json()) as LevelAnswer
      },
    }
    return meaning
  })
  return { level, observers_below: answer.observers_below, ...names }
}

/** @param offline also where the peer is stopped and others must countersign. @param wait until the others that can be reached have it on disk. */
type Asked = Saying & { readonly dir: string; readonly offline?: boolean; readonly wait?: boolean }
type AboutMember = Asked & { readonly peer: string }
type StatedAbout = { readonly peer_id: PeerId; readonly name: string } & AppliedNames
type Raised = LevelAnswer & AppliedNames
type Meaning = {
  /** Whether it has been said already, and waits. */
  readonly isMeant: (event: ControlEvent) => boolean
  readonly statements: (store: CommitStore) => Promise<readonly Statement[]>
  readonly post: (url: string) => Promise<unknown>
}

/** In the folder while it is stopped, else by its running peer. @param mean what is to be said, given who the members are. */
const stateIn = async <M extends Meaning>(
  { dir, offline = false, wait = true, ...saying }: Asked,
  mean: (control: ControlState, identity: Identity, authority: KeyPair) => M,
): Promise<{ readonly meant: M; readonly state: ControlState; readonly names: AppliedNames }> => {
  const identity = await requireIdentity(dir)
  const authority = requireAuthority(identity)
  const done = await whenStopped(identity, async (store) => {
    const log = readControlLog(identity.mesh, store)
    const meant = mean(log.state, identity, authority)
    await requireAloneOrOffline(log.state, identity, offline)
    const statements = await meant.statements(store)
    if (isKept(store, meant.isMeant)) return { meant, state: log.state, names: said(log.state, false, identity.peer) }
    const { state } = await sayStopped(store, log, statements, identity, saying.clock.now())
    return { meant, state, names: said(state, state.seq > log.state.seq, identity.peer) }
  })
  if (done !== null) return done.result
  const url = await requireRunning(identity)
  const { state } = await fetchControlLog(url, identity.mesh)
  const meant = mean(state, identity, authority)
  await meant.post(url)
  return {
    meant,
    state,
    names: { proposed: false, ...appliedNames(await fetchApplied(url, wait), state, identity.peer) },
  }
}

/** Voters by name: where a statement lies on disk, and where not yet. */
export type AppliedNames = {
  /** Kept in the folder of a stopped peer, and in force nowhere yet: `not_yet` are those whose votes it waits for. */ readonly proposed: boolean
  readonly applied: readonly string[]
  readonly not_yet: readonly string[]
}

/** @param told by a running peer; null: the statement lies in the folder of `self` alone, which is stopped. @param joining is not there yet. */
const appliedNames = (
  told: Applied | null,
  state: ControlState,
  self: PeerId | null,
  joining: PeerId | null = null,
): Omit<AppliedNames, 'proposed'> => {
  if (told !== null)
    return {
      applied: told.applied.map(({ name }) => name),
      not_yet: told.not_yet.filter(({ peer_id }) => peer_id !== joining).map(({ name }) => name),
    }
  const voters = activeMembers(state, 'voter').filter(({ peer }) => peer !== joining)
  return {
    applied: voters.filter(({ peer }) => peer === self).map(({ name }) => name),
    not_yet: voters.filter(({ peer }) => peer !== self).map(({ name }) => name),
  }
}
/** Of a statement in the folder of a stopped peer. @param isInForce it certified it alone. */
const said = (
  state: ControlState,
  isInForce: boolean,
  self: PeerId | null,
  joining: PeerId | null = null,
): AppliedNames => {
  const names = appliedNames(null, state, self, joining)
  return isInForce ? { proposed: false, ...names } : { proposed: true, applied: [], not_yet: names.not_yet }
}
/** @throws NodeError when others must countersign, and nobody said that it may wait. */
const requireAloneOrOffline = async (
  state: ControlState,
  { dir, peer }: Pick<Identity, 'dir' | 'peer'>,
  offline: boolean,
): Promise<void> => {
  if (offline || isAlone(state, peer)) return
  const { size } = votersAt(state, state.seq)
  throw new NodeError(
    'conflict',
    `${dir} is stopped, and a statement takes effect when ${majorityOf(size)} of ${size} voters have countersigned it: start it with \`${await startLine(dir)}\` and say this again; with --offline it is kept there, and proposed when it is started`,
  )
}
/** Whether it has been said already, and waits. */
const isKept = (store: CommitStore, isMeant: (event: ControlEvent) => boolean): boolean =>
  keptStatements(store).some((statement) => statement.some(isMeant))
const nameOf = (state: ControlState, peer: PeerId) => ({ peer_id: peer, name: state.members.get(peer)?.name ?? peer })

// ── where the control log can be reached ───────────────────────────────────────────────────────────────────────────────

type Enrolled = {
  readonly log: ControlLog
  readonly url: string | null
  /** The inviter, where it enrolled while it was stopped. */ readonly inviter: PeerId | null
  readonly others: readonly string[]
}

/** Every address of the invite is tried. The token is told to proven members of its mesh alone. */
const enrolSomewhere = async (
  invite: Invite,
  request: Uint8Array,
  who: { peer: PeerId; name: string; beside: string; from: string | undefined },
  saying: Saying,
): Promise<Enrolled> => {
  const inviter = await inviterOf(invite, who)
  const urls = [...new Set([...invite.urls, ...(await urlNow(inviter))])]
  const failures: Error[] = []
  const asked = urls.map((url) => ({
    url,
    member: isMemberAt(url, invite.mesh, randomOfSystem).catch((error: unknown) => {
      failures.push(error instanceof Error ? error : new Error(String(error)))
      return null
    }),
  }))
  for (const { url, member } of asked) {
    try {
      const found = await member
      if (found === false)
        failures.push(
          new NodeError(
            'conflict',
            `what answers at ${url} is no member of the token's mesh, so it was not told the token: make a new one where the mesh runs`,
          ),
        )
      const answer = found === true ? await postJoin(url, request) : null
      if (answer !== null) return { log: checkControlLog(invite.mesh, answer), url, inviter: null, others: [] }
    } catch (error) {
      // A member that does not hold the authority's key passes nothing on: another may hold it.
      if (!(error instanceof NodeError && error.code === 'forbidden')) throw error
      failures.push(error)
    }
  }
  if (inviter !== null) {
    const log = await whenStopped(inviter, async (store) => {
      const before = readControlLog(invite.mesh, store)
      if (isEnrolled(before.state, who.peer)) return before
      if (isKept(store, (event) => event.kind === 'peer.enrol' && event.peer === who.peer)) return before
      return sayStopped(
        store,
        before,
        [[enrolment(saying, before.state, { invite, ...who })]],
        inviter,
        saying.clock.now(),
      )
    })
    if (log !== null) return { log: log.result, url: null, inviter: inviter.peer, others: await invitedTo(inviter.dir) }
  }
  const [first] = failures
  if (first !== undefined && failures.length === urls.length) throw first
  const tried = urls.length > 0 ? ` (tried ${urls.join(', ')})` : ''
  throw new NodeError(
    'not_found',
    `cannot reach the peer that gave the token${tried}: start it with \`mnemesh serve\`, make a new token there, and join again; or name its folder with --from, when it is stopped on this machine`,
  )
}

/** Whether the folder has joined and its enrolment is not in force by its own log: whoever proposes it may have lost it, so it may be asked for again. */
const isWaiting = (identity: Identity): Promise<boolean> =>
  controlLogOf(identity).then(
    ({ state }) => !state.members.has(identity.peer),
    () => false,
  )

/** Of a folder that has joined the token's mesh before: whether it may be started, by its own control log and by that of who gave the token. */
const memberAlready = async (identity: Identity, invite: Invite, from: string | undefined): Promise<NodeError> => {
  const isOut = ({ state }: ControlLog): boolean => (state.members.get(identity.peer)?.revoked ?? null) !== null
  const { dir, name } = identity
  let out = await controlLogOf(identity).then(isOut, () => false)
  const inviter = out ? null : await inviterOf(invite, { beside: dir, from }).catch(() => null)
  if (inviter !== null) out = await controlLogOf(inviter).then(isOut, () => false)
  for (const url of out || inviter !== null ? [] : invite.urls) {
    if ((await isMemberAt(url, invite.mesh, randomOfSystem).catch(() => null)) !== true) continue
    out = await fetchControlLog(url, invite.mesh).then(isOut, () => false)
    break
  }
  return new NodeError(
    'conflict',
    out
      ? `${dir} is the folder of ${name}, which was taken out of this mesh for good: join with another folder, under a key of its own; what this one holds can still be read with \`mnemesh export\` while it is served`
      : `${dir} is a member of this mesh already: start it with \`${await startLine(dir)}\``,
  )
}

/** What the folder remembers: with the first of them away another leads into the mesh. */
const meshUrls = (urls: readonly string[]): readonly string[] =>
  [...new Set(urls)].slice(0, limits.invite_urls_told_max).map((url) => `${url.replace(/^http/, 'ws')}/mesh`)

/** The inviter may have been started, or moved to another port, since the token was made. */
const urlNow = async (inviter: Inviter | null): Promise<readonly string[]> => {
  const url = inviter === null ? null : await runningUrl(inviter.dir).catch(() => null)
  return url === null ? [] : [url]
}

type Inviter = Identity & { readonly authority: NonNullable<Identity['authority']> }
/** Folders looked at beside the new peer's: a machine's peers lie together; among more than that, --from says which. */
const FOLDERS_LOOKED_AT_MAX = 4_096

/** The folder on this machine that holds the key which signed the token: a folder that merely says so is none, its key is checked. */
const inviterOf = async (
  { mesh, authority }: Invite,
  { beside, from }: { readonly beside: string; readonly from: string | undefined },
): Promise<Inviter | null> => {
  const parent = dirname(resolve(beside))
  const folders =
    from !== undefined
      ? [from]
      : (await readdir(parent, { withFileTypes: true }).catch(() => []))
          .filter((entry) => entry.isDirectory())
          .slice(0, FOLDERS_LOOKED_AT_MAX)
          .map(({ name }) => join(parent, name))
  for (const folder of folders) {
    const identity = await readIdentity(folder).catch(() => null)
    if (identity?.mesh === mesh && identity.authority !== null && publicKeyHex(identity.authority) === authority)
      return { ...identity, authority: identity.authority }
  }
  if (from !== undefined)
    throw new NodeError(
      'not_found',
      `${from} does not hold the authority key that signed the token: name the folder in which \`mesh init\` was run`,
    )
  return null
}

const controlLogOf = async (identity: Identity): Promise<ControlLog> => {
  const stopped = await whenStopped(identity, async (store) => readControlLog(identity.mesh, store))
  return stopped === null ? fetchControlLog(await requireRunning(identity), identity.mesh) : stopped.result
}

const requireRunning = async (identity: Identity): Promise<string> => {
  const url = await runningUrl(identity.dir)
  if (url === null)
    throw new NodeError(
      'conflict',
      `${identity.dir} is in use by a process that did not say where it listens: stop it, then try again`,
    )
  await requirePeer(url, identity.peer, randomOfSystem)
  return url
}
