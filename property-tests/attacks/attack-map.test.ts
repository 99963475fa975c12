/** `docs/attacks.md` names what answers for each attack: every row and test that it names exists, and every row of damage to folders is named. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ATTACKS } from './attacks.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const LINES_MIN = 50

type Line = { readonly attack: string; readonly names: readonly string[] }

const linesOf = (text: string): readonly Line[] =>
  text.split('\n').flatMap((line) => {
    const [, attack, names] = /^\| (.+) \| (.+) \|$/.exec(line) ?? []
    return attack === undefined || names === undefined || attack === 'attack'
      ? []
      : [{ attack, names: names.split(' ').map((name) => name.replace(/^`(.+)`$/, '$1')) }]
  })

const ids = new Set(ATTACKS.map(({ id }) => id))
/** What a line names and nobody has. */
const missing = (lines: readonly Line[]): readonly string[] =>
  lines.flatMap(({ attack, names }) =>
    names
      .filter((name) => !ids.has(name) && !(name.endsWith('.test.ts') && existsSync(`${root}/${name}`)))
      .map((name) => `${name} (${attack})`),
  )

const lines = linesOf(readFileSync(`${root}/docs/attacks.md`, 'utf8'))

test('every line of the map names rows and tests that exist', () => {
  expect(lines.length).toBeGreaterThanOrEqual(LINES_MIN)
  expect(missing(lines)).toEqual([])
})

test('a name that nobody has is noticed', () => {
  expect(missing(linesOf('| an attack | `cm-prev` `cm-none` `crdt/none.test.ts` |'))).toEqual([
    'cm-none (an attack)',
    'crdt/none.test.ts (an attack)',
  ])
})

test('what is done to folders is all in the map', () => {
  const named = new Set(lines.flatMap(({ names }) => names))
  expect([...ids].filter((id) => id.startsWith('st-') && !named.has(id))).toEqual([])
})
