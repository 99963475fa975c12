/**
 * The planted bugs still fit the code: a bug whose place has changed would be hunted for in vain, or not be planted at all.
 */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { BUGS } from './bugs.ts'

it.each(BUGS)('$name: its place is in the module once', ({ module, find, put }) => {
  const source = readFileSync(new URL(`../../dist/${module}`, import.meta.url), 'utf8')
  expect(source.split(find).length - 1, module).toBe(1)
  expect(put).not.toBe(find)
})
