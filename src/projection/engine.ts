/**
 * The read model over a database: what the worker runs, and tests run directly. Same SQL for PGlite and Postgres.
 *
 * Invariants:
 * 1. A batch's rows and its cursor are written in one transaction; a batch that is not ahead of the stored cursor changes nothing,
 *    and one that does not follow it is refused, so that rows which went missing are never papered over.
 * 2. What a read says that it shows (`Reflects`) is of one moment with its rows.
 * 3. A text that a batch removed is destroyed in the database's files too, at the latest when `scrub` next succeeds; the wish for
 *    it is stored with the batch, so a crash in between does not forget it.
 */
import type { VectorStore } from '../ports/embedding.ts'
import {
  ProjectionFailure,
  type FrontierForm,
  type Projection,
  type ProjectionBatch,
  type Reflects,
} from '../ports/projection.ts'
import { dropAge, prepareAge, stepAge } from './age.ts'
import { arrivedOf, writeChains } from './chains.ts'
import { follow, namespacesOf, statsOf } from './counts.ts'
import { isAhead, readCursor, readSum, reflects, writeCursor } from './cursor.ts'
import { digestOf } from './digest.ts'
import { beginNext, enter, isBegun, replaceRows } from './generations.ts'
import { createGate } from './gate.ts'
import { graphOf } from './graph.ts'
import { createLanguages } from './languages.ts'
import { createStems, type StemMemory } from './lexemes.ts'
import { linksOf, listEpisodes, listMemories } from './list.ts'
import { hasTables, migrate } from './migrations.ts'
import { prepareTrigrams } from './near.ts'
import { recall } from './recall.ts'
import { removeRows } from './removals.ts'
import { upsert } from './rows.ts'
import type { Query, Sql } from './sql.ts'
import { timeOf } from './times.ts'
import { followRows, nearestIn, prepareVectors, type Nearest } from './vectors.ts'
import { keepVectors, nextTexts } from './vectors-fill.ts'

/** `Projection` with the present moment as an argument everywhere, and `tidy`. */
export type Engine = Omit<Projection, 'namespaces' | 'stats'> &
  VectorStore & {
    namespaces(now: string, form?: FrontierForm): ReturnType<Projection['namespaces']>
    stats(now: string, form?: FrontierForm): ReturnType<Projection['stats']>
    /** Destroys in the files what batches removed, when there is such; answers whether there was. Takes seconds: for quiet moments. */
    tidy(): Promise<boolean>
    /** To be called when nothing has been written for a while. */
    rest(): Promise<void>
  }

export type EngineOptions = {
  /** Told, in one line, what the database lacks. */
  readonly log?: (line: string) => void
  /** The graph of this name in Apache AGE, and whether it is wanted: one that is not is dropped. */
  readonly age?: { readonly graph: string; readonly wanted: boolean }
}

