/** A folder on a real disk: what is seen of it, how a file is replaced, and that no name or link leads out of it. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openFolder } from './folder.ts'
import { openRecords } from './records.ts'

let base = ''
let root = ''
let own = ''
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'mnemesh-folder-'))
  root = join(base, 'root')
  own = join(root, '.mnemesh')
  await mkdir(own, { recursive: true })
})
afterEach(() => rm(base, { recursive: true, force: true }))
const open = () => openFolder({ root, own, now: () => 1_000 })

test('only Markdown files are seen, no link is followed, and what cannot be a memory is refused by name', async () => {
  await mkdir(join(root, 'a', '.git'), { recursive: true })
  await writeFile(join(base, 'outside.md'), 'outside')
  for (const path of ['a/x.md', 'a/.git/x.md', '.x.md', 'x.txt', 'B.MD']) await writeFile(join(root, path), 'x')
  await symlink(join(base, 'outside.md'), join(root, 'link.md'))
  await symlink(base, join(root, 'out'))
  await mkdir(join(root, 'folder.md'))
  await writeFile(join(root, 'latin.md'), Buffer.from([0x61, 0xe9]))
  await writeFile(join(root, 'nul.md'), 'a\0')
  await writeFile(join(root, 'bom.md'), '\ufeffx')
  await writeFile(join(root, 'big.md'), 'x'.repeat(65_536))
  const folder = await open()
  const { files, refused } = await folder.scan()
  expect(files.map(({ path }) => path)).toEqual(['B.MD', 'a/x.md', 'big.md', 'bom.md', 'latin.md', 'nul.md'])
  expect(refused.map(({ path }) => path)).toEqual(['link.md'])
  expect(await folder.read('bom.md')).toEqual({ text: '\ufeffx' })
  expect(await folder.read('none/x.md')).toBeNull()
  for (const path of ['latin.md', 'nul.md', 'big.md', 'link.md', 'out/outside.md', 'folder.md'])
    expect([path, await folder.read(path)]).toEqual([path, { refused: expect.any(String) }])
  for (const path of ['out/new.md', 'out/outside.md', 'link.md'])
    expect([path, await folder.replace(path, 'y', null)]).toEqual([path, false])
  await expect(folder.replace('../outside.md', 'y', 'outside')).rejects.toThrow('no path')
  expect([await readFile(join(base, 'outside.md'), 'utf8'), (await readdir(base)).sort()]).toEqual([
    'outside',
    ['outside.md', 'root'],
  ])
})

test('a file is replaced when it is what was expected, and leaves nothing behind', async () => {
  const folder = await open()
  expect(await folder.replace('a/b/c.md', 'one', null)).toBe(true)
  expect(await folder.replace('a/b/c.md', 'two', null)).toBe(false)
  expect(await folder.replace('a/b/c.md', 'two', 'other')).toBe(false)
  expect(await folder.replace('a/b/c.md', 'two', 'one')).toBe(true)
  expect(await readFile(join(root, 'a/b/c.md'), 'utf8')).toBe('two')
  expect(await folder.replace('a/b/c.md', null, 'one')).toBe(false)
  expect(await folder.replace('a/b/c.md', null, 'two')).toBe(true)
  expect([await folder.read('a/b/c.md'), await folder.overtaken(), await readdir(join(own, 'replaced'))]).toEqual([
    null,
    [],
    [],
  ])
})

test('what was written in the moment of a replacement, or of a crash in it, is told', async () => {
  await mkdir(join(own, 'replaced'))
  await writeFile(join(own, 'replaced', '1'), 'base\nsaved meanwhile\n')
  await writeFile(join(own, 'replaced', '1.json'), JSON.stringify({ path: 'a.md', expected: 'base\n' }))
  await writeFile(join(own, 'replaced', '2'), 'base\n')
  await writeFile(join(own, 'replaced', '2.json'), JSON.stringify({ path: 'a.md', expected: 'base\n' }))
  const folder = await open()
  const [one, ...others] = await folder.overtaken()
  expect([one, others]).toMatchObject([{ path: 'a.md', text: 'base\nsaved meanwhile\n', expected: 'base\n' }, []])
  await one!.done()
  expect(await readdir(join(own, 'replaced'))).toEqual([])
})

test('a folder that is another one now is not taken for an empty one', async () => {
  const folder = await open()
  await rename(root, join(base, 'moved'))
  await expect(folder.scan()).rejects.toThrow('no longer the folder')
  await mkdir(root)
  await expect(folder.scan()).rejects.toThrow('no longer the folder')
})

test('records: what was put is there again, what is damaged counts as none', async () => {
  const records = openRecords(own)
  const known = { name: '/memories/a.md', path: 'a.md', id: 'm', base: 'text' }
  await records.put(known)
  await records.put({
    ...known,
    name: '/memories/b.md',
    intent: { op: 'change', key: 'k', local: 'l', text: 't', id: 'm', version: 'v', metadata: {} },
  })
  await records.putCursor('c')
  const again = openRecords(own)
  expect([(await again.all()).map(({ name }) => name).sort(), await again.cursor()]).toEqual([
    ['/memories/a.md', '/memories/b.md'],
    'c',
  ])
  await records.remove('/memories/b.md')
  const [file] = await readdir(join(own, 'files'))
  for (const text of [
    '',
    '{',
    '[]',
    '{"name":"/memories/a.md"}',
    '{"name":"/memories/other.md","path":"a.md","id":null,"base":null}',
  ]) {
    await writeFile(join(own, 'files', file!), text)
    expect([text, await again.all()]).toEqual([text, []])
  }
})
