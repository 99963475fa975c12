/**
 * A schedule: everything that happens to a simulated mesh, as data. It can be printed, replayed, cut down and kept.
 *
 * Steps name their time (`at`, ms of virtual time since the start) and never refer to one another by position, so any subset
 * of a schedule's steps is a schedule. Memories are named by slot: the n-th slot is whatever the puts to slot n made.
 */

export type Way = readonly [from: number, to: number]

/**
 * What clients ask of a peer. `slot` names a memory, `other` a second one, `value` a small number from which texts are made, `apart` a
 * second namespace (of a bulk, for every other memory), `match` that the memory must still be what the client has read just before.
 */
export type Ask =
  | {
      readonly op: 'put'
      readonly slot: number
      readonly value: number
      readonly key: boolean
      readonly apart?: boolean
    }
  | { readonly op: 'bulk'; readonly slots: readonly number[]; readonly value: number; readonly apart?: boolean }
  | {
      readonly op: 'patch'
      readonly slot: number
      readonly value: number
      readonly fields: readonly PatchField[]
      readonly match?: boolean
    }
  | { readonly op: 'forget' | 'restore' | 'erase'; readonly slot: number }
  | { readonly op: 'link' | 'unlink'; readonly slot: number; readonly other: number; readonly relation: string }
  | { readonly op: 'episode'; readonly value: number; readonly apart?: boolean }
  | { readonly op: 'resolve'; readonly slot: number }
  | { readonly op: 'get'; readonly slot: number }
  /** From the rows, what the client's last token saw among them. */
  | { readonly op: 'list' }
export type PatchField = 'title' | 'content' | 'tags' | 'priority' | 'source' | 'metadata' | 'expires_at'

/** What a reader asks; each 200 is held against that peer's log (`readers.ts`). Lists and scans go through all pages of `limit`. */
export type Reading =
  | {
      readonly op: 'list'
      readonly limit: number
      readonly apart?: boolean
      readonly tag?: string
      readonly agent?: number
    }
  | { readonly op: 'scan'; readonly limit: number; readonly apart?: boolean }
  | { readonly op: 'memory'; readonly slot: number; readonly limit: number }
  | { readonly op: 'recall' | 'episodes' | 'namespaces' | 'digests' }

/** The moment at which a process dies: now, or when its shell is about to perform the n-th effect of this kind. */
export type Moment = {
  readonly effect: 'PERSIST' | 'PUSH' | 'ACK' | 'RESOLVE' | 'TAKEN' | 'GROWN'
  readonly nth: number
} | null

export type Step = { readonly at: number } & (
  | {
      readonly do: 'ask'
      readonly client: number
      readonly peer: number
      readonly ask: Ask
      readonly quorum: number | null
      readonly timeoutMs: number
      readonly retries: readonly number[]
    }
  /** `token`: after what the client's last write answered. */
  | {
      readonly do: 'read'
      readonly client: number
      readonly peer: number
      readonly read: Reading
      readonly token: boolean
    }
  /** Nothing passes these ways for `forMs`; nobody is told. `shape` is for people. */
  | { readonly do: 'cut'; readonly shape: string; readonly ways: readonly Way[]; readonly forMs: number }
  | { readonly do: 'slow'; readonly ways: readonly Way[]; readonly delayMs: number; readonly forMs: number }
  /** The next frame on this way comes twice. */
  | { readonly do: 'repeat'; readonly way: Way }
  /** Connections between the two end, and what was under way is lost. */
  | { readonly do: 'reset'; readonly pair: Way }
  /** `power`: nobody is told that its connections are gone. `survive` decides which sectors of the unsynced write are there. */
  | {
      readonly do: 'crash'
      readonly peer: number
      readonly when: Moment
      readonly power: boolean
      readonly survive: number
      readonly downMs: number
      readonly projection: 'kept' | 'lost'
    }
  | { readonly do: 'stop'; readonly peer: number; readonly downMs: number }
  | { readonly do: 'pause'; readonly peer: number; readonly forMs: number }
  | { readonly do: 'clock'; readonly peer: number; readonly jumpMs: number }
  | { readonly do: 'disk'; readonly peer: number; readonly fault: DiskFault; readonly forMs: number }
  /** What lies on the disk changes while the process is down or up; noticed when it is read. */
  | {
      readonly do: 'flip'
      readonly peer: number
      readonly what: 'commit' | 'body' | 'fact' | 'missing'
      readonly where: 'head' | 'middle' | 'tail'
    }
  | { readonly do: 'snapshot'; readonly peer: number }
  /** The process is killed, the folder is what it was at its last snapshot, the process is started. */
  | { readonly do: 'rollback'; readonly peer: number; readonly downMs: number }
  /** A copy of the folder runs beside the original for a while, as one more process of the same peer. */
  | { readonly do: 'clone'; readonly peer: number; readonly forMs: number }
  /** Not a member until now: it is enrolled, and starts. */
  | { readonly do: 'join'; readonly peer: number; readonly role: 'voter' | 'observer' }
  /** Taken out of the mesh, for good. The one after the last machine is the liar. */
  | { readonly do: 'revoke'; readonly peer: number }
  | { readonly do: 'evil'; readonly act: EvilAct }
)
/**
 * `eio`: the flush fails, nothing is there. `eio_written`: it fails, all is there. `full`: refused before it is begun, or failed in the
 * middle. `tight`: there seems to be room, and a batch of more than two sectors fails in the middle.
 */
export type DiskFault = 'eio' | 'eio_written' | 'full' | 'tight' | 'slow'
/** What the dishonest member does. `stripped`: from now on it passes on what it is told, without the texts, or with others in their place. */
export type EvilAct =
  | 'equivocate'
  | 'equivocate_episodes'
  | 'equivocate_erasures'
  | 'impersonate'
  | 'stripped'
  | 'junk_parcels'
  | 'changed_commit'
  | 'foreign_signature'
  | 'forged_acks'
  | 'lying_digest'
  | 'lying_frontier'
  | 'lying_clock'
  | 'junk_bodies'
  | 'orphans'
  | 'junk_forks'
  | 'many_forks'
  | 'far_acks'
  | 'many_chains'
  | 'unreadable'
  | 'late_texts'
  | 'foreign_addresses'
  | 'ahead'
  | 'requests'
  | 'frames'
  | 'stranger'

/** Whom each dials from the start: all, those before it (one of each pair dials), the first, its neighbours. */
export type Topology = 'full' | 'upwards' | 'star' | 'ring' | 'line'

export type Schedule = {
  readonly seed: string
  readonly peers: number
  readonly topology: Topology
  /** A member that lies runs beside the honest ones. */
  readonly evil: 'observer' | 'voter' | null
  /** Wall clocks at the start differ from the true one by this, ms, by peer. */
  readonly skewMs: readonly number[]
  readonly delayMs: readonly [min: number, max: number]
  readonly flushMs: readonly [min: number, max: number]
  /** Ascending by `at`. */
  readonly steps: readonly Step[]
}

export const endOf = (schedule: Schedule): number =>
  schedule.steps.reduce(
    (latest, step) => Math.max(latest, step.at + ('forMs' in step ? step.forMs : 'downMs' in step ? step.downMs : 0)),
    0,
  )
