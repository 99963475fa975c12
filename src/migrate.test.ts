/**
 * A peer's search index moves between its folder and a real Postgres server: the same digests, orders of recall and vectors there, and
 * nothing is embedded or made anew. Again it does nothing; damage, a cut, another log and a running peer change nothing.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { AgentId, Namespace } from '../crdt/ids.ts'
import { runCli, succeeded } from './cli/testing/run-cli.ts'
import { startEndpoint, type Endpoint } from './embedding/endpoint.test-support.ts'
import { initMesh } from './membership/found.ts'
import { randomOfSystem } from './membership/stopped.ts'
import { startNode, type RunningNode } from './node.ts'
import { migrateFolder, type MigrateAnswer } from './node/migrate.ts'
import { missingServer, startServer, type Server } from './projection/testing/postgres-server.ts'
import { logTo } from './testing/log.ts'

const NAMESPACE = 'default' as Namespace
const AGENT = 'ai:tester' as AgentId
const PATIENCE = { timeout: 60_000, interval: 50 }
const MEMORIES = 40
const QUESTIONS = ['harbour 7', 'die Häfen', 'nothing of the kind']

/** Letters that no other has, so that no two are equally near. */
const own = (n: number): string =>
  Array.from({ length: 4 }, (_, i) => ((n + 2) ** 5 * (7_919 + i)).toString(36)).join(' ')

