/**
 * The three peers of a local mesh: their names, folders, ports, and the line that starts one by hand.
 */
import { createServer } from 'node:net'
import { join } from 'node:path'
import { CliFailure, errorCode, usage } from '../failure.ts'
import { quoted } from '../../membership/quote.ts'

export type FleetPeer = { readonly name: string; readonly dir: string; readonly port: number; readonly url: string }

export const FLEET_PEERS = 3
/** Of three voters: a majority, so that any one may be away. */
export const FLEET_QUORUM = 2
const HOST = '127.0.0.1'
const FIRST_PORT = 7701

/** @param env `MNEMESH_PORT` is the first of three ports, `MNEMESH_DATA` the folder. */
export const fleetPeers = (env: Readonly<Record<string, string | undefined>>): readonly FleetPeer[] => {
  const text = env['MNEMESH_PORT'] || String(FIRST_PORT)
  const first = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(first >= 1 && first + FLEET_PEERS - 1 <= 65_535))
    throw usage(`MNEMESH_PORT is '${text}', which is no first of ${FLEET_PEERS} ports; set it to a number like 7801`)
  const data = env['MNEMESH_DATA'] || '.mnemesh'
  return Array.from({ length: FLEET_PEERS }, (_, index) => {
    const port = first + index
    return { name: `peer-${index + 1}`, dir: join(data, `peer-${index + 1}`), port, url: `http://${HOST}:${port}` }
  })
}

/** The words behind `mnemesh` that run `peer` among `peers`. */
export const serveWords = (peer: FleetPeer, peers: readonly FleetPeer[]): readonly string[] => [
  'serve',
  '--data',
  peer.dir,
  '--port',
  String(peer.port),
  '--quorum',
  String(FLEET_QUORUM),
  ...peers.filter((other) => other !== peer).flatMap((other) => ['--peer', `ws://${HOST}:${other.port}/mesh`]),
]

/** What a person types; the peer's members are remembered in its folder. */
export const startLine = (peer: FleetPeer, env: Readonly<Record<string, string | undefined>> = {}): string =>
  `${env['MNEMESH_KEY'] ? 'MNEMESH_KEY="$MNEMESH_KEY" ' : ''}npx mnemesh serve --data ${quoted(peer.dir)} --port ${peer.port}`

/** Rejects with a `CliFailure` that names the first port that something else has. */
export const assertPortsFree = async (peers: readonly FleetPeer[]): Promise<void> => {
  for (const { port } of peers) {
    const code = await tryPort(port)
    if (code === 'EADDRINUSE')
      throw new CliFailure(
        `port ${port} is in use; free it, or set MNEMESH_PORT to the first of ${FLEET_PEERS} free ports`,
      )
    if (code !== null)
      throw new CliFailure(
        `cannot listen on port ${port} (${code}); set MNEMESH_PORT to the first of ${FLEET_PEERS} free ports`,
      )
  }
}

const tryPort = (port: number): Promise<string | null> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve(errorCode(error) || error.message))
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(null)))
  })
