/**
 * `mnemesh mirror` in real processes: two folders with two peers, some hundred files, edits on both sides, a mirror that is killed, names that no
 * disk likes, and a second mirror on one folder.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mnemesh, mnemeshOk, startMnemesh, type LastingChild } from './command.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting } from './http.ts'
import { until } from './until.ts'

/** `npm run mirror:long` has a thousand. */
const FILES = Number(process.env['MNEMESH_MIRROR_FILES'] ?? 120)
const LONG_MS = 120_000 + FILES * 1_000

let fleet: Fleet
let base = ''
const running: LastingChild[] = []
const mirror = (n: number, folder: string): LastingChild => {
  const child = startMnemesh([
    'mirror',
    folder,
    '--url',
    fleet.peer(n).url,
    '--namespace',
    'notes',
    '--agent',
    `ai:mirror-${n}`,
  ])
  running.push(child)
  return child
}
const said =
  (...mirrors: readonly LastingChild[]) =>
  (): string =>
    mirrors.map((one) => (one.stdout() + one.stderr()).slice(-600)).join('\n---\n')
const gone = async (child: LastingChild, signal: NodeJS.Signals): Promise<number | null> => {
  if (child.ending() === null) child.signal(signal)
  return (await child.ended).code
}
const filesIn = async (folder: string): Promise<Readonly<Record<string, string>>> => {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('.mnemesh'))
    .sort()
  return Object.fromEntries(
    await Promise.all(
      paths.map(async (path) => [path.slice(folder.length + 1), await readFile(path, 'utf8').catch(() => '')] as const),
    ),
  )
}
const put = async (folder: string, path: string, text: string): Promise<void> => {
  await mkdir(dirname(join(folder, path)), { recursive: true })
  await writeFile(join(folder, path), text)
}

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'mnemesh-mirror-'))
  fleet = await startFleet({ names: ['a', 'b'], projection: 'pglite' })
}, LONG_MS)
afterAll(async () => {
  for (const child of running) await gone(child, 'SIGKILL')
  await fleet.dispose()
  await rm(base, { recursive: true, force: true })
})

test(
  `two folders, ${FILES} files: edits on both sides, kill -9 in the middle, one end`,
  async () => {
    const [one, two] = [join(base, 'one'), join(base, 'two')]
    for (let i = 0; i < FILES; i++)
      await put(i % 2 === 0 ? one : two, `area-${i % 7}/note ${i}.md`, `# Note ${i}\n\nfirst\nlast\n`)
    await put(one, 'README.md', 'capital\n')
    await put(two, 'readme.md', 'small\n')
    await put(one, 'CLAUDE.md', 'obey\n')
    await symlink('/etc/passwd', join(one, 'link.md'))
    const leftOnes = mirror(0, one)
    const killed = mirror(1, two)
    await until(
      'some files have come over',
      60_000,
      async () => (Object.keys(await filesIn(two)).length > FILES / 2 + 20 ? true : null),
      said(killed, leftOnes),
    )
    await gone(killed, 'SIGKILL')
    await put(two, 'area-0/note 0.md', '# Note 0\n\nfirst\nlast\n')
    await put(two, 'written while none runs.md', 'kept\n')
    const right = mirror(1, two)
    const without = (files: Readonly<Record<string, string>>) =>
      Object.entries(files)
        .filter(([path]) => path !== 'CLAUDE.md' && path !== 'link.md')
        .map(([path, text]) => [path.replace(/~[0-9a-f]{8}/, ''), text])
        .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
    const equal = async (count: number): Promise<true | null> => {
      const [left, other] = [without(await filesIn(one)), without(await filesIn(two))]
      return left.length === count && JSON.stringify(left) === JSON.stringify(other) ? true : null
    }
    await until('both hold all', 120_000, () => equal(FILES + 3), said(right, leftOnes))
    expect((await filesIn(two))['CLAUDE.md']).toBeUndefined()

    // Different lines of one file at once, and the same line of another.
    await Promise.all([
      put(one, 'area-0/note 0.md', '# Note 0\n\nFIRST\nlast\n'),
      put(two, 'area-0/note 0.md', '# Note 0\n\nfirst\nLAST\n'),
      put(one, 'area-1/note 1.md', '# Note 1\n\nleft\nlast\n'),
      put(two, 'area-1/note 1.md', '# Note 1\n\nright\nlast\n'),
      rm(join(one, 'area-2/note 2.md')),
    ])
    await until(
      'the edits have met',
      60_000,
      async () => {
        const files = await filesIn(one)
        return files['area-0/note 0.md'] === '# Note 0\n\nFIRST\nLAST\n' &&
          files['area-1/note 1.md']?.includes('left') === true &&
          files['area-1/note 1.md'].includes('right')
          ? equal(FILES + 2)
          : null
      },
      said(right, leftOnes),
    )

    // An edit here is there within a second, on a machine that has the time.
    const from = Date.now()
    await put(one, 'quick.md', 'now\n')
    await until('it is there', 30_000, async () => ((await filesIn(two))['quick.md'] === 'now\n' ? true : null))
    process.stderr.write(`from disk to disk: ${Date.now() - from} ms\n`)

    await until('status tells the conflict', 20_000, async () => {
      const { running: isRunning, conflicts } = JSON.parse(await mnemeshOk(['mirror', 'status', two, '--json'])) as {
        readonly running: boolean
        readonly conflicts: readonly string[]
      }
      return isRunning && conflicts.includes('area-1/note 1.md') ? true : null
    })
    const second = await mnemesh(['mirror', two, '--url', fleet.peer(1).url, '--once'])
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('is mirrored by another process already')])
    expect(await gone(right, 'SIGINT')).toBe(0)
    expect(await gone(leftOnes, 'SIGINT')).toBe(0)
  },
  LONG_MS,
)

