/**
 * The composition root: the only file that knows everything. It opens the folder, gives `peer.ts` the real drivers, and puts
 * the doors in front: HTTP, `/mesh` and `/live` on one port.
 */
import { rm } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { limits } from '../crdt/limits.ts'
import { notNative } from '../crdt/sodium.ts'
import {
  createWebSocketAcceptor,
  createWebSocketDialer,
  systemTimers,
  zlibCompression,
} from '../transports/websocket.ts'
import type { Node } from './api.ts'
import { createEmbedding, type EmbeddingOptions } from './embedding/embedding.ts'
import { makeEmbedder, reviveEmbedder } from './embedding/make.ts'
import type { EmbedderSettings } from './embedding/settings.ts'
import { createHttpDoor } from './http/door.ts'
import { createLazyMcpDoor } from './mcp/index.ts'
import { createLiveDoor, type LiveDoor } from './live/door.ts'
import { keepAddresses, requireIdentity, sayRunning } from './membership/folder.ts'
import { httpUrlOf, meshUrlOf, reachableAt } from './node/addresses.ts'
import { removeStaged } from './node/backup.ts'
import { createDiskUse } from './node/disk-use.ts'
import { kindOf, projectionOf, type ProjectionOptions } from './node/projection.ts'
import { drawnInAdvance } from './node/random.ts'
import { caughtUp, restoredFrom } from './node/restore.ts'
import { createPeer, type Peer } from './peer.ts'
import { NodeError } from './errors.ts'
import { readKeepHistory, type KeepHistory } from './service/old-texts.ts'
import type { Random } from './ports/clock.ts'
import type { PeerLog } from './ports/log.ts'
import { lineLog } from './log/log.ts'
import { openCheckpointFiles } from './store/checkpoint-files.ts'
import { openLevelStore } from './store/level.ts'
import { makePrivate } from './store/modes.ts'
import { VERSION } from './version.ts'

export type NodeOptions = Omit<ProjectionOptions, 'log'> & {
  readonly log: PeerLog
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** A free one also where that one is taken. */
  readonly orFreePort?: boolean
  /** `ws://host:port/mesh`; one reachable peer is enough. */
  readonly peers: readonly string[]
  readonly quorum?: number
  readonly quorum_timeout_ms?: number
  /** How much of older versions' texts is kept: `30d`, `12h`, `90m`, `45s` after another took their place, or the newest so many (`5`). All when absent. */
  readonly keep_history?: string
  /** null: recall is lexical. */
  readonly embedder?: EmbedderChoice | null
  readonly keys: readonly string[]
  /** Origins whose pages may ask; names under which a door on loopback is asked (`http/origins.ts`). */
  readonly cors?: readonly string[]
  readonly trusted_hosts?: readonly string[]
  /** HTTP addresses under which others reach this peer (`readAdvertised`); else what it listens on, or the machine's own. */
  readonly advertise?: readonly string[]
  /** Words with which it is started again, for lines that tell people how. */
  readonly started?: readonly string[]
}

/** `key`: what the endpoint asks for, null when nothing. */
export type EmbedderChoice = { readonly settings: EmbedderSettings; readonly key: string | null }

export type RunningNode = { readonly url: string; readonly name: string; readonly node: Node; stop(): Promise<void> }

/** Members' addresses change when they move; written where they have. */
const KEEP_ADDRESSES_MS = 2_000

const systemRandom: Random = drawnInAdvance()

