/**
 * Votes on control statements: a statement takes effect when a majority of the voters in the state before it have countersigned it.
 *
 * vote = Ed25519 by a voter over pack([1, mesh, epoch, seq, commit hash]) under "mnemesh/vote/1". An honest voter signs one commit a
 * place and no other, and only once that is on its disk, so two statements of one place cannot both be certified while fewer than
 * half of the voters lie or have lost what their disks held.
 *
 * Where most voters are lost for good, recovery keys stand in their place: the same bytes under "mnemesh/recover/1".
 */
import { epochOf, type Commit, type Vote } from './commit.ts'
import type { Recovery } from './event.ts'
import { hexToBytes, type PeerId, type PublicKey } from './ids.ts'
import { pack } from './msgpack.ts'
import { publicKeyHex, sign, verify, type KeyPair } from './signature.ts'

type Statement = Pick<Commit, 'header' | 'hash'>

export const signVote = (statement: Statement, voter: KeyPair): Vote => ({
  voter: publicKeyHex(voter) as PeerId,
  signature: sign('mnemesh/vote/1', voteBytes(statement), voter),
})

export const isVoteFor = (statement: Statement, { voter, signature }: Vote): boolean =>
  verify('mnemesh/vote/1', voteBytes(statement), signature, voter)

/** More than half. */
export const majorityOf = (voters: number): number => Math.floor(voters / 2) + 1

/**
 * Whether these voters have certified the statement. Each vote must be of one of them and valid, so that what is taken in holds
 * nothing that nobody checked; at most as many signatures are looked at as come before the first that is not.
 */
export const isCertified = (commit: Commit, voters: ReadonlySet<PeerId>): boolean =>
  commit.votes.length >= majorityOf(voters.size) &&
  commit.votes.every(({ voter }) => voters.has(voter)) &&
  commit.votes.every((vote) => isVoteFor(commit, vote))

export const signRecovery = (statement: Statement, key: KeyPair): Vote => ({
  voter: publicKeyHex(key) as PeerId,
  signature: sign('mnemesh/recover/1', voteBytes(statement), key),
})

/** Whether enough recovery keys have signed the statement: each vote on it is of one of them and valid. */
export const isRecovered = (commit: Commit, { threshold, keys }: Recovery): boolean =>
  threshold > 0 &&
  commit.votes.length >= threshold &&
  commit.votes.every(({ voter }) => keys.includes(voter as string as PublicKey)) &&
  commit.votes.every(({ voter, signature }) => verify('mnemesh/recover/1', voteBytes(commit), signature, voter))

/** What a voter signs, and a recovery key. */
export const voteBytes = ({ header, hash }: Statement): Uint8Array =>
  pack([1, hexToBytes(header.mesh), epochOf(header), header.seq, hexToBytes(hash)])
