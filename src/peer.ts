/**
 * One peer, without its doors: replica, mesh, projection and services, put together from drivers that are arguments. The same
 * function runs in production (`node.ts` gives it disks, sockets and the real clock) and in simulated worlds.
 *
 *   store → replica → shell → mesh → projection and its feed → services
 */
import type { Reads } from '../crdt/event-schema.ts'
import { incarnation as incarnationId, type Incarnation, type PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { readAddress } from '../transports/addresses.ts'
import type { MeshHost } from '../transports/host.ts'
import { createMesh, type DriveableMesh } from '../transports/mesh.ts'
import type { Compression, Dialer } from '../transports/ports.ts'
import type { Offer } from '../transports/versions.ts'
import type { Node } from './api.ts'
import type { Identity } from './membership/folder.ts'
import type { CheckpointFiles } from './ports/checkpoint.ts'
import type { Random } from './ports/clock.ts'
import type { Embedding } from './ports/embedding.ts'
import type { DiskUse, LiveSource } from './ports/live.ts'
import type { PeerLog } from './ports/log.ts'
import type { Projection, Rest } from './ports/projection.ts'
import type { CommitStore, StoreFailure } from './ports/store.ts'
import { createFeed } from './projection/feed.ts'
import { boot } from './replica/boot.ts'
import { createShell, type Shell } from './replica/effects.ts'
import { createDeliveries, createMeshHost } from './replica/mesh-host.ts'
import { createReplica } from './replica/replica.ts'
import type { Replica } from './replica/replica-types.ts'
import type { Effect } from './replica/types.ts'
import { appliedOf } from './service/applied.ts'
import { createCheckpoints } from './service/checkpoints.ts'
import { continueOrStart, endIncarnation } from './service/incarnation.ts'
import { createDigests } from './service/digests.ts'
import { createFeedSource } from './service/feed-source.ts'
import { createLiveSource } from './service/live-source.ts'
import { createLog } from './service/log.ts'
import { membershipOf } from './service/membership.ts'
import { createJournal } from './service/journal.ts'
import { createProve } from './service/proofs.ts'
import { createReads } from './service/reads.ts'
import { createRebuild } from './service/rebuild.ts'
import { recheck } from './service/recheck.ts'
import type { KeepHistory } from './service/old-texts.ts'
import { createRetention } from './service/retention.ts'
import { createReader } from './service/rows.ts'
import { createStatus } from './service/status.ts'
import { createStorage } from './service/storage.ts'
import { cached, steadyTimers, tickWhileWaiting, type Timers } from './service/timing.ts'
import { createTurn } from './service/turns.ts'
import type { Away } from './service/unmet.ts'
import { verifyLog } from './service/verify.ts'
import { wakeBefore, wakingFirst } from './service/waking.ts'
import { createWarm } from './service/warming.ts'
import { createWithheld, withholding } from './service/withheld.ts'
import { createWrites } from './service/writes.ts'

/** What a program can: the kinds and fields that it reads, the versions and abilities that its hello tells. */
export type Build = { readonly reads: Reads; readonly offer: Offer }

export type PeerOptions = {
  readonly identity: Identity
  readonly store: CommitStore
  /** Where checkpoints of the log's index lie; without it each start reads the whole log. @param growthMin see `service/checkpoints.ts`. */
  readonly checkpoints?: { readonly files: CheckpointFiles; readonly growthMin?: number }
  readonly projection: Projection
  /** When that lets its database go while nobody asks. */
  readonly rest?: Rest
  /** As health shows it. */
  readonly projectionKind: string
  /** Without it recall is lexical. The peer's from here on, as the store is. */
  readonly embedding?: Embedding
  readonly timers: Timers
  /** Ms that have passed since some moment; never goes back, whatever is done to the wall clock. */
  readonly monotonic: () => number
  readonly random: Random
  readonly dialer: Dialer
  readonly compression: Compression | null
  /** `ws://host:port/mesh`; one reachable peer is enough. */
  readonly peers: readonly string[]
  readonly quorum: number | null
  /** How much of older versions' texts is kept here; all of it when absent. */
  readonly keepHistory?: KeepHistory
  readonly quorumTimeoutMs: number
  readonly version: string
  readonly log: PeerLog
  /** Told of what the mesh caught while it handled something from outside; without it the log is. */
  readonly fault?: (place: string, error: unknown) => void
  /** What the folder takes; without it health tells nothing of a disk. @param free of the log's file system. */
  readonly diskUse?: (free: () => Promise<number>) => () => Promise<DiskUse>
  /** What `capabilities` tells of the live door. */
  readonly live: () => Readonly<Record<string, unknown>>
  /** What this peer's build reads and speaks; this program's own when absent. Another one's lets a world play an upgrade. */
  readonly build?: Build
  /** Of a folder that was restored from a backup made then: it shows nothing before it has caught up, of which `done` is told. */
  readonly restored?: { readonly madeAt: string; readonly done: () => void }
  /** Told of every effect in its order. */
  readonly observe?: (effect: Effect) => void
}

export type Peer = {
  readonly node: Node
  /** Why nothing is shown, or null. */
  readonly withheld: () => string | null
  readonly replica: Replica
  /** Where inputs go in; a simulated world may give its own. */
  readonly shell: Shell
  readonly mesh: DriveableMesh
  readonly liveSource: LiveSource
  /** Where members said that they are reached: `ws://host:port/mesh`. */
  readonly addresses: () => ReadonlyMap<PeerId, readonly string[]>
  /** Dials, and tells the others where we listen. */
  start(urls: readonly string[]): void
  /** The mesh first, so that nothing new arrives; then what is under way; then the store. Resolves when all is on disk. */
  stop(): Promise<void>
}

/** Free space is asked of the system this often at most. */
const FREE_BYTES_MS = 1_000

/** @throws StoreFailure when the log cannot be read. The store and the projection are the peer's from here on. */
export const createPeer = async (options: PeerOptions): Promise<Peer> => {
  const { identity, store, projection, timers, random } = options
  const newIncarnation = (): Incarnation =>
    incarnationId(timers.now(), new DataView(random.bytes(2).buffer).getUint16(0))
  const replica = createReplica({
    mesh: identity.mesh,
    keys: identity.keys,
    authority: identity.authority,
    store,
    incarnation: await continueOrStart(store, newIncarnation),
    quorum: options.quorum,
    monotonic: options.monotonic,
    ...(options.build && { reads: options.build.reads }),
  })
  const trouble = (message: string): void => options.log.warn({}, message)
  const checkpoints =
    options.checkpoints &&
    createCheckpoints({
      ...options.checkpoints,
      replica,
      store,
      version: options.version,
      after: timers.after,
      trouble,
    })
  const booted = await boot(replica, store, timers.now(), checkpoints)
  const deliveries = createDeliveries()
  let rechecked: Promise<void> = Promise.resolve()
  let running: DriveableMesh | null = null
  const warm = createWarm(replica.documents, timers.after)
  const shell = createShell({
    replica,
    store,
    clock: timers,
    mesh: () => running,
    taken: deliveries.taken,
    warm,
    ...(options.observe && { observe: options.observe }),
  })
  const bare = createMeshHost({ replica, shell, store, keys: identity.keys, deliveries, clock: timers })
  const host: MeshHost = {
    ...bare,
    bodiesGone: (refs) => retention.gone(refs),
    linkUp: (peer) => {
      bare.linkUp(peer)
      journal.linkUp(peer)
    },
    linkDown: (peer, reason) => {
      bare.linkDown(peer, reason)
      journal.linkDown(peer, reason)
    },
    linkQuiet: (peer, quiet) => {
      bare.linkQuiet(peer, quiet)
      journal.linkQuiet(peer, quiet)
    },
  }
  const steady = steadyTimers(timers, options.monotonic)
  const { log } = options
  const fault = options.fault ?? logged(log)
  const mesh = createMesh({
    host,
    timers: steady,
    random,
    dialer: options.dialer,
    compression: options.compression,
    urls: [...new Set([...options.peers, ...identity.peers])],
    fault,
    ...(options.build && { offer: options.build.offer }),
  })
  running = mesh
  const stopTicking = tickWhileWaiting(timers, replica, shell)

  const reader = createReader(replica, store)
  const retention = createRetention({
    replica,
    shell,
    store,
    reader,
    warm,
    turn: () => createTurn(timers.after),
    keepHistory: options.keepHistory ?? null,
    now: timers.now,
    after: timers.after,
    log: (line) => log.warn({}, line),
  })
  let told: string | null = null
  let stopping = false
  const source = createFeedSource(replica, store, shell, reader, warm, options.projectionKind !== 'none')
  const feed = createFeed({
    source,
    projection: stirring(projection, options.embedding),
    timers,
    onError: (error) => {
      if (told !== error.message && !stopping) log.warn({}, `search index: ${error.message}`)
      told = error.message
    },
    ...(options.projectionKind === 'postgres' && { checkEveryMs: limits.projection_check_ms }),
  })

  const journal = createJournal({
    log,
    replica,
    links: () => mesh.links(),
    feed: { trouble: feed.trouble, lag: () => (options.rest?.isResting() === true ? 0 : feed.lag()) },
    storeTrouble: store.trouble,
    after: timers.after,
    monotonic: options.monotonic,
  })
  shell.onMembership(journal.membershipChanged)
  let mended: StoreFailure | null = null
  store.onHealed(() => {
    mended = replica.lastFailure()
    // What waited for the disk goes on, not at the next input.
    shell.feed({ kind: 'tick' })
    mesh.retryNow()
    journal.healed()
  })
  const storeTrouble = (): string | null => {
    const last = replica.lastFailure()
    return (
      store.trouble()?.message ?? (last === null || last === mended ? null : `the last flush failed: ${last.message}`)
    )
  }
  const freeBytes = cached(steady, () => store.freeBytes(), FREE_BYTES_MS)
  const liveSource = createLiveSource(replica, shell)
  const { rest } = options
  const stopWaking =
    rest === undefined ? () => undefined : wakeBefore(rest, feed, shell.onGrown, replica.index.arrivals)
  /** Each record is checked once a question, however many members are asked about. */
  const addresses = (): ReadonlyMap<PeerId, readonly string[]> =>
    new Map(
      host.addresses().flatMap((bytes) => {
        const record = readAddress(bytes, identity.mesh)
        return record === null ? [] : [[record.peer, record.urls] as const]
      }),
    )
  const away = (): readonly Away[] => {
    const urlsOf = addresses()
    const silent = new Set(mesh.links().flatMap(({ state, peer }) => (state === 'silent' ? [peer] : [])))
    return [...replica.voters()]
      .filter((peer) => peer !== replica.self && !replica.linked.has(peer))
      .map((peer) => ({
        peer,
        name: replica.index.control.members.get(peer)?.name ?? peer,
        urls: urlsOf.get(peer) ?? [],
        silent: silent.has(peer),
      }))
  }
  const awakeNode: Node = {
    ...createWrites({
      replica,
      shell,
      reader,
      warm,
      clock: timers,
      random,
      quorumTimeoutMs: options.quorumTimeoutMs,
      freeBytes,
      storeTrouble: store.trouble,
      away,
    }),
    ...createReads({
      replica,
      shell,
      reader,
      warm,
      projection,
      embedding: options.embedding ?? null,
      feed,
      clock: timers,
      after: timers.after,
      prove: createProve({ replica, store, shell, reader, after: timers.after }),
    }),
    ...createLog(replica, store, shell, timers.after),
    ...createStatus({
      replica,
      boot: booted,
      projectionKind: options.projectionKind,
      embedding: () => options.embedding?.status() ?? null,
      feed,
      isResting: () => rest?.isResting() ?? false,
      rowsWrittenAgain: source.writtenAgain,
      links: () => mesh.links(),
      dials: () => mesh.dials(),
      addresses,
      levelReadBy: bare.levelReadBy,
      unreadable: reader.texts.unreadable,
      now: timers.now,
      counters: () => mesh.counters(),
      freeBytes,
      storeTrouble,
      diskUse: options.diskUse?.(freeBytes) ?? null,
      name: identity.name,
      version: options.version,
      live: options.live,
    }),
    digests: createDigests({ replica, shell, projection, after: timers.after }),
    ...appliedOf(replica, shell, timers.after),
    ...membershipOf(replica, shell, store, identity, { clock: timers, random }, bare.levelReadBy),
    storage: createStorage({
      replica,
      store,
      reader,
      warm,
      turn: () => createTurn(timers.after),
      settled: () => shell.settled(),
      keepHistory: options.keepHistory ?? null,
      nowMs: timers.now,
      disk: options.diskUse?.(freeBytes) ?? null,
    }),
    verify: (onProgress) => verifyLog(identity.mesh, store, onProgress, replica.index.reads),
    rebuild: createRebuild({ projection, feed, arrivals: () => replica.index.arrivals, monotonic: options.monotonic }),
  }
  const node = rest === undefined ? awakeNode : wakingFirst(awakeNode, rest, feed)

  const withheld =
    options.restored &&
    createWithheld({
      ...options.restored,
      voters: () => replica.voters(),
      self: replica.self,
      links: () => mesh.links(),
    })
  return {
    node: withheld === undefined ? node : withholding(node, withheld),
    withheld: () => withheld?.reason() ?? null,
    replica,
    shell,
    mesh,
    liveSource,
    addresses,
    start: (urls) => {
      checkpoints?.start(shell, booted)
      rechecked = recheck({ ...booted.unread, store, shell, after: timers.after, giveUp: checkpoints?.giveUp, trouble })
      mesh.start()
      journal.start()
      retention.start()
      mesh.advertise(urls)
    },
    stop: async () => {
      journal.stop()
      await mesh.stop()
      await retention.stop()
      await shell.stop()
      await Promise.all([rechecked, checkpoints?.stop()])
      stopTicking()
      stopping = true
      stopWaking()
      const ended = Promise.all([feed.stop(), options.embedding?.stop()])
      // What waits for a database that rests would wait for ever.
      rest?.end()
      await ended
      await projection.close()
      // The one in use now: a flush that failed has given up the one that was started with.
      await endIncarnation(store, replica.incarnation()).catch((error: unknown) => {
        log.warn(
          {},
          `the next start begins a new incarnation: ${error instanceof Error ? error.message : String(error)}`,
        )
      })
      await store.close()
    },
  }
}

const logged =
  (log: PeerLog) =>
  (place: string, error: unknown): void =>
    log.error(
      {},
      `${place}: ${error instanceof Error ? (error.stack ?? error.message).replaceAll(/\s*\n\s*/g, ' | ') : String(error)}; the link is closed, the peer goes on`,
    )

/** New rows may bring texts to embed. */
const stirring = (projection: Projection, embedding: Embedding | undefined): Projection =>
  embedding === undefined
    ? projection
    : { ...projection, apply: (batch) => projection.apply(batch).then(embedding.stir) }
