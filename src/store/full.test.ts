/** A really full disk: a small tmpfs. Mounting one needs rights; without them the tests are skipped aloud. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { StoreFailure } from '../ports/store.ts'
import type { CommitStore, StoredCommit } from '../ports/store.ts'
import { openLevelStore } from './level.ts'
import { RESERVE_BYTES } from './reserve.ts'
import { run, sampleCommit, scanAll, seeded } from './testing/samples.ts'

const MIB = 1024 * 1024
const random = seeded('full')
const mountPoint = mkdtempSync(join(tmpdir(), 'mnemesh-full-'))
const command = (name: string, args: readonly string[]) => spawnSync(name, args, { encoding: 'utf8' })
const mounted = command('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', mountPoint])
const refusal = mounted.status === 0 ? null : (mounted.error?.message ?? mounted.stderr.trim())
if (refusal !== null)
  process.stderr.write(`SKIPPED: the tests on a full disk need to mount a tmpfs, and that failed: ${refusal}\n`)

afterAll(() => {
  const unmounted = refusal === null ? command('umount', [mountPoint]) : null
  if (unmounted !== null && unmounted.status !== 0) throw new Error(`cannot unmount ${mountPoint}: ${unmounted.stderr}`)
  rmSync(mountPoint, { recursive: true })
})

const freeBytes = (): number => {
  const { bavail, bsize } = statfsSync(mountPoint)
  return bavail * bsize
}
/** Fills the disk up to what shall stay free; answers how to give it back. */
const leaveFree = (bytes: number): (() => void) => {
  const ballast = join(mountPoint, 'ballast')
  writeFileSync(ballast, Buffer.alloc(Math.max(0, freeBytes() - bytes)))
  return () => rmSync(ballast)
}

