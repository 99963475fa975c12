/**
 * `export`: a namespace as JSON lines, newest first, each memory with the links that start at it.
 *
 * A line is the row as the server lists it plus `links: [{to, relation, valid_from, valid_until}]` where there are any;
 * `import` takes it back. Memory use is one page, however large the namespace is.
 */
import type { Command } from 'commander'
import { limits } from '../../../crdt/limits.ts'
import type { LinkRow, MemoryRow } from '../../sdk/answers.ts'
import type { Client } from '../../sdk/client.ts'
import { inOrder } from '../in-order.ts'
import { type Io, write } from '../io.ts'
import { causalHeaders, type CausalOptions, causalOptions, clientFor, example, namespace, overHttp, type ServerOptions } from '../options.ts'
import { allRows, memoryPages } from '../../sdk/pages.ts'
import { startProgress } from '../progress.ts'
import { plural } from '../render.ts'
import { cliLimits } from '../limits.ts'

export const addExport = (program: Command, io: Io): void => {
  const verb = program.command('export').description('print a namespace as JSON lines that `import` takes back').requiredOption('--namespace <name>', 'which namespace', namespace)
  causalOptions(overHttp(verb))
  example(verb, 'mnemesh export --namespace team/api > team-api.jsonl')
  verb.action(async (options: ServerOptions & CausalOptions & { namespace: string }) => {
    const client = clientFor(options, io)
    const progress = startProgress(io, 'exporting', 'memories')
    let total = 0
    try {
      for await (const page of memoryPages(client, { query: { namespace: options.namespace, limit: limits.list_limit_max }, headers: causalHeaders(options) })) {
        for await (const line of inOrder(page.memories, cliLimits.import_lookups_in_flight_max, (memory) => lineOf(client, memory))) {
          await write(io.stdout, line)
          progress.update(++total, 0, plural(total, 'memory', 'memories'))
        }
      }
    } finally {
      progress.stop()
    }
  })
}

const lineOf = async (client: Client, memory: MemoryRow): Promise<string> => {
  const links = await allRows<LinkRow>(client, `/links/${memory.id}`, 'links')
  const outgoing = links.filter((link) => link.from === memory.id && !link.removed).map(linkFields)
  return `${JSON.stringify(outgoing.length === 0 ? memory : { ...memory, links: outgoing })}\n`
}

const linkFields = ({ to, relation, valid_from, valid_until }: LinkRow): Record<string, unknown> => ({
  to,
  relation,
  ...(valid_from === null ? {} : { valid_from }),
  ...(valid_until === null ? {} : { valid_until }),
})
