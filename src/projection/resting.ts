/**
 * A read model that rests: its database is opened when somebody first asks for rows, and let go (its worker ends, and with it all the
 * memory that it took) once nobody has asked and nothing was written for a while.
 *
 * Questions wake it. What feeds it does not: while it rests, the feeder's call waits here, so that what is written meanwhile stays in
 * the log alone; it is taken in at the next question, or after `backlogMs`, whichever comes first.
 *
 * Invariants:
 * 1. At most one database at a time: the next is opened once the last is closed.
 * 2. None is let go while a call is under way.
 */
import { limits } from '../../crdt/limits.ts'
import type { VectorStore } from '../ports/embedding.ts'
import { ProjectionFailure, type Projection, type ProjectionCursor, type Rest } from '../ports/projection.ts'
import type { Timers } from './timers.ts'

type Database = Projection & VectorStore
export type RestingOptions = {
  readonly timers: Timers
  /** Ms without a call, after which the database is let go. */
  readonly idleMs: number
  /** Ms that what feeds it waits at most. */
  readonly backlogMs: number
  readonly log: (line: string) => void
}

/** @param make makes one that is not open yet. */
export const createResting = (
  make: () => Database,
  { timers, idleMs, backlogMs, log }: RestingOptions,
): Database & Rest => {
  let awake: Database | null = null
  /** How the last opening of `awake` went. */
  let opening: Promise<ProjectionCursor | null> = Promise.resolve(null)
  let leaving: Promise<void> | null = null
  let underWay = 0
  let ended = false
  const nothing = (): void => undefined
  let cancelIdle = nothing
  let cancelBacklog: (() => void) | null = null
  /** Calls of the feeder and of the filling of vectors: one each. */
  const held = new Set<{ go(): void; refuse(error: Error): void }>()

  const closed = (): ProjectionFailure => new ProjectionFailure('projection: closed')

  const letGo = (): void => {
    if (awake === null || underWay > 0 || ended) return
    const last = awake
    awake = null
    leaving = last
      .close()
      .catch((error: unknown) =>
        log(
          `projection: it was let go, and not closed cleanly (${error instanceof Error ? error.message : String(error)}); what is missing is taken from the log`,
        ),
      )
      .finally(() => (leaving = null))
  }

  const run = async <T>(call: () => Promise<T>): Promise<T> => {
    cancelIdle()
    underWay++
    try {
      return await call()
    } finally {
      underWay--
      if (underWay === 0 && !ended) cancelIdle = timers.after(idleMs, letGo)
    }
  }

  const wake = async (): Promise<Database> => {
    while (leaving !== null) await leaving
    if (ended) throw closed()
    if (awake === null) {
      const made = make()
      awake = made
      cancelBacklog?.()
      cancelBacklog = null
      opening = run(() => made.open())
      // Whoever feeds it goes on once it is open, or hears why it is not.
      void opening.then(nothing, nothing).then(() => {
        for (const { go } of held) go()
        held.clear()
      })
    }
    return awake
  }

  /** Resolves once somebody woke it. */
  const hold = (): Promise<void> =>
    new Promise((resolve, reject) => {
      if (ended) return reject(closed())
      held.add({ go: resolve, refuse: reject })
      cancelBacklog ??= timers.after(backlogMs, () => void wake().catch(nothing))
    })

  const feeds = async <T>(call: (database: Database) => Promise<T>): Promise<T> => {
    while (awake === null) await hold()
    const database = awake
    return run(async () => {
      // Where it failed the database itself says what it is.
      await opening.then(nothing, nothing)
      return call(database)
    })
  }
  const asks = <T>(call: (database: Database) => Promise<T>): Promise<T> => {
    if (underWay >= limits.projection_calls_max)
      return Promise.reject(
        new ProjectionFailure(`projection: ${limits.projection_calls_max} calls are under way; try again`),
      )
    return run(async () => {
      const database = await wake()
      await opening
      return call(database)
    })
  }

  const end = (): void => {
    ended = true
    cancelIdle()
    cancelBacklog?.()
    for (const { refuse } of held) refuse(closed())
    held.clear()
  }

  return {
    isResting: () => awake === null,
    wake: () => asks(async () => undefined),
    end,
    open: async () => {
      const database = awake
      if (database !== null) return run(() => (opening = database.open()))
      while (awake === null) await hold()
      return opening
    },
    apply: (batch) => feeds((database) => database.apply(batch)),
    arrivedOf: (after, limit) => feeds((database) => database.arrivedOf(after, limit)),
    reset: () =>
      feeds(async (database) => {
        await database.reset()
        opening = Promise.resolve(null)
      }),
    unfinished: () => feeds((database) => database.unfinished()),
    begin: (place) => feeds((database) => database.begin(place)),
    applyNext: (batch) => feeds((database) => database.applyNext(batch)),
    takeOver: () => feeds((database) => database.takeOver()),
    abilities: () => feeds((database) => database.abilities()),
    unembedded: (space, origin, limit) => feeds((database) => database.unembedded(space, origin, limit)),
    embed: (space, texts) => feeds((database) => database.embed(space, texts)),
    list: (filter, page, form) => asks((database) => database.list(filter, page, form)),
    recall: (query, now, form) => asks((database) => database.recall(query, now, form)),
    links: (of) => asks((database) => database.links(of)),
    graph: (query, now, form) => asks((database) => database.graph(query, now, form)),
    episodes: (filter, form) => asks((database) => database.episodes(filter, form)),
    namespaces: (form) => asks((database) => database.namespaces(form)),
    stats: (form) => asks((database) => database.stats(form)),
    digest: () => asks((database) => database.digest()),
    close: async () => {
      end()
      while (leaving !== null) await leaving
      await awake?.close()
    },
  }
}
