/**
 * The verbs on a peer's folder — mesh, serve, verify — with the real membership and the real peer.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
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
  const invite = succeeded(
    await runCli(['mesh', 'invite', '--data', data, '--role', 'observer', '--ttl', '10m'], { seed: 2 }),
  )
  expect(invite.out).toMatch(/^\S+\n$/)
  const join_words = (to: string): string[] => [
    'mesh',
    'join',
    invite.out.trim(),
    '--data',
    join(dir, to),
    '--name',
    `name-${to}`,
  ]
  expect(JSON.parse(succeeded(await runCli([...join_words('b'), '--json'], { seed: 3 })).out)).toMatchObject({
    members: 2,
  })
  const again = await runCli(join_words('c'), { seed: 4 })
  expect(again.exit).toBe(1)
  expect(again.err).toMatch(/^error: .*token.*\n$/)
  const { members } = JSON.parse(succeeded(await runCli(['mesh', 'members', '--data', data, '--json'])).out) as {
    members: unknown[]
  }
  expect(members).toMatchObject([
    { name: 'berlin', role: 'voter', self: true, authority: true },
    { name: 'name-b', role: 'observer', self: false },
  ])
})

/** A peer in this process. */
const serve = async (
  data: string,
  ...words: readonly string[]
): Promise<{ readonly url: string; stop(): Promise<Ran> }> => {
  let signal: () => void = () => undefined
  let sayReady: (url: string) => void = () => undefined
  const ready = new Promise<string>((resolve) => (sayReady = resolve))
  const serving = runCli(['serve', '--data', data, '--port', '0', '--projection', 'none', ...words], {
    onListening: (play) => (signal = play),
    onOut: (text) => sayReady(/ready at (\S+)/.exec(text)?.[1] ?? ''),
  })
  const url = await Promise.race([ready, serving.then((ran) => Promise.reject(new Error(ran.err)))])
  return {
    url,
    stop: async () => {
      signal()
      return succeeded(await serving)
    },
  }
}

test('mesh: a running peer with a key lists its members and takes one out, and no key is sent', async () => {
  const data = await made()
  // An observer: a voter that is not there would have to countersign its revocation.
  const invite = succeeded(await runCli(['mesh', 'invite', '--data', data, '--role', 'observer'], { seed: 2 }))
  succeeded(await runCli(['mesh', 'join', invite.out.trim(), '--data', join(dir, 'b'), '--name', 'paris'], { seed: 3 }))
  const keys = join(dir, 'keys')
  await writeFile(keys, 'secret-of-a\nsecond\n', { mode: 0o600 })
  const peer = await serve(data, '--key-file', keys)
  const members = async () =>
    (JSON.parse(succeeded(await runCli(['mesh', 'members', '--data', data, '--json'])).out) as { members: unknown[] })
      .members
  expect(await members()).toMatchObject([
    { name: 'berlin', revoked: false },
    { name: 'paris', revoked: false },
  ])
  expect(succeeded(await runCli(['mesh', 'revoke', 'paris', '--data', data], { seed: 4 })).out).toMatch(
    /^revoked paris [0-9a-f]{12}\napplied by berlin\n$/,
  )
  expect(await members()).toMatchObject([
    { name: 'berlin', revoked: false },
    { name: 'paris', revoked: true },
  ])
  for (const [words, options] of [
    [['--key-file', keys], {}],
    [['--key-file', '-'], { stdin: 'second\n' }],
    [[], { env: { MNEMESH_KEY: 'second' } }],
  ] as const) {
    expect(succeeded(await runCli(['peers', '--url', peer.url, '--json', ...words], options)).out).toContain('berlin')
  }
  await peer.stop()
}, 60_000)

