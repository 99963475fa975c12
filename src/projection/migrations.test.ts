/** Rows of an older version are brought up to date: they show what they showed, and the next batch follows them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { tokenOf } from '../../crdt/frontier-token.ts'
import type { ChainId, Namespace } from '../../crdt/ids.ts'
import { createEngine } from './engine.ts'
import { openPglite } from './pglite.ts'
import { batch, cursor, memory, NOW } from './testing/rows.ts'

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-migrations-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const chainOf = (n: number): ChainId => `${n}`.repeat(32) as ChainId
const place = (n: number, seq: number) => ({
  chain: chainOf(n),
  namespace: (n % 2 === 0 ? 'even' : 'odd') as Namespace,
  arrived: seq,
  counted: seq,
})
/** Where the cursor held all chains. */
const TO_11 = [
  'alter table cursor add column frontier jsonb',
  `update cursor set frontier = (select jsonb_object_agg(namespace, seqs) from (select namespace, jsonb_object_agg(replace(chain::text, '-', ''), arrived) as seqs from chains group by namespace) as by_namespace)`,
  'alter table cursor alter column frontier set not null',
  'alter table cursor drop column token, drop column commits, drop column chains',
  'drop table chains',
  'drop table languages',
  'update schema_version set version = 11',
]

it('chains that the cursor held in one piece have rows of their own afterwards', async () => {
  const sql = openPglite(folder, () => undefined)
  const first = createEngine(sql)
  await first.open()
  await first.apply({
    ...batch(1, { memories: [memory(1)] }),
    chains: Array.from({ length: 9 }, (_, n) => place(n, n + 1)),
  })
  const before = [await first.list({}, { limit: 1, now: NOW }), await first.list({}, { limit: 1, now: NOW }, 'full')]
  await sql.transaction(async (query) => {
    for (const statement of TO_11) await query(statement)
  })
  await first.close()
  const again = createEngine(openPglite(folder, () => undefined))
  expect(await again.open()).toEqual(cursor(1))
  expect([await again.list({}, { limit: 1, now: NOW }), await again.list({}, { limit: 1, now: NOW }, 'full')]).toEqual(
    before,
  )
  await again.apply({ ...batch(2, {}), chains: [place(3, 40)] })
  const full = (await again.list({}, { limit: 1, now: NOW }, 'full')).frontier as Parameters<typeof tokenOf>[0]
  expect([full['odd']?.[chainOf(3)], (await again.list({}, { limit: 1, now: NOW })).frontier]).toEqual([
    40,
    tokenOf(full),
  ])
  await again.close()
}, 60_000)
