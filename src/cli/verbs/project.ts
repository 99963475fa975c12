/**
 * `project rebuild`: drops the search index of a peer and makes it anew from the log, which has everything; through the running
 * peer, or in the folder of a stopped one. Ends with the digest, which is equal on members that hold the same.
 */
import type { Command } from 'commander'
import type { Health, RebuildAnswer } from '../../api.ts'
import { usage } from '../failure.ts'
import { type Io, print } from '../io.ts'
import { clientFor, example, overHttp, type ServerOptions } from '../options.ts'
import { type Progress, startProgress } from '../progress.ts'
import { clean, coloursFor, plural } from '../render.ts'
import { parseProjection } from './serve.ts'
import { cliLimits } from '../limits.ts'

type RebuildOptions = ServerOptions & { readonly data?: string; readonly projection?: string; readonly age?: boolean }

export const addProject = (program: Command, io: Io): void => {
  const group = example(
    program.command('project').description('the projection: the search index that is derived from the log'),
    'mnemesh project rebuild',
  )
  const verb = overHttp(group.command('rebuild').description('drop the search index and make it anew from the log'))
    .option('--data <dir>', "rebuild this peer's folder instead (the peer must be stopped)")
    .option(
      '--projection <where>',
      'with --data: pglite or postgres://…, as the peer is served with (default: pglite)',
      parseProjection,
    )
    .option('--age', 'with --data: the graph in Apache AGE as well, as the peer is served with')
  example(verb, 'mnemesh project rebuild --url http://127.0.0.1:7702', 'mnemesh project rebuild --data .mnemesh/peer-1')
  verb.addHelpText(
    'after',
    '\nThe peer goes on meanwhile: writes and reads by id as always, lists and searches from what is there again\n(`projection_lag` of `mnemesh status` shows how much is missing). Nothing can be lost: the log is the truth.',
  )
  verb.action(async (options: RebuildOptions) => {
    if (options.data !== undefined && options.url !== undefined) throw usage('give either --data or --url')
    if (options.data === undefined && (options.projection !== undefined || options.age === true))
      throw usage('--projection and --age go with --data; a running peer knows its own')
    if (options.projection === 'none') throw usage('with --projection none there is nothing to rebuild')
    const progress = startProgress(io, 'rebuilding', 'commits')
    try {
      const answer =
        options.data === undefined
          ? await overWire(options, io, progress)
          : await inFolder(options.data, options, io, progress)
      progress.stop()
      await print(io, options.json === true ? JSON.stringify(answer) : text(answer, io))
    } finally {
      progress.stop()
    }
  })
}

/** The answer comes when it is through; the bar follows the lag that health shows meanwhile. */
const overWire = async (options: ServerOptions, io: Io, progress: Progress): Promise<RebuildAnswer> => {
  const client = clientFor(options, io)
  const done = new AbortController()
  const answer = client
    .call<RebuildAnswer>('POST', '/projection/rebuild', { timeout_ms: cliLimits.cli_rebuild_ms_max })
    .finally(() => done.abort())
  const following = follow(
    async () => client.call<Health>('GET', '/health', { accept: [503] }),
    io,
    progress,
    done.signal,
  )
  const [rebuilt] = await Promise.all([answer, following])
  return rebuilt
}

const follow = async (health: () => Promise<Health>, io: Io, progress: Progress, done: AbortSignal): Promise<void> => {
  let total = 0
  while (!done.aborted) {
    // What goes wrong here is said by the request that the bar is about.
    const now = await health().catch(() => null)
    if (now !== null) {
      total = Math.max(total, now.projection_lag)
      progress.update(
        total - now.projection_lag,
        total,
        clean(now.reasons.find((reason) => reason.startsWith('the search index')) ?? ''),
      )
    }
    if (!done.aborted)
      await io
        .sleep(cliLimits.cli_rebuild_look_ms, done)
        .catch((error: unknown) =>
          done.aborted ? undefined : Promise.reject(error instanceof Error ? error : new Error(String(error))),
        )
  }
}

const inFolder = async (
  dir: string,
  { projection = 'pglite', age = false }: RebuildOptions,
  io: Io,
  progress: Progress,
): Promise<RebuildAnswer> => {
  const { rebuildFolder } = await import('../../node/rebuild-folder.ts')
  return rebuildFolder({
    dir,
    projection,
    age,
    random: io.random,
    onProgress: (done, total) => progress.update(done, total, ''),
    log: (line) => io.stderr.write(`${line}\n`),
  })
}

const text = ({ digest, commits, ms }: RebuildAnswer, io: Io): string =>
  `${coloursFor(io.stdout, io.env).green('rebuilt')} from ${plural(commits, 'commit')} in ${(ms / 1_000).toFixed(1)} s, digest ${digest}`
