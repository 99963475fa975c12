/** The profile `full` on production peers in virtual time: every tool called, every answer in the shape that it publishes; decisions, files' hashes, proofs. */
import AjvCompiler from '@fastify/ajv-compiler'
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { parseAgentId, parseNamespace } from '../../crdt/ids.ts'
import { verifyProof } from '../../crdt/proof.ts'
import type { Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import { createWorld, type World } from '../testing/world.ts'
import { FULL } from './full.ts'
import { PROFILES } from './profiles.ts'
import { checkedArguments, type Asked, type Told, type Tool } from './tool.ts'
import { createTurns } from './turns.ts'

const NAMESPACE = parseNamespace('team')!
const build = AjvCompiler()({}, { customOptions: { strict: false } })
const toolOf = (name: string): Tool => FULL.find((tool) => tool.name === name)!

/** As a peer alone may write. */
const alone = (node: Node): Node => ({
  ...node,
  remember: (into, input, options) => node.remember(into, input, { ...options, quorum: 1 }),
  patch: (id, input, options) => node.patch(id, input, { ...options, quorum: 1 }),
  forget: (id, options) => node.forget(id, { ...options, quorum: 1 }),
  link: (input, options) => node.link(input, { ...options, quorum: 1 }),
  resolve: (id, choice, options) => node.resolve(id, choice, { ...options, quorum: 1 }),
})
type Call = (name: string, args?: Readonly<Record<string, unknown>>) => Promise<Told>
const askedOn = (world: World, peer: number): Asked => {
  const turns = createTurns()
  return {
    node: alone(world.peer(peer).node),
    session: { agent: parseAgentId(`ai:peer-${peer}`)!, namespace: NAMESPACE, readOnly: false },
    wrote: () => undefined,
    own: {},
    alone: (work, into = NAMESPACE) => turns.take(into, work),
    now: () => world.time.now(),
  }
}
/** Checks the answer by what the tool publishes of it. */
const callerOf = (world: World, peer: number, called: Set<string> = new Set()): Call => {
  const asked = askedOn(world, peer)
  return async (name, args = {}) => {
    const tool = toolOf(name)
    called.add(name)
    const answered = await world.run(
      tool.run(asked, checkedArguments(tool, args) as never).catch((error: unknown) => {
        throw error instanceof NodeError ? new Error(`${name}: ${error.message}`) : error
      }),
      60_000,
    )
    if (answered === undefined) throw new Error(`${name} did not answer within a minute`)
    const fits = build({ schema: tool.output, method: 'POST', url: `/${name}`, httpPart: 'body' })
    expect([name, fits(JSON.parse(JSON.stringify(answered.data)))]).toEqual([name, true])
    return answered
  }
}

test('every tool says when to use it and when not, has all hints, and a schema of what it answers', () => {
  expect(FULL.length).toBeGreaterThanOrEqual(30)
  expect(new Set(FULL.map(({ name }) => name)).size).toBe(FULL.length)
  for (const { name, title, description, input, output, hints } of FULL) {
    expect([
      name,
      title !== '',
      description.length > 40,
      input['type'],
      input['additionalProperties'],
      output['type'],
    ]).toEqual([name, true, true, 'object', false, 'object'])
    expect([name, Object.keys(hints).sort()]).toEqual([
      name,
      ['destructiveHint', 'idempotentHint', 'openWorldHint', 'readOnlyHint'],
    ])
    if (hints.readOnlyHint) expect([name, hints.destructiveHint]).toEqual([name, false])
  }
  for (const name of [
    'list_memory_ids',
    'get_memory',
    'health',
    'list_peers',
    'search_memories',
    'verify_artifact',
    'sign_artifact',
    'record_decision',
    'list_decisions',
    'timeline',
    'episodes',
    'conflicts',
    'resolve',
    'graph',
    'namespaces',
    'stats',
  ])
    expect(FULL.map((tool) => tool.name)).toContain(name)
})

test('each tool that needs no search index does on a real peer what its name says', async () => {
  const world = await createWorld({ peers: 1, seed: 21 })
  const called = new Set<string>()
  const call = callerOf(world, 0, called)
  const one = (
    await call('store_memory', {
      content: 'The key rotates on Fridays',
      kind: 'rule',
      priority: 7,
      metadata: { system: 'vault' },
      occurred_at: '2026-01-01T00:00:00Z',
      tags: ['ops'],
      idempotency_key: 'k1',
    })
  ).data as { id: string }
  expect(
    (
      await call('store_memory', {
        content: 'The key rotates on Fridays',
        kind: 'rule',
        priority: 7,
        metadata: { system: 'vault' },
        occurred_at: '2026-01-01T00:00:00Z',
        tags: ['ops'],
        idempotency_key: 'k1',
      })
    ).data['id'],
  ).toBe(one.id)
  const many = await call('remember_many', {
    memories: [{ content: 'a', namespace: 'other' }, { content: 'b </memory> x' }],
  })
  expect(many.data).toMatchObject({ created: 2, errors: [] })
  const [, two] = many.data['ids'] as string[]
  expect((await call('get_memory', { id: one.id })).data['memory']).toMatchObject({
    priority: 7,
    metadata: { system: 'vault' },
    occurred_at: '2026-01-01T00:00:00.000Z',
    tags: ['ops'],
    agent_id: 'ai:peer-0',
  })
  await call('update_memory', { id: one.id, priority: 2, clear: ['metadata', 'occurred_at'] })
  expect((await call('get_memory', { id: one.id })).data['memory']).toMatchObject({
    priority: 2,
    metadata: {},
    occurred_at: null,
  })
  await expect(call('update_memory', { id: one.id })).rejects.toThrow('nothing to change')
  await expect(call('update_memory', { id: one.id, title: 'x', clear: ['title'] })).rejects.toThrow('given and cleared')

  const ids: string[] = []
  for (let cursor: unknown; cursor !== null;) {
    const page = await call('list_memory_ids', { limit: 1, ...(cursor === undefined ? {} : { cursor }) })
    ids.push(...(page.data['ids'] as string[]))
    cursor = page.data['next_cursor']
  }
  expect(new Set(ids)).toEqual(new Set([one.id, two]))
  const lines = await call('timeline', { namespace: '*', max_tokens: 50 })
  expect(lines.data).toMatchObject({ count: 1, next_cursor: expect.any(String) as string })
  expect((await call('timeline', { namespace: '*', cursor: lines.data['next_cursor'] })).data).toMatchObject({
    count: 2,
    next_cursor: null,
  })
  expect((await call('timeline', { namespace: '*', agent_id: 'ai:peer-0', kinds: ['rule'] })).data['count']).toBe(1)
  expect((await call('timeline', {})).text).not.toContain('</memory>')

  const changes = await call('changes', { from: '2020-01-01T00:00:00Z' })
  expect(changes.data).toMatchObject({
    count: 2,
    next_cursor: null,
    changes: expect.arrayContaining([
      expect.objectContaining({ id: one.id, change: 'added', author: 'ai:peer-0' }),
    ]) as unknown,
  })

  await call('link', { from: one.id, to: two, relation: 'causes' })
  expect((await call('links', { id: two })).data['links']).toMatchObject([
    { from: one.id, to: two, relation: 'causes', author: 'ai:peer-0' },
  ])
  await call('unlink', { from: one.id, to: two, relation: 'causes' })
  expect((await call('links', { id: two })).data['links']).toEqual([])
  await call('forget', { id: two })
  await call('restore', { id: two })
  expect((await call('get', { id: two })).data['memory']).toMatchObject({ content: 'b </memory> x' })
  await call('erase', { id: two })
  await expect(call('get_memory', { id: two })).rejects.toThrow('no such memory')

  expect((await call('health')).data).toMatchObject({ status: 'ok', writes: true })
  expect((await call('list_peers')).data['peers']).toMatchObject([{ name: 'peer-0', self: true }])
  expect((await call('quorum')).text).toContain('voters')
  await call('capabilities')
  expect((await call('digests', { namespace: 'team' })).data['namespaces']).toHaveProperty('team')
  expect((await call('verify_log')).data).toMatchObject({ ok: true, problem_count: 0 })
  const seen: string[] = []
  for (let cursor: unknown, more = true; more;) {
    const { data } = await call('events', {
      limit: 3,
      namespace: 'team',
      max_tokens: 50,
      ...(cursor === undefined ? {} : { cursor }),
    })
    seen.push(...(data['events'] as { what: string }[]).map(({ what }) => what))
    more = data['next_cursor'] !== cursor
    cursor = data['next_cursor']
  }
  expect(seen.filter((what) => what !== 'memory.patch').sort()).toEqual([
    'link.put',
    'link.remove',
    'memory.erase',
    'memory.forget',
    'memory.put',
    'memory.put',
    'memory.restore',
  ])
  await call('append_episode', { event_type: 'step', body: { did: 'a thing' } })
  expect((await call('proof', { id: one.id })).data).toMatchObject({
    holds: true,
    author: 'ai:peer-0',
    voters: ['peer-0'],
    receipt: `receipt://${one.id}`,
  })
  await expect(call('proof', { id: one.id, version: 1, event_id: one.id })).rejects.toThrow(
    'either event_id or version',
  )
  await world.stopAll()
}, 60_000)

const ADR = { context: 'We pay twice', decision: 'One database', consequences: 'A migration' }
test('decisions are numbered by year and namespace, one after the other; a replaced one says so', async () => {
  const world = await createWorld({ peers: 1, seed: 22 })
  const call = callerOf(world, 0)
  const made = await world.run(
    Promise.all(Array.from({ length: 5 }, (_, n) => call('record_decision', { title: `Decision ${n}`, ...ADR }))),
  )
  expect(made!.map(({ data }) => data['number'])).toEqual([1, 2, 3, 4, 5])
  expect(made![0]!.data).toMatchObject({ year: 2026, uri: 'adr://2026/1', namespace: 'team' })
  expect((await call('record_decision', { title: 'Elsewhere', ...ADR, namespace: 'other' })).data['number']).toBe(1)
  const old = made![1]!.data['id'] as string
  const next = await call('record_decision', {
    title: 'Another',
    ...ADR,
    alternatives: 'None',
    status: 'proposed',
    supersedes: old,
    tags: ['db'],
  })
  expect(next.data).toMatchObject({ number: 6, superseded: old })
  const { data } = await call('list_decisions', { year: 2026, limit: 50 })
  expect(
    (data['decisions'] as { number: number; status: string }[]).map(({ number, status }) => [number, status]),
  ).toEqual([
    [6, 'proposed'],
    [5, 'accepted'],
    [4, 'accepted'],
    [3, 'accepted'],
    [2, 'superseded'],
    [1, 'accepted'],
  ])
  expect((await call('list_decisions', { year: 2025 })).data['count']).toBe(0)
  expect((await call('list_decisions', { namespace: '*' })).data['count']).toBe(7)
  expect((await call('get', { id: next.data['id'] })).data).toMatchObject({
    links: [{ to: old, relation: 'supersedes' }],
    memory: {
      content:
        '## Context\n\nWe pay twice\n\n## Decision\n\nOne database\n\n## Consequences\n\nA migration\n\n## Alternatives considered\n\nNone',
    },
  })
  const asked = askedOn(world, 0)
  const { resources } = PROFILES.core
  const read = async (uri: string) => (await world.run(resources.read(asked, uri), 60_000))?.text
  expect(await read('adr://2026/6')).toMatch(/author="ai:peer-0"[^]*We pay twice[^]*status="proposed"/)
  for (const uri of ['adr://2026/7', 'adr://2026/0', 'adr://26/1', 'adr://2026/1/', 'adr://2026/6%20'])
    expect(await read(uri)).toBeUndefined()
  const template = 'adr://{year}/{number}'
  expect(
    await world.run(resources.complete(asked, { template, variable: 'year', beginning: '20', given: {} })),
  ).toEqual(['2026'])
  expect(
    await world.run(
      resources.complete(asked, { template, variable: 'number', beginning: '', given: { year: '2026' } }),
    ),
  ).toEqual(['6', '5', '4', '3', '2', '1'])
  expect(
    await world.run(
      resources.complete(asked, { template, variable: 'number', beginning: '', given: { year: '2025' } }),
    ),
  ).toEqual([])
  await world.stopAll()
}, 60_000)

test('a file is the one that was signed, or it is not; what somebody changes in the memory since makes neither true nor false', async () => {
  const world = await createWorld({ peers: 1, seed: 23 })
  const call = callerOf(world, 0)
  const hash = createHash('sha256').update('release').digest('hex')
  const signed = await call('sign_artifact', { name: 'app.tgz', text: 'release', note: 'release 1.2', bytes: 7 })
  expect(signed.data).toMatchObject({ sha256: hash, receipt: `receipt://${String(signed.data['id'])}` })
  expect((await call('verify_artifact', { sha256: hash.toUpperCase() })).data).toMatchObject({
    valid: true,
    signatures: [{ id: signed.data['id'], name: 'app.tgz', valid: true, author: 'ai:peer-0', voters: ['peer-0'] }],
  })
  expect((await call('verify_artifact', { text: 'another' })).data).toMatchObject({ valid: false, signatures: [] })
  await call('update', { id: signed.data['id'], content: 'sha256:0 harmless' })
  expect((await call('verify_artifact', { sha256: hash })).data).toMatchObject({
    valid: true,
    signatures: [{ why: expect.stringContaining('changed since') as string }],
  })
  // Who hangs another file's tag on it has signed nothing of that file.
  const other = createHash('sha256').update('other').digest('hex')
  await call('update', { id: signed.data['id'], tags: ['artifact', `sha256:${other}`] })
  expect((await call('verify_artifact', { sha256: other })).data).toMatchObject({
    valid: false,
    signatures: [{ valid: false, why: expect.stringContaining('another hash') as string }],
  })
  await expect(call('verify_artifact', {})).rejects.toThrow('either sha256 or text')
  const asked = askedOn(world, 0)
  const read = async (uri: string) => (await world.run(PROFILES.core.resources.read(asked, uri), 60_000))!.text
  const mesh = world.peer(0).replica.index.control.mesh
  expect(
    verifyProof(new TextEncoder().encode(await read(`receipt://${String(signed.data['id'])}`)), mesh),
  ).toMatchObject({ ok: true })
  const before = JSON.parse(await read('merkle://root')) as Readonly<Record<string, string>>
  expect(before).toMatchObject({ mesh_id: mesh, frontier: expect.stringMatching(/^[0-9a-f]{64}$/) as string })
  await call('store_memory', { content: 'more' })
  expect((JSON.parse(await read('merkle://root')) as typeof before)['frontier']).not.toBe(before['frontier'])
  await world.stopAll()
}, 60_000)

test('what two peers wrote apart stands side by side, is settled by an event or a value, and two decisions of one number are both shown', async () => {
  const world = await createWorld({ peers: 2, seed: 24 })
  const [left, right] = [callerOf(world, 0), callerOf(world, 1)]
  await world.agree()
  const { id } = (await left('store_memory', { content: 'first' })).data as { id: string }
  await world.agree()
  world.partition([0], [1])
  await left('update', { id, content: 'of the left' })
  await right('update', { id, content: 'of the right' })
  await left('record_decision', { title: 'Left', ...ADR })
  await right('record_decision', { title: 'Right', ...ADR })
  world.network.heal()
  await world.agree()
  const { data } = await left('conflicts', { id })
  const [content] = data['conflicts'] as {
    field: string
    values: { value: string; event_id: string; author: string }[]
  }[]
  expect([content!.field, content!.values.map(({ value }) => value).sort()]).toEqual([
    'content',
    ['of the left', 'of the right'],
  ])
  await expect(left('resolve', { id, field: 'content' })).rejects.toThrow('either event_id')
  await left('resolve', {
    id,
    field: 'content',
    event_id: content!.values.find(({ author }) => author === 'ai:peer-1')!.event_id,
  })
  expect((await left('get', { id })).data).toMatchObject({ memory: { content: 'of the right' }, conflicts: [] })
  expect((await right('list_decisions')).data['decisions']).toMatchObject([
    { uri: 'adr://2026/1' },
    { uri: 'adr://2026/1' },
  ])
  expect((await world.run(PROFILES.core.resources.read(askedOn(world, 1), 'adr://2026/1'), 60_000))?.text).toMatch(
    /author="ai:peer-0"[^]*author="ai:peer-1"[^]*Several have this number/,
  )
  expect((await right('record_decision', { title: 'After', ...ADR })).data['number']).toBe(2)
  await world.stopAll()
}, 60_000)
