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

/** More than this is two ideas: of a file of the product, and of a test or what serves tests. */
const LINES_MAX = 350
const TEST_LINES_MAX = 550
/** Tables, one row after the other: they may be as long as what they list. */
const TABLES = [
  'property-tests/power/bugs.ts',
  'property-tests/attacks/rows/commits.ts',
  'property-tests/attacks/rows/members.ts',
  'property-tests/sim/seeds.test.ts',
  'crdt/limits.ts',
  'src/http/schemas.ts',
  'transports/frame-shapes.ts',
]
/** Above the limit since the formatter broke their lines, and still to be split. The list only shrinks. */
const TO_SPLIT = [
  'src/replica/replica.ts',
  'src/membership/index.ts',
  'src/service/writes.ts',
  'transports/mesh.ts',
  'transports/link.ts',
  'src/mcp/full-reads.ts',
  'src/replica/intake.ts',
  'src/api.ts',
  'src/projection/feed.ts',
  'src/service/status.ts',
  'src/replica/author.ts',
  'src/peer.ts',
  'src/replica/log-index.ts',
  'crdt/commit.ts',
  'src/replica/governance.ts',
  'crdt/control.ts',
  'src/ports/projection.ts',
  'src/http/testing/node-double.ts',
  'src/projection/feed.test.ts',
]

const linesOf = (text: string): number => text.trimEnd().split('\n').length
const servesTests = (file: string): boolean => /\.test\.ts$|(^|\/)testing\/|(^|\/)test-|^property-tests\//.test(file)
const linesMax = (file: string): number => (servesTests(file) ? TEST_LINES_MAX : LINES_MAX)

const absent =
  (pattern: RegExp) =>
  (text: string): boolean =>
    !pattern.test(text)

/** Name of the habit → whether a text keeps it. A letter in brackets keeps this file from matching its own patterns. */
const habits: Readonly<Record<string, (text: string) => boolean>> = {
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

describe('no file holds two ideas', () => {
  const isLong = (file: string): boolean => linesOf(readFileSync(join(root, file), 'utf8')) > linesMax(file)

  it(`has at most ${LINES_MAX} lines, a test ${TEST_LINES_MAX}`, () =>
    expect(files.filter((file) => isLong(file) && !TABLES.includes(file) && !TO_SPLIT.includes(file))).toEqual([]))
  it('excuses only what is still too long', () =>
    expect(TO_SPLIT.filter((file) => !existsSync(join(root, file)) || !isLong(file))).toEqual([]))
  it('counts the lines of a text', () => expect(linesOf('a\n\nb\n')).toBe(3))
})

describe('an untidy text is noticed', () => {
  const broken: Readonly<Record<string, string>> = {
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
