/** Names get paths that no other has on a disk that does not tell case, in folders that are there. */
import { expect, test } from 'vitest'
import { folded } from './names.ts'
import { assignPaths } from './paths.ts'

const seen = (...paths: readonly string[]) => paths.map((path) => ({ path, stamp: 's', isQuiet: true }))
const known = (name: string, path: string) => ({ name: `/memories/${name}`, path, id: null, base: null })

test('twins by case get paths of their own, in any order, and keep them', () => {
  const names = ['/memories/notes.md', '/memories/Notes.md', '/memories/NOTES.md']
  const { pathByName } = assignPaths([], [], names)
  expect(new Set([...pathByName.values()].map(folded)).size).toBe(3)
  expect(assignPaths([], [], names.toReversed()).pathByName).toEqual(pathByName)
  const paths = [...pathByName.values()]
  expect(assignPaths(seen(...paths), [], names).pathByName).toEqual(pathByName)
})

test('what was kept or seen stays; new files go into the folder that is there, however it is spelled', () => {
  const { pathByName, twins } = assignPaths(
    seen('Docs/a.md', 'e\u0301.md', '\u00e9.md'),
    [known('docs/b.md', 'Docs/b.md')],
    ['/memories/docs/c.md', '/memories/docs/b.md'],
  )
  expect(pathByName.get('/memories/docs/c.md')).toBe('Docs/c.md')
  expect(pathByName.get('/memories/docs/b.md')).toBe('Docs/b.md')
  expect(twins).toEqual([{ path: '\u00e9.md', of: 'e\u0301.md' }])
})
