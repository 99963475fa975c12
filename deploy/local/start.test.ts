/**
 * What a person does first: `npm start`, an import, a recall, Ctrl-C, and again; and what they are told when it cannot be.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isAlive, mnemesh, mnemeshOk, startMnemesh, type Ended, type LastingChild } from './command.ts'
import { allMemories, callsTo, expecting, listIn, textsOf, type Call } from './http.ts'
import { freePorts } from './ports.ts'
import { until } from './until.ts'

/** Twenty seconds are promised; what is tried here is that it comes, on a machine that other tests share. */
const UP_MS = 45_000
const RECALL_MS = 2_000
const MESSAGES = [
  'Make the ledger idempotent',
  'Rotate deploy keys on Fridays',
  'Teach the parser about trailing commas',
]

const run = promisify(execFile)
const children: LastingChild[] = []
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-start-'))
})
afterAll(async () => {
  for (const child of children) if (child.ending() === null) child.signal('SIGKILL')
  await Promise.all(children.map((child) => child.ended))
  await rm(dir, { recursive: true, force: true })
})

const serve = (...words: readonly string[]): LastingChild => {
  const child = startMnemesh(['serve', '--projection', 'none', '--until-stdin-ends', ...words])
  children.push(child)
  return child
}
const ready = (child: LastingChild): Promise<string> =>
  until(
    'the peer is ready',
    UP_MS,
    async () => / ready at (\S+)/.exec(child.stdout())?.[1] ?? null,
    () => child.stderr(),
  )
/** One line on standard error, nothing on standard output, and this status. */
const assertRefusal = (ended: Ended, code: number, cause: RegExp): void => {
  expect([ended.code, ended.stdout]).toEqual([code, ''])
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(ended.stderr).toMatch(cause)
}

describe('npm start', () => {
  const peersOf = (first: number): readonly Call[] => [0, 1, 2].map((n) => callsTo(`http://127.0.0.1:${first + n}`))
  const startAll = async (env: Readonly<Record<string, string>>): Promise<LastingChild> => {
    const fleet = startMnemesh(['fleet'], env, 'ignore')
    children.push(fleet)
    const isUp = await until(
      'all three are up',
      UP_MS,
      async () => {
        if (fleet.ending() !== null) return false
        return fleet.stdout().includes('3 peers') && fleet.stdout().includes('Ctrl-C') ? true : null
      },
      () => fleet.stderr(),
    )
    if (!isUp) throw new Error(`it ended instead of coming up: ${fleet.stderr()}`)
    return fleet
  }
  /** Each peer's own word on its process. */
  const pidsOf = (data: string): Promise<readonly number[]> =>
    Promise.all(
      [1, 2, 3].map(
        async (n) =>
          (JSON.parse(await readFile(join(data, `peer-${n}`, 'run.json'), 'utf8')) as { readonly pid: number }).pid,
      ),
    )
  const stopAll = async (fleet: LastingChild, data: string): Promise<void> => {
    const pids = await pidsOf(data)
    expect(pids.map(isAlive)).toEqual([true, true, true])
    fleet.signal('SIGINT')
    const { code, stderr } = await fleet.ended
    expect([code, stderr.match(/has died/g)]).toEqual([0, null])
    expect(pids.map(isAlive)).toEqual([false, false, false])
  }
  const git = (repository: string, ...words: readonly string[]) =>
    run(
      'git',
      ['-c', 'user.name=Robin', '-c', 'user.email=robin@example.org', '-c', 'commit.gpgsign=false', ...words],
      { cwd: repository },
    )

  test('starts three peers that find an imported commit; Ctrl-C stops them; a second start has everything', async () => {
    const repository = join(dir, 'repository')
    await mkdir(repository)
    await git(repository, 'init', '-q')
    for (const [i, message] of MESSAGES.entries()) {
      await writeFile(join(repository, `file-${i}.txt`), message)
      await git(repository, 'add', '.')
      await git(repository, 'commit', '-q', '-m', message)
    }
    const first = await freePorts(3)
    const data = join(dir, 'mesh')
    const env = { MNEMESH_PORT: String(first), MNEMESH_DATA: data }
    const peers = peersOf(first)
    const [one, , three] = peers
    if (one === undefined || three === undefined) throw new Error('three peers')

    let fleet = await startAll(env)
    for (const port of [first, first + 1, first + 2]) expect(fleet.stdout()).toContain(`http://127.0.0.1:${port}`)
    for (const call of peers)
      expect(await expecting(200, call('GET', '/health'))).toMatchObject({
        status: 'ok',
        members: 3,
        voters: 3,
        quorum: 2,
      })
    // The search index opens behind the door; what is timed is what comes after it.
    for (const call of peers)
      await until('the search index is there', UP_MS, async () =>
        (await call('GET', '/health')).body['projection_lag'] === 0 ? true : null,
      )

    const into = ['--namespace', 'history', '--url', `http://127.0.0.1:${first}`]
    await mnemeshOk(['import', repository, ...into])
    const recall = async () =>
      listIn(
        await expecting(
          200,
          three('POST', '/recall', { body: { q: 'when are deploy keys rotated', namespace: 'history' } }),
        ),
        'memories',
      )
    const [best] = await until('the third peer finds the commit', RECALL_MS, async () => {
      const found = await recall()
      return found.length > 0 ? found : null
    })
    expect(`${String(best?.['title'])} ${String(best?.['content'])}`).toContain('Rotate deploy keys on Fridays')
    const imported = textsOf(await allMemories(one, 'history'), 'id')
    expect(imported.length).toBeGreaterThanOrEqual(MESSAGES.length)
    await mnemeshOk(['import', repository, ...into])
    expect(textsOf(await allMemories(one, 'history'), 'id')).toEqual(imported)
    await stopAll(fleet, data)

    fleet = await startAll(env)
    for (const call of peers) {
      await until('the search index is there', UP_MS, async () =>
        (await call('GET', '/health')).body['projection_lag'] === 0 ? true : null,
      )
      expect(textsOf(await allMemories(call, 'history'), 'id')).toEqual(imported)
    }
    await stopAll(fleet, data)
  }, 120_000)

  test('says which port is in use', async () => {
    const first = await freePorts(3)
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(first + 1, '127.0.0.1', resolve))
    try {
      assertRefusal(
        await mnemesh(['fleet'], { MNEMESH_PORT: String(first), MNEMESH_DATA: join(dir, 'unused') }),
        1,
        new RegExp(`port ${first + 1} is in use.*MNEMESH_PORT`),
      )
    } finally {
      await new Promise((resolve) => holder.close(resolve))
    }
    assertRefusal(
      await mnemesh(['fleet'], { MNEMESH_PORT: 'many', MNEMESH_DATA: join(dir, 'unused') }),
      2,
      /MNEMESH_PORT/,
    )
  })
})