describe.skipIf(refusal !== null)('a full disk', () => {
  test('below the floor writes are refused before the database meets the end; with room again they go on', async () => {
    const store = await openLevelStore(join(mountPoint, 'floor'), { random, freeBytesMin: 16 * MIB })
    await store.write({ commits: run('a', 0, 10) })
    const giveBack = leaveFree(8 * MIB)
    for (let again = 0; again < 3; again++)
      await expect(store.write({ commits: run('a', 10, 10) })).rejects.toMatchObject({
        code: 'disk_full',
        message: expect.stringMatching(/free some space/),
      })
    expect(store.arrivals()).toBe(10)
    expect(store.commit(sampleCommit('a', 3).chain, 3)).toEqual(sampleCommit('a', 3))
    giveBack()
    await store.write({ commits: run('a', 10, 10) })
    await store.close()
    const again = await openLevelStore(join(mountPoint, 'floor'), { random, freeBytesMin: 16 * MIB })
    expect(again.opening).toMatchObject({ continuable: true, notes: [] })
    expect(await scanAll(again)).toHaveLength(20)
    await again.close()
  })

  test('met in the middle of a write it is told, reads go on, and with room again the store goes on by itself, holding what it acknowledged and no more', async () => {
    for (const freeBytesLeft of [3 * MIB, 3 * MIB + 1_111_111]) {
      const dir = join(mountPoint, `met-${freeBytesLeft}`)
      const store = await openLevelStore(dir, { random, freeBytesMin: 0 })
      const acknowledged: StoredCommit[] = []
      const write = async (seq: number): Promise<void> => {
        const commit = sampleCommit('a', acknowledged.length, 5_000 + ((seq * 7919) % 9_000))
        await store.write({ commits: [commit] })
        acknowledged.push(commit)
      }
      const agrees = async (from: CommitStore): Promise<void> => {
        expect(from.arrivals()).toBe(acknowledged.length)
        expect((await scanAll(from)).map((met) => (met.kind === 'commit' ? met.commit.hash : met))).toEqual(
          acknowledged.map(({ hash }) => hash),
        )
      }
      for (const round of ['first', 'second']) {
        const giveBack = leaveFree(freeBytesLeft)
        const refused: unknown[] = []
        for (let seq = 0; refused.length < 3 && seq < 2_000; seq++)
          await write(seq).catch((error: unknown) => refused.push(error))
        for (const error of refused) expect(error).toMatchObject({ code: 'disk_full' })
        expect(refused, round).toHaveLength(3)
        expect(refused.map((error) => error instanceof StoreFailure && error.mayBeThere)).toEqual([true, false, false])
        expect(store.trouble()?.message).toMatch(/takes no writes since one failed; it goes on by itself/)
        await agrees(store)
        giveBack()
        const healed = new Promise<void>((resolve) => store.onHealed(resolve))
        const startMs = performance.now()
        let isHealed = false
        void healed.then(() => (isHealed = true))
        let reads = 0
        while (!isHealed) {
          const some = acknowledged[reads++ % acknowledged.length]!
          const found = store.commit(some.chain, some.seq)
          if (
            found === null ||
            Buffer.compare(found.bytes, some.bytes) !== 0 ||
            store.arrivals() !== acknowledged.length
          )
            throw new Error(`commit ${some.seq} is not read while the store is opened anew`)
          await new Promise((resolve) => setImmediate(resolve))
        }
        expect(reads).toBeGreaterThan(100)
        expect(performance.now() - startMs).toBeLessThan(10_000)
        expect(store.trouble()).toBeNull()
        for (let seq = 0; seq < 20; seq++) await write(seq)
        await agrees(store)
      }
      expect(acknowledged.length).toBeGreaterThan(100)
      await store.close()

      const again = await openLevelStore(dir, { random, freeBytesMin: 0 })
      expect(again.opening).toMatchObject({ continuable: true, tail: null, notes: [] })
      await agrees(again)
      await again.write({ commits: run('b', 0, 1) })
      await again.close()
      rmSync(dir, { recursive: true })
    }
  }, 60_000)

  test('a store opens on a full disk out of its reserve, is read, refuses writes, and takes them when there is room', async () => {
    const dir = join(mountPoint, 'reserve')
    const options = { random, freeBytesMin: 16 * MIB, keepReserve: true }
    const reserve = join(dir, 'log', 'reserve')
    const first = await openLevelStore(dir, options)
    expect(statSync(reserve).size).toBe(RESERVE_BYTES)
    await first.write({ commits: run('a', 0, 300, 10_000) })
    await first.close()
    const giveBack = leaveFree(0)
    expect(freeBytes()).toBe(0)
    for (let start = 0; start < 3; start++) {
      const store = await openLevelStore(dir, options)
      expect(await scanAll(store)).toHaveLength(300)
      await expect(store.write({ commits: run('a', 300, 1) })).rejects.toMatchObject({ code: 'disk_full' })
      expect(store.trouble()?.message).toMatch(/free some space/)
      await store.close()
    }
    const store = await openLevelStore(dir, options)
    await expect(store.write({ commits: run('a', 300, 1) })).rejects.toMatchObject({ code: 'disk_full' })
    const healed = new Promise<void>((resolve) => store.onHealed(resolve))
    giveBack()
    await healed
    expect(store.trouble()).toBeNull()
    await store.write({ commits: run('a', 300, 1) })
    await store.close()
    await openLevelStore(dir, options).then((again) => again.close())
    expect(statSync(reserve).size).toBe(RESERVE_BYTES)
    rmSync(dir, { recursive: true })
  }, 60_000)

  test('without a reserve, too, a full disk is named', async () => {
    const dir = join(mountPoint, 'none')
    await openLevelStore(dir, { random }).then((store) => store.close())
    const giveBack = leaveFree(0)
    await expect(openLevelStore(dir, { random })).rejects.toMatchObject({
      code: 'disk_full',
      message: expect.stringMatching(/No space left.*free some space/i),
    })
    giveBack()
  })
})
