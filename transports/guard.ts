/**
 * The one catch of a link (PROTOCOL SE9): whatever is thrown while something from outside is handled ends there, and the link with it.
 */
import type { Socket, Timers } from './ports.ts'

/** Takes what was thrown, and ends what it concerns. */
export type Caught = (error: unknown) => void

export const guard =
  (call: () => void, caught: Caught): (() => void) =>
  () => {
    try {
      call()
    } catch (error) {
      caught(error)
    }
  }

export const guardTimers = (timers: Timers, caught: Caught): Timers => ({
  now: timers.now,
  after: (ms, call) => timers.after(ms, guard(call, caught)),
})

/** The socket, whose events may throw. */
export const guardSocket = (socket: Socket, caught: Caught): Socket => ({
  ...socket,
  listen: (events) => {
    socket.listen({
      message: (frame) => guard(() => events.message(frame), caught)(),
      drained: guard(() => events.drained(), caught),
      closed: (reason) => guard(() => events.closed(reason), caught)(),
    })
  },
})
