/**
 * How long a sentence takes to be remembered by an agent: `npm run bench:remember -- [--sentences N] [--memories N]`.
 *
 * As an agent's program does it: `mnemesh mcp` over standard input and output, the tool `remember`, one sentence after the other, with this
 * user's peer running and alone, so at quorum 1: flushed on its disk, after a look for texts alike. Prints ms from the request's last
 * byte to the answer's line. Exit status 1 when half of them take longer than the bound.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { whole } from '../arguments.ts'
import { commandWords, mnemeshOk, type Environment } from '../local/command.ts'
import { callsTo, expecting } from '../local/http.ts'

/** On a quiet machine. */
const P50_MS_MAX = 20
/** The first ones compile what the others run. */
const WARM = 50
const BATCH = 200

const { sentences, memories } = new Command('npm run bench:remember --')
  .description('Times the tool `remember` over standard input and output, at quorum 1.')
  .allowExcessArguments(false)
  .option('--sentences <n>', 'that are remembered', whole(0, 100_000), 300)
  .option('--memories <n>', 'that are there before', whole(0, 100_000), 1_000)
  .parse()
  .opts<{ sentences: number; memories: number }>()

type Answer = {
  readonly id?: number
  readonly error?: unknown
  readonly result?: { readonly isError?: boolean; readonly structuredContent?: { readonly known?: boolean } }
}
type Agent = { ask(method: string, params: object): Promise<Answer>; end(): Promise<void> }

/** One `mnemesh mcp`, asked one thing after the other. */
const startAgent = (env: Environment): Agent => {
  const [program, ...first] = commandWords
  const child = spawn(program, [...first, 'mcp'], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let hear: (answer: Answer) => void = () => undefined
  createInterface({ input: child.stdout }).on('line', (line) => hear(JSON.parse(line) as Answer))
  let id = 0
  return {
    ask: (method, params) =>
      new Promise((resolve, reject) => {
        const asked = ++id
        hear = (answer) => {
          if (answer.id !== asked) return
          if (answer.error !== undefined || answer.result?.isError === true) reject(new Error(JSON.stringify(answer)))
          else resolve(answer)
        }
        child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: asked, method, params })}\n`)
      }),
    end: () => {
      child.stdin.end()
      return ended
    },
  }
}

const fill = async (home: string, url: string): Promise<void> => {
  const key = (await readFile(join(home, 'mnemesh', 'key'), 'utf8')).trim()
  for (let done = 0; done < memories; done += BATCH) {
    const items = Array.from({ length: Math.min(BATCH, memories - done) }, (_, i) => ({
      content: `Note ${done + i}: service number ${(done + i) * 7} is owned by team ${(done + i) % 13}.`,
    }))
    await expecting(
      201,
      callsTo(url)('POST', '/memories/bulk', {
        body: { memories: items },
        headers: { authorization: `Bearer ${key}` },
      }),
    )
  }
}

const home = await mkdtemp(join(tmpdir(), 'mnemesh-remember-'))
const env = { XDG_DATA_HOME: home }
try {
  const { url } = JSON.parse(await mnemeshOk(['up', '--json'], env)) as { url: string }
  await fill(home, url)
  const agent = startAgent(env)
  await agent.ask('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bench', version: '1' },
  })
  const times: number[] = []
  for (let i = 0; i < WARM + sentences; i++) {
    const content = `Decision ${i}: deployment window ${i * 31} moves to weekday ${i % 7}, since release train ${i * 17} is late.`
    const from = performance.now()
    await agent.ask('tools/call', { name: 'remember', arguments: { content } })
    if (i >= WARM) times.push(performance.now() - from)
  }
  await agent.end()
  times.sort((a, b) => a - b)
  const p = (share: number): number => times[Math.min(times.length - 1, Math.floor((times.length * share) / 100))] ?? 0
  process.stdout.write(
    `bench:remember: ${times.length} sentences beside ${memories} memories, quorum 1: p50 ${p(50).toFixed(1)} ms, p95 ${p(95).toFixed(1)} ms, longest ${p(100).toFixed(1)} ms\n`,
  )
  process.exitCode = p(50) <= P50_MS_MAX ? 0 : 1
} finally {
  await mnemeshOk(['down'], env)
  await rm(home, { recursive: true, force: true })
}
