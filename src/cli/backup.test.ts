/** `backup` and `snapshot` as they are typed: what is asked for, where it goes, what is printed. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCli, succeeded } from './testing/run-cli.ts'

const root = mkdtempSync(join(tmpdir(), 'mnemesh-cli-backup-'))
const dir = join(root, 'peer')
const home = { HOME: root, XDG_DATA_HOME: join(root, 'data') }
beforeAll(async () => {
  succeeded(await runCli(['mesh', 'init', '--data', dir, '--name', 'a', '--recovery', 'none']))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1)!

test('backup --to makes one, and its last line is the manifest', async () => {
  const to = join(root, 'kept')
  const made = succeeded(await runCli(['backup', '--data', dir, '--to', to, '--keep', '3']))
  const manifest = lastLine(made.out)
  expect(manifest.startsWith(join(to, 'backups/'))).toBe(true)
  expect(existsSync(manifest)).toBe(true)
  expect(made.err).toContain('secret key')
  expect(JSON.parse(succeeded(await runCli(['backup', 'verify', to, '--json'])).out)).toMatchObject({ ok: true })
  const again = join(root, 'again')
  expect(succeeded(await runCli(['backup', 'restore', manifest, '--data', again])).out).toContain('restored')
  expect(await runCli(['backup', 'restore', manifest, '--data', again])).toMatchObject({
    exit: 1,
    err: expect.stringContaining('is not empty') as string,
  })
})

test('snapshots lie beside the folder', async () => {
  const manifest = lastLine(succeeded(await runCli(['snapshot', 'create', '--data', `${dir}/`])).out)
  expect(manifest.startsWith(`${dir}.snapshots/backups/`)).toBe(true)
  const { count } = JSON.parse(succeeded(await runCli(['snapshot', 'list', '--data', dir, '--json'])).out) as {
    count: number
  }
  expect(count).toBe(1)
  expect(succeeded(await runCli(['snapshot', 'verify', '--data', dir])).out).toContain('whole')
  const words = ['snapshot', 'restore', `${dir}.snapshots`, '--data', join(root, 'from-snapshot')]
  expect(succeeded(await runCli(words)).err).toContain('mnemesh serve')
})

test('without --data the folder is that of the own peer, where there is one', async () => {
  expect(await runCli(['backup', '--to', join(root, 'x')], { env: home })).toMatchObject({
    exit: 2,
    err: expect.stringContaining('--data DIR') as string,
  })
  const own = join(home.XDG_DATA_HOME, 'mnemesh', 'peer')
  succeeded(await runCli(['mesh', 'init', '--data', own, '--name', 'own', '--recovery', 'none']))
  expect(succeeded(await runCli(['backup', '--to', join(root, 'x')], { env: home })).out).toContain('kept')
  expect((await runCli(['snapshot', 'list'], { env: home })).err).toContain(`${own}.snapshots`)
})
