/**
 * A proof's file, looked at where there is no peer, no folder and no network: all that is needed is the mesh's id.
 */
import { open } from 'node:fs/promises'
import { encodeCanonical, isJson, parseCanonical } from '../../crdt/canonical.ts'
import { hlcMs } from '../../crdt/hlc.ts'
import { parseMeshId } from '../../crdt/ids.ts'
import { verifyProof, type ProofFault, type Proven } from '../../crdt/proof.ts'
import { decodeProof, PROOF_BYTES_MAX } from '../../crdt/proof-file.ts'

/** As people and programs are told. Times in UTC; `said_at` is the agent's word, `sealed_at` its peer's. */
export type ProofShown = {
  readonly ok: true
  readonly mesh: string
  readonly mesh_name: string
  readonly namespace: string
  readonly memory: string | null
  readonly event_id: string
  readonly kind: string
  readonly agent: string
  readonly said_at: string
  readonly sealed_at: string
  readonly peer: { readonly peer_id: string; readonly name: string }
  readonly commit: string
  readonly chain: string
  readonly seq: number
  /** The statement of the control log up to which the proof goes: what came later it cannot show. */
  readonly control_seq: number
  readonly voters: readonly { readonly peer_id: string; readonly name: string }[]
  readonly event: Readonly<Record<string, unknown>>
  /** By field; null of what was erased or withheld. */
  readonly texts: Readonly<Record<string, string | null>>
}
export type ProofAnswer =
  ProofShown | { readonly ok: false; readonly fault: ProofFault | 'no_mesh_id'; readonly message: string }

/** The one form of a proof that came as JSON; null when it is none. */
export const proofFileOf = (answer: unknown): Uint8Array | null => {
  if (!isJson(answer)) return null
  const bytes = encodeCanonical(answer)
  return decodeProof(bytes) === null ? null : bytes
}

/** @param votersNeeded that must hold it. @throws the file system's error. */
export const verifyProofFile = async (path: string, mesh: string, votersNeeded: number): Promise<ProofAnswer> => {
  const id = parseMeshId(mesh)
  if (id === null)
    return {
      ok: false,
      fault: 'no_mesh_id',
      message: `'${mesh.slice(0, 80)}' is no mesh id: 64 hex digits in lower case, which \`mnemesh status\` shows`,
    }
  const result = verifyProof(await firstBytes(path, PROOF_BYTES_MAX + 1), id, votersNeeded)
  return result.ok
    ? shownOf(id, result)
    : {
        ok: false,
        fault: result.fault,
        message: `the proof does not hold: ${WORDS[result.fault]}${result.about === null ? '' : ` (${result.about})`}`,
      }
}

const shownOf = (
  mesh: string,
  { event, eventBytes, header, author, voters, texts, commit, chain, seq, meshName, place }: Proven,
): ProofShown => {
  const parsed = parseCanonical(eventBytes)
  return {
    ok: true,
    mesh,
    mesh_name: meshName,
    namespace: header.namespace,
    memory: 'record' in event ? event.record : event.kind === 'unknown' ? event.about : null,
    event_id: event.id,
    kind: event.kind === 'unknown' ? event.named : event.kind,
    agent: event.agent,
    said_at: event.at,
    sealed_at: new Date(hlcMs(header.hlc)).toISOString(),
    peer: { peer_id: author.peer, name: author.name },
    commit,
    chain,
    seq,
    control_seq: place,
    voters: voters.map(({ peer, name }) => ({ peer_id: peer, name })),
    event: parsed.ok ? (parsed.value as ProofShown['event']) : {},
    texts: Object.fromEntries(
      texts.map(({ field, ref, text }) => [field ?? ref, text && new TextDecoder().decode(text)]),
    ),
  }
}

const WORDS: Readonly<Record<ProofFault, string>> = {
  malformed: 'the file is no proof in its one form; take it byte for byte as the peer answered it',
  other_mesh: 'it is of another mesh',
  control_log: "the control log in it is not this mesh's",
  policy_not_here: 'the control statement under which it was written is not in it',
  author_not_a_member: 'its author was no member when it was written',
  author_left_out: 'its author was taken out, and this does not count any more',
  author_signature: 'its author has not signed it',
  event_not_in_commit: 'the event is not in the commit that was signed',
  event_malformed: "the event's bytes say no event",
  event_of_another_namespace: 'the event is of another namespace than its commit',
  text_differs: 'a text in it is not the one that was written',
  not_a_voter: 'somebody vouches who is no voter',
  too_few_voters: 'too few voters have signed that they hold it',
  receipt_malformed: 'its receipt is malformed',
  receipt_other_commit: 'its receipt is of another commit',
  receipt_foreign_mesh: 'its commit is of another mesh',
  receipt_voter_twice: 'a voter vouches twice',
  receipt_bad_signature: 'a voter has not signed what it is said to have',
  receipt_not_tied: 'what a voter has signed does not lead to this commit',
}

/** At most `most` bytes of the file, however long it is. */
const firstBytes = async (path: string, most: number): Promise<Uint8Array> => {
  const file = await open(path, 'r')
  try {
    const chunks: Uint8Array[] = []
    for (let left = most; left > 0;) {
      const { bytesRead, buffer } = await file.read({ buffer: new Uint8Array(Math.min(left, 65_536)) })
      if (bytesRead === 0) break
      chunks.push(buffer.subarray(0, bytesRead))
      left -= bytesRead
    }
    return Buffer.concat(chunks)
  } finally {
    await file.close()
  }
}
