/** Names of memories and of files: each comes back as it was, and none leads out of the folder. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { folded, isInstruction, nameOf, pathFor, twinPath } from './names.ts'

const path = (name: string): string | null => {
  const found = pathFor(name)
  return 'path' in found ? found.path : null
}

test.each([
  ['/memories/a.md', 'a.md'],
  ['/memories/deep/er/Ä ö.MD', 'deep/er/Ä ö.MD'],
  ['/memories/what? "this": <that>|*.md', 'what%3F %22this%22%3A %3Cthat%3E%7C%2A.md'],
  ['/memories/con.md', '%63on.md'],
  ['/memories/aux.x/COM1.md', '%61ux.x/%43OM1.md'],
  ['/memories/end./x .md', 'end%2E/x .md'],
  ['/memories/50% off.md', '50% off.md'],
  ['/memories/%41.md', '%2541.md'],
  ['/memories/back\\slash.md', 'back%5Cslash.md'],
  ['/memories/e\u0301.md', 'e%CC%81.md'],
  ['/memories/\u202egnp.md', '%E2%80%AEgnp.md'],
  ['/memories/\ufffde\u0301.md', '%EF%BF%BDe%CC%81.md'],
])('%s ↔ %s', (name, file) => {
  expect(path(name)).toBe(file)
  expect(nameOf(file)).toBe(name)
})

test.each([
  '/memories',
  '/memories/',
  '/memories/../x.md',
  '/memories/a/../../x.md',
  '/memories//x.md',
  '/memories/./x.md',
  '/etc/x.md',
  'x.md',
  '/memories/.git/x.md',
  '/memories/a/.obsidian/x.md',
  '/memories/.x.md',
  '/memories/a\0.md',
  '/memories/a\n.md',
  '/memories/x.sh',
  '/memories/md',
  '/memories/x.md/',
  '/memories/․․/x.md',
  `/memories/${'x'.repeat(300)}.md`,
  `/memories/${'a/'.repeat(20)}x.md`,
])('no place for %j', (name) => {
  expect(path(name)).toBeNull()
})

test('any name comes back as it was, and lies below the folder', () => {
  const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
  const odd = fc.constantFrom(
    '\ufffd',
    '\ufeff',
    '%',
    '%4',
    '%41',
    '%25',
    '.',
    ' ',
    'con',
    'e\u0301',
    'Å',
    '\u212b',
    ':',
    '~',
    '..',
    '\\',
    '\u200f',
    '\ud800',
  )
  fc.assert(
    fc.property(
      fc.array(
        fc
          .array(fc.oneof(part, odd), { minLength: 1, maxLength: 4 })
          .map((parts) => parts.join('').replaceAll('/', '')),
        { minLength: 1, maxLength: 3 },
      ),
      (parts) => {
        const name = `/memories/${parts.join('/')}.md`
        const file = path(name)
        if (file === null || /\p{Cs}/u.test(name)) return
        expect(nameOf(file)).toBe(name)
        expect(nameOf(file.normalize('NFD'))).toBe(name)
        for (const one of file.split('/')) expect(one).not.toMatch(/^\.|[\\:*?"<>|\p{Cc}]|[. ]$/u)
      },
    ),
    { numRuns: 3_000 },
  )
})

test('names that differ in case alone', () => {
  expect(folded('Straße/A.md')).toBe(folded('STRASSE/a.MD'))
  const twin = twinPath('notes.md', '/memories/notes.md')
  expect(twin).toMatch(/^notes~[0-9a-f]{8}\.md$/)
  expect(nameOf(twin, ['/memories/Notes.md', '/memories/notes.md'])).toBe('/memories/notes.md')
  expect(nameOf(twin)).toBe(`/memories/${twin}`)
})

test('what tells an agent what to do is known under any spelling', () => {
  for (const file of [
    'CLAUDE.md',
    'claude.local.MD',
    'x/AGENTS.md',
    'GEMINI.md',
    'skills/x/SKILL.md',
    'rules/style.md',
    'Rules/a/b.md',
    'x.instructions.md',
    'commands/deploy.md',
    'ＣＬＡＵＤＥ.md',
    'copilot-instructions.md',
    'CLAUDE~0123abcd.md',
    'a/Agents/x.md',
  ])
    expect([file, isInstruction(file)]).toEqual([file, true])
  for (const file of [
    'MEMORY.md',
    'notes.md',
    'about-claude.md',
    'projects/agents-of-change.md',
    'ruler.md',
    'debugging.md',
  ])
    expect([file, isInstruction(file)]).toEqual([file, false])
})
