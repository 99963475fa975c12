/** The package as npm packs it, unpacked into a folder of its own. */
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** The checkout: this file runs from source in tests and from `dist/` in commands. */
export const ROOT = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../..' : '../../..', import.meta.url))

export type Tarball = {
  readonly path: string
  readonly filename: string
  readonly integrity: string
  readonly unpackedSize: number
  readonly files: readonly string[]
}
type PackAnswer = Omit<Tarball, 'path' | 'files'> & { readonly files: readonly { readonly path: string }[] }

/** Packs what is built already: `--ignore-scripts` keeps npm from building it again. */
export const pack = async (root: string, dir: string): Promise<Tarball> => {
  await mkdir(dir, { recursive: true })
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', dir], { cwd: root })
  const { filename, integrity, unpackedSize, files } = (JSON.parse(stdout) as readonly PackAnswer[])[0]!
  return { path: join(dir, filename), filename, integrity, unpackedSize, files: files.map(({ path }) => path) }
}

/** Unpacks a tarball below `dir`; answers the package's folder. */
export const unpack = async (tarball: Tarball, dir: string): Promise<string> => {
  await run('tar', ['-xzf', tarball.path, '-C', dir])
  return join(dir, 'package')
}
