/**
 * One real peer: a folder, a port, and the process that serves them, if one runs.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startMnemesh, type Ended, type Environment, type LastingChild } from './command.ts'
import { callsTo, expecting, type Call, type Json } from './http.ts'
import { until } from './until.ts'

/** The embedded database takes some 3 s of one free core to start; tests share few. */
const READY_MS = 45_000
/** Past it a peer that was asked to stop is killed, and the test told. */
const STOP_MS = 15_000
const SHOWN_CHARS = 2_000
/** As seen from this file's source and from its compiled form. */
const SHIFTED_CLOCK = fileURLToPath(
  new URL(
    import.meta.url.includes('/dist/') ? '../../../deploy/local/shifted-clock.cjs' : './shifted-clock.cjs',
    import.meta.url,
  ),
)

export type PeerPlace = { readonly name: string; readonly dir: string; readonly port: number }
export type ServeOptions = {
  readonly projection: 'none' | 'pglite' | `postgres://${string}`
  readonly quorumTimeoutMs: number
  readonly quorum?: number
  /** `ws://host:port/mesh`. */
  readonly peers?: readonly string[]
  /** Base address of an embedding endpoint. */
  readonly embedderUrl?: string
  /** Goes before what a process is given anyway. */
  readonly environment?: Environment
  /** The compiled command of another build than this one. */
  readonly main?: string
}

/** `documents`: null while some are being worked out. */
export type Digests = {
  readonly frontier: string
  readonly documents: string | null
  readonly projection: string | null
  readonly log: number
}

export type Peer = PeerPlace & {
  readonly url: string
  readonly call: Call
  /** Starts its process. Resolves when it says it is ready and its search index has taken in the log. */
  start(options?: Partial<ServeOptions>): Promise<void>
  /** SIGTERM. Resolves with how it ended, which was by itself. */
  stop(): Promise<Ended>
  /** SIGKILL, by its own pid. Resolves when the process is gone. @throws when it had ended by itself before. */
  kill(): Promise<void>
  running(): boolean
  pid(): number
  /** What it has said since its last start. */
  output(): string
  /** Sets its wall clock so many ms ahead of this machine's, from now on, whether it runs or not; it runs with a clock that can be set. 0: right again. */
  setClock(aheadMs: number): void
  /** What runs a command on its folder as if on its machine: with its clock. */
  readonly machine: Environment
  digests(): Promise<Digests>
  health(): Promise<Json>
}

export const createPeer = (place: PeerPlace, defaults: ServeOptions): Peer => {
  const url = `http://127.0.0.1:${place.port}`
  const call = callsTo(url)
  let child: LastingChild | null = null

  const clockFile = `${place.dir}.clock`
  const machine: Environment = { NODE_OPTIONS: `--require ${SHIFTED_CLOCK}`, MNEMESH_TEST_CLOCK: clockFile }

  const running = (): LastingChild => {
    if (child === null || child.ending() !== null) throw new Error(`${place.name} does not run: ${output()}`)
    return child
  }
  const output = (): string =>
    child === null ? 'never started' : `${child.stdout()}${child.stderr()}`.slice(-SHOWN_CHARS)

  return {
    ...place,
    url,
    call,
    output,
    machine,
    running: () => child !== null && child.ending() === null,
    pid: () => running().pid,
    start: async (options = {}) => {
      if (child !== null && child.ending() === null) throw new Error(`${place.name} runs already`)
      const serve = { ...defaults, ...options }
      const started = startMnemesh(serveWords(place, serve), { ...machine, ...serve.environment }, 'pipe', serve.main)
      child = started
      await until(
        `${place.name} is ready`,
        READY_MS,
        async () => {
          const ending = started.ending()
          if (ending !== null) return { failed: ending }
          return started.stdout().includes(`ready at ${url}`) ? { failed: null } : null
        },
        output,
      ).then(({ failed }) => {
        if (failed !== null)
          throw new Error(
            `${place.name} ended with ${failed.code ?? failed.signal} instead of serving: ${failed.stderr}`,
          )
      })
      await until(
        `the search index of ${place.name} is there`,
        READY_MS,
        async () => ((await call('GET', '/health')).body['projection_lag'] === 0 ? true : null),
        output,
      )
    },
    stop: async () => {
      const stopping = running()
      stopping.signal('SIGTERM')
      const timer = setTimeout(() => stopping.signal('SIGKILL'), STOP_MS)
      const ended = await stopping.ended
      clearTimeout(timer)
      if (ended.signal !== null) throw new Error(`${place.name} did not stop within ${STOP_MS} ms: ${output()}`)
      return ended
    },
    kill: async () => {
      const killed = running()
      killed.signal('SIGKILL')
      const { code, signal } = await killed.ended
      if (signal !== 'SIGKILL') throw new Error(`${place.name} was not killed: it had ended with ${code ?? signal}`)
    },
    digests: async () => {
      const { frontier, documents, projection, log } = await expecting(200, call('GET', '/digests'))
      if (
        typeof frontier !== 'string' ||
        (documents !== null && typeof documents !== 'string') ||
        typeof log !== 'number' ||
        (projection !== null && typeof projection !== 'string')
      )
        throw new Error(`${place.name} answers no digests`)
      return { frontier, documents, projection, log }
    },
    setClock: (aheadMs) =>
      aheadMs === 0 ? rmSync(clockFile, { force: true }) : writeFileSync(clockFile, String(aheadMs)),
    health: async () => (await call('GET', '/health')).body,
  }
}

const serveWords = (
  { dir, port }: PeerPlace,
  { projection, quorumTimeoutMs, quorum, peers = [], embedderUrl }: ServeOptions,
): readonly string[] => [
  'serve',
  '--data',
  dir,
  '--port',
  String(port),
  '--projection',
  projection,
  '--quorum-timeout',
  String(quorumTimeoutMs),
  '--until-stdin-ends',
  ...(quorum === undefined ? [] : ['--quorum', String(quorum)]),
  ...peers.flatMap((url) => ['--peer', url]),
  ...(embedderUrl === undefined
    ? []
    : ['--embedder', 'openai', '--embedder-url', embedderUrl, '--embedder-model', 'trigrams']),
]
