/** The tarball in an empty folder, installed without scripts and without network: its command and its entries run, and how large it all is. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { install } from './install.ts'
import { bytesBelow, INSTALL_BYTES_MAX } from './sizes.ts'
import { pack, ROOT } from './tarball.ts'

const run = promisify(execFile)
const STEP_MS_MAX = 120_000
let dir: string
let user: string
let missing: string | null

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-install-'))
  user = join(dir, 'user')
  missing = await install(ROOT, await pack(ROOT, dir), user)
}, STEP_MS_MAX)
beforeEach((context) => context.skip(missing !== null, missing ?? ''))
afterAll(() => rm(dir, { recursive: true, force: true }))

/** Runs a program that uses the package; answers what it printed. */
const program = async (source: string): Promise<string> => {
  await writeFile(join(user, 'program.js'), source)
  return (await run(process.execPath, ['program.js'], { cwd: user })).stdout.trim()
}

test('it is as large as promised, with everything that it needs', async () => {
  expect(await bytesBelow(join(user, 'node_modules'))).toBeLessThan(INSTALL_BYTES_MAX)
})

test('its command runs', async () => {
  const { stdout } = await run(join(user, 'node_modules/.bin/mnemesh'), ['--version'], { cwd: user })
  expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/)
})

test(
  'a program starts a peer in itself, another one asks it, and the search index answers',
  { timeout: STEP_MS_MAX },
  async () => {
    const printed = await program(`
    import { makeMesh, startPeer } from 'mnemesh'
    import { connect } from 'mnemesh/client'
    const dir = ${JSON.stringify(join(dir, 'peer'))}
    await makeMesh({ dir, name: 'one' })
    const peer = await startPeer({ dir })
    const client = connect({ url: peer.url, agent: 'program' })
    const { id } = await client.call('POST', '/memories', { body: { content: 'kept by a program' } })
    const { memory } = await client.call('GET', '/memories/' + id)
    const until = Date.now() + ${STEP_MS_MAX / 2}
    let found = ''
    while (found !== '1' && Date.now() < until) {
      await new Promise((done) => setTimeout(done, 200))
      found = await client.call('GET', '/recall', { query: { q: 'kept' } }).then(({ memories }) => String(memories.length), String)
    }
    console.log(memory.content, memory.created_by.agent_id, found)
    await peer.stop()
  `)
    expect(printed).toBe('kept by a program program 1')
  },
)
