/**
 * `package-lock.json` is whole: `npm ci` of this checkout, played dry for other systems, finds an entry for every native part that
 * they need. A lock written by an npm that left out other systems' optional packages installs where it was written, and nowhere else.
 */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROOT } from './tarball.ts'

const run = promisify(execFile)
const SYSTEMS = [
  { os: 'linux', cpu: 'x64', libc: 'glibc' },
  { os: 'linux', cpu: 'arm64', libc: 'glibc' },
  { os: 'linux', cpu: 'x64', libc: 'musl' },
  { os: 'darwin', cpu: 'arm64' },
  { os: 'darwin', cpu: 'x64' },
  { os: 'win32', cpu: 'x64' },
] as const
/** An npm above this process hands down how silent it is: the level of messages is said here, for they are what is read. */
const DRY = ['ci', '--dry-run', '--offline', '--loglevel=notice']
type Entry = {
  readonly os?: readonly string[]
  readonly optional?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
type Lock = { readonly packages: Record<string, Entry> }

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-lock-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

/** Names of the packages that `npm ci` would install for a system, out of the lock alone. */
const wouldInstall = async (system: (typeof SYSTEMS)[number]): Promise<string[]> => {
  const folder = await mkdtemp(join(dir, 'of-'))
  await Promise.all(['package.json', 'package-lock.json'].map((name) => cp(join(ROOT, name), join(folder, name))))
  const options = Object.entries(system).map(([name, value]) => `--${name}=${value}`)
  const { stdout } = await run('npm', [...DRY, '--ignore-scripts', '--no-audit', '--no-fund', ...options], {
    cwd: folder,
  })
  return [...stdout.matchAll(/^add (\S+) /gm)].map((match) => match[1]!)
}

const lockOf = async (): Promise<Lock> => JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as Lock
/** Optional packages that an entry of the lock names and that have no entry themselves. */
const holesOf = ({ packages }: Lock): string[] =>
  Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`${path}/node_modules/${name}` in packages) && !(`node_modules/${name}` in packages),
    ),
  )

describe('the lock', () => {
  test('has every optional package that one of its packages names', async () => {
    expect(holesOf(await lockOf())).toEqual([])
  })
  test('without one of them is found to have a hole', async () => {
    const { packages } = await lockOf()
    const [gone] = Object.keys(packages).filter((path) => packages[path]!.os?.includes('darwin'))
    const holed = Object.fromEntries(Object.entries(packages).filter(([path]) => path !== gone))
    expect(holesOf({ packages: holed })).toHaveLength(1)
  })
  test('and a manifest that disagree are refused by npm ci', async () => {
    const folder = await mkdtemp(join(dir, 'torn-'))
    const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object }
    await cp(join(ROOT, 'package-lock.json'), join(folder, 'package-lock.json'))
    const changed = { ...manifest, dependencies: { ...manifest.dependencies, ws: '8.0.0' } }
    await writeFile(join(folder, 'package.json'), JSON.stringify(changed))
    await expect(run('npm', [...DRY], { cwd: folder })).rejects.toThrow(/in sync/)
  })
  test.each(SYSTEMS)('npm ci for $os $cpu', async (system) => {
    const names = await wouldInstall(system)
    const native = [`@msgpackr-extract/msgpackr-extract-${system.os}-${system.cpu}`]
    expect(names).toEqual(expect.arrayContaining(['classic-level', 'sodium-native', 'fastify', 'vitest', ...native]))
  })
})
