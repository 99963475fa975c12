/**
 * Proofs of a memory's events, for whoever will check them without us (`crdt/proof.ts`).
 *
 * It tells nothing of other namespaces than the memory's: of the control log as far as author and voters need it, of the commit its header
 * and the one event, of acks the one entry. What voters have said is asked for anew where it is not known (after a start), for a moment.
 */
import { eventLeaf, hasValidSignature, textsOfEvent, type Commit, type SealedEvent } from '../../crdt/commit.ts'
import { policyPlace, type Member } from '../../crdt/control.ts'
import type { CommitHash, EventId, RecordId } from '../../crdt/ids.ts'
import { inclusionProof } from '../../crdt/merkle.ts'
import { encodeProof, PROOF_BYTES_MAX, PROOF_STATEMENTS_MAX } from '../../crdt/proof-file.ts'
import { compareWritten } from '../../crdt/provenance.ts'
import type { Receipt } from '../../crdt/receipt.ts'
import type { ProofOptions } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { CommitStore } from '../ports/store.ts'
import type { Shell } from '../replica/effects.ts'
import { statementAt } from '../replica/control-places.ts'
import type { Replica } from '../replica/replica-types.ts'
import { writeOfVersion } from './pages.ts'
import type { Reader } from './rows.ts'
import { createTurn } from './turns.ts'

/** Acks come within a round trip and a flush. */
const LOOK_EVERY_MS = 25
/** How long those that are connected are waited for: the proof is as good with one voter fewer. */
const ACKS_WAIT_MS = 2_000
/** Questions that wait at once; more are answered by what has been said already. */
const WAITERS_MAX = 64

export type Prove = (id: RecordId, options: ProofOptions) => Promise<string>

export const createProve = ({
  replica,
  store,
  shell,
  reader,
  after,
}: {
  readonly replica: Replica
  readonly store: CommitStore
  readonly shell: Pick<Shell, 'feed'>
  readonly reader: Reader
  readonly after: (ms: number, call: () => void) => () => void
}): Prove => {
  let waiting = 0
  const isHeard = (at: { readonly chain: Commit['chain']; readonly seq: number }): boolean => {
    const said = new Set(replica.covering(at).map(({ voter }) => voter))
    return [...replica.voters()].every((peer) => said.has(peer) || (peer !== replica.self && !replica.linked.has(peer)))
  }
  /** What voters have signed, once all that can be reached have, or have had the time. */
  const receiptOf = async ({ chain, header: { seq } }: Commit): Promise<Receipt> => {
    const at = { chain, seq }
    if (!isHeard(at)) {
      shell.feed({ kind: 'wantAcks', chains: [chain] })
      waiting++
      try {
        for (let left = waiting > WAITERS_MAX ? 0 : ACKS_WAIT_MS; left > 0 && !isHeard(at); left -= LOOK_EVERY_MS)
          await new Promise<void>((resolve) => after(LOOK_EVERY_MS, resolve))
      } finally {
        waiting--
      }
    }
    const receipt = replica.receipt(at)
    if (receipt === null || receipt.acks.length === 0)
      throw new NodeError(
        'not_ready',
        'no voter that can be reached has signed that it holds this: try again when one is connected',
      )
    return receipt
  }

  /** As far as it takes to know author and voters, and what counts of the author's. */
  const controlFor = async ({ header }: Commit, { acks }: Receipt): Promise<Uint8Array[]> => {
    const { control } = replica.index
    const members: readonly (Member | undefined)[] = [...acks.map(({ voter }) => voter), header.peer].map((peer) =>
      control.members.get(peer),
    )
    const places = members.flatMap((member) =>
      member === undefined ? [] : [member.enrolledSeq, member.revoked?.seq ?? 0],
    )
    const end = places.reduce(
      (last, place) => Math.max(last, place),
      policyPlace(control, header.policy, header.peer) ?? 0,
    )
    if (end > PROOF_STATEMENTS_MAX) throw tooLarge()
    const turn = createTurn(after)
    const commits: Uint8Array[] = []
    let bytes = 0
    while (commits.length < end) {
      const stored = statementAt(replica.index, store, commits.length + 1)
      if (stored === null)
        throw new NodeError(
          'not_ready',
          'this peer lost a part of its control log, and is fetching it from the others: try again when health says ok',
        )
      commits.push(stored.bytes)
      bytes += stored.bytes.length
      if (bytes > PROOF_BYTES_MAX / 2) throw tooLarge()
      await turn.worked(stored.bytes.length)
    }
    return commits
  }

  /** The commit and the event that are asked for. */
  const meant = async (
    id: RecordId,
    { event, version }: ProofOptions,
  ): Promise<{ readonly commit: CommitHash; readonly event: EventId }> => {
    if (version !== undefined) return must(await writeOfVersion(reader, replica.text, id, version, createTurn(after)))
    const wanted = event ?? must(reader.memoryState(id)).created.event
    return must(
      [...reader.writesTo(id)]
        .filter((write) => write.event === wanted)
        .sort((a, b) => compareWritten(a, b) || (a.commit < b.commit ? -1 : 1))[0],
    )
  }

  return async (id, options) => {
    const write = await meant(id, options)
    const commit = must(reader.commit(write.commit))
    if (!hasValidSignature(commit))
      throw new NodeError(
        'conflict',
        'its author signed a later commit and not this one, so it cannot be shown by itself: ask for another version',
      )
    const receipt = await receiptOf(commit)
    const control = await controlFor(commit, receipt)
    const index = commit.events.findIndex(({ event }) => event.id === write.event)
    const sealed = commit.events[index]!
    return new TextDecoder().decode(
      encodeProof({
        mesh: commit.header.mesh,
        control,
        receipt,
        signature: commit.signature,
        event: sealed.bytes,
        attestation: sealed.attestation,
        index,
        path: inclusionProof(commit.events.map(eventLeaf), index),
        texts: textsIn(sealed, store),
      }),
    )
  }
}

const textsIn = (sealed: SealedEvent, store: CommitStore) =>
  [...new Set(textsOfEvent(sealed))].sort().flatMap((ref) => {
    const body = store.body(ref)
    return body === null || typeof body === 'string' ? [] : [body]
  })

const must = <T>(value: T | null | undefined): T => {
  if (value === null || value === undefined)
    throw new NodeError('not_found', 'there is no such memory or version, or it is not visible to you')
  return value
}

const tooLarge = (): NodeError =>
  new NodeError(
    'too_large',
    'the control log that the proof needs is longer than a proof may be: check the memory by a peer of this mesh instead (`mnemesh verify`)',
  )
