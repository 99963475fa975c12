/** Vectors on both databases, and on one that cannot hold any. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import { hashedVector } from '../embedding/hashing.test-support.ts'
import { createEngine } from './engine.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import type { Query, Sql } from './sql.ts'
import type { Target } from './testing/contract.ts'
import { missingServer, startServer, type Server } from './testing/postgres-server.ts'
import { batch, id, memory, NOW } from './testing/rows.ts'
import { vectorsContract } from './testing/vectors-contract.ts'
import { embeddedText } from './vectors.ts'

const present = (target: Target | undefined): Target => {
  if (target === undefined) throw new Error('the database did not open')
  return target
}
const folder = mkdtempSync(join(tmpdir(), 'mnemesh-vectors-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('embedded', () => {
  let target: Target | undefined
  beforeAll(async () => {
    const sql = openPglite(join(folder, 'contract'), () => undefined)
    target = { sql, engine: createEngine(sql) }
    await target.engine.open()
  })
  afterAll(() => target?.engine.close())
  vectorsContract(() => present(target))

  const refused = () => Promise.reject(Object.assign(new Error('permission denied'), { code: '42501' }))
  const refusals: readonly (readonly [
    string,
    RegExp,
    (text: string, params: readonly unknown[]) => Promise<readonly unknown[]> | null,
  ])[] = [
    [
      'the extension may not be made',
      /recall is lexical.*create extension vector/,
      (text) => (text.startsWith('create extension vector') ? refused() : null),
    ],
    [
      'it is too old',
      /recall is lexical.*0\.7\.4 is too old: update it to 0\.8/,
      (_, params) => (params[0] === 'vector' ? Promise.resolve([{ schema: 'public', version: '0.7.4' }]) : null),
    ],
    [
      'its schema may not be used',
      /recall is lexical.*grant usage/,
      (text) => (text.startsWith('create table if not exists embeddings') ? refused() : null),
    ],
  ]
  it.each(refusals)('goes on by words, and says so, when %s', async (_, why, instead) => {
    const { sql } = present(target)
    await sql.transaction(async (query) => {
      await query('drop table if exists embeddings')
      await query('drop extension if exists vector')
    })
    const answering =
      (query: Query): Query =>
      (text, params = []) =>
        (instead(text, params) as ReturnType<typeof query<never>> | null) ?? query(text, params)
    const refusing: Sql = { ...sql, transaction: (run) => sql.transaction((query) => run(answering(query))) }
    const said: string[] = []
    const engine = createEngine(refusing, { log: (line) => said.push(line) })
    await engine.open()
    expect(said.join('\n')).toMatch(why)
    await engine.apply(batch(1_000, { memories: [memory('plain', { content: 'plain words' })] }))
    const space = { embedder: 'x', version: '1', dim: 8 }
    expect(await engine.unembedded(space, '{}', 9)).toBeNull()
    await engine.embed(space, [{ id: id('plain'), text: 'plain words', vector: hashedVector('x', 8) }])
    const { mode, memories } = await engine.recall({ q: 'plain', limit: 1, vector: hashedVector('x', 8), space }, NOW)
    expect([mode, memories[0]?.id]).toEqual(['lexical', id('plain')])
    // What it lacks is no hindrance to destroying the texts.
    await engine.apply(batch(1_001, { memories: [memory('plain', { erased: true, content: null })] }))
    expect(await engine.tidy()).toBe(true)
    await sql.transaction((query) => query('truncate cursor'))
  })
})

const reason = await missingServer()
describe.skipIf(reason !== null)(`server${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  let server: Server | undefined
  let target: Target | undefined
  beforeAll(async () => {
    server = await startServer()
    if (!server.extensions.includes('vector'))
      throw new Error('the server in TEST_DATABASE_URL has no pgvector: install it there, or unset the variable')
    const sql = openPostgres(await server.createDatabase('vectors'), 'mnemesh_vectors', () => undefined)
    target = { sql, engine: createEngine(sql) }
    await target.engine.open()
  })
  afterAll(async () => {
    await target?.engine.close()
    await server?.stop()
  })
  vectorsContract(() => present(target))

  it('are read beside as many questions as come, and nobody waits for a connection while he holds one', async () => {
    const { sql } = present(target)
    const numbers = Array.from({ length: 3 * limits.projection_connections_max }, (_, n) => n)
    const ask = (n: number): Promise<number | undefined> =>
      sql.snapshot(async (query, beside) => {
        await query('select 1')
        return (await beside<{ n: number }>(`select ${n}::float8 as n`))[0]?.n
      })
    expect(await Promise.all(numbers.map(ask))).toEqual(numbers)
  })
})

describe('the text that is embedded', () => {
  it('is title and content, cut at a character, with nothing half', () => {
    expect(embeddedText(memory(1, { title: 'a', content: 'b' }))).toBe('a\nb')
    expect(embeddedText(memory(1, { title: '  ', content: null }))).toBeNull()
    expect(embeddedText(memory(1, { erased: true }))).toBeNull()
    expect(embeddedText(memory(1, { content: 'x\ud800' }))).toBe('x\ufffd')
    const long = embeddedText(memory(1, { content: `x${'猫'.repeat(9_000)}` }))!
    expect(Buffer.byteLength(long)).toBe(limits.embedding_text_bytes_max - 1)
    expect(long.endsWith('猫')).toBe(true)
  })
})
