/**
 * What a fork leaves out, and the one way in which a commit of the log enters its document or stays out of it.
 *
 * Invariant: after `fork` no document that is in memory holds anything from the fork on; it is made again when it is read.
 */
import type { Commit } from '../../crdt/commit.ts'
import type { PeerId } from '../../crdt/ids.ts'
import { applyCommit } from '../../crdt/segment.ts'
import type { CommitStore } from '../ports/store.ts'
import type { Documents, OpenSegment } from './documents.ts'
import type { Forks, KnownFork } from './forks.ts'
import type { LookBehind } from './left-behind.ts'
import { cutChain, isExcluded, type LogIndex } from './log-index.ts'

export type Exclusion = {
  /** The chain ends before the fork. */
  fork(fork: KnownFork): void
  /** A commit that has just been indexed: into its document, unless it is left out. */
  merge(commit: Commit): void
}

/** @param merged told of the document after each commit, which it holds or refused. */
export const createExclusion = (
  index: LogIndex,
  documents: Documents,
  forks: Forks,
  lookBehind: LookBehind,
  store: CommitStore,
  merged: (opened: OpenSegment) => void,
): Exclusion => {
  const leaveOutAllOf = (peer: PeerId): void => {
    index.out.add(peer)
    for (const chain of index.chains.values()) if (chain.peer === peer) cutChain(index, chain.id, 1, null)
    documents.dropThose((_chain, held) => held === peer)
  }

  return {
    fork: ({ chain, peer, at }) => {
      if (forks.isOut(peer) && !index.out.has(peer)) leaveOutAllOf(peer)
      cutChain(index, chain, at, at === 1 ? null : (store.commit(chain, at - 1)?.hash ?? null))
      documents.dropThose((held, _peer, lastSeq) => held === chain && lastSeq >= at)
    },
    merge: (commit) => {
      const { segment, namespace } = commit.header
      if (segment === null) return
      // Opened after it was indexed, so a cold segment's replay already has it; a hot one is given it now.
      const open = documents.open({ namespace, id: segment })
      if (!open.segment.changeByCommit.has(commit.hash) && !open.segment.refused.has(commit.hash)) {
        if (isExcluded(index, commit)) open.segment.refused.set(commit.hash, 'excluded')
        else applyCommit(open.segment, commit)
        documents.touched(open)
      }
      merged(open)
      lookBehind.met(commit, open)
    },
  }
}
