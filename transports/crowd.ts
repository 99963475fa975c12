/** Who gives way when too many sockets are not open yet (PROTOCOL LK4). */
import { limits } from '../crdt/limits.ts'
import { networkOf } from './purses.ts'

type Waiting = { readonly address: string; readonly metered: { claims(): boolean } | null }

/**
 * Of the sockets that are not open yet, in the order in which they came, the one that has to go: the oldest of an address that has too
 * many, or of the address with the most when all together are; one that names a member goes last.
 */
export const crowdedOut = <Socket extends Waiting>(
  waiting: readonly Socket[],
  newestAddress: string,
): Socket | null => {
  const byNetwork = new Map<string, Socket[]>()
  for (const connection of waiting) {
    const network = networkOf(connection.address)
    const list = byNetwork.get(network)
    if (list === undefined) byNetwork.set(network, [connection])
    else list.push(connection)
  }
  const own = byNetwork.get(networkOf(newestAddress)) ?? []
  const largest = (): readonly Socket[] =>
    [...byNetwork.values()].reduce((most, list) => (list.length > most.length ? list : most))
  const crowd =
    own.length > limits.unauthenticated_per_address_max
      ? own
      : waiting.length > limits.unauthenticated_sockets_max
        ? largest()
        : []
  return crowd.find(({ metered }) => metered?.claims() !== true) ?? crowd[0] ?? null
}
