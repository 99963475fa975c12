/**
 * What shows a memory to whoever has no log, as a file: no bytes hold but those that were made, with texts or acks left out at most.
 */
import { sha256Hex } from '../../../crdt/hash.ts'
import { decodeProof, encodeProof } from '../../../crdt/proof-file.ts'
import { writtenProof } from '../../../crdt/proof.test-support.ts'
import { verifyProof } from '../../../crdt/proof.ts'
import { mutateJson } from '../mutate-json.ts'
import { ACCEPTED, judge, mutant, refused, type Target } from '../target.ts'

const proof: Target = {
  name: 'proof',
  micros: 900,
  open: () => {
    const { mesh, proof: made } = writtenProof({ later: [3] })
    const samples = [
      made,
      { ...made, texts: [] },
      { ...made, receipt: { ...made.receipt, acks: made.receipt.acks.slice(1) } },
    ].map(encodeProof)
    const whole = (bytes: Uint8Array): string => sha256Hex(bytes)
    const parts = {
      acks: made.receipt.acks.map((ack) => JSON.stringify(ack)),
      texts: made.texts.map((text) => JSON.stringify(text)),
    }
    return {
      make: (draw) => mutant(draw, samples, mutateJson),
      feed: (input) => {
        const shown = verifyProof(input, mesh.id)
        if (!shown.ok) return refused(shown.fault)
        const read = decodeProof(input)!
        const known =
          read.receipt.acks.every((ack) => parts.acks.includes(JSON.stringify(ack))) &&
          read.texts.every((text) => parts.texts.includes(JSON.stringify(text)))
        const rest = encodeProof({ ...read, texts: made.texts, receipt: { ...read.receipt, acks: made.receipt.acks } })
        judge(known && whole(rest) === whole(samples[0]!), 'a proof that nobody made holds')
        return ACCEPTED
      },
    }
  },
}

export const proofTargets: readonly Target[] = [proof]
