/**
 * Long work in short turns: what is done is counted, and when it comes to a turn's worth everybody else has theirs.
 *
 * Counted in bytes decoded, not in ms, so that the same work is cut at the same places everywhere, simulated worlds among them.
 */
export type Turn = {
  /** Call after each step. @param bytes that it read, at least 1. */
  worked(bytes: number): Promise<void>
}

/** Some 5 to 15 ms of decoding (0.1 µs a byte) and of reading from the store (20 µs a step). */
const TURN_BYTES = 64 * 1024
/** What a step costs besides its bytes. */
const STEP_BYTES = 1024

export const createTurn = (after: (ms: number, call: () => void) => unknown): Turn => {
  let spent = 0
  return {
    worked: async (bytes) => {
      spent += bytes + STEP_BYTES
      if (spent < TURN_BYTES) return
      spent = 0
      await new Promise<void>((resolve) => void after(0, resolve))
    },
  }
}
