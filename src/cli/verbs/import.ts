/**
 * `import`: a source → memories and links in one namespace. Again is a no-op: every memory carries a key that follows from
 * its source alone.
 *
 * Problems do not stop it; they are told at the end, and the exit status is then 1, as it is when nothing was found. What came in, though
 * otherwise than its source has it, is noted and no failure.
 */
import type { Command } from 'commander'
import { parseNamespace } from '../../../crdt/ids.ts'
import type { Client } from '../../sdk/client.ts'
import { CallFailure } from '../../sdk/failure.ts'
import { CliFailure, usage } from '../failure.ts'
import { FORMATS, type ImportFormat, type ImportSource, type MemoryItem } from '../import/item.ts'
import { type Known, readKnown } from '../import/known.ts'
import type { Sending } from '../import/sending.ts'
import { refuseHeld, secretGuard, type SecretMode } from '../import/secrets.ts'
import { emptyTally, type Tally } from '../import/tally.ts'
import { type Io, note, print } from '../io.ts'
import { clientFor, example, namespace, overHttp, quorumOption, type ServerOptions } from '../options.ts'
import { startProgress } from '../progress.ts'
import { clean, coloursFor, count, plural } from '../render.ts'
import { skippedText } from '../import/walk.ts'
import { oneOf } from './choice.ts'

type ImportOptions = ServerOptions & {
  readonly quorum?: number
  readonly namespace?: string
  readonly format?: ImportFormat | 'auto'
  readonly encoding?: string
  readonly prune?: boolean
  readonly secrets?: SecretMode
}

export const addImport = (program: Command, io: Io): void => {
  const verb = program
    .command('import')
    .description(
      'take in notes, JSON, CSV, a git history, conversations, or what another memory exported; again is a no-op',
    )
    .argument('<path>', 'a folder, a file, a zip, or a repository')
    .option('--namespace <name>', "where to (default: what an export says, else the path's last name)", namespace)
    .option(
      '--format <name>',
      `auto, ${FORMATS.join(', ')} (default: auto)`,
      oneOf<ImportFormat | 'auto'>(
        'auto',
        'markdown',
        'jsonl',
        'git',
        'mcp-memory',
        'conversations',
        'mem0',
        'letta',
        'csv',
      ),
    )
    .option('--encoding <name>', 'what the files are in (default: UTF-8, else found out and said)')
    .option('--prune', 'forget what came from there before and is no longer there')
    .option(
      '--secrets <what>',
      'of what looks as if it held a secret: ask (where nobody can be asked: skip), skip, allow',
      oneOf<SecretMode>('ask', 'skip', 'allow'),
      'ask',
    )
  quorumOption(overHttp(verb))
  example(
    verb,
    'mnemesh import ./notes --namespace team/notes',
    'mnemesh import . --format git',
    'mnemesh import memory.jsonl',
  )
  verb.action((path: string, options: ImportOptions) => runImport(path, options, io))
}

const runImport = async (path: string, options: ImportOptions, io: Io): Promise<void> => {
  const { namespaceFor, openSource } = await import('../import/detect.ts')
  const client = clientFor(options, io)
  const format = options.format ?? 'auto'
  const source = await openSource(path, format, await encodingOf(options.encoding))
  const fallback = options.namespace ?? namespaceFor(path)
  // A source may name its own namespace a memory: said by --namespace, it does not matter.
  const named = options.namespace === undefined && source.format === 'jsonl' ? 'the namespaces it names, else ' : ''
  await note(io, `importing ${path} as ${source.format} into ${named}${fallback}`)

  for (const told of source.told ?? []) await note(io, clean(told))

  // Asked first and once: a peer that is not there is said at once, one that goes away meanwhile is waited for.
  await client.call('GET', '/health', { accept: [503] })
  const tally = emptyTally()
  const failure = await transfer(
    source,
    client,
    options,
    io,
    tally,
    (own) => options.namespace ?? (own === undefined ? fallback : parseNamespace(own)),
  )
  if (failure === null && options.prune === true) await pruneGone(client, options.quorum, tally)
  await report({ source, fallback, tally, failure }, options, io)
}

