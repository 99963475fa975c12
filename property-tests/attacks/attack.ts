/**
 * An attack: who sends what, and which answer, by name, is the right one. Everything else about it is the same for all and is
 * judged by `trial.ts`: nothing changed, the process lives, a healthy client waits no longer than it should, memory stays flat.
 */
import type { Peer } from '../../deploy/local/peer.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import type { Member } from './member.ts'
import type { MeshFacts, MeshLink } from '../hostile/mesh-link.ts'

/** A stranger has an address, a member an enrolled key, a client the HTTP door, an operator the machine. */
export type Who = 'stranger' | 'member' | 'client' | 'operator'

export type Attack = {
  /** Unique; `--only` takes it. */
  readonly id: string
  readonly who: Who
  /** What is sent, in one line. */
  readonly what: string
  /** The answer: this very text, or one that matches. */
  readonly expect: string | RegExp
  /** Why the quick form leaves it out: it takes long, or needs descriptors or peers of its own. */
  readonly slow?: string
  /** It writes by right, and judges itself what has become of it; without this the log and every list must be as before. */
  readonly writes?: boolean
  /** The member that attacks is of no use afterwards (frozen, revoked), so it gets one of its own and is taken out in the end; the quick form enrols none. */
  readonly spends?: boolean
  /** The attacker's role where it is not that of a voter, who alone may write; it gets a membership of its own. */
  readonly role?: 'observer'
  /** It is tried on the spare peer, which is there before the row begins. */
  readonly onSpare?: boolean
  /** Why this machine cannot try it, or null: told, and the row is not tried. */
  needs?(): string | null | Promise<string | null>
  /** Resolves with the answer it got. Whatever it throws is an open row. */
  run(stage: Stage): Promise<string>
}

export type Stage = {
  /** The peer under attack; the healthy client is its client too. */
  readonly victim: Peer
  /** All honest peers, the victim first. */
  readonly peers: readonly Peer[]
  readonly facts: MeshFacts
  /** The attacker's membership. */
  readonly member: Member
  /** A key that nobody knows. */
  stranger(): KeyPair
  /** An authenticated link to the victim as whoever holds `keys`; ended after the row. @param named to the door, as peers do. */
  dial(keys: KeyPair, named?: boolean): Promise<MeshLink>
  /** A link as the member, who names itself to the door, open on both sides; ended after the row. */
  open(): Promise<MeshLink>
  /** Revokes the member by the authority's hand. */
  revoke(): Promise<void>
  /** The membership that rows share, beside the attacker's own. */
  accomplice(): Promise<Member>
  /** A running observer of the mesh that nobody is a client of: what a row does to it is done to nobody else. */
  spare(): Promise<Peer>
  /** A folder and a port, neither joined nor started; killed after the row when it runs. */
  place(name: string): Promise<Peer>
  /** Forks that the victim knew of when the row began. */
  readonly forksBefore: number
  pause(ms: number): Promise<void>
  /** True once the row's time is up: loops end then. */
  over(): boolean
  /** Called after the row, whatever became of it. */
  later(undo: () => unknown): void
}
