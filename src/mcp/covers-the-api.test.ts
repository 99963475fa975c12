/** The profile `full` does what the HTTP API can do, route by route, and docs/mcp.md tells of its tools as they are. */
import { readFileSync } from 'node:fs'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDoor, type TestDoor } from '../http/testing/door-client.ts'
import { PROFILES } from './profiles.ts'

let d: TestDoor
beforeAll(async () => {
  d = await openDoor()
})
afterAll(() => d.door.close())

/** The tools of `full` that do what a route does; or, beginning with "no: ", why no model is given it. */
const TOOLS_BY_ROUTE: Readonly<Record<string, string>> = {
  'POST /memories': 'remember store_memory sign_artifact record_decision',
  'GET /memories': 'list list_memory_ids timeline list_decisions',
  'GET /memories/{id}': 'get get_memory',
  'PATCH /memories/{id}': 'update update_memory',
  'PUT /memories/{id}': 'update_memory',
  'DELETE /memories/{id}': 'forget erase',
  'POST /memories/{id}/restore': 'restore',
  'GET /memories/{id}/history': 'history',
  'GET /diff': 'changes',
  'GET /memories/{id}/proof': 'proof verify_artifact',
  'GET /memories/{id}/conflicts': 'conflicts',
  'POST /memories/{id}/resolve': 'resolve',
  'POST /memories/bulk': 'remember_many',
  'GET /recall': 'recall',
  'POST /recall': 'recall',
  'GET /search': 'search_memories',
  'POST /search': 'search_memories',
  'POST /links': 'link',
  'DELETE /links': 'unlink',
  'GET /links/{id}': 'links',
  'GET /graph': 'graph',
  'POST /agents/{id}/memory/episodic': 'append_episode',
  'GET /agents/{id}/memory/episodic': 'episodes',
  'GET /health': 'health',
  'GET /namespaces': 'namespaces',
  'GET /stats': 'stats',
  'GET /capabilities': 'capabilities',
  'GET /quorum': 'quorum',
  'GET /peers': 'list_peers',
  'GET /digests': 'digests',
  'GET /events': 'events',
  'POST /verify': 'verify_log',
  'POST /projection/rebuild': 'rebuild_index',
  'GET /metrics': 'no: numbers for a monitor',
  'GET /storage': 'no: numbers for an operator',
  'POST /mcp': 'no: the door itself',
  'GET /openapi.json': 'no: tools/list says it',
  'GET /identity': 'no: bytes that programs check',
  'GET /mesh/control': 'no: bytes that programs check',
  'GET /mesh/applied': 'no: for programs that change the mesh',
  'POST /mesh/join': "no: bytes signed by a token's holder",
  'POST /mesh/revoke': 'no: bytes signed by the authority',
  'POST /mesh/leave-behind': 'no: bytes signed by the authority',
  'POST /mesh/level': 'no: bytes signed by the authority',
}

