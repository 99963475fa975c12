/**
 * `migrate`: a peer's search index from its embedded database to a Postgres server, back, or from one server to another.
 */
import { InvalidArgumentError, type Command } from 'commander'
import type { MigrateAnswer } from '../../node/migrate.ts'
import { type Io, note, print } from '../io.ts'
import { example } from '../options.ts'
import { startProgress } from '../progress.ts'
import { clean, coloursFor, plural } from '../render.ts'
import { parseProjection } from './serve.ts'

type MigrateFlags = {
  readonly data: string
  readonly from: string
  readonly to: string
  readonly keep?: boolean
  readonly json?: boolean
}

export const addMigrate = (program: Command, io: Io): void => {
  const verb = program
    .command('migrate')
    .description("move a peer's search index between its embedded database and Postgres, as it is")
    .requiredOption('--data <dir>', "the peer's folder")
    .requiredOption('--from <where>', 'where the rows are: pglite or postgres://…, as the peer was served with', place)
    .requiredOption('--to <where>', 'where they shall be, as it will be served with', place)
    .option('--keep', 'leave the rows where they were; what is erased later is not erased there')
    .option('--json', 'print the answer as JSON')
  example(
    verb,
    'mnemesh migrate --data .mnemesh/peer-1 --from pglite --to postgres://me@db/mnemesh',
    'mnemesh migrate --data .mnemesh/peer-1 --from postgres://me@db/mnemesh --to pglite --keep',
  )
  verb.addHelpText(
    'after',
    '\nStop the peer first; between two servers it may run. Nothing is made or embedded anew, and the digests are held\nagainst each other before the rows are kept. Cut short, it has changed nothing; run again, it does what is left.\nThen start the peer with --projection as --to says.',
  )
  verb.action(async (options: MigrateFlags) => {
    const { migrateFolder } = await import('../../node/migrate.ts')
    const progress = startProgress(io, 'moving', 'rows')
    const moved = await migrateFolder({
      dir: options.data,
      from: options.from,
      to: options.to,
      keep: options.keep === true,
      log: (line) => io.stderr.write(`${line}\n`),
      onProgress: (done, total) => progress.update(done, total, ''),
    }).finally(() => progress.stop())
    if (options.json === true) return print(io, JSON.stringify(moved))
    await print(io, text(moved, io))
    await note(io, next(moved, options))
  })
}

const place = (text: string): string => {
  if (text === 'none') throw new InvalidArgumentError('Give pglite or postgres://user:password@host/database.')
  return parseProjection(text)
}

const text = ({ outcome, memories, vectors, digest }: MigrateAnswer, io: Io): string => {
  const { green } = coloursFor(io.stdout, io.env)
  const what = `${plural(memories, 'memory', 'memories')}, ${plural(vectors, 'vector')}, digest ${digest}`
  if (outcome === 'moved') return `${green('moved')} ${what}`
  return `${green(outcome === 'already' ? 'there already' : 'there already, and further')}: ${what}`
}

const next = ({ removed, commits_behind }: MigrateAnswer, { data, to }: MigrateFlags): string =>
  [
    `start it with: mnemesh serve --data ${clean(data)} --projection ${to === 'pglite' ? 'pglite' : 'URL, as --to says'}`,
    commits_behind === null || commits_behind === 0
      ? ''
      : `; it adds ${plural(commits_behind, 'commit')} that came since`,
    removed ? '; where they were the rows are gone' : '',
  ].join('')
