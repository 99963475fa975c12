/**
 * The planted bugs still fit the code: a bug whose place has changed would be hunted for in vain, or not be planted at all.
 */
import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import { BUGS, WORLD } from './bugs.ts'
import { planted, rootPath, sourceOf } from './swap.ts'

it.each(BUGS)('$name: its places are in the modules once, and its suite is there', (bug) => {
  for (const [module, source] of planted(bug)) expect(source, module).not.toBe(sourceOf(module))
  expect(bug.suite === WORLD || existsSync(`${rootPath()}${bug.suite}`), bug.suite).toBe(true)
})
