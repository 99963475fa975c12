/**
 * The read model as the rest of the program sees it: a thin proxy to the worker that holds the database.
 *
 * Nothing here waits for the database on the main thread. Calls under way are bounded, each has a time limit; a write or an
 * opening that exceeds its own means that the worker hangs, and ends it. An embedded database that broke (`BrokenInstance`) ends
 * with its worker as well. A worker that ended is started again by the next `open`, which the feeder calls after every failure;
 * until then every call answers a `ProjectionFailure`. An embedded database that takes its worker along while it opens, or breaks
 * time and again, is not opened again but made anew; unless something around it is amiss (`hardship.ts`): then that is waited for.
 *
 * Invariant: at most one worker at a time, so at most one user of the database's folder.
 */
import { Worker } from 'node:worker_threads'
import { limits } from '../../crdt/limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { VectorStore } from '../ports/embedding.ts'
import { ProjectionFailure, type Projection } from '../ports/projection.ts'
import type { Engine } from './engine.ts'
import { failureOf, type FailureData } from './errors.ts'
import { hardshipOf } from './hardship.ts'
import type { DatabaseChoice, Method, Said } from './protocol.ts'
import type { Timers } from './timers.ts'
import { workerFlags } from '../worker-flags.ts'
import { workerUrl } from './worker-url.ts'

export type ProjectionOptions = {
  readonly clock: Clock
  readonly timers: Timers
  /** Told, in one line each, what a person should know: a database made anew, a connection lost, a worker that ended. */
  readonly log: (line: string) => void
}

type Waiting = {
  readonly method: Method
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  readonly cancel: () => void
}

const MS_MAX: Readonly<Record<Method, number>> = {
  open: limits.projection_write_ms_max,
  apply: limits.projection_write_ms_max,
  reset: limits.projection_write_ms_max,
  unfinished: limits.projection_query_ms_max,
  begin: limits.projection_write_ms_max,
  applyNext: limits.projection_write_ms_max,
  takeOver: limits.projection_write_ms_max,
  arrivedOf: limits.projection_query_ms_max,
  close: limits.projection_write_ms_max,
  digest: limits.projection_query_ms_max,
  list: limits.projection_query_ms_max,
  recall: limits.projection_query_ms_max,
  links: limits.projection_query_ms_max,
  graph: limits.projection_query_ms_max,
  abilities: limits.projection_query_ms_max,
  episodes: limits.projection_query_ms_max,
  namespaces: limits.projection_query_ms_max,
  stats: limits.projection_query_ms_max,
  unembedded: limits.projection_write_ms_max,
  embed: limits.projection_write_ms_max,
}
const ENDS_WORKER: ReadonlySet<Method> = new Set(['open', 'apply', 'reset', 'begin', 'applyNext', 'takeOver', 'close'])

