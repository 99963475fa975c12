/**
 * A whole peer over a real Postgres server that is cut off, killed, emptied, dropped, filled up: writes go on, nothing wrong is
 * served, health says what is the matter, and in the end the rows are those of a rebuild, digest by digest.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { AgentId, Namespace, RecordId } from '../crdt/ids.ts'
import { initMesh } from './membership/found.ts'
import { joinMesh, makeInvite } from './membership/index.ts'
import { startNode, type RunningNode } from './node.ts'
import { missingServer, startServer, type Server } from './projection/testing/postgres-server.ts'
import { logTo } from './testing/log.ts'

const NAMESPACE = 'default' as Namespace
const AGENT = 'ai:tester' as AgentId
const saying = {
  clock: { now: () => Date.now() },
  random: { bytes: (count: number) => new Uint8Array(randomBytes(count)) },
}
const command = (file: string, ...args: readonly string[]): Buffer => execFileSync(file, args, { stdio: 'pipe' })
const PATIENCE = { timeout: 40_000, interval: 50 }

const reason = await missingServer()
describe.skipIf(reason !== null)(
  `a peer on a server in trouble${reason === null ? '' : ` (skipped: ${reason})`}`,
  () => {
    let server: Server
    const folder = mkdtempSync(join(tmpdir(), 'mnemesh-outages-'))
    const running: RunningNode[] = []
    const said: string[] = []
    let made = 0
    beforeAll(async () => {
      server = await startServer()
    })
    afterEach(async () => {
      for (const node of running.splice(0)) await node.stop()
    }, 60_000)
    afterAll(async () => {
      await server?.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    const start = async (
      dir: string,
      projection: string,
      peers: readonly string[] = [],
      age = false,
    ): Promise<RunningNode> => {
      const node = await startNode({
        dir,
        host: '127.0.0.1',
        port: 0,
        peers,
        quorum: 1,
        projection,
        age,
        keys: [],
        log: logTo(said),
      })
      running.push(node)
      return node
    }
    /** A peer of its own mesh, with ten memories that are in the rows. */
    const peerOn = async (projection: string, age = false): Promise<Subject> => {
      const dir = join(folder, `peer-${++made}`)
      await initMesh({ dir, name: 'alone', ...saying })
      const subject = subjectOf(await start(dir, projection, [], age))
      for (let n = 0; n < 10; n++) await subject.remember(`note ${n} of before`)
      await subject.caughtUp()
      return subject
    }

    type Subject = ReturnType<typeof subjectOf>
    const subjectOf = ({ node, url }: RunningNode) => {
      const remember = async (content: string): Promise<{ readonly id: RecordId; readonly token: string }> =>
        node.remember(NAMESPACE, { content }, { agent: AGENT })
      const search = async (token?: string) =>
        node.recall({ q: 'note', limit: 200 }, token === undefined ? {} : { token, wait_ms: 200 })
      const caughtUp = (): Promise<void> =>
        vi.waitFor(async () => {
          const { projection_lag, reasons } = await node.health()
          expect([projection_lag, reasons.filter((reason) => !reason.startsWith('search does without'))]).toEqual([
            0,
            [],
          ])
        }, PATIENCE)
      return {
        node,
        url,
        remember,
        search,
        caughtUp,
        total: async () => (await node.stats({}))['total'],
        /** That trouble is told: by health, by recall, and by a read that holds a token. */
        inTrouble: async (health: RegExp): Promise<void> => {
          const before = (await node.health()).projection_lag
          const { token } = await remember('note of the outage')
          await expect(search(token)).rejects.toMatchObject({ code: 'not_yet_here' })
          await vi.waitFor(async () => {
            const { status, writes, projection_lag, reasons } = await node.health()
            expect([status, writes, reasons.join()]).toEqual(['degraded', true, expect.stringMatching(health)])
            expect(projection_lag).toBeGreaterThan(before)
          }, PATIENCE)
        },
        /** That all is there again, as a rebuild would have it. */
        isWhole: async (memories: number): Promise<void> => {
          await caughtUp()
          expect((await node.stats({}))['total']).toBe(memories)
          const { projection: digest } = await node.digests()
          expect(digest).toMatch(/^[0-9a-f]{64}$/)
          expect((await node.rebuild()).digest).toBe(digest)
          expect((await search()).memories).toHaveLength(memories)
        },
      }
    }
    /** What a schema is called that belongs to the peer behind `subject`. */
    const schemaOf = async (subject: Subject): Promise<string> =>
      `mnemesh_${(await subject.node.health()).peer_id.slice(0, 16)}`
    const database = (name: string, options?: string): Promise<string> =>
      server.createDatabase(`mnemesh_${name}_${process.pid}`, options)
    const cut = (url: string): Promise<unknown> =>
      server.ask(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'mnemesh' and datname = $1",
        [new URL(url).pathname.slice(1)],
      )

    it('every connection is cut, again and again, while it writes', async () => {
      const url = await database('cut')
      const subject = await peerOn(url)
      for (let n = 0; n < 40; n++) {
        await subject.remember(`note ${n} while cut`)
        if (n % 10 === 5) await vi.waitFor(async () => expect(await cut(url)).not.toEqual([]), PATIENCE)
      }
      await subject.isWhole(50)
      expect(await subject.total()).toBe(50)
    }, 90_000)

    it('the server is killed, and comes back', async ({ skip }) => {
      if (server.own === null) return skip('the server of TEST_DATABASE_URL is not ours to kill')
      const subject = await peerOn(await database('killed'))
      await server.own.kill()
      await expect(subject.search()).rejects.toMatchObject({ code: 'projection_unavailable' })
      await subject.inTrouble(/the search index is behind: .*ECONNREFUSED/)
      await expect(subject.search()).rejects.toMatchObject({ code: 'projection_unavailable' })
      await server.own.start()
      await subject.isWhole(11)
    }, 90_000)

    it('a quiet peer notices, when somebody asks, that the server is gone and that it is back', async ({ skip }) => {
      if (server.own === null) return skip('the server of TEST_DATABASE_URL is not ours to kill')
      const subject = await peerOn(await database('quiet'))
      await server.own.kill()
      await expect(subject.search()).rejects.toMatchObject({ code: 'projection_unavailable' })
      await vi.waitFor(
        async () => expect((await subject.node.health()).reasons.join()).toMatch(/the search index cannot be reached/),
        PATIENCE,
      )
      await server.own.start()
      await subject.caughtUp()
      await subject.isWhole(10)
    }, 90_000)

    it('the database is dropped', async () => {
      const url = await database('dropped')
      const subject = await peerOn(url)
      await server.ask(`drop database ${new URL(url).pathname.slice(1)} with (force)`)
      await subject.remember('note of after')
      await subject.isWhole(11)
      expect(said.join('\n')).toMatch(/was not there and is made anew/)
    }, 90_000)

    it('its schema is dropped, which the next reader finds out', async () => {
      const url = await database('schema')
      const subject = await peerOn(url)
      await server.ask(`drop schema ${await schemaOf(subject)} cascade`, [], url)
      await expect(subject.search()).rejects.toMatchObject({ code: 'projection_unavailable' })
      await subject.isWhole(10)
    }, 90_000)

    it('all its rows are deleted: what follows is not put on top of nothing', async () => {
      const url = await database('emptied')
      const subject = await peerOn(url)
      await server.ask(`truncate ${(await tablesOf(url, await schemaOf(subject))).join()}`, [], url)
      const { token } = await subject.remember('note of after')
      const answer = await vi.waitFor(() => subject.search(token), PATIENCE)
      expect(answer.memories).toHaveLength(11)
      await subject.isWhole(11)
    }, 90_000)

    it('an older copy of its rows is put back: a read with a token is not answered from it', async () => {
      const url = await database('older')
      const subject = await peerOn(url)
      const schema = await schemaOf(subject)
      await server.ask(`create table ${schema}.kept as select * from ${schema}.cursor`, [], url)
      const { token } = await subject.remember('note of after')
      expect((await subject.search(token)).memories).toHaveLength(11)
      await server.ask(
        `update ${schema}.cursor set arrival = kept.arrival, token = kept.token, commits = kept.commits, chains = kept.chains from ${schema}.kept`,
        [],
        url,
      )
      await expect(subject.search(token)).rejects.toMatchObject({ code: 'not_yet_here' })
      await expect(
        subject.node.list({}, { limit: 20 }, { token, wait_ms: 200 }).catch((error: unknown) => error),
      ).resolves.toSatisfy((answer) => 'rows' in answer || answer.code === 'not_yet_here')
      expect((await vi.waitFor(() => subject.search(token), PATIENCE)).memories).toHaveLength(11)
      await subject.isWhole(11)
    }, 90_000)

    it('a batch is cut off half-way: nothing of it shows, then all of it', async () => {
      const url = await database('half')
      const subject = await peerOn(url)
      const schema = await schemaOf(subject)
      const blocker = new pg.Client({ connectionString: url })
      await blocker.connect()
      try {
        await blocker.query(`begin; lock table ${schema}.cursor in share mode`)
        await subject.remember('note of the half')
        await vi.waitFor(async () => expect(await waiting(url)).toBe(1), PATIENCE)
        expect(await subject.total()).toBe(10)
        await cut(url)
        expect(await vi.waitFor(() => subject.total(), PATIENCE)).toBe(10)
        await vi.waitFor(async () => expect(await waiting(url)).toBe(1), PATIENCE)
        expect((await vi.waitFor(() => subject.search(), PATIENCE)).memories).toHaveLength(10)
        await blocker.query('commit')
      } finally {
        await blocker.end()
      }
      await subject.isWhole(11)
    }, 90_000)

    it('the disk under it is full, until it is not', async ({ skip }) => {
      if (server.own === null) return skip('the disk of TEST_DATABASE_URL is not ours to fill')
      const disk = join(server.own.folder, 'small')
      mkdirSync(disk)
      try {
        command('mount', '-t', 'tmpfs', '-o', 'size=32m,mode=0700,uid=65534,gid=65534', 'mnemesh-test', disk)
      } catch (error) {
        return skip(`no small disk to be had: ${String(error).split('\n')[0]}`)
      }
      try {
        await server.ask(`create tablespace small location '${server.own.inside(disk)}'`)
        const url = await database('full', 'tablespace small')
        const subject = await peerOn(url)
        await server.ask('create table filler (bytes text)', [], url)
        for (const size of [1_000_000, 100_000, 8_000]) {
          await expect(
            (async () => {
              for (;;)
                await server.ask(
                  `insert into filler select string_agg(md5(random()::text), '') from generate_series(1, ${size} / 32)`,
                  [],
                  url,
                )
            })(),
          ).rejects.toThrow(/No space left|could not extend/)
        }
        for (let n = 0; n < 30; n++) await subject.remember(`note ${n} ${randomBytes(20_000).toString('hex')}`)
        await subject.inTrouble(/the search index is behind: .*(No space left|could not extend|53100)/)
        expect((await subject.node.get((await subject.remember('note by id')).id, {})).memory.content).toBe(
          'note by id',
        )
        await server.ask('drop table filler', [], url)
        await subject.isWhole(42)
        for (const node of running.splice(0)) await node.stop()
        await server.ask(`drop database ${new URL(url).pathname.slice(1)} with (force)`)
        await server.ask('drop tablespace small')
      } finally {
        command('umount', '--lazy', disk)
      }
    }, 120_000)

    it('two peers share it, each in a schema of its own, and hold the same rows', async () => {
      const url = await database('shared')
      const [one, other] = [join(folder, 'one'), join(folder, 'other')]
      await initMesh({ dir: one, name: 'one', ...saying })
      const first = await start(one, url)
      await joinMesh({
        token: await makeInvite({ dir: one, role: 'voter', ttl_ms: 60_000, ...saying }),
        dir: other,
        name: 'other',
        ...saying,
      })
      const second = await start(other, url, [`${first.url.replace(/^http/, 'ws')}/mesh`])
      const [a, b] = [subjectOf(first), subjectOf(second)]
      for (let n = 0; n < 10; n++) await (n % 2 === 0 ? a : b).remember(`note ${n}`)
      await vi.waitFor(async () => {
        const digests = await Promise.all([a, b].map(({ node }) => node.digests()))
        expect(digests[0]).toMatchObject({ log: digests[1]!.log, projection: digests[1]!.projection })
        expect(await Promise.all([a.total(), b.total()])).toEqual([10, 10])
      }, PATIENCE)
      await a.node.rebuild()
      expect((await b.search()).memories).toHaveLength(10)
      await a.isWhole(10)
      await b.isWhole(10)
      expect(
        await server.ask("select nspname from pg_namespace where nspname like 'mnemesh\\_%' order by 1", [], url),
      ).toHaveLength(2)
    }, 90_000)

    it('its user may make no extension: recall is lexical, health says what it does without, and nothing is amiss', async () => {
      const url = await database('bare')
      await server.ask(
        "create function refuse() returns event_trigger language plpgsql as $$ begin raise insufficient_privilege using message = 'no extensions here'; end $$",
        [],
        url,
      )
      await server.ask(
        "create event trigger refuse_extensions on ddl_command_start when tag in ('CREATE EXTENSION') execute function refuse()",
        [],
        url,
      )
      const subject = await peerOn(url)
      expect(await subject.search()).toMatchObject({ mode: 'lexical' })
      expect(said.join('\n')).toMatch(/recall is lexical, for/)
      expect(await subject.node.health()).toMatchObject({
        status: 'ok',
        reasons: [
          expect.stringMatching(
            /^search does without something: the database has no pg_trgm, .*create extension pg_trgm/,
          ),
        ],
      })
      await subject.isWhole(10)
    }, 90_000)

    it('the graph is asked for, over HTTP and in Cypher, before and after a rebuild', async ({ skip }) => {
      if (!server.extensions.includes('age')) return skip('the server has no Apache AGE')
      const url = await database('graph')
      const subject = await peerOn(url, true)
      const [a, b, c] = [
        await subject.remember('note a'),
        await subject.remember('note b'),
        await subject.remember('note c'),
      ]
      for (const [from, to] of [
        [a, b],
        [b, c],
      ] as const)
        await subject.node.link(
          { from: from.id, to: to.id, relation: 'causes', valid_from: '2026-01-01T00:00:00.000Z' },
          { agent: AGENT },
        )
      const { token } = await subject.node.forget(c.id, { agent: AGENT, erase: false })
      const drawn = async (query: string) =>
        (
          await fetch(`${subject.url}/api/v1/graph?from=${a.id}${query}`, { headers: { 'x-causal-token': token } })
        ).json() as Promise<{
          nodes: { id: string; depth: number }[]
          edges: { relation: string }[]
          truncated: boolean
        }>
      expect(await drawn('')).toMatchObject({
        nodes: [
          { id: a.id, depth: 0 },
          { id: b.id, depth: 1 },
        ],
        edges: [{ from: a.id, to: b.id, relation: 'causes' }],
        truncated: false,
      })
      expect(await drawn('&valid_at=2025-01-01T00:00:00Z')).toMatchObject({ nodes: [{ id: a.id }], edges: [] })
      expect(
        (await fetch(`${subject.url}/api/v1/graph?from=${c.id}`, { headers: { 'x-causal-token': token } })).status,
      ).toBe(404)
      const graph = `${await schemaOf(subject)}_graph`
      expect(await subject.node.capabilities()).toMatchObject({ graph: { age: graph } })
      const inCypher = async (): Promise<readonly unknown[]> => {
        const client = new pg.Client({ connectionString: url })
        await client.connect()
        try {
          await client.query("load 'age'; set search_path = ag_catalog, public")
          return (
            await client.query<{ found: string }>(
              `select * from cypher('${graph}', $$ match (a:Memory)-[l:Link {relation: 'causes'}]->(b:Memory) return [a.id, b.id] $$) as (found agtype)`,
            )
          ).rows.map(({ found }) => JSON.parse(found) as unknown)
        } finally {
          await client.end()
        }
      }
      expect(await inCypher()).toEqual([[a.id, b.id]])
      await subject.isWhole(12)
      expect(await inCypher()).toEqual([[a.id, b.id]])
    }, 90_000)

    const tablesOf = async (url: string, schema: string): Promise<readonly string[]> =>
      (
        await server.ask<{ name: string }>(
          "select schemaname || '.' || tablename as name from pg_tables where schemaname = $1 and tablename <> 'schema_version'",
          [schema],
          url,
        )
      ).map(({ name }) => name)
    const waiting = async (url: string): Promise<number> =>
      (
        await server.ask(
          "select 1 from pg_stat_activity where application_name = 'mnemesh' and datname = $1 and wait_event_type = 'Lock'",
          [new URL(url).pathname.slice(1)],
        )
      ).length
  },
)
