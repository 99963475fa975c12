/**
 * `export`: a namespace as JSON lines, newest first, each memory with the links that start at it; or as a folder of notes, or as the file
 * of the reference MCP memory server.
 *
 * A line is the row as the server lists it plus `links: [{to, relation, valid_from, valid_until}]` where there are any;
 * `import` takes it back. Memory use is one page, and for the other two the names of all memories.
 */
import type { Command } from 'commander'
import { limits } from '../../../crdt/limits.ts'
import type { LinkRow, MemoryRow } from '../../sdk/answers.ts'
import type { Client } from '../../sdk/client.ts'
import { allRows, memoryPages } from '../../sdk/pages.ts'
import { CliFailure, usage } from '../failure.ts'
import { inOrder } from '../in-order.ts'
import { type Io, note, write } from '../io.ts'
import { cliLimits } from '../limits.ts'
import {
  causalHeaders,
  type CausalOptions,
  causalOptions,
  clientFor,
  example,
  namespace,
  overHttp,
  type ServerOptions,
} from '../options.ts'
import { type Progress, startProgress } from '../progress.ts'
import { plural } from '../render.ts'
import { oneOf } from './choice.ts'

type ExportOptions = ServerOptions &
  CausalOptions & {
    readonly namespace: string
    readonly to?: 'jsonl' | 'markdown' | 'mcp-memory'
    readonly out?: string
    readonly full?: boolean
    readonly forgotten?: boolean
  }
type Linked = { readonly memory: MemoryRow; readonly links: readonly LinkRow[] }

export const addExport = (program: Command, io: Io): void => {
  const verb = program
    .command('export')
    .description('print a namespace as JSON lines that `import` takes back, or write it as notes')
    .requiredOption('--namespace <name>', 'which namespace', namespace)
    .option(
      '--to <format>',
      "jsonl, markdown (a folder of notes), or mcp-memory (the reference MCP memory server's file)",
      oneOf('jsonl', 'markdown', 'mcp-memory'),
      'jsonl',
    )
    .option('--out <folder>', 'where the notes go: a new or empty folder')
    .option('--full', 'with who said what and when, so that `import` into an empty mesh makes the same')
    .option('--forgotten', 'with --full: forgotten memories too')
  causalOptions(overHttp(verb))
  example(
    verb,
    'mnemesh export --namespace team/api > team-api.jsonl',
    'mnemesh export --namespace team/api --full > team-api.jsonl',
    'mnemesh export --namespace team/api --to markdown --out ./team-api',
  )
  verb.action(async (options: ExportOptions) => {
    if ((options.to === 'markdown') !== (options.out !== undefined))
      throw usage('--to markdown needs --out FOLDER, and nothing else takes it')
    if (options.full === true && options.to !== 'jsonl') throw usage('--full is for JSON lines: leave --to out')
    if (options.forgotten === true && options.full !== true) throw usage('--forgotten needs --full')
    const client = clientFor(options, io)
    const progress = startProgress(io, 'exporting', 'memories')
    try {
      if (options.to === 'markdown') await asNotes(client, options, options.out ?? '', progress)
      else if (options.to === 'mcp-memory') await asGraph(client, options, io, progress)
      else if (options.full === true) await inFull(client, options, io, progress)
      else
        for await (const { memory, links } of linked(client, options, progress))
          await write(
            io.stdout,
            `${JSON.stringify(links.length === 0 ? memory : { ...memory, links: links.map(linkFields) })}\n`,
          )
    } finally {
      progress.stop()
    }
    if (options.out !== undefined) await note(io, `wrote the notes into ${options.out}`)
  })
}

async function* rows(client: Client, options: ExportOptions): AsyncGenerator<MemoryRow> {
  for await (const page of memoryPages(client, {
    query: { namespace: options.namespace, limit: limits.list_limit_max },
    headers: causalHeaders(options),
  }))
    yield* page.memories
}

/** Each memory with the links that start at it. */
async function* linked(client: Client, options: ExportOptions, progress: Progress): AsyncGenerator<Linked> {
  let total = 0
  const withLinks = async (memory: MemoryRow): Promise<Linked> => ({
    memory,
    links: (await allRows<LinkRow>(client, `/links/${memory.id}`, 'links')).filter(
      (link) => link.from === memory.id && !link.removed,
    ),
  })
  for await (const each of inOrder(rows(client, options), cliLimits.import_lookups_in_flight_max, withLinks)) {
    yield each
    progress.update(++total, 0, plural(total, 'memory', 'memories'))
  }
}

/** By id, so that links can say where they lead. @throws CliFailure past what is remembered. */
const namesOf = async (
  client: Client,
  options: ExportOptions,
  nameOf: (row: MemoryRow, taken: ReadonlySet<string>) => string,
): Promise<ReadonlyMap<string, string>> => {
  const nameById = new Map<string, string>()
  const taken = new Set<string>()
  for await (const row of rows(client, options)) {
    if (nameById.size >= cliLimits.import_names_max)
      throw new CliFailure(
        `${options.namespace} has more than ${cliLimits.import_names_max} memories; export it as jsonl`,
      )
    const name = nameOf(row, taken)
    taken.add(name)
    nameById.set(row.id, name)
  }
  return nameById
}

const inFull = async (client: Client, options: ExportOptions, io: Io, progress: Progress): Promise<void> => {
  const { fullLines, leftOutText, nothingLeftOut } = await import('../export/full.ts')
  const left = nothingLeftOut()
  let total = 0
  const { namespace, forgotten = false } = options
  for await (const line of fullLines(client, { namespace, forgotten, headers: causalHeaders(options) }, left)) {
    await write(io.stdout, `${line}\n`)
    progress.update(++total, 0, plural(total, 'memory', 'memories'))
  }
  const text = leftOutText(left)
  if (text !== '') await note(io, `left out: ${text}`)
}

const asNotes = async (client: Client, options: ExportOptions, dir: string, progress: Progress): Promise<void> => {
  const { emptyFolder, noteName, writeNote } = await import('../export/markdown.ts')
  await emptyFolder(dir)
  const nameById = await namesOf(client, options, noteName)
  for await (const { memory, links } of linked(client, options, progress)) await writeNote(dir, memory, links, nameById)
}

const asGraph = async (client: Client, options: ExportOptions, io: Io, progress: Progress): Promise<void> => {
  const { entityLine, entityName, relationLine } = await import('../export/mcp-memory.ts')
  const nameById = await namesOf(client, options, entityName)
  // A memory that came meanwhile is in the next export.
  for await (const row of rows(client, options))
    if (nameById.has(row.id)) await write(io.stdout, entityLine(row, nameById.get(row.id) ?? row.id))
  for await (const { links } of linked(client, options, progress))
    for (const link of links) await write(io.stdout, relationLine(link, nameById) ?? '')
}

const linkFields = ({ to, relation, valid_from, valid_until }: LinkRow): Record<string, unknown> => ({
  to,
  relation,
  ...(valid_from === null ? {} : { valid_from }),
  ...(valid_until === null ? {} : { valid_until }),
})
