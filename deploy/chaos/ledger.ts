/**
 * What clients were told of each memory and link, and so which states it may be in.
 *
 * Each word of an answer is taken for true: acknowledged: it is so, on a quorum of disks; `local_committed: true`: it is so, on that
 * peer's disk; `local_committed: false`: it is not, unless `may_be_elsewhere: true` stands beside it; no answer at all: nobody knows. A memory has one client,
 * which asks for one change after the other and for no further one once it does not know.
 */
/** Of a memory: `text TEXT`; of a link: `linked`. */
export type State = 'absent' | 'hidden' | 'erased' | 'linked' | `text ${string}`

export type Entry = {
  /** The word that its text begins with; of a link its ends and relation. */
  readonly key: string
  readonly namespace: string
  readonly of: 'memory' | 'link'
  /** Those that it may be in. */
  states: readonly State[]
  /** Those that it is in if no disk has lost what it alone had. */
  kept: readonly State[] | null
  /** Known once a write of it was answered with it. */
  id: string | null
  /** Which peer acknowledged its present state; null when nobody did. */
  ackedBy: string | null
  /** How many changes of it were acknowledged by a quorum. */
  acks: number
  /** Counts every request, when it goes and when it has ended: a reader knows whether something was asked for meanwhile, or is now. */
  asked: number
  /** Who said what of it, for a report. */
  readonly told: string[]
}

export const textState = (content: string): State => `text ${content}`
export const newEntry = (key: string, namespace: string, of: Entry['of'] = 'memory'): Entry => ({
  key,
  namespace,
  of,
  states: ['absent'],
  kept: null,
  id: null,
  ackedBy: null,
  acks: 0,
  asked: 0,
  told: [],
})

/** What an answer says of the change that was asked for. */
export type Word = 'done' | 'kept' | 'not done' | 'unknown' | 'no word'

/** @param status null when there was no answer. */
export const wordOf = (status: number | null, body: Readonly<Record<string, unknown>>): Word => {
  if (status === null) return 'unknown'
  if (status < 300) return 'done'
  if (body['local_committed'] === true) return 'kept'
  if (status < 500) return 'not done'
  if (body['local_committed'] !== false) return 'no word'
  return body['may_be_elsewhere'] === true ? 'unknown' : 'not done'
}

/** It was asked to be `next`, and `peer` answered with `word`. Attempts of one change are told one by one. */
export const told = (entry: Entry, next: State, word: Word, peer: string): void => {
  if (word === 'done') {
    entry.states = [next]
    entry.kept = null
    entry.ackedBy = peer
    entry.acks++
    return
  }
  if (word === 'not done') return
  // Acknowledged before, under the same key: a later silence takes nothing back.
  if (entry.states.length === 1 && entry.states[0] === next && entry.ackedBy !== null) return
  if (word === 'kept') {
    entry.kept = [next]
    entry.states = [...new Set([...entry.states, next])]
  } else {
    entry.states = [...new Set([...entry.states, next])]
    if (entry.kept !== null) entry.kept = [...new Set([...entry.kept, next])]
  }
  entry.ackedBy = null
}

/** Which states are no fault. @param diskLost a disk has lost what it alone may have had. */
export const allowed = (entry: Entry, diskLost: boolean): readonly State[] =>
  diskLost ? entry.states : (entry.kept ?? entry.states)

/** One state, acknowledged, on a quorum of disks. */
export const isCertain = ({ states, ackedBy }: Entry): boolean => states.length === 1 && ackedBy !== null

/** No request for a change is under way. */
export const isQuiet = ({ asked }: Entry): boolean => asked % 2 === 0

/** All peers agreed on it: from here on all else is a fault. */
export const settle = (entry: Entry, state: State): void => {
  entry.states = [state]
  entry.kept = null
}
