/**
 * The projection's worker: one database, one engine, calls in, answers out. Runs only as a worker thread.
 *
 * When no call is under way it tidies: texts that a batch erased are destroyed in the files then. A failed attempt is told and
 * made again after the next batch. When no batch has come for a while the database rests, which an embedded one vacuums in.
 */
import { age } from '@electric-sql/pglite-age'
import { parentPort, workerData } from 'node:worker_threads'
import { limits } from '../../crdt/limits.ts'
import { createEngine, type Engine } from './engine.ts'
import { failureData } from './errors.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import type { Call, DatabaseChoice, Said } from './protocol.ts'

const port = parentPort
if (port === null) throw new Error('projection/worker.ts runs as a worker thread only')

const say = (said: Said): void => port.postMessage(said)
const log = (line: string): void => say({ kind: 'log', line })

const choice = workerData as DatabaseChoice
const engine: Engine =
  choice.kind === 'pglite'
    ? createEngine(openPglite(choice.dir, log, choice.age === true ? { age } : {}), {
        log,
        age: { graph: 'mnemesh', wanted: choice.age === true },
      })
    : createEngine(openPostgres(choice.url, choice.schema, log), {
        log,
        age: { graph: `${choice.schema}_graph`, wanted: choice.age === true },
      })

const perform = (call: Call): Promise<unknown> => {
  switch (call.method) {
    case 'open':
      return engine.open()
    case 'apply':
      return engine.apply(...call.args)
    case 'arrivedOf':
      return engine.arrivedOf(...call.args)
    case 'reset':
      return engine.reset()
    case 'unfinished':
      return engine.unfinished()
    case 'begin':
      return engine.begin(...call.args)
    case 'applyNext':
      return engine.applyNext(...call.args)
    case 'takeOver':
      return engine.takeOver()
    case 'list':
      return engine.list(...call.args)
    case 'recall':
      return engine.recall(...call.args)
    case 'links':
      return engine.links(...call.args)
    case 'abilities':
      return engine.abilities()
    case 'graph':
      return engine.graph(...call.args)
    case 'episodes':
      return engine.episodes(...call.args)
    case 'namespaces':
      return engine.namespaces(...call.args)
    case 'stats':
      return engine.stats(...call.args)
    case 'digest':
      return engine.digest()
    case 'unembedded':
      return engine.unembedded(...call.args)
    case 'embed':
      return engine.embed(...call.args)
    case 'close':
      return engine.close()
  }
}

let underWay = 0
let untidy = false
let tidying: Promise<void> = Promise.resolve()

/** One after the other, so that whoever waits for the last has waited for all. */
const inTurn = (work: () => Promise<unknown>, failed: string): void => {
  tidying = tidying.then(work).then(
    () => undefined,
    (error: unknown) => {
      const failure = failureData(error)
      log(`projection: ${failed}: ${failure.message}`)
      if (failure.broken) say({ kind: 'broken', failure })
    },
  )
}

const tidyWhenQuiet = (): void => {
  if (!untidy || underWay > 0) return
  untidy = false
  inTurn(() => engine.tidy(), 'erased texts were not destroyed in the files yet')
}

let resting: NodeJS.Timeout | undefined
const restLater = (): void => {
  clearTimeout(resting)
  resting = setTimeout(() => {
    inTurn(() => engine.rest(), 'the database is not put in order yet')
  }, limits.projection_rest_ms)
}

const WRITES: ReadonlySet<Call['method']> = new Set(['apply', 'applyNext', 'takeOver', 'reset'])

const answer = async (call: Call): Promise<void> => {
  underWay++
  if (WRITES.has(call.method) || call.method === 'close') clearTimeout(resting)
  try {
    if (call.method === 'close' || call.method === 'reset' || call.method === 'takeOver') await tidying
    say({ kind: 'answer', id: call.id, value: await perform(call) })
    const hasWritten = call.method === 'open' || call.method === 'embed' || WRITES.has(call.method)
    untidy = call.method === 'close' ? false : untidy || hasWritten
    if (hasWritten) restLater()
  } catch (error) {
    say({ kind: 'failure', id: call.id, failure: failureData(error) })
  } finally {
    underWay--
    tidyWhenQuiet()
  }
}

port.on('message', (call: Call) => void answer(call))
