/**
 * Anti-entropy as the sender sees it, on one link (PROTOCOL AE2–AE5, CR): answers questions about the log and the frontier,
 * and sends what was wanted, as fast as credit and socket allow.
 *
 * Commits are read from the host only when they can be sent, so a slow reader costs a queue of runs and one frame, not
 * memory. Invariants: (1) nothing is sent beyond the credit; (2) above `buffered_bytes_max` unsent nothing is added;
 * (3) the queues are bounded: more than an honest peer would ask for is refused.
 */
import type { ChainId, CommitHash, Ref } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import type { SendCredit } from './credit.ts'
import { nodeToTell } from './frontiers.ts'
import type { MeshHost, Run } from './host.ts'
import { encode, TAGS, type Message } from './messages.ts'
import { pack } from '../crdt/msgpack.ts'
import { bodyFrames, parcelFrames, type ParcelFrame } from './parcels.ts'
import type { Compression } from './ports.ts'
import type { Positions } from './positions.ts'
import { priceOfNodes, priceOfServing, priceOfWalk } from './prices.ts'

export type ServeOptions = {
  readonly host: MeshHost
  readonly credit: SendCredit
  readonly positions: Positions
  readonly compression: Compression | null
  /** Nothing is compressed for a link that is not open: its other side would not take it. */
  readonly isOpen: () => boolean
  /** Whether the other side is told apart what a policy let go. */
  readonly tellsDropped: boolean
  readonly bufferedBytes: () => number
  readonly digest: () => Uint8Array
  /** The session's, for digests. */
  readonly digestKey: Uint8Array
  /** Sends content that is already encoded. */
  readonly transmit: (content: Uint8Array) => void
  /** What reading for the other side took is its to pay (PROTOCOL WK5). */
  readonly charge: (units: number) => void
  /** Something that was wanted is on its way. */
  readonly served: () => void
  readonly count: (name: string, by: number) => void
}

export type Serve = {
  /** False when more is wanted than an honest peer would want. */
  want(runs: readonly Run[]): boolean
  wantBodies(refs: readonly Ref[]): boolean
  wantHeaders(hashes: readonly CommitHash[]): boolean
  since(cursor: number): void
  frontier(prefixes: readonly string[]): void
  /** The other side holds everything of our log up to this. */
  have(cursor: number): void
  /** Sends what can be sent now: to be called when credit or room came back. */
  pump(): void
}

/** Questions for headers that wait for room; an honest peer has one a second. */
const QUEUED_HEADER_WANTS_MAX = 16
/** Of 64 KiB at most: what is read and not sent yet stays within one credit. */
const BODIES_READ_AT_ONCE = 64
const QUEUED_RUNS_MAX = limits.want_commits_max + limits.want_runs_max

