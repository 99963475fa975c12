/**
 * Damage to every file of the folder: the store opens and what is not there is told, or it fails by name. Never wrong bytes.
 * The cases are enumerated from a seed, so a failure names the file, the place and the kind of damage that replay it.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { StoreFailure } from '../ports/store.ts'
import type { CommitStore, StoreDamage, StoredCommit } from '../ports/store.ts'
import { openLevelStore } from './level.ts'
import { run, sampleBody, scanAll, seeded } from './testing/samples.ts'
import { scratchFolders } from './testing/scratch.ts'

const newFolder = scratchFolders()
const random = seeded('damage')
const open = (dir: string): Promise<CommitStore> => openLevelStore(dir, { random })

const commits = [
  ...run('a', 0, 60),
  ...run('b', 0, 60),
  ...run('a', 60, 60),
  ...run('big', 0, 3, 40_000),
  ...run('c', 0, 20),
]
const bodies = Array.from({ length: 40 }, (_, i) => sampleBody(`b${i}`, 50 + i * 20))
const erased = bodies.slice(0, 3)

/** Tables and a write-ahead log, every kind of record in both. */
const fill = async (dir: string): Promise<void> => {
  for (const half of [0, 1]) {
    const store = await open(dir)
    const [from, to] = half === 0 ? [0, 120] : [120, commits.length]
    for (let i = from; i < to; i += 20)
      await store.write({ commits: commits.slice(i, Math.min(i + 20, to)), facts: [['f', Uint8Array.of(i)]] })
    await store.write({ bodies: bodies.slice(half * 20, half * 20 + 20) })
    if (half === 0) await store.write({ erase: erased.map(({ ref }) => ref) })
    await store.close()
  }
}

let filledOnce: Promise<string> | null = null
const filled = (): Promise<string> => (filledOnce ??= fillOriginal())
const fillOriginal = async (): Promise<string> => {
  const dir = mkdtempSync(join(tmpdir(), 'mnemesh-store-'))
  await fill(dir)
  return dir
}
afterAll(async () => {
  if (filledOnce !== null) rmSync(await filledOnce, { recursive: true })
})

/** As `toEqual`, which takes its time over long bytes. */
const isSame = (a: StoredCommit | null, b: StoredCommit | undefined): boolean =>
  a !== null &&
  b !== undefined &&
  a.chain === b.chain &&
  a.seq === b.seq &&
  a.hash === b.hash &&
  Buffer.compare(a.bytes, b.bytes) === 0

type Damage = (bytes: Buffer, at: number) => Buffer
const DAMAGES: Readonly<Record<string, Damage>> = {
  'one bit flipped': (bytes, at) => {
    bytes[at]! ^= 1 << (at % 8)
    return bytes
  },
  'a sector zeroed': (bytes, at) => bytes.fill(0, at, Math.min(bytes.length, at + 512)),
  'cut off': (bytes, at) => bytes.subarray(0, at),
  'a stretch swapped with another': (bytes, at) => {
    const length = Math.min(64, bytes.length >> 2)
    const from = Buffer.from(bytes.subarray(0, length))
    const to = Math.min(at, bytes.length - length)
    bytes.copyWithin(0, to, to + length)
    bytes.set(from, to)
    return bytes
  },
}
const PLACES: Readonly<Record<string, (size: number, roll: number) => number>> = {
  head: (size, roll) => Math.min(size - 1, roll % 24),
  middle: (size, roll) => Math.floor(size / 4 + (roll / 2 ** 32) * (size / 2)),
  tail: (size, roll) => Math.max(0, size - 1 - (roll % 48)),
}

