/**
 * Listening on a port that another program may have: then on one that the system gives.
 *
 * The one that is to listen does this itself. Who looked for a port on its behalf and handed it over would see it taken in between.
 */
import { createServer } from 'node:net'

/** What `npm start` takes, on the machines of most who try this out. */
const OTHERS_PORTS: readonly number[] = [7701, 7702, 7703]
/** Each free port may be lost to a program that asks in the same millisecond. */
const TRIES_MAX = 16

type Place = { readonly host: string; readonly port: number; readonly orFree: boolean }

/** @throws what `listen` throws; of a taken port where no other will do, or after so many in a row. */
export const listenHereOrFree = async (
  listen: (port: number) => Promise<unknown>,
  { host, port, orFree }: Place,
): Promise<void> => {
  for (let tries = 1; ; tries++) {
    const next = tries === 1 ? port : await freePort(host)
    if (tries > 1 && tries < TRIES_MAX && OTHERS_PORTS.includes(next)) continue
    try {
      await listen(next)
      return
    } catch (error) {
      if (!orFree || tries >= TRIES_MAX || !isTaken(error)) throw error
    }
  }
}

const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'

const freePort = (host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port: 0, host, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
