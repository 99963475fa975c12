/**
 * Lets texts of older versions go, by this peer's own policy, and believes others that let theirs go.
 *
 * In the background, a document at a time, in short turns: what was looked through is looked at again when something was written there, or
 * when its next text becomes old. With a clock that is off nothing is let go.
 *
 * A text that is missing here, of which a neighbour says that a policy let it go, and that no neighbour has, is not waited for any longer if
 * another took its place: else a chain would never be whole again. A text that is shown is waited for all the same.
 */
import { textsOf } from '../../crdt/commit.ts'
import { bodyRefs } from '../../crdt/event.ts'
import type { RecordId, Ref } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { CommitStore } from '../ports/store.ts'
import type { Shell } from '../replica/effects.ts'
import { segmentsOf, type SegmentEntry } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'
import { isReplaced, oldTexts, type KeepHistory } from './old-texts.ts'
import type { Reader } from './rows.ts'
import type { Turn } from './turns.ts'
import type { Warm } from './warming.ts'

type Context = {
  readonly replica: Replica
  readonly shell: Shell
  readonly store: CommitStore
  readonly reader: Reader
  readonly warm: Warm
  readonly turn: () => Turn
  readonly keepHistory: KeepHistory | null
  readonly now: () => number
  readonly after: (ms: number, call: () => void) => () => void
  /** Told, in a line each, what could not be let go. */
  readonly log: (line: string) => void
}

export type Retention = {
  start(): void
  /** No neighbour has these, and one says that its policy let them go. */
  gone(refs: readonly Ref[]): void
  stop(): Promise<void>
}

/** A record is read from a document: some 0.3 ms. */
const RECORD_BYTES = 3_072

export const createRetention = (context: Context): Retention => {
  const { replica, shell, store, reader, warm, keepHistory, now, after, log } = context
  /** Commits that a segment had when it was looked through, and when something there will be old. */
  const seenBySegment = new Map<string, { readonly commits: number; readonly nextMs: number | null }>()
  const told = new Set<Ref>()
  let working: Promise<void> = Promise.resolve()
  let cancel = (): void => undefined
  let stopping = false

  const drop = async (refs: readonly Ref[]): Promise<void> => {
    for (let at = 0; at < refs.length; at += limits.store_batch_parts_max)
      await store.write({ drop: refs.slice(at, at + limits.store_batch_parts_max) })
  }
  const isHere = (ref: Ref): boolean => {
    const body = store.body(ref)
    return body !== null && typeof body !== 'string'
  }
  const open = async (segments: readonly SegmentEntry[]): Promise<void> => {
    await warm(segments)
    await shell.settled()
  }

  const sweep = async (keep: KeepHistory): Promise<void> => {
    const working = context.turn()
    for (const entry of replica.index.segments.values()) {
      const name = `${entry.namespace} ${entry.id}`
      const seen = seenBySegment.get(name)
      const commits = entry.arrivals.length
      if (stopping || replica.clockIsOff(now()) !== null) return
      if (seen?.commits === commits && (seen.nextMs === null || seen.nextMs > now())) continue
      let nextMs = Number.POSITIVE_INFINITY
      const old: Ref[] = []
      await open([entry])
      for (const id of replica.documents.open(entry).segment.commitsByRecord.keys()) {
        const segments = segmentsOf(replica.index, id)
        if (segments.some((other) => other.id < entry.id)) continue
        if (segments.length > 1) await open(segments)
        const state = reader.memoryState(id)
        const found = state === null || state.erased ? null : oldTexts(reader, state, keep, now())
        for (const ref of found?.refs ?? []) if (isHere(ref)) old.push(ref)
        nextMs = Math.min(nextMs, found?.nextMs ?? Number.POSITIVE_INFINITY)
        await working.worked(RECORD_BYTES)
        if (stopping) return
      }
      await drop(old)
      if (seenBySegment.size >= limits.retention_segments_max) seenBySegment.clear()
      seenBySegment.set(name, { commits, nextMs: Number.isFinite(nextMs) ? nextMs : null })
    }
  }

  const settle = async (): Promise<void> => {
    const refs = [...told]
    told.clear()
    const dropped: Ref[] = []
    for (const ref of refs) if (!stopping && (await isLetGo(ref))) dropped.push(ref)
    await drop(dropped)
    if (dropped.length > 0) shell.feed({ kind: 'dropped', refs: dropped })
  }
  const isLetGo = async (ref: Ref): Promise<boolean> => {
    const records = recordsNaming(ref)
    if (records.length === 0) return false
    for (const record of records) {
      await open(segmentsOf(replica.index, record))
      const state = reader.memoryState(record)
      if (state === null || !isReplaced(state, ref)) return false
    }
    return store.body(ref) === null
  }
  const recordsNaming = (ref: Ref): readonly RecordId[] =>
    (replica.missing.placesOf(ref) ?? []).flatMap(({ chain, seq }) => {
      const commit = replica.commits.at(chain, seq)
      if (commit === null || !textsOf(commit).includes(ref)) return []
      return commit.events.flatMap(({ event }) =>
        'record' in event && bodyRefs(event).some((body) => body.ref === ref) ? [event.record] : [],
      )
    })

  const inTurn = (work: () => Promise<void>): void => {
    working = working.then(work).catch((error: unknown) => {
      if (!stopping) log(`older versions: ${error instanceof Error ? error.message : String(error)}; it is tried again`)
    })
  }
  const wait = (ms: number): void => {
    if (keepHistory === null || stopping) return
    cancel = after(ms, () => {
      inTurn(() => sweep(keepHistory))
      void working.then(() => wait(limits.retention_sweep_ms))
    })
  }

  return {
    start: () => wait(limits.retention_first_ms),
    gone: (refs) => {
      const waiting = told.size > 0
      for (const ref of refs) if (told.size < limits.want_bodies_max) told.add(ref)
      if (!waiting && told.size > 0) inTurn(settle)
    },
    stop: async () => {
      stopping = true
      cancel()
      await working
    },
  }
}
