/** Timers as an argument, so that waits are driven by hand in tests and by the real clock in production. */
export type Timers = {
  /** Runs `run` once after `ms`; the answer cancels it. */
  after(ms: number, run: () => void): () => void
}
