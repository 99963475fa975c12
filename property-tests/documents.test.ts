/** The documents for people: what they link to and name is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const list = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))

const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...list('docs', '.md'),
  'crdt/FORMAT.md',
  'transports/PROTOCOL.md',
]
const scripts = Object.keys((JSON.parse(read('package.json')) as { readonly scripts: object }).scripts)

/** Targets of Markdown links within the project. */
const linksOf = (text: string): string[] =>
  [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map((match) => match[1]!).filter((target) => !/^[a-z]+:/.test(target))
/** Paths in backquotes that begin with a folder of the project; those with a wildcard, a placeholder or a line's number are no paths. */
const pathsOf = (text: string): string[] =>
  [...text.matchAll(/`((?:crdt|transports|snapshots|src|property-tests|deploy|docs|\.ci)\/[\w./-]+)`/g)].map(
    (match) => match[1]!,
  )
const commandsOf = (text: string): string[] =>
  [...text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map((match) => match[1]!)

/** Named before it is there, with the reason. */
const COMING = new Set(['snapshots/', 'src/console/'])

describe.each(pages)('%s', (page) => {
  const text = read(page)
  it('links to what is there', () =>
    expect(linksOf(text).filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]))
  it('names files that are there', () =>
    expect(pathsOf(text).filter((path) => !COMING.has(path) && !existsSync(join(root, path)))).toEqual([]))
  it('names commands that are there', () =>
    expect(commandsOf(text).filter((name) => !scripts.includes(name))).toEqual([]))
})

/** What each page of `docs/decisions` has, in this order. */
const DECISION_PARTS = ['Context', 'Decision', 'Figures', 'Consequences', 'What would change our mind']
/** What is wrong with a page; empty when nothing is. */
const faultsOf = (text: string, number: number): string[] => {
  const parts = [...text.matchAll(/^## (.+)\n\n(\S)/gm)].map((match) => match[1]!)
  return [
    ...(text.startsWith(`# ${String(number).padStart(4, '0')}. `) ? [] : ['its title has another number']),
    ...(parts.join() === DECISION_PARTS.join() ? [] : [`its parts are ${parts.join(', ')}`]),
  ]
}

describe('decisions', () => {
  const names = readdirSync(join(root, 'docs/decisions')).toSorted()
  it('are numbered without a gap', () =>
    expect(names.map((name) => Number(name.slice(0, 4)))).toEqual(names.map((_, i) => i + 1)))
  it.each(names)('%s has its parts, and ARCHITECTURE.md links to it', (name) => {
    expect([
      faultsOf(read(`docs/decisions/${name}`), Number(name.slice(0, 4))),
      read('ARCHITECTURE.md').includes(`(docs/decisions/${name})`),
    ]).toEqual([[], true])
  })
  it('a page without a part, or under another number, is found', () => {
    expect(faultsOf('# 0002. A\n\n## Context\n\nx\n', 1)).toHaveLength(2)
  })
  it('ARCHITECTURE.md is read in one sitting', () =>
    expect(read('ARCHITECTURE.md').trimEnd().split('\n').length).toBeLessThanOrEqual(150))
})

describe('the glossary', () => {
  const words = [...read('docs/glossary.md').matchAll(/^\| \*\*([^*]+)\*\* \|/gm)].map((match) => match[1]!)
  const code = ['crdt', 'transports', 'src']
    .flatMap((folder) => list(folder, '.ts'))
    .map(read)
    .join('\n')
    .toLowerCase()
  it('has each word once, in order', () =>
    expect(words).toEqual([...new Set(words)].toSorted((a, b) => a.localeCompare(b))))
  it.each(words.filter((word) => word !== 'world'))('%s is used in code', (word) =>
    expect(code).toContain(word.toLowerCase()),
  )
})

it('a page that names what is not there is found', () => {
  expect([
    linksOf('[a](b.md#c) [d](https://e.example/f)'),
    pathsOf('`src/none.ts` and `src/*.ts`'),
    commandsOf('npm run none -- --x'),
  ]).toEqual([['b.md'], ['src/none.ts'], ['none']])
})
