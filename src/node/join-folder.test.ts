/**
 * A folder that holds memories joins another mesh, and nothing that can be asked of them has changed: fields, versions, authors, times,
 * conflicts, links, what is forgotten and erased. Killed at any moment on the way, and asked again, it has lost and doubled nothing.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { allEvents, callsTo, expecting, listIn, textIn, type Call, type Json } from '../../deploy/local/http.ts'
import { until } from '../../deploy/local/until.ts'
import { foundMesh } from '../membership/found.ts'
import { listMembers, makeInvite } from '../membership/index.ts'
import { startNode, type RunningNode } from '../node.ts'
import { runTypeScript } from '../store/testing/typescript-process.ts'
import { logTo } from '../testing/log.ts'
import { joinFolder } from './join-folder.ts'
import { verifyFolder } from './verify-folder.ts'

const root = mkdtempSync(join(tmpdir(), 'mnemesh-join-'))
const random = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) }
const saying = { clock: { now: () => Date.now() }, random }
const at = (name: string): string => join(root, name)
const SECRET = 'the zanzibar code is 4711'
const MS_MAX = 60_000

let running: RunningNode[] = []
const start = async (dir: string, peers: readonly RunningNode[] = []): Promise<RunningNode & { call: Call }> => {
  const node = await startNode({
    dir,
    host: '127.0.0.1',
    port: 0,
    peers: peers.map(({ url }) => `${url.replace('http', 'ws')}/mesh`),
    projection: 'none',
    embedder: null,
    keys: [],
    log: logTo(),
  })
  running.push(node)
  return { ...node, call: callsTo(node.url) }
}
const stopAll = async (): Promise<void> => {
  await Promise.all(running.map((node) => node.stop()))
  running = []
}
const as = (agent: string) => ({ headers: { 'x-agent-id': agent } })
const invite = (dir: string, role: 'voter' | 'observer' = 'voter'): Promise<string> =>
  makeInvite({ dir, role, ttl_ms: 600_000, ...saying })

/** What only names commits and peers, which are others in another mesh, and where a page ends. */
const NAMES_OF_COMMITS =
  /^(peer_id|peer|commit|chain|seq|token|receipt|version|next_cursor|next|.*cursor|created_by_peer)$/
const plain = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(plain)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([name]) => !NAMES_OF_COMMITS.test(name))
            .map(([name, inner]) => [name, plain(inner)]),
        )
      : value

type State = {
  readonly memories: Readonly<Record<string, unknown>>
  readonly events: unknown
  readonly episodes: unknown
}
/** All that can be asked of these memories. */
const stateOf = async (call: Call, ids: readonly string[]): Promise<State> => ({
  memories: Object.fromEntries(
    await Promise.all(
      ids.map(async (id) => [
        id,
        await Promise.all(
          ['', '/history', '/conflicts'].map(async (what) => {
            const { status, body } = await call(
              'GET',
              `/memories/${id}${what}?include_forgotten=true`.replace(/(history|conflicts)\?.*/, '$1'),
            )
            return [status, plain(body)]
          }),
        ).then(async (answers) => [...answers, plain((await call('GET', `/links/${id}`)).body)]),
      ]),
    ),
  ),
  events: (await allEvents(call))
    .map((event) => plain(event))
    .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
  episodes: plain((await call('GET', '/agents/ai:alice/memory/episodic?limit=100')).body),
})

let ids: readonly string[] = []
let conflicted = ''
let before: State
/** Two peers, whose memories have everything that a memory can have; one of them, stopped, is what joins. */
beforeAll(async () => {
  await foundMesh({
    name: 'old',
    founders: [
      { dir: at('old'), name: 'old' },
      { dir: at('other'), name: 'other' },
    ],
    ...saying,
  })
  const first = await start(at('old'))
  const second = await start(at('other'), [first])
  const put = async (call: Call, body: Json, agent: string): Promise<string> =>
    textIn(await expecting(201, call('POST', '/memories?quorum=2', { body, ...as(agent) })), 'id')
  const a = await put(
    first.call,
    { content: 'alpha', title: 'first', tags: ['x', 'y'], metadata: { n: 1 } },
    'ai:alice',
  )
  const b = await put(second.call, { content: 'beta', namespace: 'team/api', priority: 9 }, 'ai:bob')
  const gone = await put(first.call, { content: SECRET, title: 'secret' }, 'ai:alice')
  const hidden = await put(first.call, { content: 'hidden' }, 'ai:alice')
  conflicted = await put(first.call, { content: 'who is right' }, 'ai:alice')
  await expecting(
    200,
    first.call('PATCH', `/memories/${a}`, { body: { content: 'alpha, amended' }, ...as('ai:carol') }),
  )
  await expecting(201, first.call('POST', '/links', { body: { from: a, to: conflicted, relation: 'causes' } }))
  await expecting(200, first.call('DELETE', `/memories/${hidden}`))
  await expecting(200, first.call('DELETE', `/memories/${gone}?erase=true`))
  await expecting(
    201,
    first.call('POST', '/agents/ai:alice/memory/episodic', { body: { event_type: 'deploy', body: { ok: true } } }),
  )
  await stopAll()
  // Each without the other: values that no one has seen together.
  for (const [dir, agent] of [
    ['old', 'ai:alice'],
    ['other', 'ai:bob'],
  ] as const) {
    const alone = await start(at(dir))
    await expecting(
      200,
      alone.call('PATCH', `/memories/${conflicted}?quorum=1`, { body: { content: `${agent} is` }, ...as(agent) }),
    )
    await stopAll()
  }
  const again = await start(at('old'))
  await start(at('other'), [again])
  await until('both values are here', MS_MAX, async () =>
    listIn(await expecting(200, again.call('GET', `/memories/${conflicted}/conflicts`)), 'conflicts').length > 0
      ? true
      : null,
  )
  ids = [a, b, gone, hidden, conflicted]
  before = await stateOf(again.call, ids)
  await stopAll()
  await foundMesh({
    name: 'team',
    founders: [
      { dir: at('team'), name: 'team' },
      { dir: at('mate'), name: 'mate' },
    ],
    ...saying,
  })
}, 120_000)
afterEach(stopAll)
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A copy of the old folder, as a stopped peer leaves it. */
const copied = (name: string): string => {
  cpSync(at('old'), at(name), { recursive: true })
  return at(name)
}
const filesWith = (dir: string, words: string): readonly string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(words))

