/** A really full disk: a small tmpfs. Mounting one needs rights; without them the tests are skipped aloud. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { StoredCommit } from '../ports.ts'
import { openLevelStore } from './level.ts'
import { run, sampleCommit, scanAll, seeded } from './testing/samples.ts'

const MIB = 1024 * 1024
const random = seeded('full')
const mountPoint = mkdtempSync(join(tmpdir(), 'mnemesh-full-'))
const command = (name: string, args: readonly string[]) => spawnSync(name, args, { encoding: 'utf8' })
const mounted = command('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', mountPoint])
const refusal = mounted.status === 0 ? null : (mounted.error?.message ?? mounted.stderr.trim())
if (refusal !== null) process.stderr.write(`SKIPPED: the tests on a full disk need to mount a tmpfs, and that failed: ${refusal}\n`)

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
    for (let again = 0; again < 3; again++) await expect(store.write({ commits: run('a', 10, 10) })).rejects.toMatchObject({ code: 'disk_full', message: expect.stringMatching(/free some space/) })
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

  test('met in the middle of a write it is told, reads go on, no later write pretends, and everything acknowledged is there', async () => {
    for (const freeBytesLeft of [3 * MIB, 3 * MIB + 1_111_111]) {
      const dir = join(mountPoint, `met-${freeBytesLeft}`)
      const store = await openLevelStore(dir, { random, freeBytesMin: 0 })
      const giveBack = leaveFree(freeBytesLeft)
      const acknowledged: StoredCommit[] = []
      const refused: unknown[] = []
      for (let seq = 0; refused.length < 3 && seq < 2_000; seq++) {
        const commit = sampleCommit('a', acknowledged.length, 5_000 + ((seq * 7919) % 9_000))
        await store.write({ commits: [commit] }).then(
          () => acknowledged.push(commit),
          (error: unknown) => refused.push(error),
        )
      }
      for (const error of refused) expect(error).toMatchObject({ code: 'disk_full' })
      expect(refused).toHaveLength(3)
      expect(acknowledged.length).toBeGreaterThan(100)
      expect(store.commit(acknowledged[5]!.chain, 5)?.hash).toBe(acknowledged[5]!.hash)
      expect(store.arrivals()).toBe(acknowledged.length)
      giveBack()
      await expect(store.write({ commits: run('b', 0, 1) })).rejects.toMatchObject({ code: 'disk_full' })
      await store.close()

      const again = await openLevelStore(dir, { random, freeBytesMin: 0 })
      expect(again.opening).toMatchObject({ continuable: false, tail: null })
      const found = await scanAll(again)
      expect(found.slice(0, acknowledged.length).map((met) => (met.kind === 'commit' ? met.commit.hash : met))).toEqual(acknowledged.map(({ hash }) => hash))
      await again.write({ commits: run('b', 0, 1) })
      await again.close()
      rmSync(dir, { recursive: true })
    }
  })
})
