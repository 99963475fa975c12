/**
 * Provenance: which event, of which agent and peer, wrote an Automerge operation. An operation id `counter@actor` leads to
 * the change whose span holds the counter, and in it to the event whose operations do.
 */
import type { Hlc } from './hlc.ts'
import type { DocumentEvent } from './event.ts'
import type { AgentId, ChainId, CommitHash, EventId, PeerId, RecordId } from './ids.ts'

/** Who, where and when: of a value, or of a memory's creation. `(hlc, event)` is the total order in which values lead. */
export type Written = {
  readonly hlc: Hlc
  readonly event: EventId
  readonly agent: AgentId
  readonly peer: PeerId
  readonly at: string
}

/** One event inside a change: its operations are `firstOp` … `firstOp + opCount − 1`. */
export type EventSpan = {
  readonly event: EventId
  readonly kind: string
  readonly record: RecordId
  readonly agent: AgentId
  readonly at: string
  readonly firstOp: number
  readonly opCount: number
  /** What was said, for reading it where it stands twice. */ readonly said: DocumentEvent
}

/** What a segment remembers of one applied commit. */
export type ChangeInfo = {
  readonly commit: CommitHash
  readonly change: string
  readonly chain: ChainId
  readonly seq: number
  readonly peer: PeerId
  readonly hlc: Hlc
  readonly actor: string
  readonly actorSeq: number
  readonly startOp: number
  /** Last operation counter; startOp − 1 when it has none. */
  readonly maxOp: number
  /** Per actor, how many of its changes are in this change's causal past, itself included. */
  readonly clock: ReadonlyMap<string, number>
  /** Memories and links that this actor created here up to and with this change. */
  readonly created: { readonly memories: number; readonly links: number }
  readonly spans: readonly EventSpan[]
}

export const compareWritten = (a: Written, b: Written): number =>
  a.hlc - b.hlc || (a.event < b.event ? -1 : a.event > b.event ? 1 : 0)

/** The change and the writer of operation `opId`. @throws RangeError when the operation is none of theirs (a bug). */
export const whoWrote = (
  changesByActor: ReadonlyMap<string, readonly ChangeInfo[]>,
  opId: string,
): { readonly change: ChangeInfo; readonly written: Written } => {
  const at = opId.indexOf('@')
  const counter = Number(opId.slice(0, at))
  const change = lastStartingAtOrBefore(changesByActor.get(opId.slice(at + 1)) ?? [], counter)
  const span = change?.spans.find(
    (candidate) => counter >= candidate.firstOp && counter < candidate.firstOp + candidate.opCount,
  )
  if (change === undefined || span === undefined) throw new RangeError(`operation ${opId} belongs to no applied commit`)
  return { change, written: { hlc: change.hlc, event: span.event, agent: span.agent, peer: change.peer, at: span.at } }
}

const lastStartingAtOrBefore = (changes: readonly ChangeInfo[], counter: number): ChangeInfo | undefined => {
  let low = 0
  let high = changes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (changes[middle]!.startOp <= counter) low = middle + 1
    else high = middle
  }
  return changes[low - 1]
}

/** Whether `earlier` is in the causal past of `later` (or the same). */
export const precedes = (earlier: ChangeInfo, later: ChangeInfo): boolean =>
  (later.clock.get(earlier.actor) ?? 0) >= earlier.actorSeq
