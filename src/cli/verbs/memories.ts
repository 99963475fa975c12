/**
 * The verbs on one memory: store, get, update, forget, restore.
 */
import type { Command } from 'commander'
import type { WriteAnswer } from '../../api.ts'
import type { GotAnswer } from '../../sdk/answers.ts'
import type { Client } from '../../sdk/client.ts'
import { usage } from '../failure.ts'
import { type Io, print } from '../io.ts'
import {
  causalHeaders,
  type CausalOptions,
  causalOptions,
  clientFor,
  collectTags,
  example,
  type FieldOptions,
  fieldOptions,
  fieldsOf,
  type RepeatOptions,
  repeatHeaders,
  repeatOption,
  namespace,
  overHttp,
  pastOption,
  type PastOptions,
  pastQuery,
  quorumOption,
  type ServerOptions,
  textOf,
} from '../options.ts'
import { clean, coloursFor, nameOf, plural, shortTime, table, valueText } from '../render.ts'

type WriteOptions = ServerOptions & RepeatOptions & { readonly quorum?: number }

export const addMemoryVerbs = (program: Command, io: Io): void => {
  addStore(program, io)
  addGet(program, io)
  addUpdate(program, io)
  addForget(program, io)
  addRestore(program, io)
}

const addStore = (program: Command, io: Io): void => {
  const verb = program
    .command('store')
    .description('store a memory')
    .argument('[text...]', 'what to remember; - or nothing reads standard input')
    .option('--namespace <name>', 'where it belongs (default: default)', namespace)
  repeatOption(quorumOption(fieldOptions(overHttp(verb))))
  example(
    verb,
    'mnemesh store "The deploy key rotates on Fridays" --title "Deploy key" --tags ops',
    'git diff | mnemesh store - --kind change --namespace team/api',
  )
  verb.action(async (words: string[], options: WriteOptions & FieldOptions & { namespace?: string }) => {
    const client = clientFor(options, io)
    const content = await textOf(words, io, 'text')
    const body = {
      content,
      ...fieldsOf(options),
      ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    }
    const answer = await client.call<WriteAnswer>('POST', '/memories', {
      body,
      headers: repeatHeaders(options),
      query: { quorum: options.quorum },
    })
    await printWrite(io, options, answer, 'stored')
  })
}

const addGet = (program: Command, io: Io): void => {
  const verb = program
    .command('get')
    .description('show one memory with its links and conflicts')
    .argument('<id>', "the memory's id")
  causalOptions(pastOption(overHttp(verb)))
  example(
    verb,
    'mnemesh get 0193a1b2-0000-7000-8000-000000000000',
    'mnemesh get 0193a1b2-0000-7000-8000-000000000000 --as-of 2026-01-31T12:00:00Z',
  )
  verb.action(async (id: string, options: ServerOptions & CausalOptions & PastOptions) => {
    const answer = await clientFor(options, io).call<GotAnswer>('GET', `/memories/${encodeURIComponent(id)}`, {
      query: pastQuery(options),
      headers: causalHeaders(options),
    })
    await print(io, options.json === true ? JSON.stringify(answer) : memoryText(answer, io))
  })
}

const addUpdate = (program: Command, io: Io): void => {
  const verb = program
    .command('update')
    .description('change fields of a memory')
    .argument('<id>', "the memory's id")
    .option('--content <text>', 'the new text; - reads standard input')
    .option('--clear <fields>', 'fields to clear, with commas: title, source, …', collectTags)
    .option('--if-match <version>', 'only if it is still at this version')
  repeatOption(quorumOption(fieldOptions(overHttp(verb))))
  example(verb, 'mnemesh update 0193a1b2-0000-7000-8000-000000000000 --content "It rotates on Mondays" --tags ops,keys')
  verb.action(
    async (
      id: string,
      options: WriteOptions & FieldOptions & { content?: string; clear?: string[]; ifMatch?: string },
    ) => {
      const client = clientFor(options, io)
      const body = fieldsOf(options)
      if (options.content !== undefined) body['content'] = await textOf([options.content], io, 'text')
      for (const field of options.clear ?? []) body[field] = field === 'tags' ? [] : null
      if (Object.keys(body).length === 0) throw usage('nothing to change; name a field, like --title or --content')
      const headers = {
        ...repeatHeaders(options),
        'if-match': options.ifMatch === undefined ? undefined : `"${options.ifMatch.replaceAll('"', '')}"`,
      }
      const answer = await client.call<WriteAnswer>('PATCH', `/memories/${encodeURIComponent(id)}`, {
        body,
        headers,
        query: { quorum: options.quorum },
      })
      await printWrite(io, options, answer, 'updated')
    },
  )
}

