/**
 * The verbs against a real HTTP server: what they send, what they print, how they end.
 */
import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runCli, succeeded } from './testing/run-cli.ts'
import { startTestServer, type TestServer } from './testing/server.ts'

let server: TestServer
beforeEach(async () => {
  server = await startTestServer({ pageSize: 3 })
})
afterEach(() => server.close())

const at = (): string[] => ['--url', server.url]
const store = async (text: string, ...words: string[]): Promise<string> => {
  const ran = await runCli(['store', text, ...words, '--json', ...at()])
  succeeded(ran)
  return (JSON.parse(ran.out) as { id: string }).id
}

describe('store', () => {
  test('sends every field that was given, and no other', async () => {
    const ran = await runCli([
      'store',
      'the',
      'text',
      '--namespace',
      'team/api',
      '--title',
      'T',
      '--kind',
      'fact',
      '--tier',
      'long',
      '--tag',
      'a,b',
      '--tag',
      'c',
      '--priority',
      '7',
      '--confidence',
      '0.5',
      '--source',
      's',
      '--scope',
      'x',
      '--run-id',
      'r',
      '--occurred-at',
      '2026-01-02',
      '--expires-at',
      '2027-01-02T03:04:05+01:00',
      '--metadata',
      '{"n":1}',
      '--idempotency-key',
      'k',
      '--quorum',
      '2',
      '--agent',
      'ai:alice',
      ...at(),
    ])
    succeeded(ran)
    const [request] = server.seen
    expect(request?.body).toEqual({
      content: 'the text',
      namespace: 'team/api',
      title: 'T',
      kind: 'fact',
      tier: 'long',
      tags: ['a', 'b', 'c'],
      priority: 7,
      confidence: 0.5,
      source: 's',
      scope: 'x',
      run_id: 'r',
      occurred_at: '2026-01-02T00:00:00.000Z',
      expires_at: '2027-01-02T02:04:05.000Z',
      metadata: { n: 1 },
    })
    expect(request?.headers['x-agent-id']).toBe('ai:alice')
    expect(request?.headers['idempotency-key']).toBe('k')
    expect(request?.query.get('quorum')).toBe('2')
    expect(ran.out).toMatch(/^stored [0-9a-f-]{36} in team\/api, on the disks of 2 peers\n$/)
    await runCli(['store', 'plain', ...at()])
    expect(server.seen[1]?.body).toEqual({ content: 'plain' })
  })

  test('reads standard input, and says so when there is none', async () => {
    expect((await runCli(['store', '-', ...at()], { stdin: 'from a pipe\n' })).exit).toBe(0)
    expect(server.seen[0]?.body).toEqual({ content: 'from a pipe' })
    const ran = await runCli(['store', ...at()])
    expect([ran.exit, ran.err]).toEqual([
      2,
      'error: no text given; write it behind the verb, or send it on standard input\n',
    ])
  })

  test('a quorum that was not met is a failure that names the id that stays', async () => {
    server.scripted.push(() => ({
      status: 503,
      body: {
        error: 'quorum_not_met',
        message: '1 of 2 voters acknowledged in time',
        id: 'the-id',
        local_committed: true,
      },
    }))
    const ran = await runCli(['store', 'x', ...at()])
    expect(ran.exit).toBe(1)
    expect(ran.out).toBe('')
    expect(ran.err.replace(/[0-9a-f-]{36}/, 'KEY')).toBe(
      'error: 1 of 2 voters acknowledged in time; the-id stays on this peer and reaches the others later; see `mnemesh status`, or lower --quorum; repeated with --idempotency-key KEY it is done once (quorum_not_met, HTTP 503)\n',
    )
  })
})

