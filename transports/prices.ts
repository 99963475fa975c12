/**
 * What a frame costs whoever takes it, in units of work: about 10 µs each on the machine that the measurements were made on. A price
 * follows from a frame's kind and size alone, so that two runs of one schedule pay the same.
 */
import type { ChainId } from '../crdt/ids.ts'
import type { Message, NodeTold } from './messages.ts'

/** Opening the seal and reading the fields. */
export const priceOfBytes = (bytes: number): number => 1 + bytes / 4_096

/** A hello costs two key pairs' worth of arithmetic and a signature, a proof a check and an exchange of keys; anything else is refused unread. */
export const priceOfGreeting = (frame: Uint8Array): number => (frame[1] === 1 ? 12 : frame[1] === 3 ? 15 : 1)

/** Reading commits and texts from the log and sealing them, for whoever asked. */
export const priceOfServing = (frame: {
  readonly content: Uint8Array
  readonly commits: number
  readonly bodies: number
}): number => priceOfBytes(frame.content.length) + 2 * frame.commits + frame.bodies

/** Arrivals looked up in the log, at some 15 µs each, and the runs that they make told, at some 2 µs. */
export const priceOfWalk = (arrivals: number, runs: number): number => 1.5 * arrivals + runs / 5

/** Subtrees of the frontier told: 16 keyed digests at some 1.5 µs each, or chains with their heads at some 3 µs. */
export const priceOfNodes = (nodes: readonly NodeTold[]): number =>
  nodes.reduce((sum, node) => sum + (node.kind === 'node' ? 3 : 1 + node.entries.length / 3), 0)

/** What handling it takes here, beyond its bytes. */
export const priceOf = (m: Message): number => {
  switch (m.type) {
    case 'control':
    case 'credit':
    case 'absent':
      return 2
    case 'open':
    case 'ping':
    case 'pong':
      return 10
    // What is walked for the answer is priced as it is walked (`priceOfWalk`, `priceOfNodes`).
    case 'since':
    case 'have':
    case 'frontier_ask':
      return 10
    case 'runs':
      return 2 + m.runs.length / 10
    // Compared with ours.
    case 'frontier':
      return 2 + priceOfNodes(m.nodes)
    case 'want':
      return 2 + 3 * m.runs.length
    // Checked, as one run, by the signature of its last, and judged; measured, 2,000 of one commit each took 160 µs a frame.
    case 'parcels':
      return m.parcels.reduce((sum, parcel) => sum + 5 + parcel.bodies.length / 2, 10)
    case 'want_bodies':
      return 2 + 3 * m.refs.length
    case 'bodies':
      return 2 + m.bodies.length / 2
    case 'absent_bodies':
    case 'dropped_bodies':
      return 2 + m.refs.length / 10
    case 'ack':
      return 8 + m.ack.watermarks.length
    // Looked up, hashed, and signed.
    case 'want_acks':
      return 8 + m.chains.length
    case 'addresses':
      return 2 + 8 * m.records.length
    case 'forks':
      return 2 + 15 * m.proofs.length
    // Read as a commit, and one check.
    case 'propose':
      return 12 + m.commit.length / 1_024
    case 'vote':
      return 8
    // Each is looked up.
    case 'refused':
      return 2 + m.refused.length
    case 'line':
      return 4 + m.others.length
    // What is read for the answer is priced as it is read.
    case 'want_line':
      return 4 + m.known.length / 4
    case 'statements':
      return m.commits.reduce((sum, bytes) => sum + 5 + bytes.length / 24, 10)
    case 'want_headers':
      return 2 + 3 * m.hashes.length
    case 'headers':
      return 2 + 3 * m.headers.length
  }
}

/** Of the control log each commit is checked for itself, and each vote on it: as many as its bytes can hold, at some 100 bytes and 40 µs each. */
export const priceOfVotes = (m: Message, controlChain: ChainId): number =>
  m.type === 'parcels' && m.chain === controlChain
    ? m.parcels.reduce((sum, parcel) => sum + parcel.bytes.length / 24, 0)
    : 0