test('every route has a tool of full, or a reason why no model is given it; every tool is named', async () => {
  const { paths } = (await d.send('GET', '/openapi.json')).body as { readonly paths: Readonly<Record<string, object>> }
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('/api/v1', '')}`),
  )
  // A new route: give it a tool in src/mcp, or a reason here.
  expect([...new Set(routes)].sort()).toEqual(Object.keys(TOOLS_BY_ROUTE).sort())
  const named = Object.values(TOOLS_BY_ROUTE)
    .filter((tools) => !tools.startsWith('no: '))
    .flatMap((tools) => tools.split(' '))
  expect([...new Set(named)].sort()).toEqual(PROFILES.full.tools.map(({ name }) => name).sort())
})

test.each([
  ['2025-11-25', 'legacy'],
  ['2026-07-28', { pin: '2026-07-28' }],
] as const)(
  'over a socket, %s: the tools that need the search index answer, with their arguments passed on',
  async (_version, mode) => {
    const client = new Client({ name: 'full', version: '1' }, { versionNegotiation: { mode } })
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${d.url}/mcp?profile=full&namespace=all&agent=ai:full`)),
    )
    // The client checks each answer by the schema that the tool publishes.
    const call = async (name: string, args: Readonly<Record<string, unknown>> = {}) => {
      const { structuredContent, isError, content } = await client.callTool({ name, arguments: args })
      expect([name, isError ?? false, JSON.stringify(content).length > 20]).toEqual([name, false, true])
      return structuredContent as Readonly<Record<string, unknown>>
    }
    expect((await client.listTools()).tools.length).toBe(PROFILES.full.tools.length)
    const { id } = await call('store_memory', { content: `needle of ${_version}`, tier: 'long' })
    const other = await call('store_memory', { content: 'hay' })
    await call('link', { from: id, to: other['id'], relation: 'in' })
    expect(
      await call('search_memories', {
        query: `needle of ${_version}`,
        explain: true,
        kinds: ['note'],
        agent_id: 'ai:full',
        run_id: 'r',
        tier: 'long',
      }),
    ).toMatchObject({ memories: [{ id, explain: { lexical: 0.5 } }] })
    expect(d.seen.at(-1)).toMatchObject({
      method: 'recall',
      arguments: [
        { explain: true, kinds: ['note'], agent_id: 'ai:full', run_id: 'r', tier: 'long', namespace: 'all' },
        {},
      ],
    })
    expect(
      await call('graph', {
        from: id,
        depth: 1,
        direction: 'out',
        relation: 'in',
        as_of: '2026-01-02T03:04:05Z',
        valid_at: '2025-01-02T03:04:05Z',
      }),
    ).toMatchObject({
      nodes: [
        { id, depth: 0 },
        { id: other['id'], depth: 1 },
      ],
      links: [{ from: id, relation: 'in' }],
      truncated: false,
    })
    expect(d.seen.at(-1)).toMatchObject({
      method: 'graph',
      arguments: [
        {
          from: id,
          depth: 1,
          direction: 'out',
          relation: 'in',
          as_of: '2026-01-02T03:04:05.000Z',
          valid_at: '2025-01-02T03:04:05.000Z',
        },
        {},
      ],
    })
    expect((await call('namespaces'))['namespaces']).toEqual(
      expect.arrayContaining([expect.objectContaining({ namespace: 'all' })]) as unknown,
    )
    expect((await call('stats'))['total']).toBeGreaterThan(1)
    await call('append_episode', { event_type: mode === 'legacy' ? 'old' : 'new', body: { n: 1 } })
    expect((await call('episodes', { event_type: mode === 'legacy' ? 'old' : 'new' }))['episodes']).toMatchObject([
      { author: 'ai:full', body: { n: 1 } },
    ])
    await call('rebuild_index')
    expect((await client.callTool({ name: 'episodes', arguments: { agent_id: 'a b' } })).isError).toBe(true)
    await client.close()

    const reader = new Client({ name: 'full', version: '1' }, { versionNegotiation: { mode } })
    await reader.connect(new StreamableHTTPClientTransport(new URL(`${d.url}/mcp?profile=full&read_only=true`)))
    expect((await reader.listTools()).tools.map(({ name }) => name).sort()).toEqual(
      PROFILES.full.tools
        .filter(({ hints }) => hints.readOnlyHint)
        .map(({ name }) => name)
        .sort(),
    )
    await expect(reader.callTool({ name: 'store_memory', arguments: { content: 'x' } })).rejects.toThrow(
      'no tool store_memory here',
    )
    await reader.close()
  },
)

test('docs/mcp.md has the tools of full as they are', () => {
  const rows = PROFILES.full.tools.map(
    ({ name, hints, description }) =>
      `| \`${name}\` | ${hints.readOnlyHint ? '' : hints.destructiveHint ? 'changes' : 'adds'} | ${description.replaceAll('|', '\\|')} |`,
  )
  const table = ['| tool | writes | told to the model |', '|---|---|---|', ...rows].join('\n')
  const doc = readFileSync(new URL('../../docs/mcp.md', import.meta.url), 'utf8')
  // Where it differs, this text goes between the two comments.
  expect(/<!-- tools -->\n([^]*?)\n<!-- end of tools -->/.exec(doc)?.[1]).toBe(table)
})