describe('one line says why not', () => {
  const folder = (name: string): string => join(dir, name)
  const invite = async (...words: readonly string[]): Promise<string> =>
    (await mnemeshOk(['mesh', 'invite', '--data', folder('home'), ...words])).trim()
  const joinWith = (token: string, name: string) =>
    mnemesh(['mesh', 'join', token, '--data', folder(name), '--name', name])
  let url: string
  beforeAll(async () => {
    await mnemeshOk(['mesh', 'init', '--data', folder('home'), '--name', 'home'])
    url = await ready(serve('--data', folder('home'), '--port', '0'))
  }, 60_000)

  test('serving', async () => {
    const port = new URL(url).port
    const serving = (...words: readonly string[]) => mnemesh(['serve', '--projection', 'none', ...words])
    await mnemeshOk(['mesh', 'init', '--data', folder('second'), '--name', 'second'])
    await writeFile(folder('a-file'), 'no folder')
    await Promise.all([
      serving('--data', folder('second'), '--port', port).then((ended) =>
        assertRefusal(ended, 1, new RegExp(`${port}.*in use`)),
      ),
      serving('--data', folder('home'), '--port', '0').then((ended) =>
        assertRefusal(ended, 1, /in use|locked|is open/),
      ),
      serving('--data', folder('nothing-here'), '--port', '0').then((ended) =>
        assertRefusal(ended, 1, /belongs to no mesh/),
      ),
      serving('--data', folder('a-file'), '--port', '0').then((ended) => assertRefusal(ended, 1, /a-file/)),
      serving('--data', folder('second'), '--port', '0', '--peer', 'http://127.0.0.1:1/mesh').then((ended) =>
        assertRefusal(ended, 2, /ws:\/\/host:port\/mesh/),
      ),
      serving('--data', folder('second'), '--port', '0', '--host', '0.0.0.0').then((ended) =>
        assertRefusal(ended, 2, /key/),
      ),
      serving('--data', folder('second')).then((ended) => assertRefusal(ended, 2, /--port/)),
      mnemesh(['no-such-verb']).then((ended) => assertRefusal(ended, 2, /no-such-verb/)),
    ])
  }, 40_000)

  test('a peer that nobody can reach is not the end: it serves, and health says so', async () => {
    const child = serve('--data', folder('second'), '--port', '0', '--peer', 'ws://127.0.0.1:1/mesh', '--quorum', '1')
    const at = await ready(child)
    expect((await expecting(200, callsTo(at)('GET', '/health')))['connected']).toBe(0)
    child.signal('SIGTERM')
    expect((await child.ended).code).toBe(0)
  })

  test('joining', async () => {
    const used = await invite()
    await mnemeshOk(['mesh', 'join', used, '--data', folder('joined'), '--name', 'joined'])
    assertRefusal(await joinWith(used, 'again'), 1, /token has been used/)
    assertRefusal(await joinWith(await invite(), 'joined'), 1, /member of this mesh already/)
    assertRefusal(await joinWith('no-token-at-all', 'nobody'), 1, /no invite token/)
    assertRefusal(await joinWith(`${used.slice(0, -6)}AAAAAA`, 'nobody'), 1, /token/)

    // By the time that the next process has started, it is over.
    assertRefusal(await joinWith(await invite('--ttl', '1ms'), 'late'), 1, /token expired/)

    // A token of another mesh, for a folder of this one.
    await mnemeshOk(['mesh', 'init', '--data', folder('abroad'), '--name', 'abroad'])
    const foreign = (await mnemeshOk(['mesh', 'invite', '--data', folder('abroad')])).trim()
    assertRefusal(await joinWith(foreign, 'joined'), 1, /another mesh/)
    assertRefusal(await mnemesh(['mesh', 'invite', '--data', folder('joined')]), 1, /authority key/)
    assertRefusal(await mnemesh(['mesh', 'invite', '--data', folder('home'), '--role', 'king']), 2, /voter/)
  }, 60_000)

  test('asking where nobody is', async () => {
    assertRefusal(await mnemesh(['status', '--url', 'http://127.0.0.1:1']), 1, /127\.0\.0\.1:1/)
    assertRefusal(await mnemesh(['import', folder('not-there'), '--url', url]), 1, /not-there/)
    assertRefusal(await mnemesh(['get', '00000000-0000-7000-8000-000000000000', '--url', url]), 1, /.+/)
  }, 30_000)
})
