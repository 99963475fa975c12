/**
 * The verbs that ask how things stand: namespaces, stats, storage, peers.
 */
import type { Command } from 'commander'
import type { PeerAnswer, StorageAnswer } from '../../api.ts'
import type { Facts, NamespacesAnswer } from '../../sdk/answers.ts'
import { type Io, note, print } from '../io.ts'
import { cliLimits } from '../limits.ts'
import { clientFor, example, overHttp, type ServerOptions } from '../options.ts'
import { allRows } from '../../sdk/pages.ts'
import { bytesText, clean, type Colours, coloursFor, count, plural, shortTime, table, valueText } from '../render.ts'

export const addStateVerbs = (program: Command, io: Io): void => {
  const namespaces = overHttp(program.command('namespaces').description('the namespaces that hold memories'))
  example(namespaces, 'mnemesh namespaces').action(async (options: ServerOptions) => {
    const found = await allRows<NamespacesAnswer['namespaces'][number]>(
      clientFor(options, io),
      '/namespaces',
      'namespaces',
    )
    if (options.json === true) return print(io, JSON.stringify({ namespaces: found, count: found.length }))
    if (found.length === 0) return note(io, 'no memories yet')
    await print(io, table(found.map((row) => [row.namespace, count(row.memories), shortTime(row.updated_at)])))
  })

  const stats = overHttp(program.command('stats').description('how many memories, links, episodes'))
  example(stats, 'mnemesh stats --json').action(async (options: ServerOptions) => {
    const answer = await clientFor(options, io).call<Facts>('GET', '/stats')
    await print(io, options.json === true ? JSON.stringify(answer) : factsText(answer, coloursFor(io.stdout, io.env)))
  })

  const storage = overHttp(
    program.command('storage').description('what lies where: the log, texts by what they are, the search index'),
  )
  example(storage, 'mnemesh storage').action(async (options: ServerOptions) => {
    const answer = await clientFor(options, io).call<StorageAnswer>('GET', '/storage', {
      timeout_ms: cliLimits.cli_verify_ms_max,
    })
    await print(io, options.json === true ? JSON.stringify(answer) : storageText(answer, coloursFor(io.stdout, io.env)))
  })

  const peers = overHttp(program.command('peers').description('the members, their links and how far behind they are'))
  example(peers, 'mnemesh peers').action(async (options: ServerOptions) => {
    const members = await allRows<PeerAnswer>(clientFor(options, io), '/peers', 'peers')
    await print(
      io,
      options.json === true
        ? JSON.stringify({ peers: members, count: members.length })
        : peersText(members, coloursFor(io.stdout, io.env)),
    )
  })
}

const TEXTS: Readonly<Record<keyof StorageAnswer['texts'], string>> = {
  shown: 'texts that are shown',
  older: 'older versions',
  forgotten: 'of forgotten memories',
  episodes: 'of episodes',
  left_out: 'of what counts no longer',
  missing: 'not here yet',
  erased: 'erased',
  dropped: 'dropped by policy',
}
const storageText = ({ log, texts, policy, would_free, disk }: StorageAnswer, colours: Colours): string =>
  table(
    [
      ['log', plural(log.commits, 'commit'), bytesText(log.bytes)],
      ...Object.entries(TEXTS).map(([kind, what]) => [
        what,
        count(texts[kind as keyof typeof TEXTS].texts),
        bytesText(texts[kind as keyof typeof TEXTS].bytes),
      ]),
      ...(policy.keep_history === null
        ? [['with --keep-history 1 it would let go', '', bytesText(would_free.older)]]
        : [[`older than --keep-history ${policy.keep_history}`, '', bytesText(policy.due)]]),
      ...(disk === null
        ? []
        : [
            ['log on disk', '', bytesText(disk.log_bytes)],
            ...(disk.projection_bytes === null ? [] : [['search index on disk', '', bytesText(disk.projection_bytes)]]),
            ['free', '', bytesText(disk.free_bytes)],
          ]),
    ],
    [colours.dim],
  )

/** One line a fact; maps are shown as `name value` pairs. */
const factsText = (facts: Facts, colours: Colours): string =>
  table(
    Object.entries(facts).map(([name, value]) => [name, factText(value)]),
    [colours.dim],
  )

const factText = (value: unknown): string => {
  if (typeof value === 'number') return count(value)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return valueText(value, 200)
  return (
    Object.entries(value)
      .map(([name, inner]) => `${clean(name)} ${valueText(inner, 80)}`)
      .join(', ') || 'none'
  )
}

export const peersText = (peers: readonly PeerAnswer[], colours: Colours): string => {
  const head = ['PEER', 'NAME', 'ROLE', 'LINK', 'ROUND TRIP', 'BEHIND', 'ADDRESS']
  const rows = peers.map((peer) => [
    peer.peer_id.slice(0, 12),
    clean(peer.name),
    peer.revoked ? 'revoked' : peer.forked ? 'forked' : peer.role,
    peer.link === 'self' ? 'this peer' : peer.link,
    peer.round_trip_ms === null ? '-' : `${peer.round_trip_ms.toFixed(1)} ms`,
    peer.commits_behind === null ? '-' : count(peer.commits_behind),
    [peer.addresses.join(' '), peer.link === 'down' ? (peer.last_error ?? '') : '']
      .filter((part) => part !== '')
      .map(clean)
      .join('  ') || '-',
  ])
  const paintLink = (text: string): string =>
    text.startsWith('up') || text.startsWith('this')
      ? colours.green(text)
      : text.startsWith('LINK')
        ? text
        : colours.yellow(text)
  return table([head, ...rows], [colours.dim, colours.bold, null, paintLink, null, null, colours.dim])
}
