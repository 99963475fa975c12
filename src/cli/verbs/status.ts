/**
 * `status`: members, links and their lag, quorum, projection lag, disk, on one screen.
 *
 * Exit status 1 when the peer is degraded (writes cannot succeed, or search is out), so that a script or a supervisor need not read.
 */
import type { Command } from 'commander'
import type { Health, PeerAnswer } from '../../api.ts'
import type { Facts } from '../../sdk/answers.ts'
import { CliFailure } from '../failure.ts'
import { type Io, print } from '../io.ts'
import { clientFor, example, overHttp, type ServerOptions } from '../options.ts'
import { allRows } from '../../sdk/pages.ts'
import { bytesText, clean, type Colours, coloursFor, count, plural, table } from '../render.ts'
import { peersText } from './state.ts'

type Status = {
  readonly health: Health
  readonly peers: readonly PeerAnswer[]
  readonly quorum: Facts
  readonly stats: Facts
}

export const addStatus = (program: Command, io: Io): void => {
  const verb = overHttp(
    program.command('status').description('members, links and their lag, quorum, projection lag, disk'),
  )
  example(verb, 'mnemesh status', 'mnemesh status --url http://127.0.0.1:7702 --json')
  verb.action(async (options: ServerOptions) => {
    const client = clientFor(options, io)
    const health = await client.call<Health>('GET', '/health', { accept: [503] })
    const [peers, quorum, stats] = await Promise.all([
      allRows<PeerAnswer>(client, '/peers', 'peers'),
      client.call<Facts>('GET', '/quorum'),
      health.search === 'resting' ? {} : client.call<Facts>('GET', '/stats', { accept: [503] }),
    ])
    const status: Status = { health, peers, quorum, stats }
    await print(
      io,
      options.json === true ? JSON.stringify(status) : statusText(status, client.url, coloursFor(io.stdout, io.env)),
    )
    if (health.status !== 'ok')
      throw new CliFailure(
        `${health.name} is degraded: ${clean((health.reasons ?? []).join('; ')) || 'it does not say why'}`,
      )
  })
}

const statusText = ({ health, peers, stats }: Status, url: string, colours: Colours): string => {
  const state = health.status === 'ok' ? colours.green('ok') : colours.red(health.status)
  const rows: [string, string][] = [
    ['peer', `${health.name} ${health.peer_id.slice(0, 12)} at ${url}, version ${health.version}`],
    [
      'mesh',
      `${health.mesh_id.slice(0, 12)}, ${plural(health.members, 'member')}, ${plural(health.voters, 'voter')}, ${health.connected} connected`,
    ],
    ['quorum', `${health.quorum} of ${plural(health.voters, 'voter')}`],
    ['projection', searchText(health)],
    ...formatRow(health),
    ...controlRow(health),
  ]
  const total = stats['total']
  if (typeof total === 'number') rows.push(['memories', count(total)])
  const disk = diskText(health)
  if (disk !== null) rows.push(['disk', disk])
  const facts = table(
    rows.map(([name, value]) => [name, clean(value)]),
    [colours.dim],
  )
  const reasons =
    health.status === 'ok'
      ? (health.reasons ?? []).map((reason) => `\n${colours.yellow('note')} ${clean(reason)}`).join('')
      : ''
  return `${colours.bold(clean(health.name))} ${state}\n${facts}\n\n${peersText(peers, colours)}${reasons}`
}

/** Where search stands, and whether it goes by meaning. */
/** A peer of an older version tells less. */
type Told = Omit<Health, 'search' | 'embedder' | 'disk' | 'format' | 'unknown_events' | 'control'> & Partial<Health>

const searchText = ({
  projection,
  projection_lag,
  embedder_ready,
  search = 'ready',
  embedder = embedder_ready ? 'ready' : 'none',
}: Told): string => {
  const lag = projection_lag === 0 ? 'up to date' : `${plural(projection_lag, 'commit')} behind`
  const state = {
    none: 'no search',
    resting: 'resting: the next search opens it',
    opening: 'opening: searches are refused until it is there',
    ready: lag,
    behind: `${lag}, and cannot go on`,
    out: 'OUT: searches are refused',
  }[search]
  const meaning = {
    none: ', by words alone (no embedder)',
    starting: ', by words alone until the embedder has answered',
    ready: '',
    failing: ', by words alone: the embedder fails, see below',
  }[embedder]
  return `${projection}, ${state}${search === 'none' ? '' : meaning}`
}

const controlRow = ({ control }: Told): [string, string][] =>
  control === undefined
    ? []
    : [['control log', `statement ${control.place}${control.forked ? ', FORKED: see below' : ''}`]]

const formatRow = ({ format, unknown_events = 0 }: Told): [string, string][] => {
  if (format === undefined) return []
  const unknown = unknown_events === 0 ? '' : `, ${plural(unknown_events, 'event')} with parts unknown here`
  return [['format', `level ${format.level}, this program reads up to ${format.reads}${unknown}`]]
}

const diskText = ({ disk = null }: Told): string | null =>
  disk === null
    ? null
    : `${bytesText(disk.free_bytes)} free, log ${bytesText(disk.log_bytes)}${disk.projection_bytes === null ? '' : `, search index ${bytesText(disk.projection_bytes)}`}`
