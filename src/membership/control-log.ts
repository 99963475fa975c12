/**
 * The control log of a stopped peer: read from its store, and extended by the authority's key.
 */
import { chainFault, emptyChain, extendChain, type ChainState } from '../../crdt/chain.ts'
import { CONTROL_INCARNATION, controlChainId, decodeCommit, eventsRoot, hasValidSignature, sealCommit, type VerifiedCommit } from '../../crdt/commit.ts'
import { emptyControl, reduceControl, type ControlState } from '../../crdt/control.ts'
import { encodeEvent, type ControlEvent } from '../../crdt/event.ts'
import { HLC_ZERO, tick } from '../../crdt/hlc.ts'
import { CONTROL_NAMESPACE, bytesToHex, type MeshId, type PeerId } from '../../crdt/ids.ts'
import { historyRoot } from '../../crdt/merkle.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import { NodeError } from '../errors.ts'
import type { CommitStore, StoredCommit } from '../ports.ts'

export type ControlLog = { readonly state: ControlState; readonly chain: ChainState; readonly commits: readonly StoredCommit[] }

export const emptyControlLog = (mesh: MeshId): ControlLog => ({
  state: emptyControl(mesh), commits: [], chain: emptyChain(controlChainId(mesh), mesh as string as PeerId, CONTROL_INCARNATION, CONTROL_NAMESPACE),
})

/** @throws NodeError when the bytes are not the control log of this mesh. */
export const checkControlLog = (mesh: MeshId, commits: readonly Uint8Array[]): ControlLog => {
  let log = emptyControlLog(mesh)
  for (const bytes of commits) {
    const decoded = decodeCommit(bytes)
    if (!decoded.ok || decoded.commit.chain !== log.chain.id || chainFault(log.chain, decoded.commit) !== null || !hasValidSignature(decoded.commit)) {
      throw new NodeError('bad_chain', 'what was answered is not the control log of this mesh: ask another peer, or for a new invite')
    }
    log = extended(log, decoded.commit as VerifiedCommit)
  }
  return log
}

export const readControlLog = (mesh: MeshId, store: CommitStore): ControlLog => {
  const chain = controlChainId(mesh)
  const commits: Uint8Array[] = []
  for (let next = store.commit(chain, 1); next !== null; next = store.commit(chain, commits.length + 1)) commits.push(next.bytes)
  return checkControlLog(mesh, commits)
}

/** Seals one control event. The caller writes the commit. */
export const sealControl = (log: ControlLog, event: ControlEvent, authority: KeyPair, nowMs: number): ControlLog => {
  const { chain, state } = log
  const events = [{ bytes: encodeEvent(event), event, attestation: null }]
  const commit = sealCommit({
    mesh: state.mesh, namespace: CONTROL_NAMESPACE, peer: chain.peer, incarnation: CONTROL_INCARNATION, seq: chain.seq + 1, prev: chain.hash,
    history: bytesToHex(historyRoot(chain.history)), hlc: tick(chain.seq === 0 ? HLC_ZERO : chain.hlc, nowMs), policy: chain.hash, segment: null, deps: [],
    eventsRoot: eventsRoot(events), eventCount: 1, changeHash: null,
  }, events, authority)
  return extended(log, commit)
}

const extended = (log: ControlLog, commit: VerifiedCommit): ControlLog => ({
  state: reduceControl(log.state, commit),
  chain: extendChain(log.chain, commit, log.chain.seq),
  commits: [...log.commits, { chain: commit.chain, seq: commit.header.seq, hash: commit.hash, bytes: commit.bytes }],
})
