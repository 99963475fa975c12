/**
 * A planted bug's modules, changed on their way in and on no disk: for the built program by Node's loader (`plant.ts`), for test
 * files by Vite (`vitest.config.ts`).
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BUGS, type Bug } from './bugs.ts'
import { replacedOnce } from './fit.ts'

/** The checkout, from the sources as well as from `dist/`. */
const ROOT = new URL(import.meta.url.includes('/dist/property-tests/') ? '../../../' : '../../', import.meta.url)

export const bugNamed = (name: string | undefined): Bug => {
  const bug = BUGS.find((known) => known.name === name)
  if (bug === undefined)
    throw new Error(`no bug is called '${name ?? ''}': the names are in property-tests/power/bugs.ts`)
  return bug
}

export const sourceOf = (module: string): string => readFileSync(new URL(module, ROOT), 'utf8')
export const rootPath = (): string => fileURLToPath(ROOT)

/** By module: the TypeScript with the bug in it. @throws when an edit does not fit exactly once. */
export const planted = (bug: Bug): ReadonlyMap<string, string> => {
  const sources = new Map<string, string>()
  for (const { module, find, put } of bug.edits) {
    const source = sources.get(module) ?? sourceOf(module)
    const changed = replacedOnce(source, find, put)
    if (changed === null)
      throw new Error(`'${bug.name}' does not fit ${module} any more: mend property-tests/power/bugs.ts`)
    sources.set(module, changed)
  }
  return sources
}
