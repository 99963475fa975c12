/**
 * The network of the simulated world: what TCP shows of a bad one. A connection is ordered and reliable until it is reset;
 * a way that is cut holds frames back and tells nobody; a host that lost its power never answers.
 *
 * Ways are directed, from machine to machine, by number. Time, delay and who listens come from outside.
 */
import { limits } from '../../crdt/limits.ts'
import type { Dialer, Socket, SocketEvents } from '../../transports/ports.ts'

export type Scheduler = { after(ms: number, call: () => void): () => void }

/** A process as the network sees it; a dead one hears nothing and sends nothing. */
export type Host = { readonly machine: number; isAlive(): boolean; isPaused(): boolean }

export type Network = {
  /** Answers the function that stops listening. A url is listened on by one host at a time, the latest. */
  listen(host: Host, url: string, accept: (socket: Socket) => void): () => void
  dialer(host: Host): Dialer
  cut(from: number, to: number): () => void
  slow(from: number, to: number, delayMs: number): () => void
  reset(a: number, b: number): void
  /** The next frame on this way is delivered twice. */
  repeat(from: number, to: number): void
  /** The host is dead. Without power its ends vanish silently; else its system resets every connection. */
  died(host: Host, power: boolean): void
  /** Frames that waited for a way or for a paused host go on. */
  stir(): void
  frames(): number
}

type End = {
  readonly host: Host
  readonly to: number
  readonly socket: Socket
  other: End | null
  pump(): void
  hear(item: Item): void
  finish(reason: string): void
  vanish(): void
}
type Item = { readonly bytes: Uint8Array } | { readonly reason: string }
type Listener = { readonly host: Host; readonly accept: (socket: Socket) => void }

/** What a process that died in the middle of it still threw (its disk is gone) reached nobody. */
const heard = (host: Host, call: () => void): void => {
  try {
    call()
  } catch (error) {
    if (host.isAlive()) throw error
  }
}

