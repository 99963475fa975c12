/**
 * Proofs: what shows, to whoever knows a mesh's id and nothing else, who said one event, when, and on whose disks it lies.
 *
 * A proof holds the control log from the genesis on (who was a member, who votes), the commit's header and its author's signature, the
 * event's bytes with their RFC 6962 path to the header's `eventsRoot`, the texts that are not erased or withheld with their salts, and a
 * receipt with the acks of voters. Peer, incarnation and namespace stand in the header, and the chain is their hash.
 *
 * It shows what holds at the control log's end in it. What came later (a revocation, a fork of the author's), and whether the
 * event's change is in the documents, it cannot show. Invariant: of its bytes (`proof-file.ts`) no bit is free.
 */
import { refOf } from './body.ts'
import { decodeCommit, eventLeaf, textsOfEvent, type CommitHeader, type VerifiedCommit } from './commit.ts'
import { activeMembers, enrolledAt, firstExcluded, levelAt, type ControlState } from './control.ts'
import { emptyLine, extendLine, nextFault } from './control-line.ts'
import { bodyRefs, decodeEvent, type Event } from './event.ts'
import { OWN_READS, readsAt } from './event-schema.ts'
import { hexToBytes, type MeshId, type PeerId, type Ref } from './ids.ts'
import { leafHash, verifyInclusion } from './merkle.ts'
import { decodeProof, type Proof } from './proof-file.ts'
import { checkReceipt, type ReceiptFault, type Shown } from './receipt.ts'
import { verify } from './signature.ts'

export type Named = { readonly peer: PeerId; readonly name: string }
/** `texts`: what the event names; null where the proof does not have it (erased, or withheld). `field` is null of what only unknown fields name. */
export type Proven = Omit<Shown, 'voters'> & {
  readonly event: Event
  readonly eventBytes: Uint8Array
  readonly author: Named
  readonly voters: readonly Named[]
  readonly texts: readonly { readonly field: string | null; readonly ref: Ref; readonly text: Uint8Array | null }[]
  /** The mesh's name, and how far its control log stands in the proof. */
  readonly meshName: string
  readonly place: number
}

export type ProofFault =
  | 'malformed'
  | 'other_mesh'
  | 'control_log'
  | 'policy_not_here'
  | 'author_not_a_member'
  | 'author_left_out'
  | 'author_signature'
  | 'event_not_in_commit'
  | 'event_malformed'
  | 'event_of_another_namespace'
  | 'text_differs'
  | 'not_a_voter'
  | 'too_few_voters'
  | `receipt_${ReceiptFault}`
/** `about`: whose ack, or which control statement's reason, it is; else null. */
export type ProofResult =
  ({ readonly ok: true } & Proven) | { readonly ok: false; readonly fault: ProofFault; readonly about: string | null }

/** Of bytes from anywhere. Never throws. @param votersNeeded that must have signed that it lies on their disks. */
export const verifyProof = (bytes: Uint8Array, mesh: MeshId, votersNeeded = 1): ProofResult => {
  const proof = decodeProof(bytes)
  if (proof === null) return refused('malformed')
  return proof.mesh === mesh ? checkProof(proof, votersNeeded) : refused('other_mesh', proof.mesh)
}

/** The same of a proof that has been read, or just made, for the mesh that it names. */
export const checkProof = (proof: Proof, votersNeeded = 1): ProofResult => {
  const control = followed(proof.mesh, proof.control)
  if ('fault' in control) return refused('control_log', control.fault)
  const receipt = checkReceipt(proof.receipt, proof.mesh)
  if (!receipt.ok) return refused(`receipt_${receipt.fault}`, receipt.voter)
  const { state } = control
  const { header } = receipt
  const place = state.seqByHash.get(header.policy)
  if (place === undefined) return refused('policy_not_here')
  const authorFault = faultOfAuthor(state, receipt, place)
  if (authorFault !== null) return refused(authorFault, header.peer)
  if (!verify('mnemesh/commit/1', proof.receipt.header, proof.signature, header.peer))
    return refused('author_signature', header.peer)
  const names = new Map(activeMembers(state, 'voter').map(({ peer, name }) => [peer, { peer, name }] as const))
  const stranger = receipt.voters.find((voter) => !names.has(voter))
  if (stranger !== undefined) return refused('not_a_voter', stranger)
  if (receipt.voters.length < votersNeeded)
    return refused('too_few_voters', `${receipt.voters.length} of ${votersNeeded}`)
  const said = eventOf(proof, header, levelAt(state, place))
  if ('ok' in said) return said
  const { ok, voters, ...shown } = receipt
  const author = { peer: header.peer, name: state.members.get(header.peer)?.name ?? '' }
  return {
    ok,
    ...shown,
    ...said,
    eventBytes: proof.event,
    author,
    voters: voters.map((voter) => names.get(voter)!),
    meshName: state.name,
    place: state.seq,
  }
}

const refused = (fault: ProofFault, about: string | null = null): ProofResult & { readonly ok: false } => ({
  ok: false,
  fault,
  about,
})

/** The control log's state at the end of these commits, each judged as at admission; or why they are no beginning of this mesh's. */
const followed = (
  mesh: MeshId,
  commits: readonly Uint8Array[],
): { readonly state: ControlState } | { readonly fault: string } => {
  let line = emptyLine(mesh)
  for (const [i, bytes] of commits.entries()) {
    const at = (fault: string) => ({ fault: `statement ${i + 1}: ${fault}` })
    const decoded = decodeCommit(bytes)
    if (!decoded.ok) return at(decoded.reason)
    const { commit } = decoded
    const fault = nextFault(line, commit)
    if (fault !== null) return at(fault)
    line = extendLine(line, commit as VerifiedCommit)
  }
  return line
}

const faultOfAuthor = (
  state: ControlState,
  { header, chain, seq }: Omit<Shown, 'voters'>,
  place: number,
): ProofFault | null => {
  if (!enrolledAt(state, header.peer, place)) return 'author_not_a_member'
  // Where its chain was begun the proof does not tell: at the latest here.
  return seq < firstExcluded(state, { id: chain, peer: header.peer, begunAt: place }) ? null : 'author_left_out'
}

const eventOf = (
  { event: bytes, attestation, index, path, texts }: Proof,
  header: CommitHeader,
  level: number,
): Pick<Proven, 'event' | 'texts'> | (ProofResult & { readonly ok: false }) => {
  const leaf = leafHash(eventLeaf({ bytes, attestation }))
  if (!verifyInclusion(leaf, index, header.eventCount, path, hexToBytes(header.eventsRoot)))
    return refused('event_not_in_commit')
  const decoded = decodeEvent(bytes, readsAt(OWN_READS, level))
  if (!decoded.ok) return refused('event_malformed', decoded.reason)
  const { event, unread } = decoded
  if (event.ns !== header.namespace) return refused('event_of_another_namespace')
  const fields = new Map<string, string>(bodyRefs(event).map(({ field, ref }) => [ref, field]))
  const refs = new Set(textsOfEvent({ bytes, event, attestation, ...(unread !== null && { unread }) }))
  const given = new Map(texts.map(({ ref, text }) => [ref, text]))
  const odd = texts.find(({ ref, salt, text }) => !refs.has(ref) || refOf(salt, text) !== ref)
  if (odd !== undefined) return refused('text_differs', odd.ref)
  return {
    event,
    texts: [...refs].map((ref) => ({ field: fields.get(ref) ?? null, ref, text: given.get(ref) ?? null })),
  }
}
