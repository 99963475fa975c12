/** The name of a repository as a namespace, from real folders. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseNamespace } from '../../../crdt/ids.ts'
import { projectNamespace } from './project.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mnemesh-project-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('the repository gives its name, from any folder in it, as one that a namespace may have', async () => {
  for (const [name, expected] of [
    ['api', 'api'],
    ['Some Project!', 'some-project-'],
    ['.dot_files', 'dot_files'],
    ['дом', null],
    ['x'.repeat(200), 'x'.repeat(100)],
  ] as const) {
    await mkdir(join(folder, name, '.git'), { recursive: true })
    await mkdir(join(folder, name, 'src', 'deep'), { recursive: true })
    for (const from of [name, join(name, 'src', 'deep')])
      expect(await projectNamespace(join(folder, from))).toBe(expected)
    if (expected !== null) expect(parseNamespace(expected)).toBe(expected)
  }
  expect(await projectNamespace(join(folder, 'not there'))).toBe(null)
})

test('all worktrees of a repository share its memory; a submodule has its own', async () => {
  for (const name of ['main/.git/worktrees/feature', 'feature', 'main/lib'])
    await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, 'feature', '.git'), `gitdir: ${join(folder, 'main', '.git', 'worktrees', 'feature')}\n`)
  await writeFile(join(folder, 'main', 'lib', '.git'), 'gitdir: ../.git/modules/lib\n')
  expect(await projectNamespace(join(folder, 'feature'))).toBe('main')
  expect(await projectNamespace(join(folder, 'main', 'lib'))).toBe('lib')
})
