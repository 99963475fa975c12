/**
 * The verbs on a peer's folder — mesh, serve, verify — with the real membership and the real peer.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runCli, succeeded, type Ran } from './testing/run-cli.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-cli-'))
})
afterEach(() => rm(dir, { recursive: true }))

// Two steps of the harness's randomness would give two peers one key, so each is made under another.
const made = async (): Promise<string> => {
  const data = join(dir, 'a')
  succeeded(await runCli(['mesh', 'init', '--data', data, '--name', 'berlin'], { seed: 1 }))
  return data
}

test('mesh: the invite is one line, joining uses it up, members are listed', async () => {
  const data = await made()
  const invite = succeeded(await runCli(['mesh', 'invite', '--data', data, '--role', 'observer', '--ttl', '10m'], { seed: 2 }))
  expect(invite.out).toMatch(/^\S+\n$/)
  const join_words = (to: string): string[] => ['mesh', 'join', invite.out.trim(), '--data', join(dir, to), '--name', `name-${to}`]
  expect(JSON.parse(succeeded(await runCli([...join_words('b'), '--json'], { seed: 3 })).out)).toMatchObject({ members: 2 })
  const again = await runCli(join_words('c'), { seed: 4 })
  expect(again.exit).toBe(1)
  expect(again.err).toMatch(/^error: .*token.*\n$/)
  const { members } = JSON.parse(succeeded(await runCli(['mesh', 'members', '--data', data, '--json'])).out) as { members: unknown[] }
  expect(members).toMatchObject([{ name: 'berlin', role: 'voter', self: true, authority: true }, { name: 'name-b', role: 'observer', self: false }])
})

/** A peer in this process. */
const serve = async (data: string, ...words: readonly string[]): Promise<{ readonly url: string; stop(): Promise<Ran> }> => {
  let signal: () => void = () => undefined
  let sayReady: (url: string) => void = () => undefined
  const ready = new Promise<string>((resolve) => (sayReady = resolve))
  const serving = runCli(['serve', '--data', data, '--port', '0', '--projection', 'none', ...words], {
    onListening: (play) => (signal = play),
    onOut: (text) => sayReady(/ready at (\S+)/.exec(text)?.[1] ?? ''),
  })
  const url = await Promise.race([ready, serving.then((ran) => Promise.reject(new Error(ran.err)))])
  return { url, stop: async () => {
    signal()
    return succeeded(await serving)
  } }
}

test('mesh: a running peer with a key is asked with it, to list members and to take one out', async () => {
  const data = await made()
  const invite = succeeded(await runCli(['mesh', 'invite', '--data', data], { seed: 2 }))
  succeeded(await runCli(['mesh', 'join', invite.out.trim(), '--data', join(dir, 'b'), '--name', 'paris'], { seed: 3 }))
  const peer = await serve(data, '--key', 'secret')
  for (const words of [['mesh', 'members', '--data', data], ['mesh', 'revoke', 'paris', '--data', data], ['mesh', 'members', '--data', data, '--key', 'wrong']]) {
    const without = await runCli(words)
    expect([without.exit, without.err]).toEqual([1, `error: the peer at ${peer.url} runs with a key: give the right one with --key or MNEMESH_KEY\n`])
  }
  const members = async () => (JSON.parse(succeeded(await runCli(['mesh', 'members', '--data', data, '--json'], { env: { MNEMESH_KEY: 'secret' } })).out) as { members: unknown[] }).members
  expect(await members()).toMatchObject([{ name: 'berlin', revoked: false }, { name: 'paris', revoked: false }])
  expect(succeeded(await runCli(['mesh', 'revoke', 'paris', '--data', data, '--key', 'secret'], { seed: 4 })).out).toBe('revoked paris\n')
  expect(await members()).toMatchObject([{ name: 'berlin', revoked: false }, { name: 'paris', revoked: true }])
  await peer.stop()
})

test('serve: one line when ready, a memory over HTTP, a clean stop; then the folder verifies', async () => {
  const data = await made()
  const { url, stop } = await serve(data)
  succeeded(await runCli(['store', 'x', '--url', url]))
  const locked = await runCli(['verify', '--data', data])
  expect([locked.exit, locked.err]).toEqual([1, expect.stringMatching(/^error: .*in use.*\n$/)])
  const served = await stop()
  expect(served.out).toBe(`mnemesh berlin ready at ${url}\n`)
  expect(succeeded(await runCli(['verify', '--data', data])).out).toMatch(/^all is well: \d+ commits, /)
})

test('project rebuild: of a stopped peer, the same digest again and again', async () => {
  const data = await made()
  const { url, stop } = await serve(data)
  succeeded(await runCli(['store', 'the owl hoots at noon', '--url', url]))
  const without = await runCli(['project', 'rebuild', '--url', url])
  expect([without.exit, without.err]).toEqual([1, expect.stringMatching(/^error: this peer has no projection.*\n$/)])
  await stop()
  const rebuild = async () => JSON.parse(succeeded(await runCli(['project', 'rebuild', '--data', data, '--json'])).out) as { digest: string; commits: number }
  const first = await rebuild()
  expect(first).toMatchObject({ digest: expect.stringMatching(/^[0-9a-f]{64}$/), commits: expect.any(Number) })
  expect(await rebuild()).toMatchObject({ digest: first.digest, commits: first.commits })
}, 120_000)

test('serve: a folder without identity and a port in use are one line each', async () => {
  const nobody = await runCli(['serve', '--data', join(dir, 'none'), '--port', '0'])
  expect([nobody.exit, nobody.err]).toEqual([1, expect.stringMatching(/^error: .*mesh init.*mesh join.*\n$/)])
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const taken = await runCli(['serve', '--data', await made(), '--port', String(port), '--projection', 'none'])
  expect([taken.exit, taken.err]).toEqual([1, `error: port ${port} on 127.0.0.1 is in use; stop what listens there, or take another with --port\n`])
  await new Promise((resolve) => other.close(resolve))
})