/** Starts nothing yet: `open()` does, in the background. Every method rejects with a `ProjectionFailure`. */
export const openProjection = (
  choice: DatabaseChoice,
  { clock, timers, log }: ProjectionOptions,
): Projection & VectorStore => {
  let worker: Worker | null = null
  /** Resolves when the worker that is being ended is gone. */
  let ending: Promise<unknown> | null = null
  let closed = false
  let lastId = 0
  const waitingById = new Map<number, Waiting>()
  /** Times that the embedded database broke by itself since it last took a batch. */
  let breaks = 0
  /** The last opening failed for what is around the database: as long as that lasts, another attempt would only take processor time. */
  let hindered = false

  const fail = (waiting: Waiting, message: string): void => {
    waiting.cancel()
    const isOpening = choice.kind === 'pglite' && waiting.method === 'open' && !closed
    const around = isOpening ? amiss() : null
    hindered ||= around !== null
    waiting.reject(
      new ProjectionFailure(around === null ? message : `${message}; ${around}`, isOpening && around === null),
    )
  }

  /** What is amiss around the embedded database. */
  const amiss = (): string | null => (choice.kind === 'pglite' ? hardshipOf(choice.dir) : null)

  /** Ends the worker of a database that is not to be asked again. Answers whether its rows are to be made anew. */
  const giveUp = ({ broken, blameless, rebuild }: FailureData, during: Method | null): boolean => {
    if (choice.kind !== 'pglite' || (!broken && !rebuild)) return rebuild
    // One that broke in a write may still open, and be read.
    if (blameless && (during === 'open' || during === 'reset')) hindered = true
    // All calls under way tell of the same.
    if (!blameless && ending === null) breaks++
    end()
    return rebuild || breaks >= limits.projection_breaks_max
  }

  const start = async (): Promise<void> => {
    if (ending !== null) await ending
    if (worker !== null || closed) return
    const around = hindered ? amiss() : null
    if (around !== null) throw new ProjectionFailure(`projection: ${around}`)
    hindered = false
    const started = new Worker(workerUrl(), { workerData: choice, execArgv: workerFlags(process.execArgv) })
    worker = started
    started.on('message', hear)
    started.on('error', (error: Error) => log(`projection: its worker failed: ${error.message}; it is started again`))
    started.once('exit', () => {
      worker = null
      ending = null
      for (const waiting of waitingById.values()) fail(waiting, 'projection: its worker ended; it is started again')
      waitingById.clear()
    })
  }

  const end = (): void => {
    ending ??= worker?.terminate() ?? null
  }

  const hear = (said: Said): void => {
    if (said.kind === 'log') return log(said.line)
    if (said.kind === 'broken') return void giveUp(said.failure, null)
    const waiting = waitingById.get(said.id)
    if (waiting === undefined) return
    waitingById.delete(said.id)
    waiting.cancel()
    if (said.kind === 'answer') {
      if (waiting.method === 'apply' || waiting.method === 'reset') breaks = 0
      return waiting.resolve(said.value)
    }
    waiting.reject(failureOf({ ...said.failure, rebuild: giveUp(said.failure, waiting.method) }))
  }

  const ask = <M extends Method>(method: M, ...args: Parameters<Engine[M]>): ReturnType<Engine[M]> =>
    new Promise<unknown>((resolve, reject) => {
      if (worker === null)
        return reject(new ProjectionFailure(closed ? 'projection: closed' : 'projection: not open yet; try again'))
      if (waitingById.size >= limits.projection_calls_max)
        return reject(
          new ProjectionFailure(`projection: ${limits.projection_calls_max} calls are under way; try again`),
        )
      const id = ++lastId
      const asked = worker
      const cancel = timers.after(MS_MAX[method], () => {
        waitingById.delete(id)
        fail(waiting, `projection: ${method} took longer than ${MS_MAX[method]} ms; try again`)
        if (ENDS_WORKER.has(method) && worker === asked) end()
      })
      const waiting: Waiting = { method, resolve, reject, cancel }
      waitingById.set(id, waiting)
      asked.postMessage({ id, method, args } satisfies { id: number; method: Method; args: unknown })
    }) as ReturnType<Engine[M]>

  const now = (): string => new Date(clock.now()).toISOString()

  return {
    open: async () => {
      await start()
      return ask('open')
    },
    apply: (batch) => ask('apply', batch),
    arrivedOf: (after, limit) => ask('arrivedOf', after, limit),
    reset: async () => {
      await start()
      return ask('reset')
    },
    unfinished: () => ask('unfinished'),
    begin: (log) => ask('begin', log),
    applyNext: (batch) => ask('applyNext', batch),
    takeOver: () => ask('takeOver'),
    list: (filter, page, form) => ask('list', filter, page, form),
    recall: (query, at, form) => ask('recall', query, at, form),
    links: (of) => ask('links', of),
    abilities: () => ask('abilities'),
    graph: (query, at, form) => ask('graph', query, at, form),
    episodes: (filter, form) => ask('episodes', filter, form),
    namespaces: (form) => ask('namespaces', now(), form),
    stats: (form) => ask('stats', now(), form),
    digest: () => ask('digest'),
    unembedded: (space, origin, limit) => ask('unembedded', space, origin, limit),
    embed: (space, texts) => ask('embed', space, texts),
    close: async () => {
      if (closed) return
      closed = true
      if (ending !== null) await ending
      const last = worker
      if (last === null) return
      try {
        await ask('close')
      } finally {
        await last.terminate()
      }
    },
  }
}
