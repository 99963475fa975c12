/**
 * Where the tests' Postgres programs come from: installed ones that have pgvector and Apache AGE, else the tree that
 * `.ci/postgres-tree` makes (root on Debian), else installed ones without.
 *
 * The programs refuse to run as root, so root runs them as `nobody`; a server ends with the process that started it.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export type Programs = {
  /** What the server can be asked for by `create extension`, of those that matter here. */
  readonly extensions: readonly string[]
  /** Words of a command line that runs `program` (`initdb`, `postgres`). */
  command(program: string): readonly [file: string, ...args: string[]]
  /** Where data folders go. */
  readonly folder: string
  /** What the programs call a path below `folder`. */
  inside(path: string): string
}

export const NOBODY = 65_534
export const isRoot = process.getuid?.() === 0

const EXTENSIONS = ['vector', 'age']
const INSTALLED = '/usr/lib/postgresql'
const VERSION_MIN = 15
const TREE_MS_MAX = 900_000
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--pdeathsig=QUIT'] as const

/** @returns programs, or why there are none. */
export const findPrograms = async (): Promise<Programs | { readonly missing: string }> => {
  const installed = installedPrograms()
  if (installed !== null && installed.extensions.length === EXTENSIONS.length) return installed
  const tree = await treeFolder()
  if (typeof tree === 'string') {
    return {
      extensions: EXTENSIONS,
      folder: join(tree, 'tmp'),
      inside: (path) => path.slice(tree.length),
      command: (program) => ['chroot', tree, ...AS_NOBODY, join(INSTALLED, '17/bin', program)],
    }
  }
  return (
    installed ?? {
      missing: `set TEST_DATABASE_URL, or install Postgres ${VERSION_MIN} or newer under ${INSTALLED} (no tree: ${tree.missing})`,
    }
  )
}

const installedPrograms = (): Programs | null => {
  if (!existsSync(INSTALLED)) return null
  const versions = readdirSync(INSTALLED).filter(
    (name) => Number(name) >= VERSION_MIN && existsSync(join(INSTALLED, name, 'bin/initdb')),
  )
  const found = versions.map((version) => ({
    bin: join(INSTALLED, version, 'bin'),
    extensions: EXTENSIONS.filter((name) =>
      existsSync(join('/usr/share/postgresql', version, 'extension', `${name}.control`)),
    ),
  }))
  const [best] = found.sort((a, b) => b.extensions.length - a.extensions.length || (a.bin < b.bin ? 1 : -1))
  if (best === undefined) return null
  return {
    extensions: best.extensions,
    folder: tmpdir(),
    inside: (path) => path,
    command: (program) =>
      isRoot ? ['setpriv', ...AS_NOBODY.slice(1), join(best.bin, program)] : [join(best.bin, program)],
  }
}

const treeFolder = async (): Promise<string | { readonly missing: string }> => {
  try {
    const { stdout } = await promisify(execFile)(
      fileURLToPath(new URL('../../../.ci/postgres-tree', import.meta.url)),
      { timeout: TREE_MS_MAX },
    )
    return stdout.trim()
  } catch (error) {
    const said =
      error instanceof Error && 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : ''
    return { missing: said.split('\n').at(-1) || String(error) }
  }
}
