/**
 * The network in memory: the second driver of the socket port, for tests and the simulated world. Deterministic: what
 * happens follows from the calls, the timers and the seed of `random` alone.
 *
 * It fails as TCP does: a cut holds frames back and delivers them, in order, when it heals; nobody is told. Frames are lost
 * only by `drop`, which no real network would do, to show that a session notices. Names of ends are what was given to
 * `listen` and `dialer`: a peer should use its own URL for both.
 */
import { limits } from '../crdt/limits.ts'
import type { Dialer, Socket, SocketEvents, Timers } from './ports.ts'

export type MemoryNetworkOptions = {
  readonly timers: Timers
  /** Each frame takes between these, ms; default 0. */
  readonly delayMs?: readonly [min: number, max: number]
  /** In [0, 1); needed for a delay that varies. */
  readonly random?: () => number
}

export type MemoryNetwork = {
  /** Answers the function that stops listening. */
  listen(url: string, accept: (socket: Socket) => void): () => void
  /** Dials in the name of `from`. */
  dialer(from: string): Dialer
  /** Nothing passes between the two any more. */
  cut(a: string, b: string): void
  /** Nothing passes from `from` to `to`; the other direction is well. */
  halfOpen(from: string, to: string): void
  /** All cuts end; what was held back is delivered. */
  heal(): void
  /** Loses the next `frames` frames from `from` to `to`. */
  drop(from: string, to: string, frames: number): void
  /** Calls with every frame that is sent; answers the function that ends it. Changing the bytes changes what arrives. */
  tap(listener: (from: string, to: string, frame: Uint8Array) => void): () => void
  /** Ends every connection between the two, as a reset does. */
  sever(a: string, b: string): void
}

type Item = { readonly kind: 'frame'; readonly bytes: Uint8Array } | { readonly kind: 'close'; readonly reason: string }
type End = {
  readonly from: string
  readonly to: string
  readonly socket: Socket
  other: End | null
  pump(): void
  hear(item: Item): void
  readonly reset: () => void
}

export const createMemoryNetwork = (options: MemoryNetworkOptions): MemoryNetwork => {
  const { timers } = options
  const acceptByUrl = new Map<string, (socket: Socket) => void>()
  const ends = new Set<End>()
  const cuts = new Set<string>()
  const dropsByWay = new Map<string, number>()
  const taps = new Set<(from: string, to: string, frame: Uint8Array) => void>()
  const way = (from: string, to: string): string => `${from} ${to}`
  const delayMs = (): number => {
    const [min, max] = options.delayMs ?? [0, 0]
    return min + (options.random?.() ?? 0) * (max - min)
  }

  const createEnd = (from: string, to: string): End => {
    let events: SocketEvents | null = null
    let state: 'open' | 'closing' | 'closed' = 'open'
    let buffered = 0
    let underWay = false
    const queue: Item[] = []
    const waiting: Item[] = []

    const end: End = {
      from,
      to,
      other: null,
      socket: {
        remoteAddress: to,
        listen: (given) => {
          events = given
          for (const item of waiting.splice(0)) end.hear(item)
        },
        send: (bytes) => {
          if (state !== 'open') return
          for (const listener of taps) listener(from, to, bytes)
          const drops = dropsByWay.get(way(from, to)) ?? 0
          if (drops > 0) return void dropsByWay.set(way(from, to), drops - 1)
          buffered += bytes.length
          queue.push({ kind: 'frame', bytes })
          end.pump()
        },
        bufferedBytes: () => buffered,
        close: (reason) => {
          if (state !== 'open') return
          state = 'closing'
          queue.push({ kind: 'close', reason })
          end.pump()
          timers.after(0, () => finish(reason))
        },
      },
      /** Delivers one item after the other: order is kept whatever the delays are. */
      pump: () => {
        if (underWay || queue.length === 0 || cuts.has(way(from, to))) return
        underWay = true
        timers.after(delayMs(), () => {
          underWay = false
          if (cuts.has(way(from, to))) return
          const item = queue.shift()
          if (item === undefined) return
          if (item.kind === 'frame') buffered -= item.bytes.length
          end.other?.hear(item)
          if (queue.length === 0 && state === 'open') events?.drained()
          if (queue.length === 0 && state === 'closed') ends.delete(end)
          end.pump()
        })
      },
      hear: (item) => {
        if (events === null) return void waiting.push(item)
        if (item.kind === 'close') finish(item.reason)
        else if (state === 'open') events.message(item.bytes)
      },
      reset: () => finish('reset'),
    }
    const finish = (reason: string): void => {
      if (state === 'closed') return
      state = 'closed'
      if (queue.length === 0) ends.delete(end)
      events?.closed(reason)
    }
    ends.add(end)
    return end
  }

  const connect = (from: string, to: string): { readonly ours: Socket; readonly theirs: Socket } => {
    const [ours, theirs] = [createEnd(from, to), createEnd(to, from)]
    ours.other = theirs
    theirs.other = ours
    return { ours: ours.socket, theirs: theirs.socket }
  }

  return {
    listen: (url, accept) => {
      acceptByUrl.set(url, accept)
      return () => acceptByUrl.delete(url)
    },
    dialer: (from) => ({
      dial: (url, opened, failed) => {
        const apart = cuts.has(way(from, url)) || cuts.has(way(url, from))
        return timers.after(apart ? limits.handshake_ms_max : delayMs(), () => {
          const accept = acceptByUrl.get(url)
          if (apart) return failed('connection timed out')
          if (accept === undefined) return failed('connection refused')
          const { ours, theirs } = connect(from, url)
          accept(theirs)
          opened(ours)
        })
      },
    }),
    cut: (a, b) => {
      cuts.add(way(a, b))
      cuts.add(way(b, a))
    },
    halfOpen: (from, to) => {
      cuts.add(way(from, to))
    },
    heal: () => {
      cuts.clear()
      for (const end of ends) end.pump()
    },
    drop: (from, to, frames) => {
      dropsByWay.set(way(from, to), frames)
    },
    tap: (listener) => {
      taps.add(listener)
      return () => taps.delete(listener)
    },
    sever: (a, b) => {
      for (const end of ends) if ((end.from === a && end.to === b) || (end.from === b && end.to === a)) end.reset()
    },
  }
}