const addForget = (program: Command, io: Io): void => {
  const verb = program
    .command('forget')
    .description('forget a memory; `restore` brings it back')
    .argument('<id>', "the memory's id")
    .option('--erase', 'also destroy its text on every peer, for good')
  repeatOption(quorumOption(overHttp(verb)))
  example(verb, 'mnemesh forget 0193a1b2-0000-7000-8000-000000000000')
  verb.action(async (id: string, options: WriteOptions & { erase?: boolean }) => {
    const query = { quorum: options.quorum, erase: options.erase }
    const answer = await clientFor(options, io).call<WriteAnswer>('DELETE', `/memories/${encodeURIComponent(id)}`, {
      query,
      headers: repeatHeaders(options),
    })
    await printWrite(io, options, answer, options.erase === true ? 'erased' : 'forgotten')
  })
}

const addRestore = (program: Command, io: Io): void => {
  const verb = program
    .command('restore')
    .description('bring back what was forgotten and not erased')
    .argument('<id>', "the memory's id")
  repeatOption(quorumOption(overHttp(verb)))
  example(verb, 'mnemesh restore 0193a1b2-0000-7000-8000-000000000000')
  verb.action(async (id: string, options: WriteOptions) => {
    const answer = await postTo(clientFor(options, io), `/memories/${encodeURIComponent(id)}/restore`, options)
    await printWrite(io, options, answer, 'restored')
  })
}

const postTo = (client: Client, path: string, options: WriteOptions): Promise<WriteAnswer> =>
  client.call<WriteAnswer>('POST', path, { query: { quorum: options.quorum }, headers: repeatHeaders(options) })

/** `stored 0193… in team/api, on the disks of 2 peers`. */
export const printWrite = (io: Io, options: ServerOptions, answer: WriteAnswer, done: string): Promise<void> => {
  if (options.json === true) return print(io, JSON.stringify(answer))
  const colours = coloursFor(io.stdout, io.env)
  return print(
    io,
    `${colours.green(done)} ${answer.id} in ${answer.namespace}${colours.dim(`, on the disks of ${plural(answer.quorum_acks, 'peer')}`)}`,
  )
}

const memoryText = ({ memory, links, conflicts }: GotAnswer, io: Io): string => {
  const colours = coloursFor(io.stdout, io.env)
  const facts: [string, string][] = [
    ['id', memory.id],
    ['namespace', memory.namespace],
    ['kind', `${memory.kind}, ${memory.tier}, priority ${memory.priority}, confidence ${memory.confidence}`],
    ['by', `${memory.agent_id} at peer ${memory.created_by.peer_id.slice(0, 8)}, ${shortTime(memory.created_at)}`],
  ]
  if (memory.updated_at !== memory.created_at) facts.push(['updated', shortTime(memory.updated_at)])
  if (memory.tags.length > 0) facts.push(['tags', memory.tags.join(', ')])
  for (const name of ['source', 'scope', 'run_id', 'occurred_at', 'expires_at'] as const) {
    const value = memory[name]
    if (value !== null) facts.push([name, value])
  }
  if (Object.keys(memory.metadata).length > 0) facts.push(['metadata', JSON.stringify(memory.metadata)])
  facts.push(['version', memory.version])
  const lines = [
    colours.bold(nameOf(memory, 100)),
    table(
      facts.map(([name, value]) => [name, clean(value)]),
      [colours.dim],
    ),
  ]
  if (memory.content !== null && memory.content !== memory.title) lines.push('', clean(memory.content))
  if (memory.content === null)
    lines.push('', colours.dim(memory.erased ? 'its text was erased' : 'its text is not here yet'))
  for (const link of links)
    lines.push(
      colours.dim(
        `${link.from === memory.id ? '→' : '←'} ${clean(link.relation)} ${link.from === memory.id ? link.to : link.from}`,
      ),
    )
  for (const conflict of conflicts) {
    const values = conflict.values.map((value) => valueText(value.value, 40)).join(' | ')
    lines.push(
      colours.yellow(
        `conflict in ${conflict.field}: ${values}; settle it with \`mnemesh resolve ${memory.id} --field ${conflict.field}\``,
      ),
    )
  }
  return lines.join('\n')
}
