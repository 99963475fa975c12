/**
 * The verbs that find memories: recall, search, list.
 */
import type { Command } from 'commander'
import { limits } from '../../../crdt/limits.ts'
import type { FoundAnswer, FoundMemory, ListAnswer, MemoryRow } from '../../sdk/answers.ts'
import { type Io, note, print, write } from '../io.ts'
import { memoryPages } from '../../sdk/pages.ts'
import {
  causalHeaders,
  type CausalOptions,
  causalOptions,
  clientFor,
  collectTags,
  example,
  filterOptions,
  type FilterOptions,
  filterQuery,
  overHttp,
  pastOption,
  type PastOptions,
  pastQuery,
  type ServerOptions,
  textOf,
  wholeNumber,
} from '../options.ts'
import { type Colours, coloursFor, excerpt, nameOf, plural, shortTime } from '../render.ts'

type FindOptions = ServerOptions &
  FilterOptions &
  CausalOptions &
  PastOptions & {
    readonly kind?: readonly string[]
    readonly limit?: number
    readonly maxTokens?: number
    readonly explain?: boolean
  }
type ListOptions = ServerOptions &
  FilterOptions &
  CausalOptions &
  PastOptions & {
    readonly kind?: string
    readonly limit?: number
    readonly tier?: string
    readonly cursor?: string
    readonly all?: boolean
  }

export const addFindingVerbs = (program: Command, io: Io): void => {
  addFind(
    program,
    io,
    'recall',
    'find memories for a question, best first',
    'mnemesh recall "when does the deploy key rotate?"',
  )
  addFind(
    program,
    io,
    'search',
    'find memories by their words',
    'mnemesh search "deploy key" --namespace team/api --limit 5',
  )
  addList(program, io)
}

const addFind = (program: Command, io: Io, name: 'recall' | 'search', description: string, shown: string): void => {
  const verb = program
    .command(name)
    .description(description)
    .argument('[query...]', 'what to look for; - or nothing reads standard input')
    .option('--kind <names>', 'only these kinds, with commas', collectTags)
    .option(
      '--limit <n>',
      `how many (default: ${limits.recall_limit_default})`,
      wholeNumber(1, limits.recall_limit_max),
    )
    .option('--max-tokens <n>', 'stop when the texts reach about this many tokens', wholeNumber(1, 10_000_000))
    .option('--explain', 'say how each was found (with --json)')
  causalOptions(pastOption(filterOptions(overHttp(verb))))
  example(verb, shown)
  verb.action(async (words: string[], options: FindOptions) => {
    const client = clientFor(options, io)
    const q = await textOf(words, io, 'question')
    const body = {
      ...filterQuery(options),
      ...pastQuery(options),
      tags: options.tag,
      q,
      kinds: options.kind,
      limit: options.limit,
      max_tokens: options.maxTokens,
      explain: options.explain,
    }
    const answer = await client.call<FoundAnswer>('POST', `/${name}`, { body, headers: causalHeaders(options) })
    if (options.json === true) return print(io, JSON.stringify(answer))
    await printFound(io, answer, options.asOf !== undefined)
  })
}

const printFound = async (io: Io, answer: FoundAnswer, past: boolean): Promise<void> => {
  const colours = coloursFor(io.stdout, io.env)
  if (answer.memories.length === 0)
    return note(
      io,
      answer.lag > 0
        ? `nothing found; the search index is ${plural(answer.lag, 'commit')} behind, so ask again in a moment`
        : 'nothing found',
    )
  const width = (io.stdout.columns ?? 100) - 3
  for (const [place, memory] of answer.memories.entries()) await print(io, foundText(memory, place + 1, width, colours))
  if (answer.mode === 'lexical' && !past)
    await note(io, coloursFor(io.stderr, io.env).dim('found by words alone: this peer has no embedder'))
}

const foundText = (memory: FoundMemory, place: number, width: number, colours: Colours): string => {
  const lines = [`${String(place).padStart(2)} ${colours.bold(nameOf(memory, width))}`]
  if (memory.title !== null && memory.content !== null) lines.push(`   ${excerpt(memory.content, width)}`)
  lines.push(
    colours.dim(
      `   ${memory.id}  ${memory.namespace}  ${memory.agent_id}  ${shortTime(memory.created_at)}  score ${memory.score.toFixed(3)}`,
    ),
  )
  return lines.join('\n')
}

const addList = (program: Command, io: Io): void => {
  const verb = program
    .command('list')
    .description('list memories, newest first')
    .option('--kind <name>', 'only this kind')
    .option('--tier <name>', 'only this tier')
    .option(
      '--limit <n>',
      `how many a page (default: ${limits.list_limit_default})`,
      wholeNumber(1, limits.list_limit_max),
    )
    .option('--cursor <cursor>', 'go on where an earlier page ended')
    .option('--all', 'follow the pages to the end')
  causalOptions(pastOption(filterOptions(overHttp(verb))))
  example(verb, 'mnemesh list --namespace team/api --limit 20', 'mnemesh list --all --json')
  verb.action(async (options: ListOptions) => {
    const query = {
      ...filterQuery(options),
      ...pastQuery(options),
      kind: options.kind,
      tier: options.tier,
      limit: options.limit,
    }
    const request = {
      query,
      headers: causalHeaders(options),
      ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
    }
    const pages = memoryPages(clientFor(options, io), request)
    if (options.json === true)
      return options.all === true ? printAllAsJson(io, pages) : print(io, JSON.stringify((await pages.next()).value))
    await printPages(io, pages, options.all === true)
  })
}

/** The same shape as one page, written as it comes. */
const printAllAsJson = async (io: Io, pages: AsyncGenerator<ListAnswer, undefined>): Promise<void> => {
  let total = 0
  await write(io.stdout, '{"memories":[')
  for await (const page of pages) {
    for (const memory of page.memories) await write(io.stdout, `${total++ === 0 ? '' : ',\n'}${JSON.stringify(memory)}`)
  }
  await print(io, `],"count":${total},"next_cursor":null}`)
}

const printPages = async (io: Io, pages: AsyncGenerator<ListAnswer, undefined>, all: boolean): Promise<void> => {
  const colours = coloursFor(io.stdout, io.env)
  const width = Math.max(30, (io.stdout.columns ?? 120) - 60)
  let total = 0
  for await (const page of pages) {
    for (const memory of page.memories) await print(io, rowText(memory, width, colours))
    total += page.memories.length
    if (!all && page.next_cursor !== null)
      return note(
        io,
        `${plural(total, 'memory', 'memories')}, and there are more: --all, or --cursor ${page.next_cursor}`,
      )
    if (!all) break
  }
  if (total === 0) await note(io, 'no memories')
}

const rowText = (memory: MemoryRow, width: number, colours: Colours): string =>
  `${colours.dim(`${memory.id}  ${shortTime(memory.created_at)}  ${memory.namespace} `)} ${nameOf(memory, width)}`
