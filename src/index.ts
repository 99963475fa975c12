/**
 * The package's entry `mnemesh`: a peer inside another program. Who only asks a peer that runs takes `mnemesh/client`, which loads nothing of it.
 */
import { randomBytes } from 'node:crypto'
import { createLog } from './log/log.ts'
import { initMesh } from './membership/index.ts'
import { startNode, type NodeOptions, type RunningNode } from './node.ts'

export { NodeError } from './errors.ts'
export { createLog, type LogOptions } from './log/log.ts'
export { VERSION } from './version.ts'
export type { Node } from './api.ts'
export type { RunningNode } from './node.ts'

/** All but the folder has a default: loopback, a free port, no neighbour, the embedded search index, warnings on standard error. */
export type PeerOptions = { readonly dir: string } & Partial<NodeOptions>

/** Makes a mesh of one peer in the folder `dir`, which is empty or not there. @throws NodeError when a mesh is there already. */
export const makeMesh = ({ dir, name }: { readonly dir: string; readonly name: string }): ReturnType<typeof initMesh> =>
  initMesh({ dir, name, clock: { now: () => Date.now() }, random: { bytes: (count) => randomBytes(count) } })

/**
 * Starts the peer whose folder is `dir`, in this process, and resolves when its door is open. What it makes is for this user alone: it sets the process's umask.
 * @throws NodeError, StoreFailure with a line that names cause and mend.
 */
export const startPeer = (options: PeerOptions): Promise<RunningNode> =>
  startNode({
    host: '127.0.0.1',
    port: 0,
    peers: [],
    projection: 'pglite',
    age: false,
    keys: [],
    log: createLog({
      format: 'text',
      level: 'warn',
      secrets: options.keys ?? [],
      write: (line) => void process.stderr.write(line),
    }),
    ...options,
  })
