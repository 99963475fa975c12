/** Many may pass at a time; who shuts it is alone. */

export type Gate = {
  pass<T>(work: () => Promise<T>): Promise<T>
  /** Begins when all that pass have ended; whoever comes meanwhile waits until it is done. One at a time. */
  shut<T>(work: () => Promise<T>): Promise<T>
}

export const createGate = (): Gate => {
  const passing = new Set<Promise<unknown>>()
  let closed: Promise<unknown> | null = null
  return {
    pass: async (work) => {
      while (closed !== null) await closed
      const mine = work()
      const ended = mine.catch(() => undefined)
      passing.add(ended)
      try {
        return await mine
      } finally {
        passing.delete(ended)
      }
    },
    shut: async (work) => {
      while (closed !== null) await closed
      const mine = Promise.all(passing).then(work)
      closed = mine.catch(() => undefined)
      try {
        return await mine
      } finally {
        closed = null
      }
    },
  }
}
