/**
 * A control log as it is followed, statement by statement: the state that it makes, and the chain in which its end lies.
 *
 * Invariant: `state` is the state behind place `chain.seq`, and `chain.hash` the hash of what stands there.
 */
import { chainFault, extendChain, type ChainState } from './chain.ts'
import { isControlCommit, type Commit, type VerifiedCommit } from './commit.ts'
import { controlFault, emptyControl, emptyControlChain, reduceControl, type ControlState } from './control.ts'
import { branchedOff, isRecovery } from './epoch.ts'
import type { MeshId } from './ids.ts'

export type ControlLine = { readonly state: ControlState; readonly chain: ChainState }

export const emptyLine = (mesh: MeshId): ControlLine => ({ state: emptyControl(mesh), chain: emptyControlChain(mesh) })

/** Why `commit` is not the next statement of the line, or null. */
export const nextFault = ({ state, chain }: ControlLine, commit: Commit): string | null => {
  const next = chainOf(chain, commit)
  if (commit.header.mesh !== state.mesh || !isControlCommit(commit) || commit.chain !== next.id) return 'foreign_mesh'
  return (
    chainFault(next, commit) ??
    (commit.header.policy === chain.hash ? null : 'control_policy') ??
    controlFault(state, commit)
  )
}

/** @param commit the next one, without a `nextFault`. */
export const extendLine = ({ state, chain }: ControlLine, commit: VerifiedCommit): ControlLine => ({
  state: reduceControl(state, commit),
  chain: extendChain(chainOf(chain, commit), commit, chain.seq),
})

/** A recovery begins a chain of its own behind the one before. */
const chainOf = (chain: ChainState, commit: Commit): ChainState =>
  isRecovery(commit) ? branchedOff(chain, commit.header.incarnation) : chain