/** Starts one peer. @throws NodeError, StoreFailure with a line that names cause and mend. */
export const startNode = async (options: NodeOptions): Promise<RunningNode> => {
  const identity = await requireIdentity(options.dir)
  const line = lineLog(options.log)
  if (notNative !== null)
    line(
      `signatures: libsodium's native build does not load (${notNative}), so they take twice as long; run npm install on this system to have it where there is one, all else is the same`,
    )
  const embedder = embedderOf(options.embedder ?? null)
  // Whoever starts a peer by this function gives it the rights that the command line does.
  process.umask(0o077)
  const readable = await makePrivate(options.dir, ['projection'])
  if (readable !== null) line(readable)
  const store = await openLevelStore(options.dir, { random: systemRandom, keepReserve: true })
  await removeStaged(options.dir)
  const madeAt = await restoredFrom(options.dir)
  const restored =
    madeAt === null
      ? null
      : {
          madeAt,
          done: () =>
            void caughtUp(options.dir).catch((error: unknown) =>
              line(`restored.json could not be removed (${String(error)}): the next start waits for others again`),
            ),
        }
  const { log } = options
  let live: LiveDoor | null = null
  const projection = projectionOf({ ...options, log: line }, identity)
  const embedding =
    embedder && 'embed' in projection
      ? createEmbedding({
          ...embedder,
          vectors: projection,
          clock: systemTimers,
          after: systemTimers.after,
          random: Math.random,
          log: line,
        })
      : null
  const peer: Peer = await createPeer({
    identity,
    store,
    checkpoints: { files: openCheckpointFiles(options.dir) },
    projection,
    ...('wake' in projection && { rest: projection }),
    ...(restored && { restored }),
    ...(embedding && { embedding }),
    projectionKind: kindOf(options.projection),
    timers: systemTimers,
    monotonic: () => performance.now(),
    random: systemRandom,
    dialer: createWebSocketDialer(systemTimers, identity.peer),
    compression: zlibCompression,
    peers: options.peers,
    quorum: options.quorum ?? null,
    ...keeping(options.keep_history),
    quorumTimeoutMs: options.quorum_timeout_ms ?? limits.quorum_timeout_ms_default,
    version: VERSION,
    log,
    diskUse: (free) => createDiskUse(options.dir, options.projection === 'pglite', free, () => performance.now()),
    live: () => ({
      path: '/live',
      index_url_by_namespace: Object.fromEntries(
        peer.liveSource.namespaces().map((namespace) => [namespace, live?.indexUrl(namespace)]),
      ),
    }),
  }).catch(async (error: unknown) => {
    await embedding?.stop()
    throw error
  })
  const acceptor = createWebSocketAcceptor(
    systemTimers,
    (socket) => peer.mesh.accept(socket),
    (address, claimed) => peer.mesh.admits(address, claimed),
  )
  const door = createLiveDoor({
    mesh: identity.mesh,
    peer: identity.peer,
    source: peer.liveSource,
    timers: systemTimers,
    defer: (call) => setImmediate(call),
    keys: options.keys,
    log,
  })
  live = door
  const mcp = createLazyMcpDoor(peer.node, VERSION, log, systemTimers.now)
  const http = await createHttpDoor(peer.node, {
    mcp,
    host: options.host,
    port: options.port,
    orFreePort: options.orFreePort ?? false,
    keys: options.keys,
    cors: options.cors ?? [],
    trustedHosts: options.trusted_hosts ?? [],
    version: VERSION,
    upgrades: {
      '/mesh': acceptor.handleUpgrade,
      '/live': (request, socket, head) =>
        peer.withheld() === null ? door.upgrade(request, socket, head) : socket.destroy(),
    },
    log,
  })
  const stop = async (): Promise<void> => {
    await mcp.close()
    await http.close()
    acceptor.close()
    await door.close()
    await peer.stop()
  }
  try {
    const { local: url, urls } = reachableAt(await http.listen(), options.advertise ?? [], networkInterfaces())
    peer.start(urls.map(meshUrlOf))
    const stopKeeping = keepKnownAddresses(options, peer, urls)
    await sayRunning(options.dir, url, process.pid).catch((error: unknown) => {
      line(
        `${join(options.dir, 'run.json')} could not be written (${error instanceof Error ? error.message : String(error)}): mesh invite and join do not find this peer by its folder; make room and start again`,
      )
    })
    return {
      url,
      name: identity.name,
      node: peer.node,
      stop: async () => {
        stopKeeping()
        await stop()
        await rm(join(options.dir, 'run.json'), { force: true })
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Invites that are made while the peer is stopped, or by another process, tell what it knew. */
const keepKnownAddresses = (
  { dir, log, started = [] }: NodeOptions,
  peer: Peer,
  own: readonly string[],
): (() => void) => {
  let kept = ''
  const keep = (): void => {
    const members = peer.replica.index.control.members
    const others = [...peer.addresses()]
      .flatMap(([id, urls]) =>
        id === peer.replica.self || members.get(id)?.revoked !== null ? [] : urls.map(httpUrlOf),
      )
      .slice(0, limits.invite_urls_told_max)
    const known = { own, others, started }
    if (JSON.stringify(known) === kept) return
    kept = JSON.stringify(known)
    void keepAddresses(dir, known).catch((error: unknown) =>
      log.warn(
        {},
        `addresses.json could not be written (${error instanceof Error ? error.message : String(error)}): invites tell fewer addresses`,
      ),
    )
  }
  keep()
  const timer = setInterval(keep, KEEP_ADDRESSES_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** @throws NodeError when it is none. */
const keeping = (text: string | undefined): { readonly keepHistory?: KeepHistory } => {
  if (text === undefined) return {}
  const keepHistory = readKeepHistory(text)
  if (keepHistory === null)
    throw new NodeError(
      'malformed',
      `${JSON.stringify(text)} is no measure of history: give a time like 30d, 12h, 90m or 45s, or a number of versions`,
    )
  return { keepHistory }
}

/** @throws EmbedderFailure when the settings cannot be right. */
const embedderOf = (choice: EmbedderChoice | null): Pick<EmbeddingOptions, 'embedder' | 'revive'> | null => {
  if (choice === null) return null
  const tools = { fetch: globalThis.fetch, after: systemTimers.after, random: Math.random, key: choice.key }
  return {
    embedder: makeEmbedder(choice.settings, tools),
    revive: (origin) => reviveEmbedder(origin, choice.settings, tools),
  }
}