const reason = await missingServer()
describe.skipIf(reason !== null)(`rows move${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'mnemesh-migrate-'))
  const dir = join(folder, 'peer')
  const said: string[] = []
  let server: Server
  let endpoint: Endpoint
  let url = ''
  let schema = ''
  let running: RunningNode | null = null
  const made: string[] = []

  const start = async (projection: string): Promise<RunningNode> =>
    (running = await startNode({
      dir,
      host: '127.0.0.1',
      port: 0,
      peers: [],
      quorum: 1,
      projection,
      keys: [],
      embedder: {
        settings: {
          kind: 'openai',
          url: endpoint.url,
          model: 'hashing',
          dim: null,
          document_prefix: '',
          query_prefix: '',
        },
        key: null,
      },
      log: logTo(said),
    }))
  const stop = async (): Promise<void> => {
    await running?.stop()
    running = null
  }
  const restarted = async (projection: string): Promise<RunningNode> => {
    await stop()
    return start(projection)
  }
  /** What a client sees, when all is there. Of a search the first three: further down engines round nearly equal distances differently. */
  const seen = async ({ node }: RunningNode) => {
    await vi.waitFor(async () => {
      expect((await node.health()).projection_lag).toBe(0)
      const { total } = await node.stats({})
      expect((await node.capabilities()).embedder).toMatchObject({ waiting: 0, embedded: total })
    }, PATIENCE)
    const { projection } = await node.digests()
    const found = await Promise.all(QUESTIONS.map(async (q) => node.recall({ q, limit: 3 }, {})))
    return {
      projection,
      embedder: (await node.capabilities()).embedder,
      found: found.map(({ mode, memories }) => [mode, memories.map(({ id }) => id)]),
      total: (await node.stats({}))['total'],
    }
  }
  const migrate = (from: string, to: string, keep = false): Promise<MigrateAnswer> =>
    migrateFolder({ dir, from, to, keep, log: (line) => said.push(line) })
  const inSchema = (statement: string, at = url): Promise<readonly unknown[]> =>
    server.ask(statement.replaceAll('SCHEMA', schema), [], at)

  beforeAll(async () => {
    server = await startServer()
    endpoint = await startEndpoint()
    url = await server.createDatabase(`mnemesh_migrate_${process.pid}`)
    await initMesh({ dir, name: 'alone', clock: { now: () => Date.now() }, random: randomOfSystem })
    const { node } = await start('pglite')
    for (let n = 0; n < MEMORIES; n++)
      made.push(
        (
          await node.remember(
            NAMESPACE,
            n % 5 === 0
              ? { content: `Die Schiffe liegen seit gestern in den Häfen, und niemand weiß, warum: ${own(n)}.` }
              : {
                  title: `harbour ${n}`,
                  content: `a "ship" \\ of {harbour} ${own(n)}, NULL`,
                  tags: ['a,b', '"q"', `t${n}`],
                },
            { agent: AGENT },
          )
        ).id,
      )
    schema = `mnemesh_${(await node.health()).peer_id.slice(0, 16)}`
  }, 120_000)
  afterEach(stop, 60_000)
  afterAll(async () => {
    await server?.stop()
    await endpoint?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('to a server and back: what is seen is the same, and nothing is embedded or made anew', async () => {
    const before = await seen(await restarted('pglite'))
    expect(before.embedder).toMatchObject({ embedded: MEMORIES })
    expect(before.found[0]).toEqual(['hybrid', expect.arrayContaining([made[7]])])
    await stop()
    const texts = new Set(endpoint.requests.flatMap(({ input }) => input))
    endpoint.requests.length = 0
    said.length = 0
    const steps: number[] = []
    const moved = await migrateFolder({
      dir,
      from: 'pglite',
      to: url,
      keep: false,
      log: (line) => said.push(line),
      onProgress: (done, total) => steps.push(done / total),
    })
    expect(moved).toMatchObject({
      outcome: 'moved',
      memories: MEMORIES,
      vectors: MEMORIES,
      digest: before.projection,
      commits_behind: 0,
      removed: true,
    })
    expect([steps.toSorted((a, b) => a - b), steps.at(-1)]).toEqual([steps, 1])
    expect(existsSync(join(dir, 'projection/pglite'))).toBe(false)
    expect(await seen(await start(url))).toEqual(before)
    // Numbers are drawn on from where they were, and vectors are added to those that came.
    const { id } = await running!.node.remember(NAMESPACE, { content: 'harbour 7000' }, { agent: AGENT })
    await seen(running!)
    const after = await seen(running!)
    expect(after.embedder).toMatchObject({ embedded: MEMORIES + 1 })
    await stop()

    expect(await migrate(url, 'pglite')).toMatchObject({ outcome: 'moved', digest: after.projection, removed: true })
    expect(await inSchema("select 1 from pg_tables where schemaname = 'SCHEMA'")).toEqual([])
    expect(await seen(await start('pglite'))).toEqual(after)
    const asked = endpoint.requests.flatMap(({ input }) => input)
    expect(asked.filter((text) => /ship|Schiffe/.test(text) && texts.has(text))).toEqual([])
    expect(said).toEqual([])
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
  }, 180_000)

  it('a second time nothing is left to do, and rows that show more are left alone', async () => {
    expect(await migrate('pglite', url, true)).toMatchObject({ outcome: 'moved', removed: false })
    const again = await migrate('pglite', url, true)
    expect(again).toMatchObject({ outcome: 'already', rows: 0, removed: false })
    const { node } = await start(url)
    await node.remember(NAMESPACE, { content: 'one more' }, { agent: AGENT })
    const there = await seen(running!)
    await stop()
    const ahead = await migrate('pglite', url)
    expect(ahead).toMatchObject({ outcome: 'ahead', rows: 0, digest: there.projection, removed: true })
    expect(ahead.digest).not.toBe(again.digest)
    expect(await migrate('pglite', url)).toMatchObject({ outcome: 'already', digest: there.projection, removed: false })
    expect(await migrate(url, 'pglite')).toMatchObject({ outcome: 'moved', digest: there.projection })
  }, 120_000)

  it('cut in the middle it has changed nothing, and a row that was changed is not moved', async () => {
    const whole = await migrate('pglite', url, true)
    const other = await server.createDatabase(`mnemesh_migrated_${process.pid}`)
    const end =
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'mnemesh' and datname = $1"
    let cuts = 0
    const cut = migrateFolder({
      dir,
      from: 'pglite',
      to: other,
      keep: false,
      log: () => undefined,
      onProgress: (done, total) => {
        if (done > total / 2 && cuts++ === 0) void server.ask(end, [new URL(other).pathname.slice(1)])
      },
    })
    // Whether it was quicker than the cut or not: the rows are whole in one of the two places.
    await cut.catch((error: unknown) =>
      expect(String(error)).toMatch(/^\S+: projection: Postgres at \S+ failed: .* it is tried again$/),
    )
    expect(cuts).toBeGreaterThan(0)
    expect(await migrate('pglite', other)).toMatchObject({ digest: whole.digest })

    await inSchema(
      "update SCHEMA.memories set row = replace(row, 'harbour 3', 'harbour 4') where row like '%harbour 3 %' or row like '%harbour 3\"%'",
    )
    await expect(migrate(url, 'pglite')).rejects.toThrow(
      /^a row of memories here is not what it was when it was written; make the rows anew/,
    )
    expect(existsSync(join(dir, 'projection/pglite'))).toBe(true)
    expect(await migrate(other, 'pglite')).toMatchObject({ outcome: 'moved', digest: whole.digest })
    await inSchema('drop schema SCHEMA cascade')
  }, 120_000)

  it('beside a running peer between two servers alone, and never what is of another log', async () => {
    await migrate('pglite', url)
    await start(url)
    const { projection } = await seen(running!)
    const other = await server.createDatabase(`mnemesh_migrated_${process.pid}`)
    await expect(migrate(url, 'pglite')).rejects.toThrow(
      / runs, and its embedded database is open to nobody else: stop it/,
    )
    expect(await migrate(url, other)).toMatchObject({
      outcome: 'moved',
      digest: projection,
      removed: false,
      commits_behind: null,
    })
    await stop()
    expect((await seen(await start(other))).projection).toBe(projection)
    await stop()
    await inSchema("update SCHEMA.cursor set epoch = repeat('0', 32)", other)
    await expect(migrate(other, 'pglite')).rejects.toThrow(/^the rows there are of another log than this folder holds/)
    // The other way round they give way.
    expect(await migrate(url, other)).toMatchObject({ outcome: 'moved', digest: projection, removed: true })
    expect(await migrate(other, 'pglite')).toMatchObject({ digest: projection })
  }, 120_000)

  it('on the command line', async () => {
    const words = (from: string, to: string): string[] => ['migrate', '--data', dir, '--from', from, '--to', to]
    const moved = succeeded(await runCli([...words('pglite', url), '--json']))
    expect(JSON.parse(moved.out)).toMatchObject({ outcome: 'moved', removed: true })
    const back = succeeded(await runCli(words(url, 'pglite')))
    expect(back.out).toMatch(/^moved \d+ memories, \d+ vectors, digest [0-9a-f]{64}\n$/)
    expect(back.err).toMatch(
      /^start it with: mnemesh serve --data \S+ --projection pglite; where they were the rows are gone$/m,
    )
    expect(await runCli(words('pglite', 'pglite'))).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/^error: .*name the same place\n$/),
    })
    expect(await runCli(words('pglite', 'none'))).toMatchObject({ exit: 2 })
    const away = await runCli(words('pglite', 'postgres://me:secret@127.0.0.1:1/nowhere'))
    expect([away.exit, away.err]).toEqual([
      1,
      expect.stringMatching(/^error: projection: Postgres at 127\.0\.0\.1:1\/nowhere failed: [^\n]*\n$/),
    ])
    const bare = await runCli(words(url, 'pglite'))
    expect([bare.exit, JSON.parse(succeeded(await runCli([...words(url, 'pglite'), '--json'])).out)]).toEqual([
      0,
      expect.objectContaining({ outcome: 'already' }),
    ])
  }, 120_000)
})
