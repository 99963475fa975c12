/**
 * What lies where: commits, and texts by what they are to readers. Counted from the log and the documents, in short turns, anew each time;
 * those who ask meanwhile share one run.
 *
 * A text is `shown` where some field holds it, also as one of several values; `older` where another took its place; of a forgotten memory
 * `forgotten`, whichever it is. What an event names and is not here is `missing`, but `erased` where it was destroyed, `dropped` where a
 * policy let it go.
 */
import { textsOf } from '../../crdt/commit.ts'
import { TEXT_FIELDS } from '../../crdt/event.ts'
import { SALT_BYTES } from '../../crdt/body.ts'
import type { RecordId, Ref } from '../../crdt/ids.ts'
import type { StorageAnswer, StoredTexts } from '../api.ts'
import type { DiskUse } from '../ports/live.ts'
import type { CommitStore } from '../ports/store.ts'
import { segmentsOf, type SegmentEntry } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'
import { keepHistoryText, oldTexts, type KeepHistory } from './old-texts.ts'
import type { Reader } from './rows.ts'
import type { Turn } from './turns.ts'
import type { Warm } from './warming.ts'

type Context = {
  readonly replica: Replica
  readonly store: CommitStore
  readonly reader: Reader
  readonly warm: Warm
  readonly turn: () => Turn
  /** Documents hold nothing then that is not durable. */ readonly settled: () => Promise<void>
  readonly keepHistory: KeepHistory | null
  readonly nowMs: () => number
  readonly disk: (() => Promise<DiskUse>) | null
}
type Kind = Exclude<keyof StorageAnswer['texts'], 'missing' | 'erased' | 'dropped'>

export const createStorage = (context: Context): (() => Promise<StorageAnswer>) => {
  let running: Promise<StorageAnswer> | null = null
  return () =>
    (running ??= measure(context).finally(() => {
      running = null
    }))
}

/** A record is read from a document: some 0.3 ms. */
const RECORD_BYTES = 3_072

const measure = async ({
  replica,
  store,
  reader,
  warm,
  turn,
  settled,
  keepHistory,
  nowMs,
  disk,
}: Context): Promise<StorageAnswer> => {
  const working = turn()
  const texts = {
    shown: none(),
    older: none(),
    forgotten: none(),
    episodes: none(),
    left_out: none(),
    missing: none(),
    erased: none(),
    dropped: none(),
  }
  let due = 0
  /** By the first that comes: copies of an event may name one text. */
  const counted = new Set<Ref>()
  const count = (kind: Kind, ref: Ref): number => {
    if (counted.has(ref)) return 0
    counted.add(ref)
    const body = store.body(ref)
    const into = texts[body === null ? 'missing' : typeof body === 'string' ? body : kind]
    const bytes = body === null || typeof body === 'string' ? 0 : body.text.length + SALT_BYTES
    into.texts++
    into.bytes += bytes
    return bytes
  }

  for (const entry of replica.index.segments.values()) {
    await warm([entry])
    await settled()
    for (const id of replica.documents.open(entry).segment.commitsByRecord.keys()) {
      if (!isHome(replica, entry, id)) continue
      if (segmentsOf(replica.index, id).length > 1) await warm(segmentsOf(replica.index, id))
      let bytes = RECORD_BYTES
      const state = reader.memoryState(id)
      if (state !== null) {
        const held = new Set(
          TEXT_FIELDS.flatMap((field) => (state.registers.get(field)?.values ?? []).map(({ value }) => value as Ref)),
        )
        const writes = reader
          .writesTo(id)
          .flatMap(({ said }) => ('set' in said ? TEXT_FIELDS.flatMap((field) => said.set[field]?.ref ?? []) : []))
        const old = new Set(keepHistory === null ? [] : oldTexts(reader, state, keepHistory, nowMs()).refs)
        for (const ref of writes) if (old.has(ref) && !counted.has(ref)) due += bytesOf(store, ref)
        for (const ref of writes) bytes += count(state.forgotten ? 'forgotten' : held.has(ref) ? 'shown' : 'older', ref)
      }
      await working.worked(bytes)
    }
  }
  let commits = 0
  const last = replica.index.arrivals
  for (let n = 1; n <= last; n++) {
    const commit = replica.commits.arrived(n)
    let bytes = commit?.bytes.length ?? 0
    commits += bytes
    // What no document names: of episodes, and of commits that count for nobody.
    for (const ref of commit === null ? [] : textsOf(commit))
      bytes += count(commit!.header.segment === null && replica.counts(commit!) ? 'episodes' : 'left_out', ref)
    await working.worked(bytes)
  }
  const freed = { older: texts.older.bytes, forgotten: texts.forgotten.bytes }
  const policy = { keep_history: keepHistory === null ? null : keepHistoryText(keepHistory), due }
  return {
    log: { commits: last, bytes: commits },
    texts,
    would_free: freed,
    policy,
    disk: disk === null ? null : await disk(),
  }
}

const bytesOf = (store: CommitStore, ref: Ref): number => {
  const body = store.body(ref)
  return body === null || typeof body === 'string' ? 0 : body.text.length + SALT_BYTES
}

const none = (): { -readonly [Field in keyof StoredTexts]: number } => ({ texts: 0, bytes: 0 })

/** Whether this is the first of its segments. */
const isHome = (replica: Replica, entry: SegmentEntry, id: RecordId): boolean =>
  !segmentsOf(replica.index, id).some((other) => other.id < entry.id)
