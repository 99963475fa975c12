/**
 * The control log of a stopped peer: read from its store, and extended by the authority's key.
 */
import { decodeCommit, withVotes, type VerifiedCommit } from '../../crdt/commit.ts'
import { authorityAt, sealControl, sealGenesis, votersAt, type ControlState } from '../../crdt/control.ts'
import { emptyLine, extendLine, nextFault, type ControlLine } from '../../crdt/control-line.ts'
import type { MeshGenesis } from '../../crdt/event.ts'
import { tick, type Hlc } from '../../crdt/hlc.ts'
import type { ChainId, MeshId, PeerId } from '../../crdt/ids.ts'
import { publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { signVote } from '../../crdt/vote.ts'
import { NodeError } from '../errors.ts'
import type { CommitStore, StoreBatch, StoredCommit } from '../ports/store.ts'
import { followedIn, lineFact, nowFollowing, statementAt } from '../replica/control-places.ts'
import { controlSeen, controlSeenFact, votedFacts } from '../replica/control-seen.ts'
import { keepStatement, type Statement } from '../replica/kept-statements.ts'
import { requireAuthority, type Identity } from './folder.ts'
import { requireFollowed } from './known-lines.ts'

export type ControlLog = ControlLine & { readonly commits: readonly StoredCommit[] }

/** The log that a genesis begins. @param authority the key that it names. */
export const foundedLog = (genesis: MeshGenesis, authority: KeyPair): ControlLog => {
  const commit = sealGenesis(genesis, authority)
  return extended(emptyControlLog(commit.header.mesh), commit)
}

const emptyControlLog = (mesh: MeshId): ControlLog => ({ ...emptyLine(mesh), commits: [] })

/** @throws NodeError when the bytes are not the control log of this mesh. */
export const checkControlLog = (mesh: MeshId, commits: readonly Uint8Array[]): ControlLog => {
  let log = emptyControlLog(mesh)
  for (const bytes of commits) {
    const decoded = decodeCommit(bytes)
    if (!decoded.ok || nextFault(log, decoded.commit) !== null) {
      throw new NodeError(
        'bad_chain',
        'what was answered is not the control log of this mesh: ask another peer, or for a new invite',
      )
    }
    log = extended(log, decoded.commit as VerifiedCommit)
  }
  return log
}

/** @throws NodeError when a part of it was lost: sealed on top of the rest, a statement would stand where another one does. */
export const readControlLog = (mesh: MeshId, store: CommitStore): ControlLog => {
  const places = { mesh, followed: followedIn(mesh, store) }
  const commits: Uint8Array[] = []
  for (let next = statementAt(places, store, 1); next !== null; next = statementAt(places, store, commits.length + 1))
    commits.push(next.bytes)
  const log = checkControlLog(mesh, commits)
  if (log.chain.seq < controlSeen(store))
    throw new NodeError(
      'not_ready',
      'a part of the control log in this folder is damaged, so it does not tell who the members are: start the peer, which fetches it from the others, and ask again',
    )
  return log
}

/** Writes what the log has beyond its first `from` commits, and how far it goes with it. */
export const writeControlLog = (
  store: CommitStore,
  { commits, chain, state }: ControlLog,
  from: number,
  facts: NonNullable<StoreBatch['facts']> = [],
): Promise<void> =>
  store.write({
    commits: commits.slice(from),
    facts: [
      controlSeenFact(chain.seq),
      ...(state.line.length > 1 ? [lineFact(nowFollowing(followedIn(state.mesh, store), state.line))] : []),
      ...facts,
    ],
  })

/**
 * How far each chain of `peer` is in this log, damaged commits too: what was here counts.
 * @param upto not beyond the first commit of a chain with a later time; a damaged one has none.
 */
export const lastOf = async (
  store: CommitStore,
  peer: PeerId,
  upto: Hlc = Number.POSITIVE_INFINITY as Hlc,
): Promise<Record<ChainId, number>> => {
  const last: Record<ChainId, number> = {}
  const ended = new Set<ChainId>()
  for await (const batch of store.scan()) {
    for (const scanned of batch) {
      const decoded = scanned.kind === 'commit' ? decodeCommit(scanned.commit.bytes) : null
      if (decoded?.ok && decoded.commit.header.peer === peer) {
        const { chain, header } = decoded.commit
        if (header.hlc > upto) ended.add(chain)
        if (!ended.has(chain)) last[chain] = header.seq
        // Whose it was its chain's other commits tell.
      } else if (scanned.kind === 'damaged' && scanned.arrival.chain in last && !ended.has(scanned.arrival.chain))
        last[scanned.arrival.chain] = scanned.arrival.seq
    }
  }
  return last
}

/**
 * Says something in the folder of a stopped peer, a commit each statement. Alone in the mesh the peer is its own majority, and they are
 * certified at once; else they are kept, and proposed when the peer is started.
 * @param identity whose folder it is; it holds the authority's key. @throws NodeError when its key does not govern the mesh.
 */
export const sayStopped = async (
  store: CommitStore,
  log: ControlLog,
  statements: readonly Statement[],
  identity: Pick<Identity, 'dir' | 'peer' | 'keys' | 'authority'>,
  nowMs: number,
): Promise<ControlLog> => {
  const authority = requireAuthority(identity)
  if (publicKeyHex(authority) !== authorityAt(log.state, log.chain.seq))
    throw new NodeError(
      'forbidden',
      `the authority's key in ${identity.dir} does not govern the mesh any more: ask where the present one is`,
    )
  requireFollowed(store, log, identity.dir)
  if (!isAlone(log.state, identity.peer)) {
    for (const events of statements) await keepStatement(store, events)
    return log
  }
  let said = log
  for (const events of statements) {
    const commit = sealControl(said.chain, events, tick(said.chain.hlc, nowMs), authority)
    const before = said.commits.length
    said = extended(said, withVotes(commit, [signVote(commit, identity.keys)]))
    await writeControlLog(store, said, before, votedFacts(commit))
  }
  return said
}

/** Whether it is the only voter, whose vote is the majority. */
export const isAlone = (state: ControlState, peer: PeerId): boolean => {
  const voters = votersAt(state, state.seq)
  return voters.size === 1 && voters.has(peer)
}

/** With one more, which was found to be the next. */
export const extended = (log: ControlLog, commit: VerifiedCommit): ControlLog => ({
  ...extendLine(log, commit),
  commits: [...log.commits, { chain: commit.chain, seq: commit.header.seq, hash: commit.hash, bytes: commit.bytes }],
})
