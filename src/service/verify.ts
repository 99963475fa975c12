/**
 * Verify: every signature, chain, root and body of a log, read again from the disk; the first bad ones named.
 */
import { chainFault, emptyChain, extendChain, type ChainState } from '../../crdt/chain.ts'
import { decodeCommit, hasValidSignature, type Commit, type VerifiedCommit } from '../../crdt/commit.ts'
import { emptyControl, enrolledAt, reduceControl } from '../../crdt/control.ts'
import { bodyRefs } from '../../crdt/event.ts'
import { CONTROL_NAMESPACE, type ChainId, type MeshId } from '../../crdt/ids.ts'
import type { Problem, VerifyAnswer } from '../api.ts'
import type { Arrival, CommitStore } from '../ports.ts'

/** Problems named; more of them say nothing new. */
const PROBLEMS_MAX = 100
/** Commits between two turns of the event loop: some 10 ms. */
const COMMITS_PER_TURN = 32

export const verifyLog = async (mesh: MeshId, store: CommitStore, onProgress: (done: number, total: number) => void = () => undefined): Promise<VerifyAnswer> => {
  const chains = new Map<ChainId, ChainState>()
  const problems: Problem[] = []
  const counts = { commits: 0, events: 0, bodies: 0 }
  let control = emptyControl(mesh)
  const total = store.arrivals()

  const check = (arrival: Arrival): void => {
    const where = `commit ${arrival.hash} (chain ${arrival.chain}, seq ${arrival.seq})`
    const report = (what: string): void => {
      if (problems.length < PROBLEMS_MAX) problems.push({ what, where })
    }
    const stored = store.commit(arrival.chain, arrival.seq)
    const decoded = stored && decodeCommit(stored.bytes)
    const chain = chains.get(arrival.chain)
    if (!decoded?.ok || decoded.commit.hash !== arrival.hash) {
      report(decoded === null ? 'the commit is damaged: its bytes do not match their checksum' : decoded.ok ? 'the commit is not the one that arrived' : `the commit is malformed: ${decoded.reason}`)
      // Its place in the chain is known, so that what follows can still be checked.
      if (chain !== undefined) chains.set(arrival.chain, extendChain(chain, { hash: arrival.hash, header: { seq: arrival.seq, hlc: chain.hlc } } as Commit, chain.policySeq))
      return
    }
    const { commit } = decoded
    counts.commits++
    counts.events += commit.events.length
    const state = chain ?? emptyChain(commit.chain, commit.header.peer, commit.header.incarnation, commit.header.namespace)
    const fault = chainFault(state, commit)
    if (fault !== null) report(`the chain is broken: ${fault}`)
    if (!hasValidSignature(commit)) report('the signature is not the peer\'s')
    if (commit.header.mesh !== mesh) report('the commit belongs to another mesh')
    if (commit.header.namespace === CONTROL_NAMESPACE) control = reduceControl(control, commit as VerifiedCommit)
    else {
      const policySeq = control.seqByHash.get(commit.header.policy)
      if (policySeq === undefined) report('the control commit that it names is not here')
      else if (!enrolledAt(control, commit.header.peer, policySeq)) report('its peer was not a member')
    }
    for (const { ref, field } of commit.events.flatMap(({ event }) => bodyRefs(event))) {
      if (store.body(ref) === null) report(`the text ${ref} (${field}) is missing or does not match its hash`)
      else counts.bodies++
    }
    chains.set(commit.chain, extendChain(state, commit, state.policySeq))
  }

  for (let n = 1; n <= total; n++) {
    const arrival = store.arrival(n)
    if (arrival === null) problems.push({ what: 'an arrival is lost: neither its bytes nor its name are left', where: `arrival ${n}` })
    else check(arrival)
    if (n % COMMITS_PER_TURN === 0) {
      onProgress(n, total)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  onProgress(total, total)
  return { ok: problems.length === 0, ...counts, chains: chains.size, problems }
}
