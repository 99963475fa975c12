/**
 * `serve`: runs one peer until it is told to stop.
 *
 * Standard output gets one line, when the peer is ready. The first SIGTERM or SIGINT stops it cleanly (what is under way
 * is finished and the log is closed), the second ends the process at once.
 */
import { isIP } from 'node:net'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { limits } from '../../../crdt/limits.ts'
import { embedderChoice, type EmbedderOptions, embedderOptions } from '../embedder.ts'
import { CliFailure, errorCode, usage } from '../failure.ts'
import { type Io, print } from '../io.ts'
import { keysOf, keyOption } from '../keys.ts'
import { readAdvertised } from '../../node/addresses.ts'
import { createLog, type LogFormat, type LogLevel } from '../../log/log.ts'
import { rotatingFile } from '../../log/rotating.ts'
import { collect, example, wholeNumber } from '../options.ts'
import { oneOf } from './choice.ts'

type ServeOptions = EmbedderOptions & {
  readonly data: string
  readonly port: number
  readonly orFreePort?: boolean
  readonly host: string
  readonly peer?: readonly string[]
  readonly quorum?: number
  readonly quorumTimeout?: number
  readonly keepHistory?: string
  readonly projection: string
  readonly projectionIdle?: number
  readonly age?: boolean
  readonly keyFile?: string
  readonly cors?: readonly string[]
  readonly trustedHost?: readonly string[]
  readonly advertise?: readonly string[]
  readonly log?: LogFormat
  readonly logLevel?: LogLevel
  readonly untilStdinEnds?: boolean
  readonly logFile?: string
}

export const addServe = (program: Command, io: Io): void => {
  const verb = program
    .command('serve')
    .description('run one peer')
    .requiredOption('--data <dir>', "the peer's folder (see `mesh init`, `mesh join`)")
    .requiredOption('--port <port>', 'port for HTTP and the mesh; 0 takes a free one', wholeNumber(0, 65_535))
    .option('--or-free-port', 'a free port where that one is taken, never 7701 to 7703 (`up` does so)')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--peer <url>', 'ws://host:port/mesh of a member; may be repeated, one reachable is enough', collectPeer)
    .option(
      '--advertise <url>',
      'where others reach this peer, like http://mesh.example.org:7701; may be repeated (default: where it listens; with --host 0.0.0.0 the addresses of this machine)',
      collectAdvertised,
    )
    .option(
      '--quorum <n>',
      'voters that must have a write on disk (default: 2 where there are two or more, else 1)',
      wholeNumber(1, 1_000),
    )
    .option(
      '--quorum-timeout <ms>',
      `how long a write waits for them (default: ${limits.quorum_timeout_ms_default})`,
      wholeNumber(1, limits.quorum_timeout_ms_max),
    )
    .option(
      '--keep-history <much>',
      "let texts of older versions go: after a time like 30d, 12h or 90m, or but for the newest so many, like 5 (default: keep all); this peer's own choice, hashes and proofs stand",
    )
    .option('--projection <where>', 'pglite, none, or postgres://…', parseProjection, 'pglite')
    .option(
      '--projection-idle <seconds>',
      'let the embedded database go after so long without a question or a write, and open it for the next (default: never; `up` takes 60)',
      wholeNumber(limits.projection_idle_s_min, 86_400),
    )
    .option('--age', 'keep the links as a graph in Apache AGE too, for those who query the database in Cypher')
    .option(
      '--key-file <file>',
      'a file with the API keys that clients must give, one a line, or - for standard input (default: $MNEMESH_KEY)',
    )
    .addOption(keyOption())
    .option(
      '--cors <origin>',
      'let pages of this origin ask, like https://app.example.org; may be repeated (default: none)',
      collectOrigin,
    )
    .option(
      '--trusted-host <name>',
      'a further name under which a peer on loopback is asked, behind a proxy say; may be repeated',
      collect,
    )
    .addOption(new Option('--until-stdin-ends', 'stop when standard input ends').hideHelp())
  verb
    .option(
      '--log <format>',
      'text or json, one line an event, on standard error (default: text)',
      oneOf('text', 'json'),
    )
    .option('--log-file <file>', 'into this file instead; full, it is FILE.1, then FILE.2, 12 MiB in all')
    .option(
      '--log-level <level>',
      'debug, info, warn or error (default: info)',
      oneOf('debug', 'info', 'warn', 'error'),
    )
  embedderOptions(verb)
  example(
    verb,
    'mnemesh serve --data ./peer-1 --port 7701',
    'mnemesh serve --data ./peer-2 --port 7702 --peer ws://10.0.0.1:7701/mesh --host 0.0.0.0 --key-file ./key',
  )
  verb.action((options: ServeOptions) => serve(options, io))
}