const encodingOf = async (name: string | undefined): Promise<string | undefined> => {
  if (name !== undefined && !(await import('../import/text.ts')).isEncoding(name))
    throw usage(`no encoding is called '${name}'; try utf-16le, latin1, windows-1252, shift_jis`)
  return name
}

/** Resolves with what stopped it, if anything did. */
const transfer = async (
  source: ImportSource,
  client: Client,
  { quorum, secrets = 'ask' }: Pick<ImportOptions, 'quorum' | 'secrets'>,
  io: Io,
  tally: Tally,
  namespaceOf: (own: string | undefined) => string | null,
): Promise<CallFailure | null> => {
  const { sendMemories } = await import('../import/send-memories.ts')
  const { sendLinks } = await import('../import/send-links.ts')
  let progress = startProgress(io, 'importing', source.unit)
  const stop = new AbortController()
  const onProgress = (): void =>
    progress.update(
      source.done(),
      source.total,
      `${plural(tally.stored, 'memory', 'memories')}${tally.links > 0 ? `, ${plural(tally.links, 'link')}` : ''}`,
    )
  const knownByNamespace = new Map<string, Promise<Known>>()
  const known = (name: string): Promise<Known> => {
    const asked = knownByNamespace.get(name) ?? readKnown(client, name)
    knownByNamespace.set(name, asked)
    return asked
  }
  const seen = new Set<string>()
  const sending: Sending = {
    known,
    seen,
    io,
    client,
    quorum,
    signal: stop.signal,
    namespaceOf: (item) => namespaceOf(item.namespace),
    tally,
    idByName: new Map(),
    onProgress,
  }
  try {
    const guard = secretGuard(
      secrets === 'ask' && io.ask === null ? 'skip' : secrets,
      async () => (await import('../../hooks/index.ts')).secretFinder(),
      tally,
      seen,
    )
    await sendMemories(guard.through(source.memories()), sending)
    if (guard.held.length > 0) {
      progress.stop()
      const isAllowed = await askAbout(guard.held, io)
      progress = startProgress(io, 'importing', source.unit)
      if (isAllowed) await sendMemories(streamOf(guard.held), sending)
      else for (const item of guard.held) refuseHeld(item, tally)
    }
    if (source.links !== undefined) await sendLinks(source.links(), sending)
    const { covers } = source
    if (covers !== undefined)
      for (const asked of knownByNamespace.values()) {
        for (const row of (await asked).byId.values())
          if (!seen.has(row.id) && covers(row))
            tally.gone.push({ memory: row.memory, where: `${row.path}: ${row.title}` })
      }
    return null
  } catch (error) {
    if (error instanceof CallFailure) return error
    throw error
  } finally {
    stop.abort(new CliFailure('the import has ended'))
    progress.stop()
  }
}

const askAbout = async (held: readonly MemoryItem[], io: Io): Promise<boolean> => {
  const names = [...new Set(held.map(({ where }) => where))]
  const named = clean(names.slice(0, SECRETS_NAMED_MAX).join(', '))
  const answer = await io.ask!(
    `${plural(held.length, 'memory', 'memories')} look as if they held a secret (${named}${names.length > SECRETS_NAMED_MAX ? ', …' : ''}). Import them all the same? [y/N] `,
  )
  return /^y(es)?$/i.test(answer.trim())
}
const SECRETS_NAMED_MAX = 10

async function* streamOf(items: readonly MemoryItem[]): AsyncGenerator<MemoryItem> {
  for (const item of items) yield await Promise.resolve(item)
}

