/**
 * A mesh of real peers in a temporary folder on free loopback ports, and the facts that tests wait for: all linked, all
 * equal. Whatever happens, `dispose` ends every process and removes every file.
 *
 * The first peer makes the mesh (2 of 3 recovery keys in `recovery/`) and holds the authority's key; the others join through it while it runs. Nobody is given
 * `--peer`: who has joined remembers where.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mnemeshOk } from './command.ts'
import { expecting, listIn } from './http.ts'
import { createPeer, type Digests, type Peer, type ServeOptions } from './peer.ts'
import { freePorts } from './ports.ts'
import { until } from './until.ts'

/** Links come up within a backoff or two; catching up on a few hundred commits takes less. */
const SETTLE_MS = 30_000

export type Fleet = {
  readonly dir: string
  readonly peers: readonly Peer[]
  /** The n-th peer, from 0. */
  peer(n: number): Peer
  /** A peer of this name in this mesh's folder, neither joined nor started. `dispose` ends it as well. */
  place(name: string): Promise<Peer>
  /** Invites and enrols `peer`. @param words more words for `mesh invite`. */
  join(peer: Peer, words?: readonly string[]): Promise<void>
  /** Resolves when each of `peers` (default: all that run) has a link to each other one. */
  linked(peers?: readonly Peer[]): Promise<void>
  /** Resolves with the digests that `peers` (default: all that run) have in common. @throws with each one's when they do not become equal. */
  agree(peers?: readonly Peer[]): Promise<Digests>
  dispose(): Promise<void>
}

export type FleetOptions = Partial<ServeOptions> & { readonly names?: readonly string[] }

/** Makes a mesh of the named peers and starts them all. */
export const startFleet = async ({ names = ['a', 'b', 'c'], ...serve }: FleetOptions = {}): Promise<Fleet> => {
  const dir = await mkdtemp(join(tmpdir(), 'mnemesh-deploy-'))
  const options: ServeOptions = { projection: 'none', quorumTimeoutMs: 10_000, ...serve }
  const placed: Peer[] = []
  const place = async (name: string): Promise<Peer> => {
    const peer = createPeer({ name, dir: join(dir, name), port: await freePorts(1) }, options)
    placed.push(peer)
    return peer
  }
  const dispose = async (): Promise<void> => {
    await Promise.all(placed.filter((peer) => peer.running()).map((peer) => peer.kill()))
    await rm(dir, { recursive: true, force: true })
  }

  try {
    const peers: Peer[] = []
    for (const name of names) peers.push(await place(name))
    const fleet = fleetOf({ dir, peers, place, dispose, all: () => placed })
    await mnemeshOk([
      'mesh',
      'init',
      '--data',
      fleet.peer(0).dir,
      '--name',
      fleet.peer(0).name,
      '--recovery-out',
      join(dir, 'recovery'),
    ])
    await fleet.peer(0).start()
    // One after the other: who has joined votes on who comes next.
    for (const [n, peer] of peers.entries()) {
      if (n === 0) continue
      await fleet.join(peer)
      await peer.start()
      await fleet.linked(peers.slice(0, n + 1))
    }
    return fleet
  } catch (error) {
    await dispose()
    throw error
  }
}

const fleetOf = ({
  all,
  ...base
}: Pick<Fleet, 'dir' | 'peers' | 'place' | 'dispose'> & { all(): readonly Peer[] }): Fleet => {
  const running = (): readonly Peer[] => all().filter((peer) => peer.running())
  const peer = (n: number): Peer => {
    const found = base.peers[n]
    if (found === undefined) throw new Error(`no peer ${n}`)
    return found
  }
  return {
    ...base,
    peer,
    join: async (joining, words = []) => {
      const token = (await mnemeshOk(['mesh', 'invite', '--data', peer(0).dir, ...words])).trim()
      await mnemeshOk(['mesh', 'join', token, '--data', joining.dir, '--name', joining.name])
    },
    linked: async (peers = running()) => {
      const names = new Set(peers.map(({ name }) => name))
      await Promise.all(
        peers.map((from) => {
          let seen = ''
          return until(
            `${from.name} is linked to ${[...names].join(', ')}`,
            SETTLE_MS,
            async () => {
              const found = listIn(await expecting(200, from.call('GET', '/peers')), 'peers')
              seen = found
                .map(
                  ({ name, link, last_error }) =>
                    `${String(name)} ${String(link)} ${typeof last_error === 'string' ? last_error : ''}`,
                )
                .join('; ')
              const up = found.filter(({ name, link }) => names.has(String(name)) && (link === 'up' || link === 'self'))
              return up.length === names.size ? true : null
            },
            () => seen,
          )
        }),
      )
    },
    agree: (peers = running()) => {
      if (peers.length < 2) throw new Error('one peer always agrees with itself')
      let seen: readonly Digests[] = []
      return until(
        `${peers.map(({ name }) => name).join(', ')} hold the same`,
        SETTLE_MS,
        async () => {
          seen = await Promise.all(peers.map((one) => one.digests()))
          const [first] = seen
          return first !== undefined && seen.every((digests) => sameContent(digests, first)) ? first : null
        },
        () => JSON.stringify(seen),
      )
    },
  }
}

/** Content, not counts: the log's length is shown and compared with nothing. */
const sameContent = (one: Digests, other: Digests): boolean =>
  one.documents !== null &&
  one.frontier === other.frontier &&
  one.documents === other.documents &&
  one.projection === other.projection