/** Opens the damaged folder and holds it against what was written; answers what happened. */
const judge = async (dir: string): Promise<'whole' | 'told' | 'refused'> => {
  let store: CommitStore
  try {
    store = await open(dir)
  } catch (error) {
    expect(error).toBeInstanceOf(StoreFailure)
    expect(error).toMatchObject({ code: expect.stringMatching(/^(unreadable|io_error)$/) })
    return 'refused'
  }
  try {
    const { opening } = store
    const notes = opening.notes.filter((note) => !/copied or restored/.test(note))
    const damages: StoreDamage[] = []
    store.onDamage((damage) => damages.push(damage))
    const met = await scanAll(store)
    expect(met.map((one) => (one.kind === 'damaged' ? one.arrival.n : one.n))).toEqual(
      Array.from({ length: store.arrivals() }, (_, i) => i + 1),
    )

    const placeOf = (one: { readonly chain: string; readonly seq: number }): string => `${one.chain}/${one.seq}`
    const written = new Map(commits.map((commit) => [placeOf(commit), commit]))
    const seen = new Set<string>()
    for (const one of met) {
      if (one.kind !== 'commit') continue
      expect(isSame(one.commit, written.get(placeOf(one.commit)))).toBe(true)
      expect(store.find(one.commit.hash)).toEqual({ chain: one.commit.chain, seq: one.commit.seq })
      seen.add(placeOf(one.commit))
    }
    const absent = commits.filter((commit) => !seen.has(placeOf(commit)))
    const named = met.filter(({ kind }) => kind !== 'commit').length
    const cut = opening.tail === null ? 0 : opening.tail.expected - opening.tail.found
    expect(absent.length).toBeLessThanOrEqual(named + cut)
    if (opening.tail === null) expect(store.arrivals()).toBeGreaterThanOrEqual(commits.length)
    for (const commit of absent) expect(store.commit(commit.chain, commit.seq)).toBeNull()

    for (const body of bodies) {
      const found = store.body(body.ref)
      if (typeof found !== 'string' && found !== null) expect(Buffer.compare(found.text, body.text)).toBe(0)
      if (!erased.includes(body)) expect(found).not.toBe('erased')
      else if (notes.length === 0 && opening.tail === null) expect(found).toBe('erased')
    }
    const fact = store.fact('f')
    const isFactWhole = fact instanceof Uint8Array && fact[0] === 200
    if (!isFactWhole) expect(notes.length + damages.length + cut + (opening.tail === null ? 0 : 1)).toBeGreaterThan(0)

    // Everything comes again from other peers, and then all is well for good. LevelDB may meet the damage only when it
    // compacts: then it takes no more writes, and the next opening repairs.
    for (let openings = 0; ; openings++) {
      const refused = await store
        .write({ commits, bodies, erase: erased.map(({ ref }) => ref), facts: [['f', Uint8Array.of(200)]] })
        .then(
          () => null,
          (error: unknown) => error,
        )
      if (refused !== null) expect(refused).toMatchObject({ code: 'unreadable' })
      await store.close()
      store = await open(dir)
      if (store.opening.continuable) break
      expect(openings).toBeLessThan(3)
      await scanAll(store)
    }
    expect(store.opening).toMatchObject({ tail: null, notes: [] })
    expect(commits.every((commit) => isSame(store.commit(commit.chain, commit.seq), commit))).toBe(true)
    for (const body of bodies) expect(store.body(body.ref)).toEqual(erased.includes(body) ? 'erased' : body)
    return absent.length === 0 && notes.length === 0 && isFactWhole ? 'whole' : 'told'
  } finally {
    await store.close()
  }
}

/** Files by what they are; their names carry numbers. */
const KINDS = {
  table: /\.ldb$/,
  'write-ahead log': /^db\/\d+\.log$/,
  manifest: /MANIFEST/,
  current: /CURRENT/,
  mark: /^mark$/,
  'lock and clean': /^(lock|clean)$/,
} as const

const HOLDS_RECORDS: ReadonlySet<string> = new Set(['table', 'write-ahead log'])
const SHORT_LIST: ReadonlySet<string> = new Set(['one bit flipped', 'cut off'])

describe('damage', () => {
  test.each(Object.entries(KINDS))(
    '%s',
    async (kind, pattern) => {
      const original = await filled()
      const files = readdirSync(join(original, 'log'), { recursive: true, encoding: 'utf8' }).filter(
        (name) => pattern.test(name) && statSync(join(original, 'log', name)).size > 0,
      )
      expect(files.length).toBeGreaterThan(0)
      const outcomes = { whole: 0, told: 0, refused: 0 }
      const rolls = seeded(kind)
      for (const file of files.slice(0, 4)) {
        for (const [damageName, damage] of Object.entries(DAMAGES)) {
          // Small files have no stretches to swap; two kinds of damage say all about them.
          if (!HOLDS_RECORDS.has(kind) && !SHORT_LIST.has(damageName)) continue
          for (const [placeName, place] of Object.entries(PLACES)) {
            const dir = newFolder()
            cpSync(original, dir, { recursive: true })
            const path = join(dir, 'log', file)
            const bytes = readFileSync(path)
            writeFileSync(path, damage(bytes, place(bytes.length, Buffer.from(rolls.bytes(4)).readUInt32BE())))
            const outcome = await judge(dir).catch((error: unknown) => {
              throw new Error(
                `${file}, ${placeName}, ${damageName}: ${error instanceof Error ? error.message : String(error)}`,
                { cause: error },
              )
            })
            outcomes[outcome] += 1
          }
        }
      }
      if (HOLDS_RECORDS.has(kind)) expect(outcomes.told + outcomes.refused).toBeGreaterThan(0)
    },
    60_000,
  )
})
