/** Tables checked before LevelDB opens them: damage is found, set aside, and never aborts the process. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { describe, expect, test } from 'vitest'
import { crc32c } from './crc32c.ts'
import { seeded } from './testing/samples.ts'
import { scratchFolders } from './testing/scratch.ts'
import { checkTable } from './table.ts'

const newFolder = scratchFolders()

describe('CRC-32C', () => {
  test.each([
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 times 0xff', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['0 … 31', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ['31 … 0', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
    ['123456789, which is no multiple of eight', Buffer.from('123456789'), 0xe3069283],
  ])('%s (RFC 3720 B.4, and the usual check value)', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected)
  })
})

const KEYS = 2_000
const key = (i: number): Buffer => Buffer.from(String(i).padStart(6, '0'))
const valueBytes = seeded('values').bytes(KEYS + 100)
const value = (i: number): Buffer => Buffer.from(valueBytes.subarray(i, i + 100))
const options = { keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false } as const

/** A database with one table of 2,000 entries; answers the table's path. */
const oneTable = async (dir: string): Promise<string> => {
  const db = new ClassicLevel<Buffer, Buffer>(dir, options)
  await db.open()
  const batch = db.batch()
  for (let i = 0; i < KEYS; i++) batch.put(key(i), value(i))
  await batch.write()
  await db.compactRange(key(0), key(KEYS))
  await db.close()
  const tables = readdirSync(dir).filter((name) => name.endsWith('.ldb'))
  expect(tables).toHaveLength(1)
  return join(dir, tables[0]!)
}

/** How many of the entries are there; all that are, are right. */
const countSound = async (dir: string): Promise<number> => {
  const db = new ClassicLevel<Buffer, Buffer>(dir, options)
  await db.open()
  let alone = 0
  for (let i = 0; i < KEYS; i++) {
    const found = db.getSync(key(i))
    if (found === undefined) continue
    expect(found.equals(value(i))).toBe(true)
    alone += 1
  }
  const inOrder = await db.keys().all()
  expect(inOrder).toHaveLength(alone)
  await db.compactRange(key(0), key(KEYS))
  await db.put(key(0), value(0))
  await db.close()
  return alone
}

test('a table that LevelDB wrote is sound', async () => {
  expect(checkTable(readFileSync(await oneTable(newFolder())))).toEqual({ is: 'sound' })
})

test('one flipped bit anywhere is seen; mended, LevelDB reads everything but that block', async () => {
  const dir = newFolder()
  const path = await oneTable(dir)
  const original = readFileSync(path)
  const rolls = seeded('bits')
  let mended = 0
  for (let trial = 0; trial < 300; trial++) {
    const at = Buffer.from(rolls.bytes(4)).readUInt32BE() % original.length
    const bytes = Buffer.from(original)
    bytes[at]! ^= 1 << (trial % 8)
    const state = checkTable(bytes)
    // The footer is padded to its fixed size with bytes that nobody reads.
    if (state.is === 'sound') expect(at).toBeGreaterThan(original.length - 48)
    if (state.is === 'mended') {
      mended += 1
      expect(state.blocks).toBe(1)
      expect(state.bytes).toHaveLength(original.length)
      expect(checkTable(state.bytes)).toEqual({ is: 'sound' })
    }
  }
  expect(mended).toBeGreaterThan(250)

  const bytes = Buffer.from(original)
  bytes.fill(0x5a, 100_000, 100_010)
  const state = checkTable(bytes)
  if (state.is !== 'mended') throw new Error(`the table is ${state.is}`)
  writeFileSync(path, state.bytes)
  const left = await countSound(dir)
  expect(left).toBeLessThan(KEYS)
  expect(left).toBeGreaterThan(KEYS - 80)
})

test('a mended filter excludes nothing', async () => {
  const dir = newFolder()
  const path = await oneTable(dir)
  const bytes = readFileSync(path)
  // The filter follows the last data block: go back from the end until a flip is one in a filter, not in data or index.
  let lost = KEYS
  for (let at = bytes.length - 200; at > bytes.length - 4_000 && lost > 0; at -= 500) {
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 0xff
    const state = checkTable(damaged)
    if (state.is !== 'mended') continue
    writeFileSync(path, state.bytes)
    const db = new ClassicLevel<Buffer, Buffer>(dir, options)
    await db.open()
    lost =
      KEYS - Array.from({ length: KEYS }, (_, i) => db.getSync(key(i))).filter((found) => found !== undefined).length
    await db.close()
  }
  expect(lost).toBe(0)
})

test('without footer or index a table is unusable, and nothing in it makes the check throw', async () => {
  const original = readFileSync(await oneTable(newFolder()))
  for (const cut of [0, 1, 47, 48, 49, 60, 1_000, original.length - 1])
    expect(checkTable(original.subarray(0, cut)).is).toBe('unusable')
  const rolls = seeded('footers')
  for (let trial = 0; trial < 500; trial++) {
    const bytes = Buffer.from(original)
    bytes.set(rolls.bytes(20), bytes.length - 48)
    expect(checkTable(bytes).is).not.toBe('sound')
  }
})
