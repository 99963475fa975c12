/** Headers and commits: what is decoded is exactly what was written, and only what a member signed is covered and admitted. */
import { coveredCommits } from '../../../crdt/chain.ts'
import { decodeCommit, decodeHeader, encodeHeader, hasValidSignature, type Commit } from '../../../crdt/commit.ts'
import { CONTROL_NAMESPACE, hexToBytes } from '../../../crdt/ids.ts'
import { equalBytes, pack } from '../../../crdt/msgpack.ts'
import type { Draw } from '../draw.ts'
import { mendRoot } from '../forge.ts'
import { mutatePacked } from '../mutate-packed.ts'
import { makeHistory } from '../samples.ts'
import { ACCEPTED, judge, mutant, refused, type Target } from '../target.ts'

const header: Target = {
  name: 'header',
  micros: 30,
  open: () => {
    const { mesh, commits, next } = makeHistory()
    const samples = [...mesh.control, ...commits, ...next].map(({ headerBytes }) => headerBytes)
    return {
      make: (draw) => mutant(draw, samples, mutatePacked),
      feed: (input) => {
        const decoded = decodeHeader(input)
        if (decoded === null) return refused('malformed')
        judge(equalBytes(encodeHeader(decoded), input), 'encoding it again gives other bytes')
        return ACCEPTED
      },
    }
  },
}

/** Mutants whose events match their root again in half of the cases, so that the checks behind are met; the signature stays. */
const commit: Target = {
  name: 'commit',
  micros: 90,
  open: () => {
    const { mesh, alice, commits, next } = makeHistory()
    const known = [...mesh.control, ...commits, ...next]
    const samples = known.map(({ bytes }) => bytes)
    const signed = new Set(samples.map((bytes) => Buffer.from(bytes).toString('hex')))
    const isSigned = (one: Commit): boolean => signed.has(Buffer.from(one.bytes).toString('hex'))
    return {
      make: (draw: Draw) => {
        const input = mutant(draw, samples, mutatePacked)
        return draw.chance(2) ? mendRoot(input) : input
      },
      feed: (input) => {
        const decoded = decodeCommit(input)
        if (!decoded.ok) return refused(decoded.reason.replace(/: .*/, ''))
        const { commit: one } = decoded
        judge(equalBytes(encodeHeader(one.header), one.headerBytes), 'its header encodes to other bytes')
        judge(
          equalBytes(
            pack([
              one.headerBytes,
              one.events.map(({ bytes }) => bytes),
              one.events.map(({ attestation }) => attestation),
              one.signature,
              one.votes.map(({ voter, signature }) => [hexToBytes(voter), signature]),
            ]),
            input,
          ),
          'encoding it again gives other bytes',
        )
        // Its authority's key signs it, and admission knows which that is.
        if (one.header.namespace === CONTROL_NAMESPACE) {
          judge(
            isSigned(one) || alice.judge(one).kind !== 'admitted',
            'a statement that its authority never signed is admitted',
          )
          return isSigned(one) ? ACCEPTED : refused('control')
        }
        if (!hasValidSignature(one)) {
          judge(coveredCommits([one]).length === 0, 'it is covered without a valid signature')
          judge(alice.judge(one).kind !== 'admitted', 'admitted without a valid signature')
          return refused('signature')
        }
        judge(isSigned(one), 'a commit that nobody signed bears a valid signature')
        return ACCEPTED
      },
    }
  },
}

export const commitTargets: readonly Target[] = [header, commit]
