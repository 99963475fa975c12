/**
 * Free ports on the loopback address, below the range from which the system takes the ports of outgoing connections: a
 * peer that is down for a while finds its port free when it comes back.
 */
import { createServer } from 'node:net'

const FIRST = 20_000
const LAST = 32_000
const ATTEMPTS_MAX = 100

/** The first of `count` ports in a row that are free now. */
export const freePorts = async (count: number): Promise<number> => {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const first = FIRST + Math.floor(Math.random() * (LAST - FIRST - count))
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)))
    if (free.every(Boolean)) return first
  }
  throw new Error(`no ${count} free ports in a row between ${FIRST} and ${LAST}`)
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
