/**
 * The one place where frames wait for their turn (PROTOCOL WK): each link has a lane; lanes take turns, frame by frame, as long
 * as their purses allow and the event loop's turn has room.
 *
 * A frame that meets an empty lane, a purse with something in it and a turn with room is handled as it comes. Invariants: (1) a lane's
 * frames are handled in their order, and its end behind them; (2) in one turn of the event loop no further frame is begun above
 * `work_turn_units_max`; (3) a lane holds at most what `LaneBounds` allow: one more frame is an overrun, told once.
 */
import { priceOfBytes } from './prices.ts'
import { limits } from '../crdt/limits.ts'
import type { Timers } from './ports.ts'
import type { Purse } from './purses.ts'

export type LaneBounds = { readonly frames: number; readonly bytes: number }

export type LaneOptions = {
  readonly purse: Purse
  readonly bounds: LaneBounds
  readonly handle: (frame: Uint8Array) => void
  /** More waits than may. */
  readonly overrun: () => void
}

export type Lane = {
  push(frame: Uint8Array): void
  /** What a frame took beyond its bytes. */
  charge(units: number): void
  /** From the next frame on. */
  pays(purse: Purse, bounds: LaneBounds): void
  /** Calls when what waits is handled; nothing is pushed after it. */
  end(call: () => void): void
  /** Drops what waits. */
  clear(): void
}

export type Work = {
  lane(options: LaneOptions): Lane
  /** Frames that wait now. */
  waiting(): number
}

type State = {
  purse: Purse
  bounds: LaneBounds
  readonly options: LaneOptions
  frames: Uint8Array[]
  bytes: number
  atEnd: (() => void) | null
}

/** Below this much the turn's count goes on into the next: a timer a frame would cost more than it saves. */
const QUIET_UNITS = 100

export const createWork = (timers: Timers, count: (name: string, by: number) => void): Work => {
  const waiting = new Set<State>()
  let turnUnits = 0
  let nextTurn = false
  let wake: { readonly atMs: number; readonly cancel: () => void } | null = null

  const spend = (state: State, units: number): void => {
    state.purse.draw(units, timers.now())
    turnUnits += units
    if (turnUnits < QUIET_UNITS || nextTurn) return
    nextTurn = true
    timers.after(0, () => {
      nextTurn = false
      turnUnits = 0
      pump()
    })
  }
  const handle = (state: State, frame: Uint8Array): void => {
    spend(state, priceOfBytes(frame.length))
    state.options.handle(frame)
  }

  /** One frame of each lane that can pay, again and again, until the turn is full or all wait. */
  const pump = (): void => {
    wake?.cancel()
    wake = null
    let soonestMs = Number.POSITIVE_INFINITY
    for (let handled = true; handled && turnUnits < limits.work_turn_units_max;) {
      handled = false
      soonestMs = Number.POSITIVE_INFINITY
      for (const state of waiting) {
        if (turnUnits >= limits.work_turn_units_max) break
        const waitMs = state.purse.waitMs(timers.now())
        if (waitMs > 0) {
          soonestMs = Math.min(soonestMs, waitMs)
          continue
        }
        step(state)
        handled = true
      }
    }
    if (waiting.size > 0 && !nextTurn && soonestMs < Number.POSITIVE_INFINITY) wakeIn(soonestMs)
  }
  const wakeIn = (ms: number): void => {
    const atMs = timers.now() + ms
    if (nextTurn || (wake !== null && wake.atMs <= atMs)) return
    wake?.cancel()
    wake = { atMs, cancel: timers.after(ms, pump) }
  }

  const step = (state: State): void => {
    // To the back of the round: whoever is first when the turn is full must not be first again.
    waiting.delete(state)
    const frame = state.frames.shift()
    if (frame !== undefined) state.bytes -= frame.length
    if (state.frames.length > 0 || (frame !== undefined && state.atEnd !== null)) waiting.add(state)
    if (frame !== undefined) handle(state, frame)
    else finish(state)
  }
  const finish = (state: State): void => {
    const call = state.atEnd
    state.atEnd = null
    call?.()
  }

  return {
    lane: (options) => {
      const state: State = { purse: options.purse, bounds: options.bounds, options, frames: [], bytes: 0, atEnd: null }
      return {
        push: (frame) => {
          if (!waiting.has(state) && turnUnits < limits.work_turn_units_max && state.purse.waitMs(timers.now()) === 0)
            return handle(state, frame)
          if (state.frames.length >= state.bounds.frames || state.bytes + frame.length > state.bounds.bytes)
            return options.overrun()
          count('frames_delayed', 1)
          state.frames.push(frame)
          state.bytes += frame.length
          waiting.add(state)
          wakeIn(state.purse.waitMs(timers.now()))
        },
        charge: (units) => spend(state, units),
        pays: (purse, bounds) => {
          state.purse = purse
          state.bounds = bounds
        },
        end: (call) => {
          if (!waiting.has(state)) return call()
          state.atEnd = call
        },
        clear: () => {
          state.frames = []
          state.bytes = 0
          waiting.delete(state)
          finish(state)
        },
      }
    },
    waiting: () => {
      let frames = 0
      for (const state of waiting) frames += state.frames.length
      return frames
    },
  }
}
