/**
 * MCP's profile `full` in a real process, as a table: each tool called by the official client over HTTP, which checks every answer against
 * the shape that the tool publishes, and what it must answer.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { expect, test } from 'vitest'
import { mnemeshOk } from './command.ts'
import { createPeer } from './peer.ts'
import { freePorts } from './ports.ts'

type Facts = Readonly<Record<string, unknown>>
/** Ids that earlier rows made, by the name that the row gives. */
type Made = Readonly<Record<string, string>>
type Row = readonly [tool: string, args: (made: Made) => Facts, answers: (made: Made) => unknown, keepsIdAs?: string]

const none = (): Facts => ({})
const some = (fields: Facts): unknown => expect.objectContaining(fields)
const list = (...items: readonly unknown[]): unknown => expect.arrayContaining([...items])
const any = (): unknown => expect.anything()
const HASH = '00'.repeat(32)

const TABLE: readonly Row[] = [
  ['remember', () => ({ content: 'The key rotates on Fridays' }), () => some({ known: false }), 'key'],
  ['remember', () => ({ content: 'The key rotates on Fridays' }), ({ key }) => some({ known: true, id: key })],
  ['store_memory', () => ({ content: 'The vault is in cellar two', kind: 'rule', tags: ['ops'] }), any, 'vault'],
  [
    'remember_many',
    () => ({ memories: [{ content: 'a harbour' }, { content: 'a lighthouse' }] }),
    () => some({ created: 2, errors: [] }),
  ],
  ['recall', () => ({ query: 'when does the key rotate' }), ({ key }) => some({ memories: list(some({ id: key })) })],
  [
    'search_memories',
    () => ({ query: 'vault cellar', kinds: ['rule'] }),
    ({ vault }) => some({ memories: [some({ id: vault })] }),
  ],
  ['get', ({ key }) => ({ id: key }), () => some({ memory: some({ content: 'The key rotates on Fridays' }) })],
  ['get_memory', ({ vault }) => ({ id: vault }), () => some({ memory: some({ kind: 'rule', tags: ['ops'] }) })],
  ['list', none, ({ key }) => some({ memories: list(some({ id: key })) })],
  ['list_memory_ids', none, ({ key, vault }) => some({ ids: list(key, vault) })],
  ['timeline', none, () => some({ count: 4 })],
  ['update', ({ key }) => ({ id: key, content: 'The key rotates on Mondays' }), ({ key }) => some({ id: key })],
  [
    'update_memory',
    ({ vault }) => ({ id: vault, priority: 2, clear: ['metadata'] }),
    ({ vault }) => some({ id: vault }),
  ],
  ['history', ({ key }) => ({ id: key }), any],
  ['conflicts', ({ key }) => ({ id: key }), () => some({ conflicts: [] })],
  ['link', ({ key, vault }) => ({ from: key, to: vault, relation: 'part-of' }), any],
  [
    'links',
    ({ vault }) => ({ id: vault }),
    ({ key, vault }) => some({ links: [some({ from: key, to: vault, relation: 'part-of' })] }),
  ],
  ['graph', ({ key }) => ({ from: key }), any],
  ['unlink', ({ key, vault }) => ({ from: key, to: vault, relation: 'part-of' }), any],
  ['forget', ({ vault }) => ({ id: vault }), any],
  ['restore', ({ vault }) => ({ id: vault }), any],
  ['erase', ({ vault }) => ({ id: vault }), any],
  ['changes', () => ({ from: '2020-01-01T00:00:00Z' }), ({ key }) => some({ changes: list(some({ id: key })) })],
  [
    'record_decision',
    () => ({ title: 'One database', context: 'We pay twice', decision: 'One database', consequences: 'A migration' }),
    () => some({ number: 1 }),
    'decision',
  ],
  [
    'list_decisions',
    none,
    ({ decision }) => some({ decisions: [some({ id: decision, number: 1, status: 'accepted' })] }),
  ],
  ['sign_artifact', () => ({ name: 'app.tgz', sha256: HASH }), () => some({ sha256: HASH })],
  ['verify_artifact', () => ({ sha256: HASH }), () => some({ valid: true })],
  ['verify_artifact', () => ({ sha256: '11'.repeat(32) }), () => some({ valid: false, signatures: [] })],
  ['append_episode', () => ({ event_type: 'step', body: { did: 'a thing' } }), any],
  ['episodes', none, () => some({ episodes: list(some({ event_type: 'step' })) })],
  ['proof', ({ key }) => ({ id: key }), () => some({ holds: true, voters: ['alone'] })],
  ['health', none, () => some({ status: 'ok', writes: true })],
  ['stats', none, any],
  ['namespaces', none, () => some({ namespaces: list(some({ namespace: 'default' })) })],
  ['list_peers', none, () => some({ peers: [some({ name: 'alone', self: true })] })],
  ['quorum', none, any],
  ['capabilities', none, any],
  ['digests', none, any],
  ['events', none, any],
  ['verify_log', none, () => some({ ok: true, problem_count: 0 })],
  ['rebuild_index', none, any],
]
/** Needs two peers that wrote apart: `src/mcp/full.test.ts` has them. */
const ELSEWHERE = ['resolve']

test('every tool answers what the table says, and what it refuses it refuses by name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mnemesh-full-'))
  const dir = join(folder, 'peer')
  await mnemeshOk(['mesh', 'init', '--data', dir, '--name', 'alone', '--recovery', 'none'])
  const peer = createPeer(
    { name: 'alone', dir, port: await freePorts(1) },
    { projection: 'pglite', quorumTimeoutMs: 5_000 },
  )
  await peer.start()
  const client = new Client({ name: 'table', version: '1' })
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(`${peer.url}/mcp?profile=full`)))
    const { tools } = await client.listTools()
    expect(new Set([...TABLE.map(([tool]) => tool), ...ELSEWHERE])).toEqual(new Set(tools.map(({ name }) => name)))
    const made: Record<string, string> = {}
    for (const [name, args, answers, keepsIdAs] of TABLE) {
      const { isError, structuredContent, content } = await client.callTool({ name, arguments: args(made) })
      expect
        .soft([name, isError ?? false, isError === true ? content : structuredContent])
        .toEqual([name, false, answers(made)])
      if (keepsIdAs !== undefined) made[keepsIdAs] = (structuredContent as { id: string }).id
    }
    const gone = await client.callTool({ name: 'get_memory', arguments: { id: made['vault'] } })
    expect([gone.isError, JSON.stringify(gone.content)]).toEqual([true, expect.stringContaining('no such memory')])
  } finally {
    await client.close()
    await peer.stop()
    await rm(folder, { recursive: true, force: true })
  }
}, 120_000)