/** What is gone already is no failure. */
const pruneGone = async (client: Client, quorum: number | undefined, tally: Tally): Promise<void> => {
  for (const { memory } of tally.gone)
    await client.call('DELETE', `/memories/${memory}`, { query: { quorum }, accept: [404] })
}

/** The rest are counted. */
const GONE_SHOWN_MAX = 20

type Outcome = {
  readonly source: ImportSource
  readonly fallback: string
  readonly tally: Tally
  readonly failure: CallFailure | null
}

const report = async ({ source, fallback, tally, failure }: Outcome, options: ImportOptions, io: Io): Promise<void> => {
  const { existing } = tally
  const created = tally.stored - existing - tally.changed
  const into = [...tally.namespaces].sort()
  if (options.json === true) {
    const { links, links_existing, links_nowhere, secrets, problems, problems_total, notes, notes_total } = tally
    await print(
      io,
      JSON.stringify({
        format: source.format,
        namespaces: into.length === 0 ? [fallback] : into,
        memories: tally.stored,
        created,
        existing,
        changed: tally.changed,
        forgotten: tally.forgotten,
        secrets,
        gone: tally.gone.length,
        pruned: options.prune === true ? tally.gone.length : 0,
        links,
        links_existing,
        links_nowhere,
        errors: problems,
        errors_total: problems_total,
        notes,
        notes_total,
        skipped: Object.fromEntries(source.skipped ?? []),
        complete: failure === null,
      }),
    )
  } else {
    const links =
      tally.links + tally.links_existing === 0
        ? ''
        : `; ${plural(tally.links + tally.links_existing, 'link')}: ${count(tally.links)} new, ${count(tally.links_existing)} there already`
    const more = `${tally.changed === 0 ? '' : `, ${count(tally.changed)} changed`}${tally.forgotten === 0 ? '' : `; ${count(tally.forgotten)} forgotten before, and left so`}`
    await print(
      io,
      `${coloursFor(io.stdout, io.env).green('imported')} ${plural(tally.stored, 'memory', 'memories')} into ${into.length === 0 ? fallback : into.join(', ')}: ${count(created)} new, ${count(existing)} there already${more}${links}`,
    )
  }
  for (const said of tally.notes) await note(io, clean(`${said.where}: ${said.message}`))
  if (tally.notes_total > tally.notes.length)
    await note(io, `and ${plural(tally.notes_total - tally.notes.length, 'more note')}`)
  if (tally.links_nowhere > 0)
    await note(io, `${plural(tally.links_nowhere, 'link')} to notes that are not there: left out`)
  if (source.skipped !== undefined && source.skipped.size > 0)
    await note(io, clean(`passed over: ${skippedText(source.skipped)}`))
  if (tally.gone.length > 0) {
    for (const { where } of tally.gone.slice(0, GONE_SHOWN_MAX)) await note(io, clean(`no longer there: ${where}`))
    await note(
      io,
      `${plural(tally.gone.length, 'memory', 'memories')} came from there before, and ${tally.gone.length === 1 ? 'its' : 'their'} place is gone: ${options.prune === true ? 'forgotten' : '--prune forgets them'}`,
    )
  }
  for (const problem of tally.problems) await note(io, clean(`${problem.where}: ${problem.message}`))
  const unnamed = tally.problems_total - tally.problems.length
  if (unnamed > 0) await note(io, `and ${plural(unnamed, 'more problem')}`)
  if (failure !== null)
    throw new CliFailure(
      `stopped after ${plural(tally.stored, 'memory', 'memories')}: ${failure.message}; run it again, what is there is not stored twice`,
    )
  if (tally.problems_total > 0)
    throw new CliFailure(
      `${plural(tally.problems_total, 'entry', 'entries')} could not be imported, named above; mend and run it again, what is there is not stored twice`,
    )
  if (tally.stored + tally.forgotten + tally.gone.length === 0)
    throw new CliFailure(
      `nothing to import${source.hint === undefined ? '; check the path and the --format' : `: ${source.hint}`}`,
    )
}
