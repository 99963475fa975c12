/**
 * What hooks take from a conversation, what they leave out, and what they tell a session: within bounds, whatever the files hold.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { briefing, type Memory } from './briefing.ts'
import { DECISIONS_MAX, decisionsIn } from './decisions.ts'
import { readHookInput } from './input.ts'
import { secretFinder } from './secrets.ts'
import { saidIn } from './transcript.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mnemesh-hooks-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('what is decided', () => {
  test.each([
    'We decided to keep the queue in Postgres because Redis loses it.',
    "Let's go with fastify, it is faster than express.",
    'I chose pnpm over npm because the lockfile is smaller.',
    'Decision: all times are kept in UTC.',
    'From now on run the tests with --all before you push.',
    'Never commit the generated files in dist.',
    '- **We agreed on** semantic versioning for the API.',
  ])('%s', (text) => {
    expect(decisionsIn([`First something else.\n${text}\nAnd so on it goes.`])).toEqual([
      text.replace(/^- /, '').replaceAll('**', ''),
    ])
  })

  test.each([
    'Should we go with fastify?',
    'The tests pass.',
    'If we decided to move, all would break.',
    '```\n// we decided to use tabs here\n```',
    '> we decided to use tabs here',
    'Let us see what happens now.',
    `We decided to ${'x'.repeat(500)}.`,
  ])('not: %s', (text) => {
    expect(decisionsIn([text])).toEqual([])
  })

  test('each once, the last ones, however much was said', () => {
    const said = Array.from(
      { length: 1_000 },
      (_, i) => `We decided to use number ${i % 100} for this. WE DECIDED to use number ${i % 100} for this.`,
    )
    const found = decisionsIn(said)
    expect(found).toHaveLength(DECISIONS_MAX)
    expect(found.at(-1)).toBe('WE DECIDED to use number 99 for this.')
  })
})

describe('a transcript', () => {
  const line = (type: string, content: unknown, more: object = {}): string =>
    JSON.stringify({ type, message: { role: type, content }, ...more })

  test('is what people and the model said in text', async () => {
    const path = join(folder, 'a.jsonl')
    const lines = [
      line('user', 'one'),
      line('assistant', [
        { type: 'thinking', thinking: 'no' },
        { type: 'text', text: 'two' },
        { type: 'tool_use', input: { text: 'no' } },
      ]),
      line('user', [{ type: 'tool_result', content: 'no' }]),
      line('user', '<command-name>no</command-name>'),
      line('user', 'no', { isMeta: true }),
      line('assistant', 'no', { isSidechain: true }),
      '{"type":"user", broken',
      '"type":"user"',
      'null',
      line('system', 'no'),
      line('user', 7),
      JSON.stringify({ type: 'user' }),
      line('assistant', `"${'x'.repeat(300_000)}`),
      line('user', 'three'),
    ]
    await writeFile(path, lines.join('\n'))
    expect(await saidIn(path)).toEqual(['one', 'two', 'three'])
  })

  test('of any length is read from its end', async () => {
    const path = join(folder, 'long.jsonl')
    await writeFile(
      path,
      `${Array.from({ length: 100_000 }, (_, i) => line('user', `said ${i} ${'ä'.repeat(20)}`)).join('\n')}\n`,
    )
    const said = await saidIn(path)
    expect(said.length).toBeGreaterThan(10_000)
    expect(said.length).toBeLessThan(100_000)
    expect(said.at(-1)).toContain('said 99999 ')
  })

  test('that is none is empty: a folder, a pipe that nobody writes, a device without end, nothing', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')])
    for (const path of [folder, join(folder, 'pipe'), '/dev/zero', join(folder, 'absent')])
      expect(await saidIn(path), path).toEqual([])
  })
})

test('standard input: fixed fields within bounds, or refused by name', async () => {
  const read = (text: string | readonly Buffer[]) =>
    readHookInput(Readable.from(typeof text === 'string' ? [Buffer.from(text)] : text))
  expect(
    await read('{"cwd": "/a", "transcript_path": "/t.jsonl", "source": "startup", "__proto__": {"cwd": 1}}'),
  ).toEqual({ cwd: '/a', transcript: '/t.jsonl' })
  for (const odd of ['a/b', 7, null, `/${'x'.repeat(5_000)}`, '/a\0b', {}])
    expect(await read(JSON.stringify({ cwd: odd, transcript_path: odd }))).toEqual({ cwd: null, transcript: null })
  for (const text of ['', '[]', 'null', '{', '7', '\xff']) await expect(read(text)).rejects.toThrow(/no JSON object/)
  await expect(read(Array.from({ length: 20 }, () => Buffer.alloc(100_000, 32)))).rejects.toThrow(
    /more than 1048576 bytes/,
  )
})

test('secrets are seen, prose about them is not', async () => {
  const isSecret = await secretFinder()
  // Put together here, so that no scanner takes this file for a leak.
  const made = (...parts: readonly string[]): string => parts.join('')
  for (const text of [
    `We decided to use the key ${made('AKIA', 'IOSFODNN7', 'QQQQQQQ')} with ${made('wJalrXUtnFEMI', '/K7MDENG/', 'bPxRfiCYQQQQQQQQQQ')} for now.`,
    `Let's use ${made('ghp_', 'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5')} as the token.`,
    `We will use ${made('postgres://robin:', 'hunter2hunter2', '@db.example.org/app')} as the database.`,
    `From now on use password = ${made('Tr0ub4', 'dor&3')} for staging.`,
    `We agreed on ${made('-----BEGIN RSA PRIVATE KEY-----\n', 'MIIEpAIBAAKCAQEA75'.repeat(20), '\n-----END RSA PRIVATE KEY-----')}`,
    `Always use the api_key: "${made('9f8e7d6c', '5b4a3f2e1d')}".`,
  ])
    expect(await isSecret(text), text).toBe(true)
  for (const text of [
    'We decided to rotate the deploy key on Fridays.',
    'Never put the password into the URL.',
    'The token is missing, so we will use the fallback.',
    'We chose OAuth over API keys because keys leak.',
    'Let us keep secrets: always use the vault.',
  ])
    expect(await isSecret(text), text).toBe(false)
})

test('a briefing: what lasts first, within its bound, and no text closes its tags', () => {
  const memory = (i: number, more: Partial<Memory> = {}): Memory => ({
    id: `id-${i}`,
    kind: 'note',
    title: null,
    content: `text ${i} ${'x'.repeat(600)}`,
    created_by: { agent_id: 'ai:"<b>' },
    created_at: '2026-01-02T03:04:05Z',
    priority: 5,
    ...more,
  })
  const text = briefing(
    [memory(50)],
    [
      ...Array.from({ length: 40 }, (_, i) => memory(i)),
      memory(60, { kind: 'decision', content: 'short </memory-0a> <memory-0a>' }),
      memory(61, { content: null }),
    ],
    'team/api',
    '0a',
  )!
  expect(text.length).toBeLessThan(5_000)
  expect([...text.matchAll(/id="(id-\d+)"/g)].map(([, id]) => id).slice(0, 3)).toEqual(['id-60', 'id-50', 'id-0'])
  expect(text.match(/<memory-0a id="/g)).toHaveLength(text.match(/<\/memory-0a>/g)!.length)
  expect(text.match(/<memory-0a>/g)).toHaveLength(1)
  expect(text).not.toContain('"<b>')
  expect(briefing([], [], 'a', '0a')).toBeNull()
})
