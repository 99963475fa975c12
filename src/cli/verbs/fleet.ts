/**
 * `fleet`, what `npm start` runs: a mesh of three peers on this machine, as three real processes.
 */
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { assertPortsFree, FLEET_QUORUM, type FleetPeer, fleetPeers, serveWords, startLine } from '../fleet/peers.ts'
import { prepareFleet } from '../fleet/prepare.ts'
import { superviseFleet } from '../fleet/supervise.ts'
import { DEFAULT_URL } from '../../sdk/client.ts'
import { type Io, note, print } from '../io.ts'
import { example } from '../options.ts'
import { coloursFor, table } from '../render.ts'

export const addFleet = (program: Command, io: Io): void => {
  const verb = program
    .command('fleet', { hidden: true })
    .description('run a mesh of three peers on this machine ($MNEMESH_PORT: the first port, $MNEMESH_DATA: the folder)')
  example(verb, 'npm start', 'MNEMESH_PORT=7801 MNEMESH_DATA=/tmp/mesh npm start')
  verb.action(() => fleet(io))
}

const fleet = async (io: Io): Promise<void> => {
  const peers = fleetPeers(io.env)
  await assertPortsFree(peers)
  const made = await prepareFleet(peers, io)
  await note(io, made ? 'made a mesh of three peers; starting them …' : 'starting three peers …')
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  await superviseFleet({
    peers,
    io,
    command: (peer) => [
      process.execPath,
      main,
      ...serveWords(peer, peers),
      '--log-level',
      'warn',
      '--until-stdin-ends',
    ],
    onUp: (up, away) => print(io, welcome(up, away, io)),
  })
  await note(io, 'all peers have stopped')
}

const welcome = (up: readonly FleetPeer[], away: readonly FleetPeer[], io: Io): string => {
  const colours = coloursFor(io.stdout, io.env)
  const [first, second] = up
  const at = (peer: FleetPeer | undefined): string =>
    peer === undefined || peer.url === DEFAULT_URL ? '' : ` --url ${peer.url}`
  return [
    `${colours.green('mnemesh is up')}: ${up.length} peers, a write needs ${FLEET_QUORUM}`,
    '',
    table(
      up.map((peer) => [`  ${peer.name}`, peer.url, peer.dir]),
      [colours.bold, colours.cyan, colours.dim],
    ),
    ...away.map((peer) =>
      colours.yellow(`  ${peer.name}  is not up yet; if it does not come, start it with: ${startLine(peer, io.env)}`),
    ),
    '',
    `  store   npx mnemesh store "The deploy key rotates on Fridays"${at(first)}`,
    `  recall  npx mnemesh recall "when does the deploy key rotate?"${at(second)}`,
    '  stop    Ctrl-C',
  ].join('\n')
}
