/**
 * The composition root: the only file that knows everything. It opens the folder, builds the parts from the bottom up, and
 * stops them from the top down.
 *
 *   store → replica → shell → mesh → projection and its feed → services → HTTP, /mesh, /live
 */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { incarnation as newIncarnationId, type Incarnation, type PeerId } from '../crdt/ids.ts'
import { controlChainId } from '../crdt/commit.ts'
import { decodeJoin, decodeRevoke } from '../crdt/invite.ts'
import { limits } from '../crdt/limits.ts'
import { readAddress } from '../transports/addresses.ts'
import { createMesh, type DriveableMesh } from '../transports/mesh.ts'
import { createWebSocketAcceptor, createWebSocketDialer, systemTimers, zlibCompression } from '../transports/websocket.ts'
import type { Node, VerifyAnswer } from './api.ts'
import { NodeError } from './errors.ts'
import { createHttpDoor, type HttpDoor } from './http/door.ts'
import { createLiveDoor } from './live/door.ts'
import { requireIdentity, sayRunning, type Identity } from './membership/folder.ts'
import { enrolment, revocation } from './membership/statements.ts'
import type { Clock, CommitStore, Projection, Random } from './ports.ts'
import { createFeed } from './projection/feed.ts'
import { createNoProjection } from './projection/none.ts'
import { openProjection } from './projection/projection.ts'
import { boot } from './replica/boot.ts'
import { createShell, type Shell } from './replica/effects.ts'
import { createDeliveries, createMeshHost } from './replica/mesh-host.ts'
import { createReplica, type Replica } from './replica/replica.ts'
import { continueOrStart } from './service/incarnation.ts'
import { createFeedSource } from './service/feed-source.ts'
import { createLiveSource } from './service/live-source.ts'
import { createLog } from './service/log.ts'
import { createReads } from './service/reads.ts'
import { createReader } from './service/rows.ts'
import { createStatus } from './service/status.ts'
import { verifyLog } from './service/verify.ts'
import { createWrites } from './service/writes.ts'
import { openLevelStore } from './store/level.ts'
import { VERSION } from './version.ts'

export type NodeOptions = {
  readonly dir: string
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** `ws://host:port/mesh`; one reachable peer is enough. */
  readonly peers: readonly string[]
  readonly quorum?: number
  readonly quorum_timeout_ms?: number
  /** `pglite`, `none`, or `postgres://…`. */
  readonly projection: string
  readonly keys: readonly string[]
  readonly log: (line: string) => void
}

export type RunningNode = { readonly url: string; readonly name: string; readonly node: Node; stop(): Promise<void> }

const systemClock: Clock = { now: () => Date.now() }
const systemRandom: Random = { bytes: (count) => randomBytes(count) }
/** Deadlines are looked at this often while anybody waits. */
const TICK_MS = 25
/** Free space is asked of the system this often at most. */
const FREE_BYTES_MS = 1_000

/** Starts one peer. @throws NodeError, StoreFailure with a line that names cause and mend. */
export const startNode = async (options: NodeOptions): Promise<RunningNode> => {
  const identity = await requireIdentity(options.dir)
  const store = await openLevelStore(options.dir, { random: systemRandom })
  const undo: (() => Promise<unknown> | void)[] = [() => store.close()]
  try {
    return await assemble(options, identity, store, undo)
  } catch (error) {
    for (const step of undo.reverse()) await step()
    throw error
  }
}

