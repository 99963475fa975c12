/**
 * The verbs on a memory's past: history, conflicts, resolve.
 */
import type { Command } from 'commander'
import type { Change, Conflict, Version, WriteAnswer } from '../../api.ts'
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
import { clean, coloursFor, shortTime, valueText } from '../render.ts'
import { printWrite } from './memories.ts'

export const addVersionVerbs = (program: Command, io: Io): void => {
  addHistory(program, io)
  addDiff(program, io)
  addConflicts(program, io)
  addResolve(program, io)
}

const addHistory = (program: Command, io: Io): void => {
  const verb = program
    .command('history')
    .description('every version of a memory: who, where, when')
    .argument('<id>', "the memory's id")
  verb.option('--diff', 'with the lines that each version changed')
  causalOptions(overHttp(verb))
  example(verb, 'mnemesh history 0193a1b2-0000-7000-8000-000000000000 --diff')
  verb.action(async (id: string, options: ServerOptions & CausalOptions & { diff?: boolean }) => {
    const versions = await allRows<Version>(
      clientFor(options, io),
      `/memories/${encodeURIComponent(id)}/history`,
      'versions',
      { query: { diff: options.diff }, headers: causalHeaders(options) },
    )
    if (options.json === true) return print(io, JSON.stringify({ versions, count: versions.length }))
    const colours = coloursFor(io.stdout, io.env)
    for (const version of versions) {
      const what = Object.entries(version.set).map(([field, value]) => `${field}: ${valueText(value, 60)}`)
      await print(
        io,
        `${colours.bold(version.kind)} ${shortTime(version.at)} ${version.agent_id} ${colours.dim(`at peer ${version.peer_id.slice(0, 8)}, event ${version.event_id}`)}`,
      )
      for (const line of options.diff === true ? [] : what) await print(io, `  ${line}`)
      await printDiff(io, version.diff ?? {})
      const tags = [
        ...(version.tags?.add ?? []).map((tag) => `+${tag}`),
        ...(version.tags?.remove ?? []).map((tag) => `-${tag}`),
      ]
      if (tags.length > 0) await print(io, `  tags: ${valueText(tags.join(' '), 100)}`)
    }
  })
}

const printDiff = async (io: Io, diff: Readonly<Record<string, string>>): Promise<void> => {
  const colours = coloursFor(io.stdout, io.env)
  for (const [field, lines] of Object.entries(diff)) {
    await print(io, `  ${field}:`)
    for (const line of lines.trimEnd().split('\n'))
      await print(
        io,
        `    ${(line.startsWith('+') ? colours.green : line.startsWith('-') ? colours.red : colours.dim)(clean(line))}`,
      )
  }
}

const addDiff = (program: Command, io: Io): void => {
  const verb = program
    .command('diff')
    .description('what changed in a namespace between two times')
    .argument('<namespace>', 'which one')
  verb
    .requiredOption('--from <time>', 'as it was then (RFC 3339)', time)
    .option('--to <time>', 'against as it was then (default: now)', time)
  causalOptions(overHttp(verb))
  example(verb, 'mnemesh diff team/api --from 2026-01-31T00:00:00Z')
  verb.action(async (namespace: string, options: ServerOptions & CausalOptions & { from: string; to?: string }) => {
    const changes = await allRows<Change>(clientFor(options, io), '/diff', 'changes', {
      query: { namespace, from: options.from, to: options.to },
      headers: causalHeaders(options),
    })
    if (options.json === true) return print(io, JSON.stringify({ changes, count: changes.length }))
    if (changes.length === 0) return note(io, 'nothing changed')
    const colours = coloursFor(io.stdout, io.env)
    for (const { id, change, title, agent_id, at, fields, diff } of changes) {
      await print(
        io,
        `${colours.bold(change)} ${id} ${clean(title ?? '')} ${colours.dim(`${agent_id} ${shortTime(at)}: ${fields.join(', ')}`)}`,
      )
      await printDiff(io, diff)
    }
  })
}

const addConflicts = (program: Command, io: Io): void => {
  const verb = program
    .command('conflicts')
    .description("concurrent values of a memory's fields")
    .argument('<id>', "the memory's id")
  causalOptions(pastOption(overHttp(verb)))
  example(verb, 'mnemesh conflicts 0193a1b2-0000-7000-8000-000000000000')
  verb.action(async (id: string, options: ServerOptions & CausalOptions & PastOptions) => {
    const conflicts = byField(
      await allRows<Conflict>(clientFor(options, io), `/memories/${encodeURIComponent(id)}/conflicts`, 'conflicts', {
        query: pastQuery(options),
        headers: causalHeaders(options),
      }),
    )
    if (options.json === true) return print(io, JSON.stringify({ conflicts, count: conflicts.length }))
    if (conflicts.length === 0) return note(io, 'no conflicts')
    const colours = coloursFor(io.stdout, io.env)
    for (const conflict of conflicts) {
      await print(io, colours.bold(conflict.field))
      for (const value of conflict.values) {
        await print(
          io,
          `  ${value.shown ? '*' : ' '} ${valueText(value.value, 60)} ${colours.dim(`${value.agent_id} ${shortTime(value.at)}, event ${value.event_id}`)}`,
        )
      }
    }
    await note(io, `* is shown; settle one with: mnemesh resolve ${id} --field FIELD --event EVENT`)
  })
}

/** A field that went on on the next page is one again. */
const byField = (pages: readonly Conflict[]): readonly Conflict[] => {
  const values = new Map<string, Conflict['values']>()
  for (const conflict of pages) values.set(conflict.field, [...(values.get(conflict.field) ?? []), ...conflict.values])
  return [...values].map(([field, all]) => ({ field, values: all }))
}

const addResolve = (program: Command, io: Io): void => {
  const verb = program
    .command('resolve')
    .description('settle a conflict by a new event')
    .argument('<id>', "the memory's id")
    .requiredOption('--field <name>', 'the field in conflict')
    .option('--event <id>', 'take the value that this event wrote')
    .option('--value <value>', 'take this value instead (JSON, or plain text)')
  repeatOption(quorumOption(overHttp(verb)))
  example(verb, 'mnemesh resolve 0193a1b2-0000-7000-8000-000000000000 --field title --value "Deploy key"')
  verb.action(
    async (
      id: string,
      options: ServerOptions & RepeatOptions & { field: string; event?: string; value?: string; quorum?: number },
    ) => {
      if ((options.event === undefined) === (options.value === undefined))
        throw usage('give either --event, whose value is taken, or --value')
      const choice =
        options.event === undefined
          ? { value: parseValue(options.field, options.value ?? '') }
          : { event_id: options.event }
      const answer = await clientFor(options, io).call<WriteAnswer>(
        'POST',
        `/memories/${encodeURIComponent(id)}/resolve`,
        {
          body: { field: options.field, ...choice },
          query: { quorum: options.quorum },
          headers: repeatHeaders(options),
        },
      )
      await printWrite(io, options, answer, `settled ${options.field} of`)
    },
  )
}

/** Fields that are text stay text, even `42`; the others are JSON where they can be. */
const parseValue = (field: string, text: string): unknown => {
  if (!['priority', 'confidence', 'metadata', 'forgotten'].includes(field)) return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw usage(`--value '${text}' is not JSON, which ${field} needs`)
  }
}
