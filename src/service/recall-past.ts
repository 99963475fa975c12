/**
 * Recall as of a time: by words, from the documents, memory by memory, since no row tells of what was.
 *
 * All memories that may have been there are read, in short turns, so the cost follows their number; above a bound it is refused, before
 * anything is read, and where texts are long, as soon as they come to too much. A few at a time are answered, others are told to come again.
 */
import { endOfMs } from '../../crdt/hlc.ts'
import type { RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { NodeError } from '../errors.ts'
import type { Frontier, FrontierForm, MemoryRow, RecallAnswer, RecallQuery } from '../ports/projection.ts'
import { createPastRank } from '../projection/rank-past.ts'
import { withinTokens } from '../projection/tokens.ts'
import { segmentsOf } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'
import { compare, mayHold, passing, placeOf } from './list-from-log.ts'
import type { Reader } from './rows.ts'
import type { Warm } from './warming.ts'

/** Memories looked through, at some 0.5 ms each, and documents, at some 50 ms each when they are cold: 4 to 7 s, others having their turns. */
const MEMORIES_MAX = 8_192
const SEGMENTS_MAX = 64
/** Text cut into words, at some 0.1 µs a letter: 3 s. */
const TEXT_LETTERS_MAX = 32 * 1024 * 1024
/** Memories read in one turn; a long text ends it. */
const ROWS_PER_TURN = 16
const LETTERS_PER_TURN = 65_536
/** At once: each keeps the weights of what it found, and takes a part of every turn. */
const RUNNING_MAX = 2

type Context = {
  readonly replica: Replica
  readonly reader: Reader
  readonly warm: Warm
  /** Lets others have their turn; documents hold nothing then that is not durable. */ readonly pause: () => Promise<void>
  readonly shows: (form: FrontierForm | undefined) => Promise<Frontier | string>
}
type Asked = RecallQuery & { readonly as_of: string }

export const createPastRecall = ({ replica, reader, warm, pause, shows }: Context) => {
  let running = 0
  const recall = async (query: Asked, form: FrontierForm | undefined): Promise<RecallAnswer> => {
    await pause()
    const frontier = await shows(form)
    const segments = [...replica.index.segments.values()].filter((entry) => mayHold(entry, query, null))
    const memories = segments.reduce((sum, entry) => sum + entry.memories, 0)
    if (segments.length > SEGMENTS_MAX || memories > MEMORIES_MAX) throw tooLarge(`${memories} memories`)
    const past = reader.asOf(endOfMs(Date.parse(query.as_of)))
    const passes = passing(query, Date.parse(query.as_of))
    const shownThen = (id: RecordId): MemoryRow | null => {
      const row = past.memory(id)
      return row !== null && passes(row) ? row : null
    }
    const rank = await createPastRank(query.q)
    const newest: MemoryRow[] = []
    const limit = Math.min(Math.max(1, Math.floor(query.limit)), limits.recall_limit_max)
    const met = new Set<RecordId>()
    let [letters, inTurn, looked] = [0, 0, 0]
    for (const entry of segments) {
      await warm([entry])
      await pause()
      const ids = [...replica.documents.open(entry).segment.commitsByRecord.keys()]
      for (const id of ids) {
        if (met.has(id)) continue
        met.add(id)
        // Twins of it live in others, which may be cold.
        if (segmentsOf(replica.index, id).length > 1) await warm(segmentsOf(replica.index, id))
        const row = shownThen(id)
        const long = (row?.content?.length ?? 0) + (row?.title?.length ?? 0)
        letters += long
        if (letters > TEXT_LETTERS_MAX) throw tooLarge('the texts')
        if (row !== null && rank.asks) rank.take(row)
        else if (row !== null) {
          newest.push({ ...row, content: null })
          if (newest.length > 2 * limit) keepNewest(newest, limit)
        }
        if (++looked % ROWS_PER_TURN === 0 || (inTurn += long) > LETTERS_PER_TURN) {
          inTurn = 0
          await pause()
        }
      }
    }
    const again = async (id: string): Promise<MemoryRow | null> => {
      await warm(segmentsOf(replica.index, id as RecordId))
      await pause()
      return shownThen(id as RecordId)
    }
    const found = []
    if (rank.asks) {
      for (const { row, score, explain } of await rank.best(limit, query.as_of, again))
        found.push(query.explain === true ? { score, explain: explain!, ...row } : { score, ...row })
    } else {
      keepNewest(newest, limit)
      for (const { id } of newest) {
        const row = await again(id)
        if (row !== null) found.push({ score: 0, ...row })
      }
    }
    return { memories: withinTokens(found, query.max_tokens), mode: 'lexical', at: null, frontier }
  }
  return async (query: Asked, form: FrontierForm | undefined): Promise<RecallAnswer> => {
    if (running >= RUNNING_MAX)
      throw new NodeError(
        'too_many_requests',
        'others are asking for what was known as of a time: try again in a few seconds',
        { retry_after: 3 },
      )
    running++
    try {
      return await recall(query, form)
    } finally {
      running--
    }
  }
}

const keepNewest = (rows: MemoryRow[], limit: number): void => {
  rows.sort((a, b) => compare(placeOf(a), placeOf(b))).splice(limit)
}

const tooLarge = (what: string): NodeError =>
  new NodeError(
    'too_large',
    `${what} are more than is searched as of a time (${MEMORIES_MAX} memories, ${SEGMENTS_MAX} documents): ask for one namespace, with since and until, or list as of that time`,
  )