const assemble = async (options: NodeOptions, identity: Identity, store: CommitStore, undo: (() => Promise<unknown> | void)[]): Promise<RunningNode> => {
  const newIncarnation = (): Incarnation => newIncarnationId(Date.now(), randomBytes(2).readUInt16BE())
  const started = await continueOrStart(store, newIncarnation)
  const replica = createReplica({ mesh: identity.mesh, keys: identity.keys, authority: identity.authority, store, incarnation: started, newIncarnation, quorum: options.quorum ?? null })
  const booted = await boot(replica, store)
  const deliveries = createDeliveries()
  let mesh: DriveableMesh | null = null
  const shell = createShell({ replica, store, clock: systemClock, mesh: () => mesh, taken: deliveries.taken })
  const ticker = setInterval(() => {
    if (replica.nextDeadlineMs() !== null || replica.intake.pending() > 0) shell.feed({ kind: 'tick' })
  }, TICK_MS)
  undo.push(() => clearInterval(ticker))

  const host = createMeshHost({ replica, shell, store, keys: identity.keys, deliveries, linkChanged: () => undefined })
  mesh = createMesh({ host, timers: systemTimers, random: systemRandom, dialer: createWebSocketDialer(systemTimers), compression: zlibCompression, urls: [...new Set([...options.peers, ...identity.peers])] })
  const running = mesh
  const acceptor = createWebSocketAcceptor(systemTimers, (socket) => running.accept(socket))

  const reader = createReader(replica, store)
  const projection = projectionOf(options, identity)
  let projectionError: string | null = null
  const feed = createFeed({
    source: createFeedSource(replica, store, shell, reader), projection, timers: systemTimers,
    onError: (error) => {
      if (projectionError !== error.message && options.projection !== 'none') options.log(`search index: ${error.message}`)
      projectionError = error.message
    },
  })
  shell.onGrown(() => {
    if (feed.lag() === 0) projectionError = null
  })
  shell.onRebuild(() => {
    // Rejects only when stopped before it was done; the next start goes on with it.
    feed.rebuild().catch(() => undefined)
  })
  undo.push(async () => {
    await feed.stop()
    await projection.close()
  })

  const freeBytes = cached(() => store.freeBytes(), FREE_BYTES_MS)
  const liveSource = createLiveSource(replica, store, shell)
  const live = createLiveDoor({ mesh: identity.mesh, peer: identity.peer, source: liveSource, timers: systemTimers, defer: (call) => setImmediate(call), keys: options.keys, log: lineLog(options.log) })
  undo.push(() => live.close())

  const addressesOf = (peer: PeerId): readonly string[] => host.addresses().flatMap((bytes) => {
    const record = readAddress(bytes, identity.mesh)
    return record?.peer === peer ? record.urls : []
  })
  const node: Node = {
    ...createWrites({ replica, shell, store, reader, clock: systemClock, random: systemRandom, quorumTimeoutMs: options.quorum_timeout_ms ?? limits.quorum_timeout_ms_default, freeBytes }),
    ...createReads({ replica, shell, reader, projection, feed, clock: systemClock, after: systemTimers.after }),
    ...createLog(replica, store, shell),
    ...createStatus({
      replica, shell, store, boot: booted, projection, projectionKind: options.projection.startsWith('postgres') ? 'postgres' : options.projection, feed,
      projectionError: () => (options.projection === 'none' ? null : projectionError), links: () => running.links(), addressesOf, counters: () => running.counters(), freeBytes, clock: systemClock,
      name: identity.name, version: VERSION, live: () => ({ path: '/live', index_url_by_namespace: Object.fromEntries(liveSource.namespaces().map((namespace) => [namespace, live.indexUrl(namespace)])) }),
    }),
    ...membershipOf(replica, shell, store, identity),
    verify: (onProgress) => verifyLog(identity.mesh, store, onProgress),
  }

  const http: HttpDoor = await createHttpDoor(node, { host: options.host, port: options.port, keys: options.keys, version: VERSION, upgrades: { '/mesh': acceptor.handleUpgrade, '/live': live.upgrade }, log: lineLog(options.log) })
  const url = await http.listen()
  undo.push(() => http.close())
  running.start()
  running.advertise([`${url.replace(/^http/, 'ws')}/mesh`])
  await sayRunning(options.dir, url, process.pid)

  return {
    url, name: identity.name, node,
    stop: async () => {
      await http.close()
      acceptor.close()
      await running.stop()
      await live.close()
      await shell.stop()
      clearInterval(ticker)
      await feed.stop()
      await projection.close()
      await store.close()
      await rm(join(options.dir, 'run.json'), { force: true })
    },
  }
}