describe('reading', () => {
  test('get shows a memory without letting it move the cursor', async () => {
    const id = await store('\u001b]0;owned\u0007text', '--title', 'T')
    const ran = await runCli(['get', id, ...at()])
    succeeded(ran)
    expect(ran.out).toContain(']0;ownedtext')
    expect(ran.out).not.toContain('\u001b')
    expect(JSON.parse((await runCli(['get', id, '--json', ...at()])).out)).toMatchObject({
      memory: { id, title: 'T' },
      links: [],
      conflicts: [],
    })
  })

  test('list --all follows every cursor, and without it says that there is more', async () => {
    for (let i = 0; i < 8; i++) await store(`memory ${i}`)
    const all = await runCli(['list', '--all', ...at()])
    expect(all.out.trim().split('\n')).toHaveLength(8)
    const json = JSON.parse((await runCli(['list', '--all', '--json', ...at()])).out) as {
      memories: unknown[]
      count: number
      next_cursor: null
    }
    expect([json.memories.length, json.count, json.next_cursor]).toEqual([8, 8, null])
    const page = await runCli(['list', ...at()])
    expect(page.out.trim().split('\n')).toHaveLength(3)
    expect(page.err).toContain('--cursor 3')
    expect((await runCli(['list', '--cursor', '6', ...at()])).out.trim().split('\n')).toHaveLength(2)
  })

  test('--as-of is sent in UTC, and is a time', async () => {
    const id = await store('what was')
    for (const verb of [
      ['recall', 'what'],
      ['search', 'what'],
    ]) {
      await runCli([...verb, '--as-of', '2026-01-31T13:00:00+01:00', ...at()])
      expect(server.seen.at(-1)?.body).toMatchObject({ as_of: '2026-01-31T12:00:00.000Z' })
    }
    for (const verb of [['get', id], ['list'], ['links', id], ['conflicts', id]]) {
      await runCli([...verb, '--as-of', '2026-01-31T13:00:00+01:00', ...at()])
      expect([verb[0], server.seen.at(-1)?.query.get('as_of')]).toEqual([verb[0], '2026-01-31T12:00:00.000Z'])
      expect((await runCli([...verb, '--as-of', 'yesterday', ...at()])).exit).toBe(2)
    }
  })

  test('a cursor that stands still is refused, not followed for ever', async () => {
    const stuck = (): { status: number; body: unknown } => ({
      status: 200,
      body: { memories: [], count: 0, next_cursor: 'same' },
    })
    server.scripted.push(stuck, stuck, stuck)
    const ran = await runCli(['list', '--all', ...at()])
    expect(ran.exit).toBe(1)
    expect(ran.err).toContain('same cursor twice')
  })

  test('recall sends its filters and prints what was found', async () => {
    await store('the deploy key', '--title', 'Key')
    const ran = await runCli([
      'recall',
      'deploy',
      '--kind',
      'a,b',
      '--tag',
      't',
      '--by',
      'ai:bob',
      '--limit',
      '4',
      '--since',
      '2026-01-01',
      '--token',
      'T',
      '--wait',
      '5',
      ...at(),
    ])
    succeeded(ran)
    expect(ran.out).toContain(' 1 Key\n   the deploy key\n')
    expect(server.seen[1]?.body).toEqual({
      q: 'deploy',
      kinds: ['a', 'b'],
      tags: ['t'],
      agent_id: 'ai:bob',
      limit: 4,
      since: '2026-01-01T00:00:00.000Z',
    })
    expect([server.seen[1]?.headers['x-causal-token'], server.seen[1]?.headers['x-causal-wait']]).toEqual(['T', '5'])
  })

  test.each([
    [0, 'nothing found'],
    [3, 'nothing found; the search index is 3 commits behind, so ask again in a moment'],
  ])('recall with a search index %i behind finds nothing, and says so', async (lag, said) => {
    server.scripted.push(() => ({ status: 200, body: { memories: [], count: 0, mode: 'lexical', frontier: 'f', lag } }))
    const ran = await runCli(['recall', 'deploy', ...at()])
    succeeded(ran)
    expect(ran.err.trim()).toBe(said)
  })

  test('status: a table, JSON, and exit 1 when degraded', async () => {
    const ran = await runCli(['status', ...at()])
    succeeded(ran)
    expect(ran.out).toContain('berlin ok')
    expect(Object.keys(JSON.parse((await runCli(['status', '--json', ...at()])).out) as object)).toEqual([
      'health',
      'peers',
      'quorum',
      'stats',
    ])
    server.scripted.push(() => ({
      status: 503,
      body: {
        status: 'degraded',
        name: 'berlin',
        version: '0',
        peer_id: 'a',
        mesh_id: 'b',
        members: 3,
        voters: 3,
        quorum: 2,
        connected: 0,
        projection: 'none',
        projection_lag: 0,
        embedder_ready: false,
        federation_enabled: true,
        reasons: ['no quorum'],
      },
    }))
    const degraded = await runCli(['status', ...at()])
    expect([degraded.exit, degraded.err]).toEqual([1, 'error: berlin is degraded: no quorum\n'])
  })

  test('verify: the first bad one, exit 1', async () => {
    expect((await runCli(['verify', ...at()])).out).toBe('all is well: 3 commits, 3 events, 1 body, 1 chain\n')
    server.scripted.push(() => ({
      status: 200,
      body: {
        ok: false,
        commits: 3,
        events: 3,
        bodies: 1,
        chains: 1,
        problems: [
          { what: 'signature is bad', where: 'commit 7' },
          { what: 'x', where: 'y' },
        ],
      },
    }))
    const ran = await runCli(['verify', ...at()])
    expect(ran.exit).toBe(1)
    expect(ran.err).toMatch(/^error: commit 7: signature is bad, and 1 problem more/)
    expect((await runCli(['verify', '--data', 'x', ...at()])).exit).toBe(2)
  })
})

