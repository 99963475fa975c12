/** A recovery in folders: cut short anywhere, submitted in the wrong place or too late, signed by too few or the wrong keys. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { publicKeyHex } from '../../crdt/signature.ts'
import { requireIdentity } from './folder.ts'
import { foundMesh } from './found.ts'
import { listMembers } from './index.ts'
import { prepareRecovery, signRecoveryFile, submitRecovery } from './recover.ts'

const saying = {
  clock: { now: () => Date.UTC(2026, 0, 1) },
  random: { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) },
}
let root: string
let keys: readonly string[]
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mnemesh-recover-'))
  const { recovery } = await foundMesh({
    name: 'm',
    founders: ['a', 'b', 'c'].map((name) => ({ dir: at(name), name })),
    recovery: { threshold: 2, count: 3 },
    ...saying,
  })
  keys = recovery.keys
})
afterEach(() => rm(root, { recursive: true }))

const at = (name: string): string => join(root, name)
const prepare = async (dir: string, ...without: readonly string[]): Promise<string> =>
  (await prepareRecovery({ dir: at(dir), without, ...saying })).text
const sign = (text: string, ...which: readonly number[]): string =>
  which.reduce((file, n) => signRecoveryFile({ text: file, key: keys[n]! }).text, text)
const out = async (dir: string): Promise<string> =>
  (await listMembers({ dir: at(dir) }))
    .filter(({ revoked }) => revoked)
    .map(({ name }) => name)
    .join()
const governs = async (dir: string): Promise<string | null> => {
  const { authority } = await requireIdentity(at(dir))
  return authority && publicKeyHex(authority)
}

test('the folder in which it is submitted gets the key that it names, and those who are lost are out', async () => {
  expect(await governs('c')).toBeNull()
  const says = await submitRecovery({ dir: at('c'), text: sign(await prepare('c', 'a', 'b'), 0, 2) })
  expect([says.authority, await out('c')]).toEqual([await governs('c'), 'a,b'])
  expect(says.signed_by).toHaveLength(2)
})

test.each(['before the log has it', 'before the key is in place'])(
  'cut short %s it is asked for again',
  async (when) => {
    const text = sign(await prepare('c', 'a', 'b'), 0, 1)
    const [secret, recovering] = await Promise.all(
      ['identity.json', 'recovering.json'].map((name) => readFile(join(at('c'), name))),
    )
    if (when === 'before the key is in place') {
      await submitRecovery({ dir: at('c'), text })
      await writeFile(join(at('c'), 'identity.json'), secret!)
      await writeFile(join(at('c'), 'recovering.json'), recovering!)
      expect(await governs('c')).toBeNull()
    }
    const says = await submitRecovery({ dir: at('c'), text })
    expect([await governs('c'), await out('c')]).toEqual([says.authority, 'a,b'])
    expect(await submitRecovery({ dir: at('c'), text })).toEqual(says)
  },
)

test('prepared again, it names the same key, so that what was signed first still fits', async () => {
  const first = sign(await prepare('c', 'a'), 0, 1)
  await prepare('c', 'a', 'b')
  await submitRecovery({ dir: at('c'), text: first })
  expect(await out('c')).toBe('a')
})

test('too few signatures, one key twice, and keys of another mesh are refused, and change nothing', async () => {
  const text = await prepare('c', 'a')
  const other = (
    await foundMesh({
      name: 'o',
      founders: [{ dir: at('o'), name: 'o' }],
      recovery: { threshold: 2, count: 2 },
      ...saying,
    })
  ).recovery.keys
  const foreign = other.reduce((file, key) => signRecoveryFile({ text: file, key }).text, text)
  for (const [file, why] of [
    [text, 'it has 0'],
    [sign(text, 1), 'it has 1'],
    [sign(text, 1, 1), 'it has 1'],
    [foreign, '2 of its signatures are by no recovery key'],
  ] as const) {
    await expect(submitRecovery({ dir: at('c'), text: file })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining(why),
    })
  }
  await expect(submitRecovery({ dir: at('o'), text: sign(text, 0, 1) })).rejects.toMatchObject({ code: 'wrong_mesh' })
  await expect(submitRecovery({ dir: at('b'), text: sign(text, 0, 1) })).rejects.toMatchObject({
    code: 'forbidden',
    message: expect.stringContaining('submit it where it was prepared'),
  })
  expect([await out('c'), await governs('c')]).toEqual(['', null])
})

test('what the log has gone beyond is prepared again', async () => {
  const late = sign(await prepare('c', 'a'), 0, 1)
  const recovering = await readFile(join(at('c'), 'recovering.json'))
  await submitRecovery({ dir: at('c'), text: sign(await prepare('c', 'b'), 1, 2) })
  await writeFile(join(at('c'), 'recovering.json'), recovering)
  await expect(submitRecovery({ dir: at('c'), text: late })).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('has gone on'),
  })
  const again = sign(await prepare('c', 'a'), 0, 2)
  await submitRecovery({ dir: at('c'), text: again })
  expect(await out('c')).toBe('a,b')
})

test('a mesh without recovery keys, without a voter that stays, or recovered by who is to go, is told so', async () => {
  await foundMesh({ name: 'n', founders: [{ dir: at('n'), name: 'n' }], ...saying })
  await expect(prepare('n')).rejects.toMatchObject({
    code: 'forbidden',
    message: expect.stringContaining('without recovery keys'),
  })
  await expect(prepare('c', 'c')).rejects.toMatchObject({ code: 'conflict' })
  await expect(prepare('c', 'nobody')).rejects.toMatchObject({ code: 'not_found' })
})

test('a file that is none, or was changed in any one character of its commit, is refused or signed by nobody', async () => {
  for (const text of [
    '',
    '{}',
    '[]',
    'null',
    '{"kind":"mnemesh recovery 1","commit":"zz"}',
    '{"kind":"mnemesh recovery 1","commit":7}',
    'x'.repeat(1_000_000),
  ]) {
    expect(() => signRecoveryFile({ text, key: keys[0]! })).toThrow('holds no recovery')
  }
  const text = sign(await prepare('c', 'a'), 0, 1)
  const from = text.indexOf('"commit": "') + 11
  for (let i = from; i < text.length - 5; i += 37) {
    const changed = `${text.slice(0, i)}${text[i] === '0' ? '1' : '0'}${text.slice(i + 1)}`
    await expect(submitRecovery({ dir: at('c'), text: changed }), String(i)).rejects.toThrow(/recover/)
  }
  expect(await out('c')).toBe('')
})
