/**
 * Bringing back a mesh whose authority's key, or a majority of whose voters, is lost for good: a statement that names another authority
 * and takes out who is lost, signed by recovery keys where they are kept, and put into the log of a stopped member. The same ends a fork of
 * the control log: it begins an epoch behind the last statement that all hold, and says again what its folder's log says behind that.
 *
 * Three steps, each in its place: prepared in that member's folder, which holds the key that is to govern; signed as a file, key by key,
 * offline; submitted in the same folder. The others hear of it when the member is started.
 */
import { decodeCommit, epochOf, withVotes, type Commit, type VerifiedCommit } from '../../crdt/commit.ts'
import { activeMembers, sealControl, type ControlState } from '../../crdt/control.ts'
import { extendLine, nextFault } from '../../crdt/control-line.ts'
import { EPOCHS_MAX, isRecovery, outranks } from '../../crdt/epoch.ts'
import { encodeEvent, type ControlEvent, type MeshRecover, type PeerEnrol } from '../../crdt/event.ts'
import { tick } from '../../crdt/hlc.ts'
import { bytesToHex, hexToBytes, type CommitHash, type MeshId, type PeerId, type PublicKey } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { publicKeyHex } from '../../crdt/signature.ts'
import { isRecovered, signRecovery } from '../../crdt/vote.ts'
import { NodeError } from '../errors.ts'
import { branchFact, branchList, branchPlaces } from '../replica/branch-facts.ts'
import { extended, lastOf, readControlLog, writeControlLog, type ControlLog } from './control-log.ts'
import { finishRecovering, recoveringKey, requireIdentity } from './folder.ts'
import { knownLines, lineAt, requireFollowed, saidBehind } from './known-lines.ts'
import { readRecoveryKey } from './recovery-keys.ts'
import { findMember, recovery, revocation, said, type Saying } from './statements.ts'
import { whenStopped } from './stopped.ts'

/**
 * `text`: the file. `revoke_again`: of whose many chains not all fit; `mesh revoke` tells the rest, when the mesh is governed. `voters`: names
 * of those who are left; more than half of them must run for the mesh to be governed. `behind`: the last place that stays. `said_again`: how
 * many statements of this folder's log behind it the recovery repeats, `not_said_again` how many did not fit. `waiting`: who was enrolled on
 * another line alone; what they wrote waits until they are enrolled again.
 */
export type PreparedRecovery = {
  readonly text: string
  readonly needed: number
  readonly of: number
  readonly out: readonly string[]
  readonly revoke_again: readonly string[]
  readonly voters: readonly string[]
  readonly behind: number
  readonly said_again: number
  readonly not_said_again: number
  readonly waiting: readonly string[]
}

/** What a file says, for who is to sign it. `signed_by`: public keys. */
export type RecoverySays = {
  readonly mesh_id: MeshId
  readonly place: number
  readonly authority: PublicKey
  readonly takes_out: readonly PeerId[]
  readonly enrols: readonly string[]
  /** The epoch that it begins, behind this statement; it takes the place of whatever stands there. */
  readonly epoch: number
  readonly behind: CommitHash
  /** Whether its peer has yet to be started for it to hold; only where it was submitted. */
  readonly waits?: boolean
  readonly signed_by: readonly string[]
}

/**
 * @param without members that are lost: their ids, names, or the starts of ids. @param enrolling those who are members on another line alone, likewise.
 * @param at the last statement that stays, by its hash's beginning; else the last that no known line disputes. @throws NodeError also where no voter would be left.
 */
