/**
 * How long a call takes when the machine is not busy with something else: the fastest of several, by the clock or by the processor
 * time it took. A bound on hostile input is on what the code does; a neighbour that has the core meanwhile can only make a run slower.
 */
const RUNS = 7

/** @returns ms of the fastest of 7 runs. What the call asserts is asserted each time. */
export const fastestMs = (call: () => void): number =>
  Math.min(
    ...Array.from({ length: RUNS }, () => {
      const [start, used] = [performance.now(), process.cpuUsage()]
      call()
      const { user, system } = process.cpuUsage(used)
      return Math.min(performance.now() - start, (user + system) / 1_000)
    }),
  )