const projectionOf = (options: NodeOptions, identity: Identity): Projection => {
  if (options.projection === 'none') return createNoProjection()
  const choice = options.projection === 'pglite'
    ? { kind: 'pglite' as const, dir: join(options.dir, 'projection') }
    : { kind: 'postgres' as const, url: options.projection, schema: `mnemesh_${identity.peer.slice(0, 16)}` }
  return openProjection(choice, { clock: systemClock, timers: systemTimers, log: options.log })
}

/** Joining and taking out, on the peer that holds the authority's key. */
const membershipOf = (replica: Replica, shell: Shell, store: CommitStore, identity: Identity): Pick<Node, 'controlLog' | 'join' | 'revoke'> => {
  const chain = controlChainId(identity.mesh)
  const controlLog = (): Uint8Array[] => Array.from({ length: replica.index.chains.get(chain)?.seq ?? 0 }, (_, i) => store.commit(chain, i + 1)?.bytes).filter((bytes) => bytes !== undefined)
  const saying = { clock: systemClock, random: systemRandom }
  let lastId = 0
  let turn: Promise<unknown> = Promise.resolve()

  /** One control event at a time: each is judged after the one before is durable. */
  const seal = <T>(make: () => Parameters<typeof enrolment> extends never ? never : ReturnType<typeof enrolment>, then: () => T): Promise<T> => {
    const sealed = turn.then(async () => {
      if (identity.authority === null) throw new NodeError('forbidden', 'this peer does not hold the mesh\'s authority key: ask the one where the mesh was made')
      const event = make()
      const before = replica.index.control.seq
      await new Promise<void>((resolve, reject) => {
        const stop = shell.onGrown(() => {
          stop()
          if (replica.index.control.seq > before) resolve()
          else reject(new NodeError('internal', 'the control log could not be written: see health'))
        })
        shell.feed({ kind: 'control', id: --lastId, event })
      })
      return then()
    })
    turn = sealed.then(() => undefined, () => undefined)
    return sealed
  }

  return {
    controlLog,
    join: (request) => {
      const join = decodeJoin(request)
      if (join === null) return Promise.reject(new NodeError('bad_signature', 'this is no join request that its key signed: give the token whole, and the key that signs'))
      return seal(() => enrolment(saying, replica.index.control, join), controlLog)
    },
    revoke: (request) => {
      const revoke = decodeRevoke(request, identity.mesh)
      if (revoke === null) return Promise.reject(new NodeError('bad_signature', 'this is no revocation that the authority signed'))
      const last = Object.fromEntries([...replica.index.chains.values()].filter((state) => state.peer === revoke.peer).map((state) => [state.id, state.seq]))
      return seal(() => revocation(saying, replica.index.control, revoke.peer, last), () => undefined)
    },
  }
}

/** Verifies the log of a stopped peer. */
export const verifyFolder = async ({ dir, onProgress }: { readonly dir: string; readonly onProgress?: (done: number, total: number) => void }): Promise<VerifyAnswer> => {
  const identity = await requireIdentity(dir)
  const store = await openLevelStore(dir, { random: systemRandom })
  try {
    return await verifyLog(identity.mesh, store, onProgress)
  } finally {
    await store.close()
  }
}

/** Doors log facts and a sentence; a peer's log is lines. */
const lineLog = (log: (line: string) => void) => {
  const write = (fields: Readonly<Record<string, unknown>>, message: string): void => log(`${message} ${JSON.stringify(fields)}`)
  return { warn: write, error: write }
}

const cached = <T>(read: () => Promise<T>, ms: number): (() => Promise<T>) => {
  let atMs = Number.NEGATIVE_INFINITY
  let value: Promise<T> | null = null
  return () => {
    if (value === null || Date.now() - atMs > ms) {
      atMs = Date.now()
      value = read()
    }
    return value
  }
}
