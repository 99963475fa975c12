/**
 * The lines of the control log that the folder of a stopped peer knows: the one that it follows, and others that contradict it.
 *
 * A recovery begins behind the last statement that all of them hold which ours does not outrank: what ended there is said again by it, so
 * that no member need give up anything but statements of the other lines.
 */
import { decodeCommit, type Commit, type VerifiedCommit } from '../../crdt/commit.ts'
import { emptyLine, extendLine, nextFault, type ControlLine } from '../../crdt/control-line.ts'
import { outranks } from '../../crdt/epoch.ts'
import type { ControlEvent, PeerEnrol } from '../../crdt/event.ts'
import type { CommitHash } from '../../crdt/ids.ts'
import { NodeError } from '../errors.ts'
import type { CommitStore, StoredCommit } from '../ports/store.ts'
import { branchIn, branchPlaces } from '../replica/branch-facts.ts'

/** A control log as it was read from a store. */
type Log = ControlLine & { readonly commits: readonly StoredCommit[] }
type Branch = { readonly commit: Commit; readonly line: ControlLine; readonly common: number }
export type KnownLines = {
  /** The last place that no other line disputes. */
  readonly common: number
  /** The highest epoch of any. */
  readonly epoch: number
  /** Who was enrolled on another line that is as good as ours, and is no member here. */
  readonly elsewhere: readonly PeerEnrol[]
  /** Whether another takes the place of ours when the peer is started. */
  readonly isOutranked: boolean
}

export const knownLines = (store: Pick<CommitStore, 'fact'>, log: Log): KnownLines => {
  const branches = new Map<CommitHash, Branch>()
  for (const hash of branchPlaces(store).keys()) {
    const commit = branchIn(store, hash)
    const behind = commit && branches.get(commit.header.prev)
    const place = commit && log.state.seqByHash.get(commit.header.prev)
    const before = behind?.line ?? (typeof place === 'number' ? lineAt(log, place) : null)
    if (commit === null || before === null || nextFault(before, commit) !== null) continue
    branches.set(hash, {
      commit,
      line: extendLine(before, commit as VerifiedCommit),
      common: behind?.common ?? before.state.seq,
    })
  }
  const all = [...branches.values()]
  const rivals = all.filter(({ line }) => !outranks(log.state.line, line.state.line))
  const enrolled = rivals.flatMap(({ commit }) =>
    commit.events.flatMap(({ event }) =>
      event.kind === 'peer.enrol' && !log.state.members.has(event.peer) ? [event] : [],
    ),
  )
  return {
    common: rivals.reduce((lowest, { common }) => Math.min(lowest, common), log.chain.seq),
    epoch: [log, ...all.map(({ line }) => line)].reduce(
      (most, { state }) => Math.max(most, state.line.at(-1)?.epoch ?? 0),
      0,
    ),
    elsewhere: [...new Map(enrolled.map((event) => [event.peer, event])).values()],
    isOutranked: all.some(({ line }) => outranks(line.state.line, log.state.line)),
  }
}

/** The line as it was at that place. */
export const lineAt = (log: Log, place: number): ControlLine =>
  log.commits.slice(0, place).reduce((line, { bytes }) => {
    const decoded = decodeCommit(bytes)
    return decoded.ok ? extendLine(line, decoded.commit as VerifiedCommit) : line
  }, emptyLine(log.state.mesh))

/** What stands behind that place in the log, statement by statement. */
export const saidBehind = (log: Log, place: number): readonly (readonly ControlEvent[])[] =>
  log.commits.slice(place).map(({ bytes }) => {
    const decoded = decodeCommit(bytes)
    return decoded.ok
      ? decoded.commit.events.flatMap(({ event }) => (event.kind === 'unknown' ? [] : [event as ControlEvent]))
      : []
  })

/** @throws NodeError where a recovery waits for the peer's start: what is said before would be lost by it. */
export const requireFollowed = (store: Pick<CommitStore, 'fact'>, log: Log, dir: string): void => {
  if (branchPlaces(store).size > 0 && knownLines(store, log).isOutranked)
    throw new NodeError(
      'conflict',
      `a recovery of this mesh waits in ${dir} until its peer is started: start it, and say this again`,
    )
}
