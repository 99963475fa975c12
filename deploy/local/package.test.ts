/** The package as npm packs it, in a folder of its own: what is in it, that its command, its entries and their types work, and how large it is. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { publint } from 'publint'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
/** Unpacked, without dependencies; it was 6.6 MB with fuzzers and tests. */
const BYTES_MAX = 4_500_000
/** What `mnemesh/client` loads, in bytes of source. */
const CLIENT_BYTES_MAX = 60_000
const STEP_MS_MAX = 60_000

type Packed = {
  readonly filename: string
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}
let dir: string
let packed: Packed

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-package-'))
  // The build that these tests start from is what is packed.
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', dir], { cwd: root })
  packed = (JSON.parse(stdout) as readonly Packed[])[0]!
  await run('tar', ['-xzf', join(dir, packed.filename), '-C', dir])
  // Its dependencies are those of this checkout: what npm would install beside it.
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'))
  await mkdir(join(dir, 'user', 'node_modules'), { recursive: true })
  await symlink(join(dir, 'package'), join(dir, 'user', 'node_modules', 'mnemesh'))
  await symlink(join(root, 'node_modules', '@types'), join(dir, 'user', 'node_modules', '@types'))
  await writeFile(join(dir, 'user', 'package.json'), JSON.stringify({ type: 'module' }))
}, STEP_MS_MAX)
afterAll(() => rm(dir, { recursive: true, force: true }))

/** Runs a program that uses the package; answers what it printed. */
const program = async (source: string): Promise<string> =>
  (await run(process.execPath, ['--input-type=module', '--eval', source], { cwd: join(dir, 'user') })).stdout.trim()

test('it holds the product alone, within a size', () => {
  const strange = packed.files
    .map(({ path }) => path)
    .filter((path) => /property-tests|deploy\/|\.test\.|testing\/|test-(host|world|support)|\.map$/.test(path))
  expect(strange).toEqual([])
  expect(packed.files.map(({ path }) => path)).toEqual(
    expect.arrayContaining([
      'LICENSE',
      'README.md',
      'dist/src/cli/main.js',
      'dist/src/index.d.ts',
      'dist/src/client.d.ts',
    ]),
  )
  expect(packed.unpackedSize).toBeLessThan(BYTES_MAX)
})

test('its manifest and entries fit one another', async () => {
  const { messages } = await publint({ pkgDir: join(dir, 'package') })
  expect(messages).toEqual([])
})

test('its command runs', async () => {
  const { stdout } = await run(process.execPath, [join(dir, 'package', 'dist/src/cli/main.js'), '--version'])
  expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/)
})

test('a program starts a peer in itself, and another one asks it', { timeout: STEP_MS_MAX }, async () => {
  const said = await program(`
    import { makeMesh, startPeer } from 'mnemesh'
    import { connect } from 'mnemesh/client'
    const dir = ${JSON.stringify(join(dir, 'peer'))}
    await makeMesh({ dir, name: 'one' })
    const peer = await startPeer({ dir, projection: 'none' })
    const client = connect({ url: peer.url, agent: 'program' })
    const { id } = await client.call('POST', '/memories', { body: { content: 'kept by a program' } })
    const { memory } = await client.call('GET', '/memories/' + id)
    console.log(memory.content, memory.created_by.agent_id)
    await peer.stop()
  `)
  expect(said).toBe('kept by a program program')
})

test('the client loads nothing of the server', async () => {
  const bytes = await program(
    `
    import { registerHooks } from 'node:module'
    import { fileURLToPath } from 'node:url'
    import { readFileSync, existsSync } from 'node:fs'
    const seen = new Map()
    const visit = (url) => {
      if (seen.has(url)) return
      const text = readFileSync(fileURLToPath(url), 'utf8')
      seen.set(url, text.length)
      for (const [, path] of text.matchAll(/from '(\\.[^']+)'/g)) visit(new URL(path, url).href)
    }
    visit(import.meta.resolve('mnemesh/client'))
    console.log([...seen.values()].reduce((sum, length) => sum + length, 0), [...seen.keys()].some((url) => /node\\.js|replica|http\\//.test(url)))
  `.replace("import { registerHooks } from 'node:module'\n", ''),
  )
  const [size, isServer] = bytes.split(' ')
  expect(isServer).toBe('false')
  expect(Number(size)).toBeLessThan(CLIENT_BYTES_MAX)
})

test('its types are found, and say no to what does not fit', { timeout: STEP_MS_MAX }, async () => {
  const check = async (source: string): Promise<string> => {
    await writeFile(join(dir, 'user', 'use.ts'), source)
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--skipLibCheck',
      '--types',
      'node',
      'use.ts',
    ]
    return run(process.execPath, [join(root, 'node_modules/typescript-7/bin/tsc'), ...options], {
      cwd: join(dir, 'user'),
    }).then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout,
    )
  }
  expect(
    await check(
      `import { startPeer, type RunningNode } from 'mnemesh'\nimport { connect, type Client } from 'mnemesh/client'\nexport const peer: Promise<RunningNode> = startPeer({ dir: 'x' })\nexport const client: Client = connect({ url: 'http://127.0.0.1:1' })\n`,
    ),
  ).toBe('')
  expect(await check(`import { connect } from 'mnemesh/client'\nconnect({ url: 5 })\n`)).toContain('TS2322')
  expect(await check(`import { startPeer } from 'mnemesh'\nvoid startPeer({ dir: 'x', port: 'y' })\n`)).toContain(
    'TS2322',
  )
})
