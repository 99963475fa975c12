/** Vectors on both databases. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import { createEngine } from './engine.ts'
import { openPglite } from './pglite.ts'
import type { Target } from './testing/contract.ts'
import { memory } from './testing/rows.ts'
import { vectorsContract } from './testing/vectors-contract.ts'
import { embeddedText } from './vectors.ts'

const present = (target: Target | undefined): Target => {
  if (target === undefined) throw new Error('the database did not open')
  return target
}

describe('embedded', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mnemesh-vectors-'))
  let target: Target | undefined
  beforeAll(async () => {
    const sql = openPglite(folder, () => undefined)
    target = { sql, engine: createEngine(sql) }
    await target.engine.open()
  })
  afterAll(async () => {
    await target?.engine.close()
    rmSync(folder, { recursive: true, force: true })
  })
  vectorsContract(() => present(target))
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