export const prepareRecovery = async ({
  dir,
  without,
  enrolling = [],
  at = null,
  ...saying
}: Saying & {
  readonly dir: string
  readonly without: readonly string[]
  readonly enrolling?: readonly string[]
  readonly at?: string | null
}): Promise<PreparedRecovery> => {
  const identity = await requireIdentity(dir)
  const done = await whenStopped(identity, async (store) => {
    const log = readControlLog(identity.mesh, store)
    const { state } = log
    requireFollowed(store, log, dir)
    const known = knownLines(store, log)
    const { threshold, keys } = state.recovery
    if (threshold === 0)
      throw new NodeError(
        'forbidden',
        "this mesh was made without recovery keys: nothing but its authority's key and its voters governs it",
      )
    const lost = [...new Set(without.map((text) => findMember(state, text)))]
    if (lost.includes(identity.peer) || state.members.get(identity.peer)?.revoked !== null)
      throw new NodeError(
        'conflict',
        `${dir} is the folder of a peer that is out, or is to be: recover the mesh in the folder of a member that stays`,
      )
    const voters = activeMembers(state, 'voter').filter(({ peer }) => !lost.includes(peer))
    if (voters.length === 0)
      throw new NodeError(
        'conflict',
        'no voter would be left, so nothing could ever be decided again: do this in the folder of a voter, and keep it',
      )
    const place = at === null ? known.common : placeOf(log, at)
    const line = lineAt(log, place)
    const joining = enrolling.map((text) => findElsewhere(known.elsewhere, text))
    const authority = await recoveringKey(dir, saying.random)
    const out: ControlEvent[] = []
    const more: PeerId[] = []
    for (const peer of lost) {
      const [first, ...rest] = revocation(saying, state, peer, await lastOf(store, peer))
      for (const event of first ?? []) out.push(event)
      if (rest.length > 0) more.push(peer)
    }
    const first = recovery(saying, authority)
    const enrolments = joining.map(({ peer, name, role }): ControlEvent => ({
      ...said(saying),
      kind: 'peer.enrol',
      peer,
      name,
      role,
    }))
    const before = saidBehind(log, place)
    const again = asMuchAsFits(before, [first, ...enrolments, ...out])
    const commit = sealControl(
      line.chain,
      [first, ...again.flat(), ...enrolments, ...out],
      tick(log.chain.hlc, saying.clock.now()),
      authority,
      Math.min(known.epoch + 1, EPOCHS_MAX),
    )
    if (!decodeCommit(commit.bytes).ok)
      throw new NodeError(
        'too_large',
        'those who are to be taken out have more chains than one statement holds: take out fewer, and the others with `mnemesh mesh revoke` afterwards',
      )
    return {
      text: fileOf(commit),
      needed: threshold,
      of: keys.length,
      out: lost.map((peer) => nameIn(state, peer)),
      revoke_again: more.map((peer) => nameIn(state, peer)),
      voters: [...voters, ...joining.filter(({ role }) => role === 'voter')].map(({ name }) => name),
      behind: place,
      said_again: again.length,
      not_said_again: before.length - again.length,
      waiting: known.elsewhere.filter((each) => !joining.includes(each)).map(({ name }) => name),
    }
  })
  return done?.result ?? inUse(dir)
}

/** The file with one more signature; works anywhere, without a folder. @param key a recovery key as it was shown. */
export const signRecoveryFile = ({
  text,
  key,
}: {
  readonly text: string
  readonly key: string
}): { readonly text: string; readonly says: RecoverySays } => {
  const commit = readRecoveryFile(text)
  const vote = signRecovery(commit, readRecoveryKey(key))
  const others = commit.votes.filter(({ voter }) => voter !== vote.voter)
  if (others.length >= limits.recovery_keys_max)
    throw new NodeError(
      'conflict',
      `the file holds ${others.length} signatures, and no mesh has more recovery keys: prepare it again`,
    )
  const signed = withVotes(commit, [...others, vote])
  return { text: fileOf(signed), says: saidIn(signed) }
}

/** Puts the recovery into the log of the folder in which it was prepared. Asked for again after it was cut short, it is finished. */
export const submitRecovery = async ({
  dir,
  text,
}: {
  readonly dir: string
  readonly text: string
}): Promise<RecoverySays> => {
  const identity = await requireIdentity(dir)
  const commit = readRecoveryFile(text)
  const says = saidIn(commit)
  if (commit.header.mesh !== identity.mesh)
    throw new NodeError(
      'wrong_mesh',
      `the file recovers mesh ${commit.header.mesh}, and ${dir} belongs to ${identity.mesh}`,
    )
  const done = await whenStopped(identity, async (store) => {
    const log = readControlLog(identity.mesh, store)
    if (log.commits[commit.header.seq - 1]?.hash === commit.hash) return false
    if (branchPlaces(store).has(commit.hash)) return true
    const key = await recoveringKey(dir, null)
    if (key === null || publicKeyHex(key) !== says.authority)
      throw new NodeError(
        'forbidden',
        `the key that this recovery names is not in ${dir}: submit it where it was prepared, or prepare it here and have it signed again`,
      )
    const line = lineAt(log, commit.header.seq - 1)
    if (line.chain.hash !== commit.header.prev || !isUpToDate(log, commit)) throw goneOn()
    if (!isRecovered(commit, log.state.recovery)) throw tooFew(commit, log.state)
    const fault = nextFault(line, commit)
    if (fault !== null)
      throw new NodeError('malformed', `the file holds no recovery of this mesh (${fault}): prepare it again`)
    if (!outranks(extendLine(line, commit as VerifiedCommit).state.line, log.state.line)) throw goneOn()
    if (line.chain.seq === log.chain.seq) {
      await writeControlLog(store, extended(log, commit as VerifiedCommit), log.commits.length)
      return false
    }
    // What it takes the place of may have been built on: the peer reads its log anew when it starts.
    const places = [...branchPlaces(store), [commit.hash, line.chain.seq] as const]
    await store.write({ facts: [branchFact(commit), branchList(places)] })
    return true
  })
  if (done === null) return inUse(dir)
  await finishRecovering(dir, says.authority)
  return { ...says, waits: done.result }
}

