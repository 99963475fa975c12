/** The package as npm packs it: what is in it, and that its manifest, entries and types fit one another and whoever uses them. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { doesSomething, reach } from './reach.ts'
import { CLIENT_BYTES_MAX, clientBytes, PACKAGE_BYTES_MAX } from './sizes.ts'
import { pack, ROOT, type Tarball, unpack } from './tarball.ts'

const run = promisify(execFile)
const STEP_MS_MAX = 60_000
const ENTRIES = ['dist/src/cli/main.js', 'dist/src/index.js', 'dist/src/client.js']

let dir: string
let tarball: Tarball
let unpacked: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-package-'))
  tarball = await pack(ROOT, dir)
  unpacked = await unpack(tarball, dir)
  await mkdir(join(dir, 'user', 'node_modules'), { recursive: true })
  // Its dependencies are those of this checkout: what npm would install beside it.
  await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  await symlink(unpacked, join(dir, 'user', 'node_modules', 'mnemesh'))
  await symlink(join(ROOT, 'node_modules', '@types'), join(dir, 'user', 'node_modules', '@types'))
  await writeFile(join(dir, 'user', 'package.json'), JSON.stringify({ type: 'module' }))
}, STEP_MS_MAX)
afterAll(() => rm(dir, { recursive: true, force: true }))

test('it holds the product alone, within a size', () => {
  const strange = tarball.files.filter((path) =>
    /property-tests|deploy\/|\.test\.|testing\/|test-(host|world|support)|\.map$/.test(path),
  )
  expect(strange).toEqual([])
  expect(tarball.files).toEqual(
    expect.arrayContaining(['LICENSE', 'README.md', ...ENTRIES, 'dist/src/index.d.ts', 'dist/src/client.d.ts']),
  )
  expect(tarball.unpackedSize).toBeLessThan(PACKAGE_BYTES_MAX)
})

test('no module is in it that nothing loads: no test double, no step of the build', async () => {
  const reached = new Set(reach(ENTRIES.map((entry) => join(unpacked, entry))).keys())
  expect(reached.size).toBeGreaterThan(100)
  const idle = tarball.files.filter((path) => path.endsWith('.js') && !reached.has(join(unpacked, path)))
  const texts = await Promise.all(idle.map((path) => readFile(join(unpacked, path), 'utf8')))
  expect(idle.filter((_, i) => doesSomething(texts[i]!))).toEqual([])
})

test('its manifest and entries fit one another', async () => {
  const { messages } = await publint({ pkgDir: unpacked })
  expect(messages).toEqual([])
})

/** `require` of CommonJS loads ES modules from Node 20.19 on, and resolvers older than `exports` are none of Node's. */
const NOT_OURS = ['node10 NoResolution', 'node16-cjs CJSResolvesToESM']

/** What attw finds, a line each. */
const wrongTypes = async (bytes: Uint8Array): Promise<string[]> => {
  const answer = await checkPackage(createPackageFromTarballData(bytes))
  if (!answer.types) return ['the package has no types']
  return answer.problems.map((problem) =>
    'resolutionKind' in problem ? `${problem.resolutionKind} ${problem.kind}` : problem.kind,
  )
}

test('its types are those of what runs, however they are resolved', async () => {
  const found = await wrongTypes(await readFile(tarball.path))
  expect([...new Set(found)].filter((line) => !NOT_OURS.includes(line))).toEqual([])
})

test('a package whose types lead nowhere is found', { timeout: STEP_MS_MAX }, async () => {
  const broken = await mkdtemp(join(dir, 'broken-'))
  const missing = 'package/dist/src/client.d.ts'
  await run('tar', ['-czf', join(broken, 'broken.tgz'), '--exclude', missing, '-C', dir, 'package'])
  expect(await wrongTypes(await readFile(join(broken, 'broken.tgz')))).toContain('node16-esm UntypedResolution')
})

test('the client loads nothing of the server', () => {
  const loaded = [...reach([join(unpacked, 'dist/src/client.js')]).keys()].map((path) => relative(unpacked, path))
  expect(loaded.length).toBeGreaterThan(1)
  expect(loaded.filter((path) => /node\.js|replica|http\//.test(path))).toEqual([])
  expect(clientBytes(unpacked)).toBeLessThan(CLIENT_BYTES_MAX)
})

test('its types are found, and say no to what does not fit', { timeout: STEP_MS_MAX }, async () => {
  const check = async (source: string): Promise<string> => {
    await writeFile(join(dir, 'user', 'use.ts'), source)
    const target = ['--module', 'nodenext', '--target', 'es2023', '--types', 'node']
    const options = ['--noEmit', '--strict', '--skipLibCheck', ...target, 'use.ts']
    return run(process.execPath, [join(ROOT, 'node_modules/typescript-7/bin/tsc'), ...options], {
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
