/**
 * What a fault is to a round: drawn by the seed, begun under load, held, proven to have happened, and ended.
 */
import type { Load } from '../clients.ts'
import type { SmallDisk } from '../disk.ts'
import type { ChaosMesh, ChaosPeer } from '../peers.ts'
import type { Draw } from '../random.ts'

export type Fault = {
  readonly shown: string
  /** Names of those whom it befalls. */
  readonly hit: readonly string[]
  begin(): Promise<void>
  /** What was seen of it while it lasted; null: it did not happen, and the round proves nothing. */
  proof(): Promise<string | null>
  end(): Promise<void>
}

/** What a fault is drawn from. */
export type Stage = {
  readonly mesh: ChaosMesh
  /** Those whom no other fault of this round befalls, in an order of the seed's; never empty. */
  readonly free: readonly [ChaosPeer, ...ChaosPeer[]]
  readonly draw: Draw
  /** What runs when it begins. */
  readonly load: () => Load
  readonly disksOf: ReadonlyMap<string, { readonly log: SmallDisk; readonly projection: SmallDisk }>
  /** Names the round: what is made in it is called by it. */
  readonly round: number
}

/** What most are drawn from. */
export type Ground = Pick<Stage, 'mesh' | 'free' | 'draw'>

export type FaultClass = {
  readonly name: string
  readonly what: string
  /** A disk loses what it has: writes that it alone had may be gone, and of two copies no more than one may be lost. */
  readonly losesDisk?: true
  /** It needs the others to answer: only classes that stop nobody go beside it. */
  readonly needsCalm?: true
  /** Stops nobody. */
  readonly isCalm?: true
  /** It ends by itself within its beginning: nothing is held. */
  readonly isMoment?: true
  readonly peersMin?: number
  /** Why it cannot be done on this machine, or null. */
  readonly refusal?: () => string | null
  readonly plan: (stage: Stage) => Fault
}

/** Starts it again if it does not run, and lets it go on if it was paused. */
export const revive = async (peer: ChaosPeer): Promise<void> => {
  if (!peer.running()) await peer.start()
}

export const others = (mesh: ChaosMesh, some: readonly string[]): readonly string[] =>
  mesh.peers.map(({ name }) => name).filter((name) => !some.includes(name))
