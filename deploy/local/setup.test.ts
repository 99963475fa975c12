/**
 * From nothing to a memory: set-up of Claude Code on a machine that has only Node, then the very command that it wrote, driven by the official
 * client, and the hooks that it wrote, run as a shell runs them.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { mnemesh, mnemeshOk } from './command.ts'
import { until } from './until.ts'

const LONG_MS = 300_000
/** From nothing to the first recall, where the machine has a core to spare. */
const FIRST_MS_MAX = 60_000
/** What `mnemesh --version` takes at most there; where it takes longer, all else may too. */
const VERSION_MS = 500
/** A session is held up no longer. */
const HOOK_MS_MAX = 2_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let home = ''
let env: Readonly<Record<string, string>> = {}
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mnemesh-setup-'))
  env = { HOME: home, PATH: process.env['PATH'] ?? '', npm_config_update_notifier: 'false' }
})
afterEach(async () => {
  await mnemesh(['down'], env)
  await rm(home, { recursive: true, force: true })
})

type Entry = { readonly command: string; readonly args: string[] }
type Memories = { readonly memories: readonly { readonly content: string; readonly author: string }[] }
/** Another folder, no shell, and of the environment what a program with a window has. */
const driven = async (entry: Entry, work: (client: Client) => Promise<void>): Promise<void> => {
  const client = new Client({ name: 'claude-code', version: '2' })
  await client.connect(
    new StdioClientTransport({
      command: entry.command,
      args: entry.args,
      env: { HOME: home, PATH: '/usr/bin:/bin' },
      cwd: join(home, 'project'),
      stderr: 'pipe',
    }),
  )
  await work(client)
  await client.close()
}

test(
  'npx mnemesh setup claude-code: what one process remembers by the command in the configuration another recalls, in a minute',
  async () => {
    const from = performance.now()
    await mkdir(join(home, 'project', '.git'), { recursive: true })
    await promisify(execFile)('npx', ['mnemesh', 'setup', 'claude-code', '--hooks', '--yes'], { cwd: ROOT, env })
    const { mcpServers } = JSON.parse(await readFile(join(home, '.claude.json'), 'utf8')) as {
      mcpServers: { mnemesh: Entry }
    }
    await driven(mcpServers.mnemesh, async (client) => {
      const { isError } = await client.callTool({
        name: 'remember',
        arguments: { content: 'The deploy key rotates on Fridays' },
      })
      expect(isError).not.toBe(true)
    })
    await driven(mcpServers.mnemesh, async (client) => {
      let said = ''
      const found = await until(
        'it is recalled',
        LONG_MS / 2,
        async () => {
          const { content, structuredContent, isError } = await client.callTool({
            name: 'recall',
            arguments: { query: 'when does the deploy key rotate?' },
          })
          said = JSON.stringify(content)
          const memories = isError === true ? [] : (structuredContent as Memories).memories
          return memories.length === 0 ? null : memories
        },
        () => said,
      )
      expect(found).toMatchObject([{ content: 'The deploy key rotates on Fridays', author: 'claude-code' }])
    })
    const slowness = Math.max(1, (await versionMs()) / VERSION_MS)
    expect(performance.now() - from).toBeLessThan(FIRST_MS_MAX * slowness)

    const { hooks } = JSON.parse(await readFile(join(home, '.claude', 'settings.json'), 'utf8')) as {
      hooks: Record<string, { hooks: { command: string }[] }[]>
    }
    const call = (event: string, input: object) =>
      shell(hooks[event]![0]!.hooks[0]!.command, { cwd: join(home, 'project'), hook_event_name: event, ...input })
    const transcript = join(home, 'session.jsonl')
    const secret = ['ghp', 'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5'].join('_')
    await writeFile(
      transcript,
      [
        { type: 'user', message: { role: 'user', content: 'Which framework?' } },
        {
          type: 'assistant',
          message: {
            role: 'assistant',
            content: [
              {
                type: 'text',
                text: `We decided to use fastify, not express. We decided to use the token ${secret} for now.`,
              },
            ],
          },
        },
      ]
        .map((line) => JSON.stringify(line))
        .join('\n'),
    )
    expect(await call('PreCompact', { transcript_path: transcript, trigger: 'auto' })).toMatchObject({
      exit: 0,
      out: '',
      err: '',
    })
    expect(await call('SessionEnd', { transcript_path: transcript, reason: 'exit' })).toMatchObject({
      exit: 0,
      out: '',
      err: '',
    })
    const listed = async (): Promise<readonly string[]> =>
      (JSON.parse(await mnemeshOk(['list', '--namespace', 'project', '--json'], env)) as Memories).memories
        .map(({ content }) => content)
        .sort()
    await until('it is kept in the background', LONG_MS / 4, async () => ((await listed()).length > 1 ? true : null))
    // In the foreground it tells what it does: the same sentence is not kept again, the secret never.
    expect(
      await shell(`${hooks['SessionEnd']![0]!.hooks[0]!.command} --stay --json`, {
        cwd: join(home, 'project'),
        transcript_path: transcript,
      }),
    ).toMatchObject({ exit: 0, out: '{"namespace":"project","kept":1,"secret":1}\n' })
    expect(await listed()).toEqual(['The deploy key rotates on Fridays', 'We decided to use fastify, not express.'])
    // Held up by others it tells nothing, so it is asked until it was in time.
    const { out } = await until('a session is told', LONG_MS / 4, async () =>
      call('SessionStart', { source: 'startup' }).then((ran) => (ran.out === '' ? null : ran)),
    )
    const told = JSON.parse(out) as { hookSpecificOutput: { additionalContext: string } }
    expect(told.hookSpecificOutput.additionalContext).toMatch(
      /kind="decision">\nWe decided to use fastify, not express\.[\s\S]*The deploy key rotates on Fridays/,
    )

    // Away, or there and mute: the session goes on, and hears nothing of it.
    const mute = createServer()
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(mute.address() as AddressInfo).port}`
    await mnemeshOk(['down'], env)
    for (const [event, more] of [
      ['SessionStart', {}],
      ['SessionEnd', { MNEMESH_URL: url }],
      ['SessionStart', { MNEMESH_URL: url }],
    ] as const) {
      const { exit, out, err, ms } = await shell(
        hooks[event]![0]!.hooks[0]!.command,
        { cwd: home, transcript_path: transcript },
        more,
      )
      expect([exit, out, err]).toEqual([0, '', ''])
      expect(ms).toBeLessThan(HOOK_MS_MAX * Math.max(slowness, (await versionMs()) / VERSION_MS))
    }
    mute.close()
    await promisify(execFile)('npx', ['mnemesh', 'setup', 'claude-code', '--remove', '--yes'], { cwd: ROOT, env })
    await expect(readFile(join(home, '.claude.json'))).rejects.toThrow(/ENOENT/)
  },
  LONG_MS,
)

const shell = async (command: string, input: object, more: Readonly<Record<string, string>> = {}) => {
  const from = performance.now()
  const child = spawn('/bin/sh', ['-c', command], {
    env: { HOME: home, PATH: '/usr/bin:/bin', ...more },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  child.stdin.end(JSON.stringify(input))
  const exit = await new Promise((resolve) => child.once('close', resolve))
  return { exit, out, err, ms: performance.now() - from }
}

/** What Node takes to start here and now, with all that shares the machine. */
const versionMs = async (): Promise<number> => {
  const from = performance.now()
  await mnemeshOk(['--version'], env)
  return performance.now() - from
}