/** @param delayMs of one frame, drawn anew for each. */
export const createNetwork = (timers: Scheduler, delayMs: () => number): Network => {
  const listenersByUrl = new Map<string, readonly Listener[]>()
  /** Of an original and its clone the one that came last, until it is gone. */
  const listenerAt = (url: string): Listener | undefined =>
    listenersByUrl.get(url)?.findLast(({ host }) => host.isAlive())
  const ends = new Set<End>()
  const cutsByWay = new Map<string, number>()
  const slownessByWay = new Map<string, number[]>()
  const repeats = new Set<string>()
  let frames = 0
  const way = (from: number, to: number): string => `${from}>${to}`
  const isCut = (from: number, to: number): boolean => cutsByWay.size > 0 && (cutsByWay.get(way(from, to)) ?? 0) > 0
  const delayOf = (from: number, to: number): number =>
    delayMs() +
    (slownessByWay.size === 0 ? 0 : (slownessByWay.get(way(from, to)) ?? []).reduce((sum, ms) => sum + ms, 0))

  const createEnd = (host: Host, to: number): End => {
    let events: SocketEvents | null = null
    let state: 'open' | 'closing' | 'closed' = 'open'
    let buffered = 0
    let underWay = false
    const queue: Item[] = []
    const early: Item[] = []
    const end: End = {
      host,
      to,
      other: null,
      socket: {
        remoteAddress: `machine ${to}`,
        listen: (given) => {
          events = given
          for (const item of early.splice(0)) end.hear(item)
        },
        send: (bytes) => {
          if (state !== 'open' || !host.isAlive()) return
          frames++
          buffered += bytes.length
          queue.push({ bytes })
          end.pump()
        },
        bufferedBytes: () => buffered,
        close: (reason) => {
          if (state !== 'open' || !host.isAlive()) return
          state = 'closing'
          queue.push({ reason })
          end.pump()
          timers.after(0, () => end.finish(reason))
        },
      },
      /** One item after the other: order is kept whatever the delays are. */
      pump: () => {
        if (underWay || queue.length === 0 || isCut(host.machine, to) || host.isPaused() || end.other?.host.isPaused())
          return
        underWay = true
        timers.after(delayOf(host.machine, to), () => {
          underWay = false
          if (isCut(host.machine, to) || host.isPaused() || end.other?.host.isPaused()) return
          const item = queue.shift()
          if (item === undefined) return
          if ('bytes' in item) buffered -= item.bytes.length
          end.other?.hear(item)
          if (repeats.size > 0 && 'bytes' in item && repeats.delete(way(host.machine, to))) end.other?.hear(item)
          if (queue.length === 0 && state === 'open' && host.isAlive()) events?.drained()
          if (queue.length === 0 && state === 'closed') ends.delete(end)
          end.pump()
        })
      },
      hear: (item) => {
        if (!host.isAlive()) return
        if (events === null) early.push(item)
        else if ('reason' in item) end.finish(item.reason)
        else if (state === 'open') heard(host, () => events?.message(item.bytes))
      },
      finish: (reason) => {
        if (state === 'closed') return
        state = 'closed'
        if (queue.length === 0) ends.delete(end)
        if (host.isAlive()) events?.closed(reason)
      },
      vanish: () => {
        state = 'closed'
        queue.length = 0
        ends.delete(end)
      },
    }
    ends.add(end)
    return end
  }

  const stir = (): void => {
    for (const end of ends) end.pump()
  }
  return {
    frames: () => frames,
    stir,
    listen: (host, url, accept) => {
      const listener = { host, accept }
      listenersByUrl.set(url, [...(listenersByUrl.get(url) ?? []).filter((other) => other.host.isAlive()), listener])
      return () => {
        listenersByUrl.set(
          url,
          (listenersByUrl.get(url) ?? []).filter((other) => other !== listener),
        )
      }
    },
    dialer: (host) => ({
      dial: (url, opened, failed) => {
        const target = listenerAt(url)
        const to = target?.host.machine ?? -1
        const silent =
          target !== undefined && (isCut(host.machine, to) || isCut(to, host.machine) || target.host.isPaused())
        return timers.after(silent ? limits.handshake_ms_max : delayOf(host.machine, to), () => {
          if (!host.isAlive()) return
          const listener = listenerAt(url)
          if (silent) return failed('connection timed out')
          if (listener === undefined) return failed('connection refused')
          const [ours, theirs] = [createEnd(host, listener.host.machine), createEnd(listener.host, host.machine)]
          ours.other = theirs
          theirs.other = ours
          listener.accept(theirs.socket)
          opened(ours.socket)
        })
      },
    }),
    cut: (from, to) => {
      const key = way(from, to)
      cutsByWay.set(key, (cutsByWay.get(key) ?? 0) + 1)
      return () => {
        const left = (cutsByWay.get(key) ?? 1) - 1
        if (left > 0) cutsByWay.set(key, left)
        else cutsByWay.delete(key)
        stir()
      }
    },
    slow: (from, to, ms) => {
      const key = way(from, to)
      slownessByWay.set(key, [...(slownessByWay.get(key) ?? []), ms])
      return () => {
        const list = slownessByWay.get(key) ?? []
        list.splice(list.indexOf(ms), 1)
        if (list.length === 0) slownessByWay.delete(key)
      }
    },
    repeat: (from, to) => {
      repeats.add(way(from, to))
    },
    reset: (a, b) => {
      for (const end of ends) {
        if (!(end.host.machine === a && end.to === b) && !(end.host.machine === b && end.to === a)) continue
        end.finish('reset')
        end.vanish()
      }
    },
    died: (host, power) => {
      for (const end of ends) {
        if (end.host !== host) continue
        const { other } = end
        end.vanish()
        // What the dead system had not sent yet is lost; the other side hears of it at once, or never.
        if (!power && other !== null) timers.after(0, () => other.finish('reset'))
      }
    },
  }
}
