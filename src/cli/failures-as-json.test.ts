/** Failures for scripts: with `--json` one JSON object on standard error, whoever refused; and writes that can be repeated. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runCli } from './testing/run-cli.ts'
import { startTestServer, type TestServer } from './testing/server.ts'

let server: TestServer
beforeEach(async () => {
  server = await startTestServer({ pageSize: 3 })
})
afterEach(() => server.close())

const failing = async (
  ...words: readonly string[]
): Promise<{ readonly exit: number; readonly said: Record<string, unknown> }> => {
  const ran = await runCli([...words, '--json'])
  expect(ran.out).toBe('')
  expect(ran.err.trimEnd().split('\n')).toHaveLength(1)
  return { exit: ran.exit, said: JSON.parse(ran.err) as Record<string, unknown> }
}

test('a refusal of the peer keeps what it said', async () => {
  server.scripted.push(() => ({
    status: 503,
    body: {
      error: 'quorum_not_met',
      message: 'paris cannot be reached',
      got: 1,
      needed: 2,
      id: 'the-id',
      local_committed: true,
    },
  }))
  expect(await failing('store', 'x', '--url', server.url)).toMatchObject({
    exit: 1,
    said: {
      error: 'quorum_not_met',
      status: 503,
      got: 1,
      needed: 2,
      id: 'the-id',
      local_committed: true,
      message: expect.stringContaining('paris cannot be reached'),
    },
  })
})

test('nobody there, wrong usage, an unknown option, a folder without a mesh', async () => {
  expect(await failing('stats', '--url', 'http://127.0.0.1:1')).toMatchObject({
    exit: 1,
    said: { error: 'unreachable', message: expect.stringContaining('cannot reach') },
  })
  expect(await failing('stats', '--url', 'ftp://x')).toMatchObject({
    exit: 2,
    said: { error: 'usage', message: expect.stringContaining('no address of a peer') },
  })
  expect(await failing('stats', '--no-such-option')).toMatchObject({
    exit: 2,
    said: { error: 'usage', message: expect.stringContaining('--no-such-option') },
  })
  expect(await failing('mesh', 'members', '--data', '/nowhere/at/all')).toMatchObject({
    exit: 1,
    said: { error: 'not_found', message: expect.stringContaining('belongs to no mesh') },
  })
})

test('a write has a key of its own, said again where it may have been done', async () => {
  await runCli(['store', 'a', '--url', server.url])
  await runCli(['store', 'b', '--url', server.url])
  const keys = server.seen.map(({ headers }) => headers['idempotency-key'])
  expect(keys).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), expect.stringMatching(/^[0-9a-f-]{36}$/)])
  expect(new Set(keys).size).toBe(2)
  server.scripted.push(() => ({ status: 503, body: { error: 'quorum_not_met', message: 'no quorum' } }))
  const { err } = await runCli(['store', 'c', '--url', server.url])
  expect(err).toContain(
    `repeated with --idempotency-key ${String(server.seen[2]?.headers['idempotency-key'])} it is done once`,
  )
})
