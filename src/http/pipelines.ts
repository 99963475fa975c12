/**
 * One request of a socket in hand: those that its client sends behind it, without having its answer, wait until that answer has left
 * this process, and cost next to nothing meanwhile. Of all sockets so many are begun in one turn of the event loop; whose socket has
 * closed by then is not begun at all. Sockets that have had an answer do not stand behind a crowd that asks for the first time: each
 * kind has its share of a turn.
 *
 * A client that never reads so holds one answer and not one for each request. Its socket is read no further while many of its
 * requests wait. Where those of all sockets exceed their bound, the socket that has waited longest goes.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import { httpLimits } from './limits.ts'

export type PipelineLimits = {
  readonly begun: number
  readonly first: number
  readonly read: number
  readonly waiting: number
}
const PIPELINE_LIMITS: PipelineLimits = {
  begun: httpLimits.http_requests_per_turn_max,
  first: httpLimits.http_first_requests_per_turn_max,
  read: httpLimits.http_pipelined_read_max,
  waiting: httpLimits.http_pipelined_waiting_max,
}

export type Pipelines = {
  /** Calls `go` once every answer before this one is out, at once where none is owed; never when the socket closes before. */
  turn(response: ServerResponse, socket: Socket, go: () => void): void
  /** Requests that wait. */
  waiting(): number
}

export const createPipelines = (bounds: PipelineLimits = PIPELINE_LIMITS): Pipelines => {
  /** Waiting requests by socket, in the order in which sockets began to wait. */
  const waitingBySocket = new Map<Socket, number>()
  let waiting = 0
  const answered = new WeakSet<Socket>()
  const again = createShare(bounds.begun)
  const first = createShare(bounds.first)
  let nextTurn = false

  const begin = (response: ServerResponse, socket: Socket, go: () => void): void => {
    if (!nextTurn) {
      nextTurn = true
      setImmediate(turnOver)
    }
    if (answered.has(socket)) return again.take(socket, go)
    response.once('finish', () => answered.add(socket))
    first.take(socket, go)
  }
  const turnOver = (): void => {
    nextTurn = again.turnOver()
    nextTurn = first.turnOver() || nextTurn
    if (nextTurn) setImmediate(turnOver)
  }

  const leave = (socket: Socket): void => {
    waiting -= waitingBySocket.get(socket) ?? 0
    waitingBySocket.delete(socket)
  }
  const closed = function (this: Socket): void {
    leave(this)
  }
  const join = (socket: Socket): void => {
    const before = waitingBySocket.get(socket) ?? 0
    if (before === 0) socket.once('close', closed)
    waitingBySocket.set(socket, before + 1)
    waiting++
    // Node's parser reads on when it has read a request: so not before it has.
    if (before === bounds.read) process.nextTick(pause, socket)
    if (waiting <= bounds.waiting) return
    for (const longest of waitingBySocket.keys()) {
      leave(longest)
      longest.destroy()
      return
    }
  }
  const pause = (socket: Socket): void => {
    if ((waitingBySocket.get(socket) ?? 0) > 0) socket.pause()
  }
  const served = (socket: Socket): void => {
    const left = (waitingBySocket.get(socket) ?? 1) - 1
    waiting--
    if (left > 0) return void waitingBySocket.set(socket, left)
    waitingBySocket.delete(socket)
    socket.off('close', closed)
    socket.resume()
  }

  return {
    turn: (response, socket, go) => {
      // Node gives the socket to one answer after the other, each when the one before is written.
      if (response.socket !== null) return begin(response, socket, go)
      if (socket.destroyed) return
      join(socket)
      response.once('socket', () => {
        if (!waitingBySocket.has(socket)) return
        served(socket)
        // Others have a turn between two requests of one client, and Node is in the middle of handing the socket over.
        setImmediate(() => {
          if (!socket.destroyed) begin(response, socket, go)
        })
      })
    },
    waiting: () => waiting,
  }
}

type Share = {
  /** Calls `go` now when this turn has room and nobody waits, else in a later turn. */
  take(socket: Socket, go: () => void): void
  /** Begins the next turn's. True while some wait or were begun: another turn is to come. */
  turnOver(): boolean
}

/** At most `max` requests begun in a turn, in the order in which they came. */
const createShare = (max: number): Share => {
  let waiting: { readonly socket: Socket; readonly go: () => void }[] = []
  let begun = 0
  return {
    take: (socket, go) => {
      if (begun >= max || waiting.length > 0) return void waiting.push({ socket, go })
      begun++
      go()
    },
    turnOver: () => {
      begun = 0
      let passed = 0
      while (passed < waiting.length && begun < max) {
        const { socket, go } = waiting[passed++]!
        if (socket.destroyed) continue
        begun++
        go()
      }
      // One cut a turn: of thousands that wait only a few go.
      waiting = waiting.slice(passed)
      return begun > 0
    },
  }
}