test(
  'all is as it was, on every member of the mesh that was joined, and the quorum is that of the mesh',
  async () => {
    const dir = copied('joining')
    const team = await start(at('team'))
    const mate = await start(at('mate'), [team])
    const joined = await joinFolder({ token: await invite(at('team')), dir, leave: true, ...saying })
    expect(joined).toMatchObject({ name: 'old', members: 3, brought: { memories: 5 } })
    const peer = await start(dir)
    for (const { call } of [peer, team, mate])
      await until('it has come', MS_MAX, async () =>
        JSON.stringify(await stateOf(call, ids)) === JSON.stringify(before) ? true : null,
      ).catch(async () => expect(await stateOf(call, ids)).toEqual(before))
    const written = await expecting(201, peer.call('POST', '/memories', { body: { content: 'of the team now' } }))
    expect(written['quorum_acks']).toBeGreaterThanOrEqual(2)
    // It is the mesh's memory: another member settles the conflict.
    await expecting(
      200,
      mate.call('POST', `/memories/${conflicted}/resolve`, { body: { field: 'content', value: 'nobody is' } }),
    )
    expect(filesWith(root, SECRET)).toEqual([])
    await stopAll()
    expect(await verifyFolder({ dir, random })).toMatchObject({ ok: true })
    const left = joined.brought!.left
    expect(await verifyFolder({ dir: left, random })).toMatchObject({ ok: true })
  },
  2 * MS_MAX,
)

test('a mesh in which others stay is left only on request', async () => {
  const dir = copied('staying')
  const token = await invite(at('team'))
  await expect(joinFolder({ token, dir, ...saying })).rejects.toMatchObject({
    code: 'wrong_mesh',
    message: expect.stringMatching(/another mesh.*others stay \(other\)/) as string,
  })
  expect(readdirSync(dir)).not.toContain('joining')
})

/** Each place takes some 5 s; `MNEMESH_JOIN_KILLS=all` plays every one. */
const EVERYWHERE = ['enrolled', 'carried', 'whole', ...Array.from({ length: 6 }, (_, n) => `move ${n + 1}`)]
const AT = process.env['MNEMESH_JOIN_KILLS'] === 'all' ? EVERYWHERE : ['carried', 'move 2', 'move 5']

test(
  `killed at ${AT.join(', ')}, the same command again ends as one member that has everything once`,
  async () => {
    for (const where of AT) {
      // Of one, whose word is a majority's: those that joined before do not run.
      const mesh = at(`mesh-${where.replace(' ', '-')}`)
      await foundMesh({ name: 'mesh', founders: [{ dir: mesh, name: 'first' }], ...saying })
      const team = await start(mesh)
      const dir = copied(`killed-${where.replace(' ', '-')}`)
      const token = await invite(mesh)
      const child = runTypeScript(new URL('testing/killed-join.ts', import.meta.url), [dir, token, where])
      const ended = new Promise<unknown>((resolve) => child.once('close', (_code, signal) => resolve(signal)))
      expect([where, await text(child.stdout), await ended]).toEqual([where, '', 'SIGKILL'])
      const members = (await listMembers({ dir: mesh })).length
      const isDecided = where === 'whole' || where.startsWith('move')
      // From when the move is decided, whoever opens the folder ends it; the command finds nothing left to do.
      const again = joinFolder({ token, dir, name: where.replace(' ', '-'), leave: true, ...saying })
      if (isDecided)
        await expect(again).rejects.toMatchObject({
          code: 'conflict',
          message: expect.stringContaining('is a member of this mesh already'),
        })
      else expect(await again).toMatchObject({ brought: { memories: 5 } })
      expect((await listMembers({ dir: mesh })).length).toBe(members)
      const peer = await start(dir, [team])
      const state = await stateOf(peer.call, ids)
      expect(state.memories, where).toEqual(before.memories)
      await stopAll()
    }
  },
  4 * MS_MAX,
)
