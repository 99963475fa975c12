/**
 * An embedded database that is new and empty, made once by the build; each peer's first start copies it. Making one runs initdb in
 * WebAssembly, 2 to 5 s of processor time; a copy of its 10 MB takes 0.2 s. Where it is not (an installed package leaves it out),
 * a peer makes its own.
 */
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Only a whole one has it: it is moved to its place when it is done. */
const LAST = 'PG_VERSION'

/** Of how it is made: one more when that changes. */
const REVISION = 2

/** In `dist`, also when these files run from source. Named after the version that made it: another may read none of it. */
export const templateFolder = (): string => {
  const main = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const { version } = JSON.parse(readFileSync(join(dirname(main), '../package.json'), 'utf8')) as { version: string }
  return fileURLToPath(
    new URL(`../../${import.meta.url.endsWith('.ts') ? 'dist/' : ''}pglite-${version}-${REVISION}`, import.meta.url),
  )
}

export const hasTemplate = (folder: string): boolean => existsSync(join(folder, LAST))

/** Makes `folder` as a copy when there is a template and no such folder. A crash in between leaves no half of one. */
export const copyTemplate = async (folder: string): Promise<void> => {
  if (existsSync(folder)) return
  const template = templateFolder()
  if (!hasTemplate(template)) return
  const half = `${folder}.new`
  await rm(half, { recursive: true, force: true })
  await mkdir(dirname(folder), { recursive: true })
  // In the worker's thread, where nobody waits for anything else: half the time of the asynchronous one.
  cpSync(template, half, { recursive: true })
  await rename(half, folder)
}
