/**
 * Who answers at an address: asked by a challenge before anything is told to it, for an address that was written down may be
 * somebody else's by now. No API key is sent.
 */
import { fromBase64Url } from '../../crdt/base64.ts'
import { CHALLENGE_BYTES, isIdentityProven } from '../../crdt/identity-proof.ts'
import { bytesToHex, parsePeerId, type PeerId } from '../../crdt/ids.ts'
import type { Random } from '../ports/clock.ts'

/** Of several addresses dead ones must not hold up the others: who it is is asked of all at once. */
const PROOF_MS_MAX = 5_000

/** The peer whose key the process at `url` holds, `nobody` when it holds none, null when nothing answers. */
export const provenPeer = async (url: string, random: Random): Promise<PeerId | 'nobody' | null> => {
  const challenge = random.bytes(CHALLENGE_BYTES)
  const answer = await fetch(`${url}/api/v1/identity?challenge=${bytesToHex(challenge)}`, {
    redirect: 'error',
    signal: AbortSignal.timeout(PROOF_MS_MAX),
  }).catch(() => null)
  if (answer === null) return null
  const said = (await answer.json().catch(() => null)) as { peer_id?: unknown; signature?: unknown } | null
  const peer = typeof said?.peer_id === 'string' ? parsePeerId(said.peer_id) : null
  const proof = typeof said?.signature === 'string' ? fromBase64Url(said.signature) : null
  return peer !== null && proof !== null && isIdentityProven(proof, challenge, portOf(url), peer) ? peer : 'nobody'
}

const portOf = (url: string): number => {
  const { port, protocol } = new URL(url)
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}
