/** Workers get of a process's flags what is theirs, and start in a program that has no file. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { workerFlags } from './worker-flags.ts'

const run = promisify(execFile)
const LONG_MS = 120_000
const ENTRY = new URL('../dist/src/index.js', import.meta.url)

test('how modules are found and what is warned about is kept, which program runs and what rules the process is not', () => {
  const words = [
    '--input-type=module',
    '-r',
    './a.cjs',
    '--max-old-space-size=200',
    '--import=./b.mjs',
    '--no-warnings',
  ]
  expect(workerFlags([...words, '--inspect', '-C', 'dev', '--eval', '1 + 1', '--expose-gc'])).toEqual([
    '-r',
    './a.cjs',
    '--import=./b.mjs',
    '--no-warnings',
    '-C',
    'dev',
  ])
})

test('each that is kept is one that a worker takes', async () => {
  const all = workerFlags([
    '--enable-source-maps',
    '--no-deprecation',
    '--no-warnings',
    '--preserve-symlinks',
    '--trace-deprecation',
    '--trace-uncaught',
    '--trace-warnings',
    '-C',
    'dev',
    '--conditions=other',
    '--disable-warning=DEP0001',
    '--import=data:text/javascript,',
    '-r',
    'node:fs',
  ])
  const worker = new Worker('require("node:worker_threads").parentPort.postMessage("runs")', {
    eval: true,
    execArgv: all,
  })
  expect(await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))).toBe('runs')
  await worker.terminate()
})

/** What a person pastes into a shell. */
const PROGRAM = `
  import { makeMesh, startPeer } from ${JSON.stringify(ENTRY.href)}
  const dir = process.env.PEER_DIR
  await makeMesh({ dir, name: 'one' })
  const peer = await startPeer({ dir })
  const send = (path, body) => fetch(peer.url + '/api/v1' + path, body && {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  }).then((answer) => answer.json())
  const { id } = await send('/memories', { content: 'kept by a program without a file' })
  let found = []
  for (let tries = 0; tries < ${LONG_MS / 2_000} && !found.includes(id); tries++) {
    await new Promise((done) => setTimeout(done, 500))
    found = ((await send('/recall?q=program')).memories ?? []).map((memory) => memory.id)
  }
  console.log(found.includes(id) ? 'found' : 'not found')
  await peer.stop()
`

test(
  'a peer inside a program that is given by --eval has its search index',
  async () => {
    expect(existsSync(ENTRY), 'run `npm run build` first').toBe(true)
    const dir = await mkdtemp(join(tmpdir(), 'mnemesh-eval-'))
    try {
      const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
        env: { ...process.env, NODE_OPTIONS: '', PEER_DIR: join(dir, 'peer') },
      })
      expect(stderr).not.toContain('worker')
      expect(stdout).toBe('found\n')
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  },
  LONG_MS,
)
