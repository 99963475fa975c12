/**
 * What the authority says, on its way into the control log: one statement a flush, each sealed on top of the one before, and answered
 * when it is durable or when the disk has refused it.
 */
import type { ChainState } from '../../crdt/chain.ts'
import type { AdmittedCommit } from '../../crdt/commit.ts'
import { emptyControlChain, sealControl } from '../../crdt/control.ts'
import type { ControlEvent } from '../../crdt/event.ts'
import { tick } from '../../crdt/hlc.ts'
import type { MeshId } from '../../crdt/ids.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import type { StoreFailure } from '../ports/store.ts'
import { refuse, type Effect, type Refusal, type RequestId } from './types.ts'

type Statement = { readonly id: RequestId; readonly event: ControlEvent }

export type Controls = {
  push(statement: Statement): void
  waiting(): number
  /** Seals the next for the flush that is being made; null when none waits. */
  next(chain: ChainState | null, nowMs: number): { readonly commit: AdmittedCommit; readonly chain: ChainState } | null
  /** Answers all that waits: it is not sealed. */
  refuse(refusal: Refusal): Effect[]
  persisted(): Effect[]
  failed(failure: StoreFailure): Effect[]
}

/** @param authority the mesh's key; null where it is not, and nothing is ever pushed. */
export const createControls = (mesh: MeshId, authority: KeyPair | null): Controls => {
  /** One at most: whoever gives it the next has waited for the answer to the one before (`service/membership.ts`). */
  const queue: Statement[] = []
  let sealed: { readonly id: RequestId; readonly commit: AdmittedCommit } | null = null
  const answered = (answer: (done: NonNullable<typeof sealed>) => Effect): Effect[] => {
    const done = sealed
    sealed = null
    return done === null ? [] : [answer(done)]
  }
  return {
    push: (statement) => void queue.push(statement),
    waiting: () => queue.length,
    next: (known, nowMs) => {
      const statement = authority === null ? undefined : queue.shift()
      if (statement === undefined || authority === null) return null
      const chain = known ?? emptyControlChain(mesh)
      const commit = sealControl(chain, statement.event, tick(chain.hlc, nowMs), authority) as AdmittedCommit
      sealed = { id: statement.id, commit }
      return { commit, chain }
    },
    refuse: (refusal) => queue.splice(0).map(({ id }) => refuse(id, refusal)),
    persisted: () => answered(({ id, commit }) => ({ kind: 'RESOLVE', request: id, outcome: { kind: 'acknowledged', written: [{ chain: commit.chain, seq: commit.header.seq, hash: commit.hash }], header: commit.headerBytes, acks: [], existing: null } })),
    failed: (failure) => answered(({ id }) => refuse(id, { code: failure.code === 'disk_full' ? 'disk_full' : 'internal', message: `the control log could not be written: ${failure.message}`, fields: { local_committed: false } })),
  }
}
