/**
 * The verbs on links between memories: link, unlink, links.
 */
import type { Command } from 'commander'
import type { Written } from '../../api.ts'
import type { LinkRow } from '../../sdk/answers.ts'
import { usage } from '../failure.ts'
import { type Io, note, print } from '../io.ts'
import {
  causalHeaders,
  type CausalOptions,
  causalOptions,
  clientFor,
  example,
  type RepeatOptions,
  repeatHeaders,
  repeatOption,
  overHttp,
  pastOption,
  type PastOptions,
  pastQuery,
  quorumOption,
  type ServerOptions,
  time,
} from '../options.ts'
import { allRows } from '../../sdk/pages.ts'
import { clean, coloursFor } from '../render.ts'

type LinkOptions = ServerOptions &
  RepeatOptions & {
    readonly relation?: string
    readonly quorum?: number
    readonly validFrom?: string
    readonly validUntil?: string
  }

export const addLinkVerbs = (program: Command, io: Io): void => {
  addLink(program, io)
  addUnlink(program, io)
  addLinks(program, io)
}

const endsOf = (verb: Command): Command =>
  verb
    .argument('<from>', 'id of the memory it starts at')
    .argument('<to>', 'id of the memory it points to')
    .argument('[relation]', 'what the first is to the second: supports, replaces, …')
    .option('--relation <name>', 'the same')

const relationOf = (word: string | undefined, options: LinkOptions): string => {
  if (word !== undefined && options.relation !== undefined && word !== options.relation)
    throw usage(`two relations given, '${word}' and '${options.relation}'; give one`)
  const relation = options.relation ?? word
  if (relation === undefined || relation === '') throw usage('no relation given; add one, like --relation supports')
  return relation
}

const addLink = (program: Command, io: Io): void => {
  const verb = endsOf(program.command('link').description('link one memory to another'))
    .option('--valid-from <time>', 'from when it holds (RFC 3339)', time)
    .option('--valid-until <time>', 'until when it holds (RFC 3339)', time)
  repeatOption(quorumOption(overHttp(verb)))
  example(
    verb,
    'mnemesh link 0193a1b2-0000-7000-8000-000000000000 0193a1b2-0000-7000-8000-000000000001 --relation supports',
  )
  verb.action(async (from: string, to: string, word: string | undefined, options: LinkOptions) => {
    const relation = relationOf(word, options)
    const times = {
      ...(options.validFrom === undefined ? {} : { valid_from: options.validFrom }),
      ...(options.validUntil === undefined ? {} : { valid_until: options.validUntil }),
    }
    const answer = await clientFor(options, io).call<Written>('POST', '/links', {
      body: { from, to, relation, ...times },
      query: { quorum: options.quorum },
      headers: repeatHeaders(options),
    })
    await printLink(
      io,
      options,
      answer,
      `${coloursFor(io.stdout, io.env).green('linked')} ${from} ${clean(relation)} ${to}`,
    )
  })
}

const addUnlink = (program: Command, io: Io): void => {
  const verb = endsOf(program.command('unlink').description('take a link away'))
  repeatOption(quorumOption(overHttp(verb)))
  example(
    verb,
    'mnemesh unlink 0193a1b2-0000-7000-8000-000000000000 0193a1b2-0000-7000-8000-000000000001 --relation supports',
  )
  verb.action(async (from: string, to: string, word: string | undefined, options: LinkOptions) => {
    const relation = relationOf(word, options)
    const answer = await clientFor(options, io).call<Written>('DELETE', '/links', {
      body: { from, to, relation },
      query: { quorum: options.quorum },
      headers: repeatHeaders(options),
    })
    await printLink(
      io,
      options,
      answer,
      `${coloursFor(io.stdout, io.env).green('unlinked')} ${from} ${clean(relation)} ${to}`,
    )
  })
}

const addLinks = (program: Command, io: Io): void => {
  const verb = program
    .command('links')
    .description('the links from and to a memory')
    .argument('<id>', "the memory's id")
  causalOptions(pastOption(overHttp(verb)))
  example(verb, 'mnemesh links 0193a1b2-0000-7000-8000-000000000000')
  verb.action(async (id: string, options: ServerOptions & CausalOptions & PastOptions) => {
    const found = await allRows<LinkRow>(clientFor(options, io), `/links/${encodeURIComponent(id)}`, 'links', {
      query: pastQuery(options),
      headers: causalHeaders(options),
    })
    if (options.json === true) return print(io, JSON.stringify({ links: found, count: found.length }))
    if (found.length === 0) return note(io, 'no links')
    for (const link of found) await print(io, `${link.from} ${clean(link.relation)} ${link.to}`)
  })
}

const printLink = (io: Io, options: LinkOptions, answer: Written, line: string): Promise<void> =>
  print(io, options.json === true ? JSON.stringify(answer) : line)