describe('changing', () => {
  test('update sends the fields, null for --clear, and the version in quotes', async () => {
    const id = await store('old')
    const ran = await runCli(['update', id, '--title', 'new', '--clear', 'source,tags', '--if-match', 'v1', ...at()])
    succeeded(ran)
    expect(server.seen[1]).toMatchObject({ method: 'PATCH', body: { title: 'new', source: null, tags: [] } })
    expect(server.seen[1]?.headers['if-match']).toBe('"v1"')
    expect((await runCli(['update', id, ...at()])).exit).toBe(2)
  })

  test('forget --erase, restore, link, unlink, resolve reach their routes', async () => {
    const a = await store('a')
    const b = await store('b')
    expect((await runCli(['link', a, b, '--relation', 'supports', ...at()])).out).toContain(`linked ${a} supports ${b}`)
    expect((await runCli(['link', a, b, ...at()])).exit).toBe(2)
    expect((await runCli(['links', a, ...at()])).out).toBe(`${a} supports ${b}\n`)
    await runCli(['resolve', a, '--field', 'priority', '--value', '3', ...at()])
    expect(server.seen.at(-1)).toMatchObject({
      method: 'POST',
      path: `/memories/${a}/resolve`,
      body: { field: 'priority', value: 3 },
    })
    expect((await runCli(['resolve', a, '--field', 'title', ...at()])).exit).toBe(2)
    await runCli(['restore', a, ...at()])
    expect(server.seen.at(-1)).toMatchObject({ method: 'POST', path: `/memories/${a}/restore` })
    await runCli(['unlink', a, b, 'supports', ...at()])
    expect(server.seen.at(-1)).toMatchObject({
      method: 'DELETE',
      path: '/links',
      body: { from: a, to: b, relation: 'supports' },
    })
    expect((await runCli(['forget', a, '--erase', ...at()])).out).toMatch(/^erased/)
    expect(server.seen.at(-1)?.query.get('erase')).toBe('true')
    const gone = await runCli(['get', a, ...at()])
    expect([gone.exit, gone.err]).toEqual([1, 'error: no such memory (not_found, HTTP 404)\n'])
  })
})

