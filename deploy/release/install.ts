/**
 * The packed package in an empty folder, with the versions of this checkout's lock: `npm ci` without scripts and without network,
 * out of npm's cache. `npm ci` of the checkout filled that cache; where it did not, the answer says so.
 */
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import type { Tarball } from './tarball.ts'

const run = promisify(execFile)

type Entry = { readonly dev?: boolean; readonly version?: string } & Record<string, unknown>
type Manifest = { readonly overrides?: Record<string, string> }
type Lock = { readonly packages: Readonly<Record<string, Entry>> }

/** What a lock says of the package itself, once it is a dependency. */
const FACTS = [
  'version',
  'dependencies',
  'optionalDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'bin',
  'engines',
]

/** Manifest and lock of a program that depends on nothing but the tarball. */
const userOf = (manifest: Manifest, lock: Lock, tarball: Tarball, path: string): [unknown, unknown] => {
  const { '': own, ...rest } = lock.packages
  const user = {
    name: 'user',
    type: 'module',
    dependencies: { mnemesh: `file:${path}` },
    overrides: manifest.overrides ?? {},
  }
  const mnemesh = {
    ...Object.fromEntries(FACTS.filter((fact) => own?.[fact] !== undefined).map((fact) => [fact, own![fact]])),
    resolved: `file:${path}`,
    integrity: tarball.integrity,
  }
  const dependencies = Object.entries(rest).filter(([, entry]) => entry.dev !== true)
  const packages = { '': user, 'node_modules/mnemesh': mnemesh, ...Object.fromEntries(dependencies) }
  return [user, { name: 'user', lockfileVersion: 3, requires: true, packages }]
}

/** Installs into `dir`; answers null, or why it could not be done here. Any other failure is thrown. */
export const install = async (root: string, tarball: Tarball, dir: string): Promise<string | null> => {
  const [manifest, lock] = await Promise.all(
    ['package.json', 'package-lock.json'].map(
      async (name) => JSON.parse(await readFile(join(root, name), 'utf8')) as unknown,
    ),
  )
  await mkdir(dir, { recursive: true })
  const user = userOf(manifest as Manifest, lock as Lock, tarball, relative(dir, tarball.path))
  await writeFile(join(dir, 'package.json'), JSON.stringify(user[0]))
  await writeFile(join(dir, 'package-lock.json'), JSON.stringify(user[1]))
  const options = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  return run('npm', ['ci', ...options], { cwd: dir }).then(
    () => null,
    (error: { readonly stderr?: string }) => {
      if (!error.stderr?.includes('ENOTCACHED')) throw error
      return 'the npm cache lacks a dependency: run `npm ci` in the checkout while the registry can be reached'
    },
  )
}
