/** The engine on both databases, and what only the embedded one must do. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import { createEngine } from './engine.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import { engineContract, type Target } from './testing/contract.ts'
import { missingServer, startServer, type Server } from './testing/postgres-server.ts'
import { batch, cursor, id, memory, NOW, seeded } from './testing/rows.ts'

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-projection-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const present = (target: Target | undefined): Target => {
  if (target === undefined) throw new Error('the database did not open')
  return target
}

describe('embedded', () => {
  let target: Target | undefined
  beforeAll(async () => {
    const sql = openPglite(join(folder, 'contract'), () => undefined)
    target = { sql, engine: createEngine(sql) }
    await target.engine.open()
  })
  afterAll(() => target?.engine.close())
  engineContract(() => present(target))

  it('leaves no erased text in its files, and does not trust them after the machine went down', async () => {
    const said: string[] = []
    const dir = join(folder, 'files')
    const holds = (text: string): readonly string[] =>
      readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
        (name) => statSync(join(dir, name)).isFile() && readFileSync(join(dir, name)).includes(text),
      )
    const open = () => createEngine(openPglite(dir, (line) => said.push(line)))
    let engine = open()
    await engine.open()
    await engine.apply(batch(1, { memories: [memory(1, { content: 'sesamesesame opens' }), memory(2)] }))
    await engine.close()
    expect(holds('sesamesesame')).not.toEqual([])

    engine = open()
    expect(await engine.open()).toEqual(cursor(1))
    await engine.apply(batch(2, { memories: [memory(1, { erased: true, content: null })] }))
    expect(await engine.tidy()).toBe(true)
    expect(holds('sesamesesame')).toEqual([])
    await engine.close()
    expect(holds('sesamesesame')).toEqual([])

    writeFileSync(join(dir, 'open'), 'another run of the machine')
    engine = open()
    expect(await engine.open()).toBeNull()
    expect(said.join()).toMatch(/made anew.*went down/)
    await engine.close()
  }, 120_000)

  it('asks for its tables to be made anew when they are of an older version, or of a newer', async () => {
    const sql = openPglite(join(folder, 'versions'), () => undefined)
    const digests: unknown[] = []
    for (const version of [5, 1_000]) {
      const engine = createEngine(sql)
      await engine.open()
      await engine.apply(batch(1, { memories: [memory(1)] }))
      digests.push(await engine.digest())
      await sql.transaction((query) => query('update schema_version set version = $1', [version]))
      const other = createEngine(sql)
      await expect(other.open()).rejects.toMatchObject({
        rebuild: true,
        message: expect.stringContaining(`of version ${version}`),
      })
      await other.reset()
      expect(await other.open()).toBeNull()
    }
    expect(digests[1]).toEqual(digests[0])
    await sql.close()
  }, 60_000)

  it('is vacuumed when it rests, also of what a process before it left', async () => {
    const dir = join(folder, 'resting')
    const seen = async (engine: ReturnType<typeof openPglite>): Promise<number> =>
      (
        await engine.transaction((query) =>
          query<{ seen: number }>("select relallvisible::float8 as seen from pg_class where relname = 'postings'"),
        )
      )[0]!.seen
    const text = Array.from({ length: 60 }, (_, n) => `word${n}`).join(' ')
    const rows = Array.from({ length: limits.projection_vacuum_rest_rows }, (_, n) =>
      memory(`rest ${n}`, { content: text }),
    )
    let sql = openPglite(dir, () => undefined)
    let engine = createEngine(sql)
    await engine.open()
    await engine.apply(batch(1, { memories: rows.slice(1) }))
    await engine.close()
    sql = openPglite(dir, () => undefined)
    engine = createEngine(sql)
    await engine.open()
    expect(await seen(sql)).toBe(0)
    await engine.rest()
    const first = await seen(sql)
    expect(first).toBeGreaterThan(50)
    await engine.apply(batch(2, { memories: rows.slice(0, 1) }))
    await engine.rest()
    expect(await seen(sql)).toBe(first)
    await engine.apply(batch(3, { memories: rows.map((row) => ({ ...row, id: id(`more ${row.id}`) })) }))
    await engine.rest()
    expect(await seen(sql)).toBeGreaterThan(first)
    await engine.close()
  }, 60_000)

  it('leaves no vector of an erased text in its files, and finds the others by theirs', async () => {
    const dir = join(folder, 'vectors')
    const space = { embedder: 'x', version: '1', dim: 64 }
    const random = seeded(1)
    // Of length 1 to the last bit, so that table and index, which keeps directions, hold the same bytes.
    const [erased, kept] = [1, 2].map(() =>
      Array.from({ length: space.dim }, () => (random() < 0.5 ? -0.125 : 0.125)),
    ) as [number[], number[]]
    const holding = (vector: readonly number[]): readonly string[] =>
      readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
        (name) =>
          statSync(join(dir, name)).isFile() &&
          readFileSync(join(dir, name)).includes(Buffer.from(Float32Array.from(vector).buffer)),
      )
    const open = () => createEngine(openPglite(dir, () => undefined))
    let engine = open()
    await engine.open()
    await engine.apply(batch(1, { memories: [memory(1), memory(2)] }))
    await engine.unembedded(space, '{}', 9)
    await engine.embed(space, [
      { id: id(1), text: 'text of 1', vector: erased },
      { id: id(2), text: 'text of 2', vector: kept },
    ])
    await engine.close()
    expect(holding(erased).length).toBeGreaterThan(1)

    engine = open()
    await engine.open()
    await engine.apply(batch(2, { memories: [memory(1, { erased: true, content: null })] }))
    expect(await engine.tidy()).toBe(true)
    expect(holding(erased)).toEqual([])
    const { mode, memories } = await engine.recall({ q: 'elsewhere', limit: 9, vector: kept, space }, NOW)
    expect([mode, memories.map((row) => row.id)]).toEqual(['hybrid', [id(2)]])
    await engine.close()
    expect(holding(erased)).toEqual([])
    expect(holding(kept)).not.toEqual([])
  }, 120_000)
})

const reason = await missingServer()
describe.skipIf(reason !== null)(`server${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  let server: Server | undefined
  let target: Target | undefined
  const schema = `mnemesh_test_${process.pid}`
  const open = (name = schema): Target => {
    const sql = openPostgres(server?.url ?? '', name, () => undefined)
    return { sql, engine: createEngine(sql) }
  }
  beforeAll(async () => {
    server = await startServer()
    target = open()
    await target.engine.open()
  })
  afterAll(async () => {
    await target?.sql.transaction((query) => query(`drop schema ${schema} cascade`))
    await target?.engine.close()
    await server?.stop()
  })
  engineContract(() => present(target))

  it('keeps peers apart by schema, and refuses one schema to two', async () => {
    await present(target).engine.apply(batch(1_000, { memories: [memory('mine')] }))
    const other = open(`${schema}_b`)
    expect(await other.engine.open()).toBeNull()
    await other.engine.apply(batch(1, { memories: [memory('theirs')] }))
    expect((await other.engine.list({}, { limit: 9, now: NOW })).rows.map((row) => row.id)).toEqual([id('theirs')])
    await other.engine.reset()
    expect(await other.engine.open()).toBeNull()
    await other.sql.transaction((query) => query(`drop schema ${schema}_b cascade`))
    await other.engine.close()

    const second = open()
    await expect(second.engine.open()).rejects.toThrow(/in use by another peer/)
    await second.engine.close()
    expect(() => openPostgres('postgres://x', 'a"; drop', () => undefined)).toThrow(/not an identifier/)
  })

  it('tells the planner of many new rows when it rests, and of few not', async () => {
    const { sql, engine } = open(`${schema}_resting`)
    const counted = (): Promise<number> =>
      sql.transaction(
        async (query) =>
          (
            await query<{ rows: number }>(
              "select reltuples::float8 as rows from pg_class where oid = 'postings'::regclass",
            )
          )[0]!.rows,
      )
    await engine.open()
    const before = await counted()
    await engine.apply(batch(1, { memories: [memory('few')] }))
    await engine.rest()
    expect(await counted()).toBe(before)
    await engine.apply(
      batch(2, { memories: Array.from({ length: limits.projection_vacuum_rest_rows }, (_, n) => memory(`many ${n}`)) }),
    )
    await engine.rest()
    expect(await counted()).toBeGreaterThan(limits.projection_vacuum_rest_rows)
    await sql.transaction((query) => query(`drop schema ${schema}_resting cascade`))
    await engine.close()
  })

  it('comes back after the connection was cut', async () => {
    const { sql, engine } = present(target)
    const before = await engine.open()
    const [own] = await sql.transaction((query) => query<{ pid: number }>('select pg_backend_pid() as pid'))
    const cut = open(`${schema}_cutter`)
    await cut.sql.connect()
    await cut.sql.transaction((query) => query(`drop schema ${schema}_cutter cascade`))
    await cut.sql.transaction((query) => query('select pg_terminate_backend($1, 5000)', [own?.pid]))
    await cut.engine.close()
    await expect.poll(() => engine.open().catch(() => 'not yet')).toEqual(before)
  })
})
