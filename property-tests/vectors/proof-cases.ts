/**
 * The byte vectors of proofs: files that hold, with what they show, and files that are refused, each for one reason.
 */
import { bytesToHex } from '../../crdt/ids.ts'
import { encodeProof, type Proof } from '../../crdt/proof-file.ts'
import { writtenProof } from '../../crdt/proof.test-support.ts'
import { checkProof, type ProofFault } from '../../crdt/proof.ts'
import { keyPairFromSeed, sign } from '../../crdt/signature.ts'
import { seed } from '../../crdt/test-support.ts'

export type ProofVectors = {
  /** `file`: its text. `texts`: by field, UTF-8 in hex, null where the file does not have it. */
  readonly proofs: readonly {
    readonly name: string
    readonly mesh: string
    readonly file: string
    readonly event: string
    readonly peer: string
    readonly commit: string
    readonly seq: number
    readonly control_seq: number
    readonly voters: readonly string[]
    readonly texts: Readonly<Record<string, string | null>>
  }[]
  readonly refused: readonly {
    readonly name: string
    readonly mesh: string
    readonly file: string
    readonly fault: ProofFault
  }[]
}

const textOf = (proof: Proof): string => new TextDecoder().decode(encodeProof(proof))

/** The content of `proof.json`. */
export const makeProofVectors = (): ProofVectors => {
  const attestation = sign('mnemesh/event/1', new Uint8Array(1), keyPairFromSeed(seed(9)))
  const [one, three, tied, observed, other] = [
    writtenProof({ voters: [1], events: 1, index: 0 }),
    writtenProof(),
    writtenProof({ later: [2, 3], events: 5, index: 4, attestation }),
    writtenProof({ voters: [1, 2], observers: [2] }),
    writtenProof({ voters: [1, 2] }),
  ]
  const holds = (name: string, proof: Proof) => {
    const shown = checkProof(proof)
    if (!shown.ok) throw new Error(`${name} does not hold: ${shown.fault}`)
    return {
      name,
      mesh: proof.mesh,
      file: textOf(proof),
      event: shown.event.id,
      peer: shown.author.peer,
      commit: shown.commit,
      seq: shown.seq,
      control_seq: shown.place,
      voters: shown.voters.map(({ peer }) => peer),
      texts: Object.fromEntries(shown.texts.map(({ field, text }) => [field ?? '', text && bytesToHex(text)])),
    }
  }
  const { proof } = three
  const [first, second] = proof.receipt.acks
  const refused = (name: string, fault: ProofFault, fields: Partial<Proof>) => ({
    name,
    mesh: three.mesh.id as string,
    file: textOf({ ...proof, ...fields }),
    fault,
  })
  const inOtherForm = (name: string, change: (text: string) => string) => ({
    name,
    mesh: three.mesh.id as string,
    file: change(textOf(proof)),
    fault: 'malformed' as const,
  })
  return {
    proofs: [
      holds('alone in the mesh, one event', one.proof),
      holds('three voters, the second of three events', proof),
      holds('tied acks, an attestation, the last of five', tied.proof),
      holds('without its texts', { ...proof, texts: [] }),
    ],
    refused: [
      { name: 'for another mesh', mesh: other.mesh.id, file: textOf(proof), fault: 'other_mesh' },
      inOtherForm('a line end behind it', (text) => `${text}\n`),
      inOtherForm('keys in another order', (text) =>
        JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).toReversed())),
      ),
      inOtherForm('a field more', (text) => text.replace('"v":1', '"v":1,"w":1')),
      inOtherForm('of another version', (text) => text.replace('"v":1', '"v":2')),
      refused('the control log of another mesh', 'control_log', { control: other.proof.control }),
      refused('no control log', 'policy_not_here', { control: [] }),
      refused("another peer's signature for the author's", 'author_signature', {
        signature: sign('mnemesh/commit/1', proof.receipt.header, keyPairFromSeed(seed(2))),
      }),
      refused('an event in the place of another', 'event_not_in_commit', { event: three.events[0]!.bytes }),
      refused('another index', 'event_not_in_commit', { index: 0 }),
      refused('another text', 'text_differs', {
        texts: proof.texts.map((body, i) =>
          i === 0 ? { ...body, text: new TextEncoder().encode('Deploy kez') } : body,
        ),
      }),
      refused("a voter's signature under another's name", 'receipt_bad_signature', {
        receipt: { ...proof.receipt, acks: [{ ...first!, voter: second!.voter }] },
      }),
      refused('a voter twice', 'receipt_voter_twice', { receipt: { ...proof.receipt, acks: [first!, first!] } }),
      refused('nobody who holds it', 'too_few_voters', { receipt: { ...proof.receipt, acks: [] } }),
      { name: 'an observer that vouches', mesh: observed.mesh.id, file: textOf(observed.proof), fault: 'not_a_voter' },
    ],
  }
}
