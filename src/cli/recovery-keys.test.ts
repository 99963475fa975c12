/** `mesh init` and the recovery keys that it makes: printed, in JSON, as files, none. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { publicKeyHex } from '../../crdt/signature.ts'
import { readRecoveryKey } from '../membership/recovery-keys.ts'
import { runCli, succeeded } from './testing/run-cli.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mnemesh-keys-'))
})
afterEach(() => rm(root, { recursive: true }))

test('mesh init prints them once, on the output that a pipe takes; with --recovery-out they are files of their owner alone', async () => {
  const words = (name: string, ...more: string[]) =>
    runCli(['mesh', 'init', '--data', join(root, name), '--name', name, ...more], { seed: name.charCodeAt(0) })
  const printed = succeeded(await words('a'))
  expect(printed.out.match(/^mnemesh-recovery-\S+$/gm)).toHaveLength(3)
  expect(printed.err).toContain('any 2 of the 3')
  const json = JSON.parse(succeeded(await words('b', '--json', '--recovery', '3/4')).out) as {
    recovery: { keys: string[] }
  }
  expect(json.recovery).toMatchObject({ threshold: 3, of: 4, files: [] })
  expect(json.recovery.keys.map((key) => publicKeyHex(readRecoveryKey(key)))).toHaveLength(4)
  const filed = succeeded(await words('c', '--recovery', '1/1', '--recovery-out', join(root, 'keys')))
  expect(filed.out).not.toContain('mnemesh-recovery-')
  const path = join(root, 'keys', 'recovery-1.key')
  expect(publicKeyHex(readRecoveryKey(await readFile(path, 'utf8')))).toHaveLength(64)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  const again = await words('d', '--recovery', '1/1', '--recovery-out', join(root, 'keys'))
  expect([again.exit, again.err]).toEqual([1, expect.stringContaining('EEXIST')])
  const none = succeeded(await words('e', '--recovery', 'none'))
  expect(none.out + none.err).not.toContain('recovery')
  expect((await words('f', '--recovery', '1/2')).exit).toBe(2)
})