/** Whether it says again what this folder's log says behind the place; of more than fit one statement it says the first. */
const isUpToDate = (log: ControlLog, commit: Commit): boolean => {
  const ids = new Set(commit.events.map(({ event }) => event.id))
  const behind = saidBehind(log, commit.header.seq - 1)
  const missing = behind.filter((statement) => !statement.every(({ id }) => ids.has(id))).length
  return missing === 0 || (missing < behind.length && commit.bytes.length > SAID_AGAIN_BYTES_MAX / 2)
}

/** Leaves room for the header and what frames each event. */
const SAID_AGAIN_BYTES_MAX = limits.proposal_bytes_max - 4_096
const asMuchAsFits = (
  statements: readonly (readonly ControlEvent[])[],
  others: readonly ControlEvent[],
): readonly (readonly ControlEvent[])[] => {
  let bytes = bytesOf(others)
  let events = others.length
  const more = statements.findIndex((statement) => {
    bytes += bytesOf(statement)
    events += statement.length
    return bytes > SAID_AGAIN_BYTES_MAX || events > limits.events_per_commit_max
  })
  return more < 0 ? statements : statements.slice(0, more)
}
const bytesOf = (events: readonly ControlEvent[]): number =>
  events.reduce((sum, event) => sum + encodeEvent(event).length, 0)

/** @throws NodeError when no statement of the folder's log is meant, or several. */
const placeOf = (log: ControlLog, text: string): number => {
  const meant = log.commits.filter(({ hash, seq }) => (text.length >= 6 ? hash.startsWith(text) : String(seq) === text))
  if (meant.length !== 1)
    throw new NodeError(
      'not_found',
      `${text} is no statement of the control log in this folder: give its number, or the beginning of its hash as \`mnemesh status\` shows it`,
    )
  return meant[0]!.seq
}
const findElsewhere = (elsewhere: readonly PeerEnrol[], text: string): PeerEnrol => {
  const meant = elsewhere.filter(({ peer, name }) => name === text || (text.length >= 6 && peer.startsWith(text)))
  if (meant.length !== 1)
    throw new NodeError(
      'not_found',
      `${text} is nobody who was enrolled on another line alone: leave out --with, and it joins again with \`mnemesh mesh join\``,
    )
  return meant[0]!
}

const goneOn = (): NodeError =>
  new NodeError(
    'conflict',
    'the control log in this folder has gone on since the recovery was prepared: prepare it again, and have that signed',
  )

const tooFew = (commit: Commit, { recovery: { threshold, keys } }: ControlState): NodeError => {
  const foreign = commit.votes.filter(({ voter }) => !keys.some((key) => key === (voter as string)))
  const what =
    foreign.length > 0
      ? `${foreign.length} of its signatures are by no recovery key of this mesh`
      : `it has ${commit.votes.length}`
  return new NodeError(
    'forbidden',
    `a recovery needs the signatures of ${threshold} of the mesh's ${keys.length} recovery keys, and ${what}: sign it with \`mnemesh mesh sign FILE --key KEYFILE\``,
  )
}

const inUse = (dir: string): never => {
  throw new NodeError('conflict', `${dir} is in use: stop its peer, do this, and start it again`)
}
const nameIn = (state: ControlState, peer: PeerId): string => state.members.get(peer)?.name ?? peer

// ── the file ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const KIND = 'mnemesh recovery 1'
const fileOf = (commit: Commit): string =>
  `${JSON.stringify({ kind: KIND, commit: bytesToHex(commit.bytes) }, null, 2)}\n`

/** @throws NodeError when it holds no recovery; whose it is, and what its signatures are worth, only a log tells. */
const readRecoveryFile = (text: string): Commit => {
  const hex = text.length <= 3 * limits.control_commit_bytes_max ? commitIn(text) : null
  const decoded = hex !== null && /^([0-9a-f]{2})+$/.test(hex) ? decodeCommit(hexToBytes(hex)) : null
  if (!decoded?.ok || !isRecovery(decoded.commit))
    throw new NodeError(
      'malformed',
      'this file holds no recovery: give the one that `mnemesh mesh recover --out FILE` wrote',
    )
  return decoded.commit
}
const commitIn = (text: string): string | null => {
  try {
    const value = JSON.parse(text) as { kind?: unknown; commit?: unknown } | null
    return value?.kind === KIND && typeof value.commit === 'string' ? value.commit : null
  } catch {
    return null
  }
}

const saidIn = ({ header, events, votes }: Commit): RecoverySays => ({
  mesh_id: header.mesh,
  place: header.seq,
  authority: (events[0]!.event as MeshRecover).authority,
  takes_out: events.flatMap(({ event }) => (event.kind === 'peer.revoke' ? [event.peer] : [])),
  enrols: events.flatMap(({ event }) => (event.kind === 'peer.enrol' ? [`${event.name} ${event.peer}`] : [])),
  epoch: epochOf(header),
  behind: header.prev,
  signed_by: votes.map(({ voter }) => voter),
})