describe('usage and failures', () => {
  test.each([
    [['recal', 'x'], "error: unknown command 'recal' (Did you mean recall?)\n"],
    [
      ['list', '--limit', '-1'],
      "error: option '--limit <n>' argument '-1' is invalid. Give a whole number from 1 to 1000.\n",
    ],
    [['list', '--namespace', '../etc'], /is invalid\. A namespace is like/],
    [['store', 'x', '--metadata', '[]'], /Give a JSON object/],
    [['store', 'x', '--url', 'nonsense'], /'nonsense' is no address of a peer/],
    [['store', 'x', '--occurred-at', 'yesterday'], /Give a time like/],
    [['export'], "error: required option '--namespace <name>' not specified\n"],
    [['mesh', 'invite', '--data', 'x', '--ttl', '5'], /Give a duration like/],
    [['mesh', 'invite', '--data', 'x', '--role', 'king'], /Give one of: voter, observer/],
    [['serve', '--data', 'x', '--port', '7701', '--peer', 'http://a'], /A peer is like ws/],
    [
      ['serve', '--data', 'x', '--port', '7701', '--host', '0.0.0.0'],
      'error: refusing to listen on 0.0.0.0 without a key; add --key-file or set MNEMESH_KEY\n',
    ],
    [['fleet'], /MNEMESH_PORT is 'x'/],
  ])('%j is wrong usage: one line, exit 2', async (words, expected) => {
    const ran = await runCli(words, { env: { MNEMESH_PORT: 'x' } })
    expect(ran.exit).toBe(2)
    expect(ran.out).toBe('')
    expect(ran.err).toMatch(expected)
    expect(ran.err.trim().split('\n')).toHaveLength(1)
  })

  test('project rebuild: through the peer, with its digest; a refusal is one line; not both ways at once', async () => {
    const ran = succeeded(await runCli(['project', 'rebuild', ...at()]))
    expect(ran.out).toBe(`rebuilt from 1,234 commits in 2.5 s, digest ${'ef'.repeat(32)}\n`)
    expect(JSON.parse(succeeded(await runCli(['project', 'rebuild', '--json', ...at()])).out)).toEqual({
      digest: 'ef'.repeat(32),
      commits: 1234,
      ms: 2500,
    })
    server.scripted.push(({ path }) =>
      path === '/projection/rebuild'
        ? { status: 503, body: { error: 'projection_unavailable', message: 'this peer has no projection' } }
        : null,
    )
    const refused = await runCli(['project', 'rebuild', ...at()])
    expect([refused.exit, refused.err]).toEqual([
      1,
      'error: this peer has no projection (projection_unavailable, HTTP 503)\n',
    ])
    for (const words of [
      ['--data', 'x', '--url', 'http://x'],
      ['--projection', 'pglite'],
      ['--data', 'x', '--projection', 'none'],
    ])
      expect((await runCli(['project', 'rebuild', ...words])).exit).toBe(2)
  })

  test('every verb has help with an example, and no verb is an empty line', async () => {
    const help = await runCli(['--help'])
    expect(help.exit).toBe(0)
    const verbs = [...help.out.matchAll(/^ {2}([a-z-]+)(?: \[| <|  )/gm)]
      .map((found) => found[1] ?? '')
      .filter((verb) => verb !== 'help')
    expect(verbs).toEqual(
      expect.arrayContaining([
        'store',
        'recall',
        'search',
        'get',
        'list',
        'update',
        'forget',
        'restore',
        'link',
        'unlink',
        'links',
        'history',
        'conflicts',
        'resolve',
        'namespaces',
        'stats',
        'peers',
        'status',
        'verify',
        'proof',
        'verify-proof',
        'export',
        'import',
        'mirror',
        'mesh',
        'project',
        'serve',
      ]),
    )
    const all = [
      ...verbs.map((verb) => [verb]),
      ...['init', 'invite', 'join', 'members', 'revoke', 'leave-behind', 'level'].map((verb) => ['mesh', verb]),
      ['project', 'rebuild'],
      ['mirror', 'status'],
    ]
    for (const words of all) {
      const ran = await runCli([...words, '--help'])
      expect([words, ran.exit]).toEqual([words, 0])
      expect(ran.out).toMatch(/\nExamples?:\n {2}\$ /)
    }
    expect((await runCli([])).exit).toBe(2)
    expect((await runCli(['--version'])).out).toBe('1.2.3\n')
  })

  test('nothing listens: one line with the mend', async () => {
    const url = server.url
    await server.close()
    const ran = await runCli(['recall', 'x'], { env: { MNEMESH_URL: url } })
    expect([ran.exit, ran.err]).toEqual([
      1,
      `error: cannot reach ${url}: nothing listens there; start a peer with \`npm start\` or name another with --url\n`,
    ])
  })

  test('a key is asked for, and sent from the environment', async () => {
    const locked = await startTestServer({ key: 'secret' })
    try {
      const ran = await runCli(['stats', '--url', locked.url])
      expect([ran.exit, ran.err]).toEqual([
        1,
        'error: no key; give the key with --key-file or MNEMESH_KEY (unauthorized, HTTP 401)\n',
      ])
      expect((await runCli(['stats', '--url', locked.url], { env: { MNEMESH_KEY: 'secret' } })).exit).toBe(0)
    } finally {
      await locked.close()
    }
  })

  test('a server that is not mnemesh is named', async () => {
    server.scripted.push(() => ({ status: 404, body: 'not here' }))
    expect((await runCli(['stats', ...at()])).err).toContain("with something that is not mnemesh's; check --url")
  })

  test('a reader that has gone is no failure', async () => {
    await store('x')
    const closed = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
      highWaterMark: 1,
    })
    closed.on('error', () => undefined)
    const ran = await runCli(['export', '--namespace', 'default', ...at()], { stdout: closed })
    expect([ran.exit, ran.err]).toEqual([0, ''])
  })
})
