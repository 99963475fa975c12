/**
 * The profile `graph` against what the reference MCP memory server answers: the same calls in the same order, and its own file. Real
 * processes, the official client.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandWords, mnemesh, mnemeshOk } from './command.ts'

const LONG_MS = 120_000

type Row = {
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
  readonly text: string
  readonly data?: Readonly<Record<string, unknown>>
  readonly isError?: true
}
const recorded = JSON.parse(
  await readFile(fileURLToPath(new URL('./reference-memory.json', import.meta.url)), 'utf8'),
) as { readonly tools: readonly object[]; readonly resources: readonly object[]; readonly table: readonly Row[] }

let home = ''
let env: Readonly<Record<string, string>> = {}
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'mnemesh-graph-'))
  env = { XDG_DATA_HOME: home, PATH: process.env['PATH'] ?? '' }
})
afterAll(async () => {
  await mnemesh(['down'], env)
  await rm(home, { recursive: true, force: true })
})

const [program, ...first] = commandWords
const connected = async (...words: readonly string[]): Promise<Client> => {
  const client = new Client({ name: 'graph user', version: '1' })
  await client.connect(
    new StdioClientTransport({
      command: program,
      args: [...first, 'mcp', '--profile', 'graph', ...words],
      env: { ...env },
      cwd: home,
      stderr: 'pipe',
    }),
  )
  return client
}
const call = async (
  client: Client,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Promise<Omit<Row, 'name' | 'args'>> => {
  const { content, structuredContent, isError } = await client.callTool({ name, arguments: args })
  return {
    text: (content as { readonly text: string }[])[0]!.text,
    ...(isError === true ? { isError } : { data: structuredContent as Readonly<Record<string, unknown>> }),
  }
}
const graphOf = async (client: Client) =>
  (await call(client, 'read_graph', {})).data as {
    readonly entities: { readonly name: string; readonly observations: readonly string[] }[]
    readonly relations: object[]
  }

test(
  'its tools are told in the same words and shapes, its resource too',
  async () => {
    const client = await connected()
    const { tools } = await client.listTools()
    expect(
      tools.map(({ name, title, description, annotations, inputSchema, outputSchema }) => ({
        name,
        title,
        description,
        annotations,
        inputSchema,
        outputSchema,
      })),
    ).toEqual(recorded.tools)
    expect((await client.listResources()).resources).toEqual(recorded.resources)
    await client.close()
  },
  LONG_MS,
)

test(
  'a table of calls is answered word for word',
  async () => {
    expect(recorded.table.length).toBeGreaterThan(25)
    const client = await connected('--namespace', 'table')
    for (const { name, args, ...answer } of recorded.table)
      expect({ name, args, ...(await call(client, name, args)) }).toEqual({ name, args, ...answer })
    const { contents } = await client.readResource({ uri: 'memory://knowledge-graph' })
    expect(contents).toEqual([
      { uri: 'memory://knowledge-graph', mimeType: 'application/json', text: recorded.table.at(-1)!.text },
    ])
    await expect(client.readResource({ uri: 'memory://another' })).rejects.toThrow('memory://another')
    await client.close()
  },
  LONG_MS,
)

test(
  'its file, imported, is the graph that it held',
  async () => {
    const graph = {
      entities: [
        { name: 'Ada', entityType: 'person', observations: ['Speaks Spanish', 'two\nlines', '\ttab'] },
        { name: 'Acme', entityType: '', observations: [] },
      ],
      relations: [{ from: 'Ada', to: 'Acme', relationType: 'works_at' }],
    }
    const file = join(home, 'memory.jsonl')
    await writeFile(
      file,
      [
        ...graph.entities.map((entity) => ({ type: 'entity', ...entity })),
        ...graph.relations.map((relation) => ({ type: 'relation', ...relation })),
      ]
        .map((line) => JSON.stringify(line))
        .join('\n'),
    )
    await mnemeshOk(['up'], env)
    for (let times = 0; times < 2; times++) await mnemeshOk(['import', file, '--namespace', 'imported'], env)
    const client = await connected('--namespace', 'imported')
    const { entities, relations } = await graphOf(client)
    expect(entities.toSorted((a, b) => (a.name < b.name ? 1 : -1))).toEqual(graph.entities)
    expect(relations).toEqual(graph.relations)
    expect(
      (await call(client, 'add_observations', { observations: [{ entityName: 'Ada', contents: ['Likes tea'] }] })).data,
    ).toEqual({ results: [{ entityName: 'Ada', addedObservations: ['Likes tea'] }] })
    await client.close()
  },
  LONG_MS,
)

test(
  'two processes that write to one graph at once lose nothing of each other',
  async () => {
    const [one, other] = await Promise.all([connected('--namespace', 'shared'), connected('--namespace', 'shared')])
    const clients = [one, other]
    await Promise.all(
      clients.map((client) =>
        call(client, 'create_entities', { entities: [{ name: 'Ada', entityType: 'person', observations: [] }] }),
      ),
    )
    await Promise.all(
      clients.flatMap((client, who) =>
        Array.from({ length: 20 }, (_, n) =>
          call(client, 'add_observations', {
            observations: [{ entityName: 'Ada', contents: [`${who} observed ${n}`] }],
          }),
        ),
      ),
    )
    const { entities } = await graphOf(one)
    expect(entities).toHaveLength(1)
    expect(entities[0]!.observations.toSorted()).toEqual(
      [0, 1].flatMap((who) => Array.from({ length: 20 }, (_, n) => `${who} observed ${n}`)).toSorted(),
    )
    await Promise.all(clients.map((client) => client.close()))
  },
  LONG_MS,
)
