/** Statements of the embedded database: parameters arrive as they were given, and nothing of a transaction outlives it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import { openPglite } from './pglite.ts'
import type { Query, Sql } from './sql.ts'

describe('a statement of the embedded database', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mnemesh-prepared-'))
  const sql: Sql = openPglite(folder, () => undefined)
  beforeAll(() => sql.connect(), 60_000)
  afterAll(async () => {
    await sql.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('has its parameters as they were given, time and again', async () => {
    const texts = ['', 'a "quoted" word', 'back\\slash', '{,}', 'null', null, 'ä🦆']
    for (let time = 0; time < 7; time++) {
      const [row] = await sql.transaction((query) =>
        query(
          'select $1::text[] as texts, $2::integer[] as numbers, $3::boolean as yes, $4::text as nothing, $5::bytea as bytes, $6::float8 as fraction',
          [texts, [1, -2, time], true, null, Uint8Array.of(0, 255, time), 0.1],
        ),
      )
      expect(row).toEqual({
        texts,
        numbers: [1, -2, time],
        yes: true,
        nothing: null,
        bytes: Uint8Array.of(0, 255, time),
        fraction: 0.1,
      })
    }
  })

  it('that fails leaves the next ones alone, and is planned anew when its table is another', async () => {
    const count = (): Promise<readonly unknown[]> =>
      sql.transaction((query) => query('select count(*)::float8 as n from later'))
    await expect(count()).rejects.toThrow('later')
    await sql.transaction((query) => query('create table later (n integer)'))
    expect(await count()).toEqual([{ n: 0 }])
    await sql.transaction((query) => query('drop table later'))
    await sql.transaction((query) => query('create table later (n integer, m integer)'))
    await sql.transaction((query) => query('insert into later values (1, 2)'))
    expect(await count()).toEqual([{ n: 1 }])
  })

  it('is asked all the same when more are known than are kept', async () => {
    for (let n = 0; n < limits.projection_prepared_max + 5; n++)
      expect(await sql.snapshot((query) => query(`select ${n}::float8 as n`))).toEqual([{ n }])
  })

  it('that would follow the end of its transaction is refused', async () => {
    let late: Promise<unknown> = Promise.resolve()
    const failing = sql.transaction((query: Query) => {
      late = query('select 1').then(() => failing.catch(() => query('create table stray (n integer)')))
      return Promise.all([late, query('select 1 / 0')])
    })
    await expect(failing).rejects.toThrow('division by zero')
    await expect(late).rejects.toThrow('has ended')
    expect(await sql.snapshot((query) => query("select to_regclass('stray') is null as gone"))).toEqual([
      { gone: true },
    ])
  })
})