const serve = async (options: ServeOptions, io: Io): Promise<void> => {
  if (options.keyFile === '-' && options.untilStdinEnds === true)
    throw usage('--key-file - and --until-stdin-ends both read standard input; give the keys in a file')
  const keys = await keysOf(options, io)
  if (keys.length === 0 && !isLoopback(options.host))
    throw usage(`refusing to listen on ${options.host} without a key; add --key-file or set MNEMESH_KEY`)
  const embedder = embedderChoice(options, io.env)
  const { startNode } = await import('../../node.ts')

  const asked = stopAsked(options, io)
  try {
    const node = await startNode({
      dir: options.data,
      host: options.host,
      port: options.port,
      orFreePort: options.orFreePort ?? false,
      peers: options.peer ?? [],
      ...(options.quorum === undefined ? {} : { quorum: options.quorum }),
      ...(options.keepHistory === undefined ? {} : { keep_history: options.keepHistory }),
      ...(options.quorumTimeout === undefined ? {} : { quorum_timeout_ms: options.quorumTimeout }),
      projection: options.projection,
      age: options.age ?? false,
      ...(options.projectionIdle === undefined ? {} : { projection_idle_s: options.projectionIdle }),
      embedder,
      keys,
      cors: options.cors ?? [],
      trusted_hosts: options.trustedHost ?? [],
      advertise: options.advertise ?? [],
      started: startWords(options),
      log: createLog({
        format: options.log ?? 'text',
        level: options.logLevel ?? 'info',
        secrets: [...keys, ...(embedder?.key ? [embedder.key] : [])],
        write: options.logFile === undefined ? (line) => io.stderr.write(line) : rotatingFile(options.logFile),
      }),
    }).catch((error: unknown) => {
      throw listenFailure(error, options)
    })
    await print(io, `mnemesh ${node.name} ready at ${node.url}`)
    await asked.first
    await node.stop()
  } finally {
    asked.end()
  }
}

/** Without what is the default, and without keys. */
const startWords = (options: ServeOptions): readonly string[] => [
  '--port',
  String(options.port),
  ...(options.orFreePort === true ? ['--or-free-port'] : []),
  ...(options.host === '127.0.0.1' ? [] : ['--host', options.host]),
  ...(options.keyFile === undefined || options.keyFile === '-' ? [] : ['--key-file', options.keyFile]),
  ...(options.quorum === undefined ? [] : ['--quorum', String(options.quorum)]),
  ...(options.keepHistory === undefined ? [] : ['--keep-history', options.keepHistory]),
  ...(options.projection === 'none' ? ['--projection', 'none'] : []),
  ...(options.projectionIdle === undefined ? [] : ['--projection-idle', String(options.projectionIdle)]),
  ...(options.advertise ?? []).flatMap((url) => ['--advertise', url]),
]

/** What the system says of an address that cannot be listened on, in words; anything else as it is. */
const listenFailure = (error: unknown, { host, port }: ServeOptions): unknown => {
  const code = errorCode(error)
  if (code === 'EADDRINUSE')
    return new CliFailure(`port ${port} on ${host} is in use; stop what listens there, or take another with --port`)
  if (code === 'EACCES') return new CliFailure(`not allowed to listen on port ${port}; take one above 1023 with --port`)
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new CliFailure(`${host} is no address of this machine; give one with --host`)
  return error
}

/** `first` resolves at the first signal (or the end of standard input); the second signal ends the process. */
const stopAsked = (options: ServeOptions, io: Io): { readonly first: Promise<void>; end(): void } => {
  let signals = 0
  let resolveFirst: () => void = () => undefined
  const first = new Promise<void>((resolve) => (resolveFirst = resolve))
  const end = io.onStopSignal(() => {
    if (++signals === 1) resolveFirst()
    else io.exitNow(1)
  })
  if (options.untilStdinEnds === true && io.stdin !== null) void drain(io.stdin).then(resolveFirst, resolveFirst)
  return { first, end }
}

const drain = async (stream: AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const chunk of stream) void chunk
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

const collectOrigin = (text: string, before: readonly string[] = []): string[] => {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text)
    return [...before, text]
  throw new InvalidArgumentError('An origin is like https://app.example.org, without a path.')
}

const collectAdvertised = (text: string, before: readonly string[] = []): string[] => {
  const url = readAdvertised(text)
  if (url === null) throw new InvalidArgumentError('An address is like http://host:port, of one host.')
  return [...before, url]
}

const collectPeer = (text: string, before: readonly string[] = []): string[] => {
  const parsed = URL.canParse(text) ? new URL(text) : null
  if (parsed === null || (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:'))
    throw new InvalidArgumentError('A peer is like ws://host:port/mesh.')
  return [...before, text]
}

export const parseProjection = (text: string): string => {
  if (text === 'pglite' || text === 'none' || /^postgres(ql)?:\/\//.test(text)) return text
  throw new InvalidArgumentError('Give pglite, none, or postgres://user:password@host/database.')
}