export const createServe = (options: ServeOptions): Serve => {
  const { host, credit, positions, transmit, count } = options
  const runs: Run[] = []
  const refs: Ref[] = []
  /** One answer each, so that the asker knows which are not here. */
  const headerWants: (readonly CommitHash[])[] = []
  const lastQueuedByChain = new Map<ChainId, Run>()
  /** Read and encoded, waiting for credit. */
  const frames: ParcelFrame[] = []
  const send = (message: Message): void => transmit(encode(message))

  const sendFrame = (frame: ParcelFrame): void => {
    credit.spend(frame.content.length)
    options.served()
    options.charge(priceOfServing(frame))
    count('parcels_out', frame.commits)
    count('bodies_out', frame.bodies)
    if (frame.chain !== null && frame.upto !== null) positions.reached(frame.chain, frame.upto)
    transmit(
      options.isOpen() && frame.chain !== host.controlChain
        ? deflated(frame.content, options.compression)
        : frame.content,
    )
  }

  /** Headers cost no credit: few, small, and asked for so that something else can go on. */
  const sendHeaders = (hashes: readonly CommitHash[]): void =>
    send({ type: 'headers', headers: host.readHeaders(hashes) })

  /** Reads the next frames: bodies first, they complete what the other side already holds. False when nothing is wanted. */
  const readNext = (): boolean => {
    if (refs.length > 0) {
      const asked = refs.splice(0, BODIES_READ_AT_ONCE)
      const bodies = host.readBodies(asked)
      const here = new Set(bodies.map((body) => body.ref))
      for (const frame of bodyFrames(bodies)) frames.push(frame)
      const gone = asked.filter((ref) => !here.has(ref))
      const dropped = new Set(options.tellsDropped ? gone.filter(host.isDropped) : [])
      const absent = gone.filter((ref) => !dropped.has(ref))
      if (absent.length > 0) send({ type: 'absent_bodies', refs: absent })
      if (dropped.size > 0) send({ type: 'dropped_bodies', refs: [...dropped] })
      return true
    }
    const run = runs.shift()
    if (run === undefined) return false
    const bytesTarget =
      run.chain === host.controlChain ? limits.control_frame_bytes_target : limits.parcel_frame_bytes_target
    const parcels = host.readRun(run, bytesTarget)
    const left = run.count - parcels.length
    for (const frame of parcelFrames(parcels, bytesTarget)) frames.push(frame)
    if (parcels.length > 0 && left > 0) runs.unshift({ chain: run.chain, from: run.from + parcels.length, count: left })
    if (parcels.length === 0) send({ type: 'absent', chain: run.chain, from: run.from })
    const queued = lastQueuedByChain.get(run.chain)
    const over = parcels.length === 0 || left <= 0
    if (over && queued !== undefined && queued.from + queued.count === run.from + run.count)
      lastQueuedByChain.delete(run.chain)
    return true
  }

  const pump = (): void => {
    while (options.bufferedBytes() <= limits.buffered_bytes_max) {
      const hashes = headerWants.shift()
      if (hashes !== undefined) {
        sendHeaders(hashes)
        continue
      }
      const next = frames[0]
      if (next === undefined) {
        if (!readNext()) return
      } else {
        if (credit.left() < next.content.length) return
        frames.shift()
        sendFrame(next)
      }
    }
  }

  /** A page of the log, whose walk the other side pays, however little it then holds. */
  const walked = (cursor: number): ReturnType<MeshHost['arrivalRuns']> => {
    const page = host.arrivalRuns(cursor, limits.log_page_arrivals_max)
    options.charge(priceOfWalk(Math.max(0, page.cursor - cursor), page.runs.length))
    return page
  }

  return {
    want: (wanted) => {
      for (const run of wanted) {
        // Asked again because it took long: it is still in the queue.
        const queued = lastQueuedByChain.get(run.chain)
        if (queued !== undefined && queued.from <= run.from && run.from + run.count <= queued.from + queued.count)
          continue
        lastQueuedByChain.set(run.chain, run)
        runs.push(run)
      }
      if (runs.length > QUEUED_RUNS_MAX) return false
      pump()
      return true
    },

    wantBodies: (wanted) => {
      if (refs.length + wanted.length > 2 * limits.want_bodies_max) return false
      for (const ref of wanted) refs.push(ref)
      pump()
      return true
    },

    wantHeaders: (hashes) => {
      headerWants.push(hashes)
      if (headerWants.length > QUEUED_HEADER_WANTS_MAX) return false
      pump()
      return true
    },

    since: (cursor) => {
      const page = walked(cursor)
      send({
        type: 'runs',
        runs: page.runs,
        cursor: page.cursor,
        end: page.cursor >= host.arrivals(),
        digest: options.digest(),
      })
    },

    frontier: (prefixes) => {
      const nodes = prefixes.map((prefix) => nodeToTell(host, options.digestKey, prefix))
      options.charge(priceOfNodes(nodes))
      send({ type: 'frontier', nodes, arrivals: host.arrivals() })
    },

    have: (cursor) => {
      const after = walked(cursor)
      if (after.cursor < host.arrivals()) return
      positions.heldAll(new Map(after.runs.toReversed().map((run) => [run.chain, run.from])))
    },

    pump,
  }
}

/** The content compressed, where that pays (PROTOCOL SE6). */
const deflated = (content: Uint8Array, compression: Compression | null): Uint8Array => {
  if (compression === null || content.length < limits.compress_bytes_min) return content
  const small = pack([TAGS.deflated, content.length, compression.deflate(content)])
  // What shrinks further than the other side lets anything grow again goes as it is.
  return small.length < content.length && small.length * (limits.inflate_ratio_max - 1) >= content.length
    ? small
    : content
}
