/**
 * Habits of the code that no other check sees: size, headers, leftovers, silenced checks.
 *
 * Every habit is a pure function of a file's text, and each is shown a text that breaks it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** More than this is two ideas. */
const LINES_MAX = 400

const absent = (pattern: RegExp) => (text: string): boolean => !pattern.test(text)

/** Name of the habit → whether a text keeps it. A letter in brackets keeps this file from matching its own patterns. */
const habits: Readonly<Record<string, (text: string) => boolean>> = {
  [`at most ${LINES_MAX} lines`]: (text) => text.trimEnd().split('\n').length <= LINES_MAX,
  'begins with a header comment': (text) => /^(#!.*\n)?(\/\*\*|\/\/ )/.test(text),
  'no test left alone': absent(/\b(describe|it|test|suite)(\.\w+)*\.onl[y]\b/),
  'no note to self': absent(/\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/),
  'no check silenced': absent(/(oxlint|eslint)-disabl[e]|@ts-(ignor[e]|nochec[k]|expect-erro[r])/),
  'no double assertion': absent(/\bas unknow[n] as\b/),
  'no path of one machine': absent(/(^|[\s'"`(=])\/(wor[k]|hom[e]\/\w|User[s]\/\w|roo[t]\/)/m),
}

const files = ['crdt', 'transports', 'snapshots', 'src', 'property-tests', 'deploy', '.ci']
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile() && /\.(ts|js)$/.test(entry.name))
  .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
  .filter((file) => !file.startsWith('property-tests/violations/'))

describe('the code is tidy', () => {
  it('is looked at whole', () => expect(files.length).toBeGreaterThan(20))

  it.each(Object.entries(habits))('%s', (_, keeps) => {
    expect(files.filter((file) => !keeps(readFileSync(join(root, file), 'utf8')))).toEqual([])
  })
})

describe('an untidy text is noticed', () => {
  const broken: Readonly<Record<string, string>> = {
    [`at most ${LINES_MAX} lines`]: '\n'.repeat(LINES_MAX) + 'x',
    'begins with a header comment': 'export const a = 1',
    'no test left alone': `describe.each([1]).onl${'y'}('a', () => {})\nit.onl${'y'}('b', () => {})`,
    'no note to self': `// TOD${'O'}: later`,
    'no check silenced': `// oxlint-disabl${'e'}-next-line`,
    'no double assertion': `const id = 1 as unknow${'n'} as string`,
    'no path of one machine': `const dir = '/hom${'e'}/alice/data'`,
  }

  it.each(Object.entries(habits))('%s', (habit, keeps) => {
    expect(keeps(broken[habit] ?? '')).toBe(false)
    expect(keeps('/** What this is. */\nexport const a = 1\n')).toBe(true)
  })
})