test('a left-over run.json: whoever has the port now is found out, and told neither key nor token', async () => {
  const data = await made()
  const first = await serve(data)
  const token = succeeded(await runCli(['mesh', 'invite', '--data', data], { seed: 2 })).out.trim()
  const { port } = new URL(first.url)
  await first.stop()
  const asked: string[] = []
  // Passes everything on to the real peer, which has moved: the proof is for the other port.
  const second = await serve(data)
  const impostor = createHttpServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`)
    void fetch(second.url + request.url).then(async (answer) =>
      response.writeHead(answer.status).end(await answer.text()),
    )
  })
  await new Promise<void>((resolve) => impostor.listen(Number(port), '127.0.0.1', resolve))
  await writeFile(join(data, 'run.json'), JSON.stringify({ url: first.url, pid: 1 }))
  for (const words of [
    ['mesh', 'members', '--data', data],
    ['mesh', 'revoke', 'paris', '--data', data],
  ]) {
    const ran = await runCli(words, { env: { MNEMESH_KEY: 'secret-of-a' } })
    expect([ran.exit, ran.err]).toEqual([
      1,
      expect.stringMatching(/^error: what answers at .* is not the peer of this folder: .*\n$/),
    ])
  }
  const joining = await runCli(['mesh', 'join', token, '--data', join(dir, 'c'), '--name', 'paris'], { seed: 5 })
  expect([joining.exit, joining.err]).toEqual([
    1,
    expect.stringMatching(/^error: what answers at .* is no member of the token's mesh.*\n$/),
  ])
  expect(asked.length).toBeGreaterThan(0)
  expect(asked.every((one) => one.startsWith('GET /api/v1/identity?challenge='))).toBe(true)
  expect(asked.join('')).not.toMatch(/secret-of-a|x-api-key|authorization/)
  impostor.closeAllConnections()
  await new Promise((resolve) => impostor.close(resolve))
  await second.stop()
}, 60_000)

test('an invite holds no path of this machine, and a join finds the stopped peer beside it, or by --from', async () => {
  const data = await made()
  const token = succeeded(await runCli(['mesh', 'invite', '--data', data], { seed: 2 })).out.trim()
  expect(Buffer.from(token, 'base64url').toString('latin1')).not.toContain(dir)
  const away = await mkdtemp(join(tmpdir(), 'mnemesh-cli-'))
  const join_words = ['mesh', 'join', token, '--data', join(away, 'b'), '--name', 'paris']
  const lost = await runCli(join_words, { seed: 3 })
  expect([lost.exit, lost.err]).toEqual([1, expect.stringMatching(/--from/)])
  expect((await runCli([...join_words, '--from', away], { seed: 3 })).exit).toBe(1)
  expect(succeeded(await runCli([...join_words, '--from', data], { seed: 3 })).out).toMatch(/^joined mesh/)
  await rm(away, { recursive: true })
}, 60_000)

test('a key on the command line is refused and not repeated; one that others can read, too', async () => {
  for (const words of [
    ['stats', '--key', 'hunter2'],
    ['stats', '--key=hunter2'],
    ['serve', '--data', dir, '--port', '0', '--key', 'hunter2'],
  ]) {
    const ran = await runCli(words)
    expect([ran.exit, ran.err]).toEqual([
      2,
      expect.stringMatching(/^error: --key is not taken: .*--key-file FILE.*MNEMESH_KEY\n$/),
    ])
    expect(ran.err + ran.out).not.toContain('hunter2')
  }
  const keys = join(dir, 'keys')
  await writeFile(keys, 'hunter2')
  await chmod(keys, 0o640)
  const open_to_all = await runCli(['serve', '--data', dir, '--port', '0', '--key-file', keys])
  expect([open_to_all.exit, open_to_all.err]).toEqual([
    1,
    `error: ${keys} can be read by others (its mode is 640); run \`chmod 600 ${keys}\`\n`,
  ])
  for (const [text, says] of [
    ['\n\n', 'there is no key in'],
    ['x'.repeat(70_000), 'is no file of keys'],
  ] as const) {
    await writeFile(keys, text)
    await chmod(keys, 0o600)
    const ran = await runCli(['stats', '--key-file', keys])
    expect([ran.exit, ran.err]).toEqual([1, expect.stringContaining(says)])
  }
  expect((await runCli(['stats', '--key-file', join(dir, 'none')])).err).toContain('no such file')
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
  const rebuild = async () =>
    JSON.parse(succeeded(await runCli(['project', 'rebuild', '--data', data, '--json'])).out) as {
      digest: string
      commits: number
    }
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
  expect([taken.exit, taken.err]).toEqual([
    1,
    `error: port ${port} on 127.0.0.1 is in use; stop what listens there, or take another with --port\n`,
  ])
  await new Promise((resolve) => other.close(resolve))
})
