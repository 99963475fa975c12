/** A folder that cannot be made is an error, and soon. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder } from './make-folder.ts'

/** /proc is Linux's. */
test.skipIf(process.platform !== 'linux')(
  'ends where the system makes nothing, from which `mkdir` with `recursive` never comes back',
  async () => {
    await expect(makeFolder('/proc/mnemesh/x/y', 0o700)).rejects.toMatchObject({ code: 'ENOENT' })
  },
)

test('makes what is missing, and leaves what is there', async () => {
  const root = await mkdtemp(join(tmpdir(), 'mnemesh-folder-'))
  const deep = join(root, 'a', 'b', 'c')
  await makeFolder(deep, 0o700)
  await makeFolder(deep, 0o700)
  expect((await stat(deep)).mode & 0o777).toBe(0o700)
  await writeFile(join(root, 'file'), '')
  await expect(makeFolder(join(root, 'file', 'x'), 0o700)).rejects.toMatchObject({ code: 'ENOTDIR' })
  await rm(root, { recursive: true })
})