export const createEngine = (database: Sql, { log = () => undefined, age }: EngineOptions = {}): Engine => {
  const gate = createGate()
  const sql: Sql = { ...database, snapshot: (work) => gate.pass(() => database.snapshot(work)) }
  const remembered: StemMemory = new Map()
  const languages = createLanguages()
  const stems = () => createStems(remembered, languages.stemmed)
  let trigrams: string | null = null
  /** The schema of pgvector, null without; undefined until the tables are there. */
  let vectors: string | null | undefined
  let nearest: Nearest | null = null
  /** The name of the graph that is kept. */
  let graph: string | null = null
  let lacks: string[] = []
  let prepared = false

  const lack = (what: string): void => {
    lacks.push(what)
    log(`projection: ${what}`)
  }

  const prepare = async (query: Query): Promise<void> => {
    lacks = []
    await migrate(query)
    trigrams = await prepareTrigrams(query)
    if (trigrams === null)
      lack('the database has no pg_trgm, so misspelt words find nothing; create extension pg_trgm there as its owner')
    await languages.read(query)
    const found = await prepareVectors(query)
    vectors = 'schema' in found ? found.schema : null
    nearest = vectors === null ? null : nearestIn(vectors)
    if ('missing' in found) log(`projection: recall is lexical, for ${found.missing}`)
    graph = await prepareGraph(query)
    prepared = true
  }
  const prepareGraph = async (query: Query): Promise<string | null> => {
    if (age === undefined) return null
    if (!age.wanted) {
      if (!(await dropAge(query, age.graph)))
        log(`projection: the graph ${age.graph} is not kept any longer and cannot be dropped; it holds no texts`)
      return null
    }
    const missing = await prepareAge(query, age.graph)
    if (missing !== null) lack(`there is no graph in Apache AGE, for ${missing}`)
    return missing === null ? age.graph : null
  }

  /** The counters are being moved on, behind an answer. */
  let following: Promise<void> | null = null
  const counted = async <T>(
    now: string,
    form: FrontierForm | undefined,
    of: (query: Query, now: number) => Promise<{ readonly answer: T; readonly late: boolean }>,
  ): Promise<{ readonly answer: T; readonly shown: Reflects }> => {
    const nowMs = timeOf(now, 'now')
    const { answer, late, shown } = await sql.snapshot(async (query) => ({
      ...(await of(query, nowMs)),
      shown: await reflects(query, form),
    }))
    if (late) {
      following ??= sql
        .transaction((query) => follow(query, nowMs))
        .catch((error: unknown) =>
          log(`projection: expired memories are not left out of the counters yet: ${String(error)}`),
        )
        .finally(() => {
          following = null
        })
    }
    return { answer, shown }
  }

  /** @param next the schema of the generation that does not serve yet: nobody wants its vectors or its graph before it does. */
  const apply = async (batch: ProjectionBatch, next: string | null): Promise<void> => {
    await sql.room()
    const rows = await sql.transaction(async (query) => {
      if (next !== null) await enter(query, next)
      const stored = await readCursor(query)
      if (!isAhead(batch, stored)) return 0
      const scrub = await removesText(query, batch)
      const write = async (rows: ProjectionBatch): ReturnType<typeof upsert> => {
        const written = await upsert(query, rows, stems(), languages)
        if (vectors && next === null) await followRows(query, rows.memories)
        if (graph !== null && next === null) await stepAge(query, graph, rows)
        return written
      }
      const { given, fresh } = await write(batch)
      const gone = batch.removed === undefined ? 0 : await removeRows(query, batch, write)
      const sum = await readSum(query)
      await writeChains(query, batch.chains, sum)
      await writeCursor(query, batch.cursor, sum, fresh - gone, scrub || (gone > 0 && batch.removed?.erased === true))
      return given
    })
    if (next === null) await sql.wrote(rows)
  }

  return {
    open: async () => {
      await sql.connect()
      return sql.transaction(async (query) => {
        // What was found prepared is looked at no further, unless somebody has taken it away: this is asked time and again.
        if (!prepared || !(await hasTables(query))) await prepare(query)
        const cursor = await readCursor(query)
        await checkCount(query)
        return cursor
      })
    },
    apply: (batch) => apply(batch, null),
    arrivedOf: (after, limit) => sql.snapshot((query) => arrivedOf(query, after, limit)),
    unfinished: () => sql.transaction((query) => isBegun(query, sql.schemas)),
    begin: async (log) => {
      await sql.room()
      return sql.transaction((query) => beginNext(query, sql.schemas, log))
    },
    applyNext: (batch) => apply(batch, sql.schemas.next),
    takeOver: async () => {
      // A snapshot that saw the first generation must not find the second under its names.
      const rows = await gate.shut(() =>
        sql.transaction(async (query) => {
          await replaceRows(query, sql.schemas)
          graph = await prepareGraph(query)
          return (await query<{ rows: number }>('select memories::float8 as rows from cursor'))[0]?.rows ?? 0
        }),
      )
      await sql.wrote(rows)
    },
    reset: async () => {
      await sql.wipe()
      await sql.connect()
      await sql.transaction(prepare)
    },
    tidy: async () => {
      const [row] = await sql.snapshot((query) => query<{ scrub: boolean }>('select scrub from cursor'))
      if (row?.scrub !== true) return false
      await sql.scrub()
      await sql.transaction((query) => query('update cursor set scrub = false'))
      return true
    },
    rest: () => sql.rest(),
    list: (filter, page, form) =>
      sql.snapshot(async (query) => ({
        ...(await reflects(query, form)),
        ...(await listMemories(query, filter, page)),
      })),
    recall: (asked, now, form) =>
      sql.snapshot((query, beside) =>
        recall(query, beside, asked, now, form, { stems: stems(), languages, trigrams, nearest }),
      ),
    unembedded: async (space, origin, limit) => {
      const schema = vectors
      if (schema === undefined) throw new ProjectionFailure('projection: not open yet; try again')
      return schema === null ? null : sql.transaction((query) => nextTexts(query, schema, space, origin, limit))
    },
    embed: async (space, texts) => {
      await sql.room()
      if (vectors) await keepVectors(sql, vectors, space, texts)
    },
    links: (of) => sql.snapshot((query) => linksOf(query, of)),
    graph: (asked, now, form) =>
      sql.snapshot(async (query) => ({ ...(await reflects(query, form)), ...(await graphOf(query, asked, now)) })),
    abilities: async () => ({ age: graph, lacks }),
    episodes: (filter, form) =>
      sql.snapshot(async (query) => ({ ...(await reflects(query, form)), rows: await listEpisodes(query, filter) })),
    namespaces: async (now, form) => {
      const { answer, shown } = await counted(now, form, namespacesOf)
      return { rows: answer, ...shown }
    },
    stats: async (now, form) => {
      const { answer, shown } = await counted(now, form, statsOf)
      return { ...answer, ...shown }
    },
    digest: () => sql.snapshot(digestOf),
    close: async () => {
      await following
      await sql.close()
    },
  }
}

/** A table that lost rows behind our back (a damaged or exchanged file) is noticed here, by its count. */
const checkCount = async (query: Query): Promise<void> => {
  const [row] = await query<{ told: number; found: number }>(
    'select memories::float8 as told, (select count(*) from memories)::float8 as found from cursor',
  )
  if (row === undefined || row.told === row.found) return
  throw new ProjectionFailure(
    `projection: ${row.told} memories were stored and ${row.found} are there; the rows are rebuilt from the log`,
    true,
  )
}

/** Whether the batch erases a memory that is here with its text. */
const removesText = async (query: Query, batch: ProjectionBatch): Promise<boolean> => {
  const erased = batch.memories.filter((row) => row.erased).map((row) => row.id)
  if (erased.length === 0) return false
  const [row] = await query<{ found: boolean }>(
    'select exists (select 1 from memories where id = any($1::uuid[]) and not erased) as found',
    [erased],
  )
  return row?.found === true
}
