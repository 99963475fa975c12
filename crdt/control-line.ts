/**
 * A control log as it is followed, statement by statement: the state that it makes, and the chain in which its end lies.
 *
 * Invariant: `state` is the state behind place `chain.seq`, and `chain.hash` the hash of what stands there.
 */
import { chainFault, extendChain, type ChainState } from './chain.ts'
import type { Commit, VerifiedCommit } from './commit.ts'
import { controlFault, emptyControl, emptyControlChain, reduceControl, type ControlState } from './control.ts'
import type { MeshId } from './ids.ts'

export type ControlLine = { readonly state: ControlState; readonly chain: ChainState }

export const emptyLine = (mesh: MeshId): ControlLine => ({ state: emptyControl(mesh), chain: emptyControlChain(mesh) })

/** Why `commit` is not the next statement of the line, or null. */
export const nextFault = ({ state, chain }: ControlLine, commit: Commit): string | null => {
  if (commit.header.mesh !== state.mesh || commit.chain !== chain.id) return 'foreign_mesh'
  return (
    chainFault(chain, commit) ??
    (commit.header.policy === chain.hash ? null : 'control_policy') ??
    controlFault(state, commit)
  )
}

/** @param commit the next one, without a `nextFault`. */
export const extendLine = ({ state, chain }: ControlLine, commit: VerifiedCommit): ControlLine => ({
  state: reduceControl(state, commit),
  chain: extendChain(chain, commit, chain.seq),
})