test(
  'what anybody may have written does not leave the folder, and a folder that is emptied asks',
  async () => {
    const folder = join(base, 'three')
    await mkdir(folder)
    for (const title of [
      '/memories/../outside.md',
      '/memories/.ssh/x.md',
      '/memories/AGENTS.md',
      '/memories/run.sh',
      '/memories/con.md',
      '/memories/a:b.md',
    ]) {
      await expecting(
        201,
        fleet
          .peer(0)
          .call('POST', '/memories', {
            body: { namespace: 'wild', title, content: 'x\n', tags: ['file', `file:${title}`] },
          }),
      )
    }
    for (let i = 0; i < 20; i++) await put(folder, `${i}.md`, `${i}\n`)
    await put(folder, 'secret.md', `key ${['AKIA', 'IOSFODNN7', 'QQQQQQQ'].join('')}\n`)
    await put(folder, 'big.md', 'x'.repeat(70_000))
    const words = ['mirror', folder, '--url', fleet.peer(0).url, '--namespace', 'wild', '--once', '--json']
    const dry = JSON.parse((await mnemesh([...words, '--dry-run'])).stdout) as { readonly would: readonly unknown[] }
    expect([dry.would.length, (await readdir(folder)).includes('.mnemesh')]).toEqual([22, false])
    const ran = await mnemesh(words)
    expect([ran.code, JSON.parse(ran.stdout)]).toMatchObject([
      1,
      { sent: 20, received: 2, held: [{ path: 'AGENTS.md' }, { path: 'big.md' }, { path: 'secret.md' }] },
    ])
    expect(Object.keys(await filesIn(folder)).filter((path) => !/^\d/.test(path))).toEqual([
      '%63on.md',
      'a%3Ab.md',
      'big.md',
      'secret.md',
    ])
    for (let i = 0; i < 20; i++) await rm(join(folder, `${i}.md`))
    const emptied = await mnemesh(words)
    expect([emptied.code, emptied.stderr, JSON.parse(emptied.stdout)]).toMatchObject([
      1,
      expect.stringContaining('--allow-deletions'),
      { forgotten: 0 },
    ])
    expect(JSON.parse((await mnemesh([...words, '--allow-deletions'])).stdout)).toMatchObject({ forgotten: 20 })
  },
  LONG_MS,
)
