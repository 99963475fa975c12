/**
 * The contract of `CommitStore` (ports.ts), run against every driver: what the replica may rely on, driver or no driver.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import type { ChainId, Ref } from '../../crdt/ids.ts'
import type { CommitStore, StoreDamage } from '../ports/store.ts'
import { chainOf, run, sampleBody, sampleCommit, scanAll } from './testing/samples.ts'

/** One disk, opened as often as a test likes. */
export type TestDisk = {
  open(): Promise<CommitStore>
  /** Changes one byte of a stored record, while no store has the disk open. */
  damage(
    record:
      | { readonly kind: 'commit'; readonly chain: ChainId; readonly seq: number }
      | { readonly kind: 'body'; readonly ref: Ref }
      | { readonly kind: 'fact'; readonly name: string },
  ): Promise<void>
  /** Removes what the disk holds from the file system. */
  discard(): Promise<void>
}

export const commitStoreContract = (driver: string, makeDisk: () => Promise<TestDisk>): void => {
  describe(`${driver}: the commit store's contract`, () => {
    const disks: TestDisk[] = []
    const opened: CommitStore[] = []
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close()
      for (const disk of disks.splice(0)) await disk.discard()
    })
    const newDisk = async (): Promise<TestDisk> => {
      const disk = await makeDisk()
      disks.push(disk)
      return disk
    }
    const open = async (disk: TestDisk): Promise<CommitStore> => {
      const store = await disk.open()
      opened.push(store)
      return store
    }
    const fresh = async (): Promise<CommitStore> => open(await newDisk())

    test('a new store is empty, not continuable, with an epoch of its own', async () => {
      const store = await fresh()
      expect(store.opening).toMatchObject({ continuable: false, tail: null, notes: [] })
      expect(store.opening.epoch).toMatch(/^[0-9a-f]{32}$/)
      expect((await fresh()).opening.epoch).not.toBe(store.opening.epoch)
      expect([store.arrivals(), store.arrival(1), store.commit(chainOf('a'), 0), store.fact('x')]).toEqual([
        0,
        null,
        null,
        null,
      ])
      expect(await scanAll(store)).toEqual([])
    })

    test('what was written is read back by place, by hash and by arrival, and after a reopening', async () => {
      const disk = await newDisk()
      const first = await open(disk)
      const commits = [...run('a', 0, 3), ...run('b', 5, 2), sampleCommit('a', 3)]
      const body = sampleBody('x')
      await first.write({ commits: commits.slice(0, 4), bodies: [body], facts: [['f', Uint8Array.of(1, 2)]] })
      await first.write({ commits: commits.slice(4) })
      const check = (store: CommitStore): void => {
        expect(store.arrivals()).toBe(6)
        commits.forEach((commit, i) => {
          expect(store.commit(commit.chain, commit.seq)).toEqual(commit)
          expect(store.find(commit.hash)).toEqual({ chain: commit.chain, seq: commit.seq })
          expect(store.arrival(i + 1)).toEqual({ n: i + 1, chain: commit.chain, seq: commit.seq, hash: commit.hash })
        })
        expect(store.arrival(0)).toBeNull()
        expect(store.arrival(7)).toBeNull()
        expect(store.body(body.ref)).toEqual(body)
        expect(store.fact('f')).toEqual(Uint8Array.of(1, 2))
      }
      check(first)
      await first.close()
      const second = await open(disk)
      expect(second.opening).toEqual({ epoch: first.opening.epoch, continuable: true, tail: null, notes: [] })
      check(second)
      expect(await scanAll(second)).toEqual(commits.map((commit, i) => ({ kind: 'commit', n: i + 1, commit })))
    })

    test('numbering goes on after a reopening', async () => {
      const disk = await newDisk()
      const first = await open(disk)
      await first.write({ commits: run('a', 0, 2) })
      await first.close()
      const second = await open(disk)
      await second.write({ commits: run('a', 2, 1) })
      expect(second.arrival(3)?.seq).toBe(2)
      await second.close()
      expect((await open(disk)).opening.continuable).toBe(true)
    })

    test('a scan hands over more than one batch, in order', async () => {
      const store = await fresh()
      const count = limits.store_scan_commits + 10
      await store.write({ commits: run('a', 0, count, 20) })
      const batches: number[] = []
      for await (const batch of store.scan()) batches.push(batch.length)
      expect(batches).toEqual([limits.store_scan_commits, 10])
      expect(
        (await scanAll(store)).map((met) => (met.kind === 'damaged' ? -1 : met.kind === 'lost' ? -2 : met.commit.seq)),
      ).toEqual(Array.from({ length: count }, (_, i) => i))
    })

    test('a scan reads from one arrival to another, and what lies before later', async () => {
      const store = await fresh()
      await store.write({ commits: run('a', 0, 6) })
      const numbers = async (from: number, to?: number): Promise<number[]> => {
        const met: number[] = []
        for await (const batch of store.scan(from, to))
          for (const one of batch) met.push(one.kind === 'damaged' ? -1 : one.n)
        return met
      }
      expect(await numbers(5)).toEqual([5, 6])
      await store.write({ commits: run('a', 6, 1) })
      expect([await numbers(1, 4), await numbers(8), await numbers(1, 0)]).toEqual([[1, 2, 3, 4], [], []])
    })

    test('a commit given twice keeps its arrival and takes the new bytes', async () => {
      const store = await fresh()
      await store.write({ commits: run('a', 0, 3) })
      const again = { ...sampleCommit('a', 1), bytes: Uint8Array.of(9) }
      const other = sampleCommit('a', 2, 50, 7)
      await store.write({ commits: [again, other, sampleCommit('a', 3)] })
      expect(store.arrivals()).toBe(4)
      expect(store.commit(again.chain, 1)).toEqual(again)
      expect(store.arrival(2)?.hash).toBe(again.hash)
      expect(store.arrival(3)?.hash).toBe(other.hash)
      expect(store.find(other.hash)).toEqual({ chain: other.chain, seq: 2 })
      expect(store.find(sampleCommit('a', 2).hash)).toBeNull()
    })

    test('a commit given twice in one batch arrives once, with the later bytes', async () => {
      const store = await fresh()
      const again = { ...sampleCommit('a', 0), bytes: Uint8Array.of(9) }
      await store.write({ commits: [sampleCommit('a', 0), sampleCommit('b', 0), again] })
      expect(store.arrivals()).toBe(2)
      expect(store.commit(again.chain, 0)).toEqual(again)
      expect(await scanAll(store)).toMatchObject([{ n: 1, commit: again }, { n: 2 }])
    })

    test('what the caller does to its bytes afterwards changes nothing', async () => {
      const store = await fresh()
      const commit = sampleCommit('a', 0)
      const expected = { ...commit, bytes: commit.bytes.slice() }
      const writing = store.write({ commits: [commit] })
      await writing
      commit.bytes.fill(0)
      expect(store.commit(commit.chain, 0)).toEqual(expected)
    })

    test('an erased text is gone for good, also when it is given again', async () => {
      const disk = await newDisk()
      const store = await open(disk)
      const [kept, gone, both] = [sampleBody('kept'), sampleBody('gone'), sampleBody('both')]
      await store.write({ bodies: [kept, gone] })
      await store.write({ bodies: [both], erase: [gone.ref, both.ref, sampleBody('never here').ref] })
      await store.write({ bodies: [gone] })
      const check = (from: CommitStore): void => {
        expect(from.body(kept.ref)).toEqual(kept)
        for (const name of ['gone', 'both', 'never here']) expect(from.body(sampleBody(name).ref)).toBe('erased')
        expect(from.body(sampleBody('unknown').ref)).toBeNull()
      }
      check(store)
      await store.close()
      check(await open(disk))
    })

    test('a dropped text is gone for good, and is told apart from an erased one', async () => {
      const disk = await newDisk()
      const store = await open(disk)
      const [kept, gone, both] = [sampleBody('kept'), sampleBody('gone'), sampleBody('both')]
      await store.write({ bodies: [kept, gone, both] })
      await store.write({ drop: [gone.ref, both.ref, sampleBody('never here').ref] })
      await store.write({ bodies: [gone], erase: [both.ref] })
      const check = (from: CommitStore): void => {
        expect(from.body(kept.ref)).toEqual(kept)
        for (const name of ['gone', 'never here']) expect(from.body(sampleBody(name).ref)).toBe('dropped')
        expect(from.body(both.ref)).toBe('erased')
        expect(from.body(sampleBody('unknown').ref)).toBeNull()
      }
      check(store)
      await store.close()
      check(await open(disk))
    })

    test('facts are replaced and removed; the last word in a batch counts', async () => {
      const store = await fresh()
      await store.write({
        facts: [
          ['a', Uint8Array.of(1)],
          ['b', Uint8Array.of(1)],
          ['empty', new Uint8Array()],
        ],
      })
      await store.write({
        facts: [
          ['a', Uint8Array.of(2)],
          ['b', null],
          ['c', null],
          ['c', Uint8Array.of(3)],
        ],
      })
      expect(['a', 'b', 'c', 'empty'].map((name) => (store.fact(name) as Uint8Array | null)?.join() ?? null)).toEqual([
        '2',
        null,
        '3',
        '',
      ])
    })

    test('writes given at once are made one after the other, in order', async () => {
      const store = await fresh()
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          store.write({ commits: run('a', i * 3, 3, 30), facts: [['last', Uint8Array.of(i)]] }),
        ),
      )
      expect((await scanAll(store)).map((met) => (met.kind === 'commit' ? met.commit.seq : -1))).toEqual(
        Array.from({ length: 60 }, (_, i) => i),
      )
      expect(store.fact('last')).toEqual(Uint8Array.of(19))
    })

    test('an empty batch is no work', async () => {
      const store = await fresh()
      await store.write({})
      await store.write({ commits: [], facts: [] })
      expect(store.arrivals()).toBe(0)
    })

    test('a batch out of bounds is refused whole', async () => {
      const store = await fresh()
      const big = new Uint8Array(limits.store_fact_bytes_max + 1)
      await expect(store.write({ commits: run('a', 0, 1), facts: [['big', big]] })).rejects.toThrow(RangeError)
      await expect(store.write({ commits: [{ ...sampleCommit('a', 0), seq: 2 ** 53 }] })).rejects.toThrow(
        /seq is below 2\^48/,
      )
      await expect(store.write({ commits: [{ ...sampleCommit('a', 0), seq: Number.NaN }] })).rejects.toThrow(RangeError)
      expect(store.arrivals()).toBe(0)
    })

    test('a damaged commit is absent, reported, named by the scan, and healed by writing it again', async () => {
      const disk = await newDisk()
      const first = await open(disk)
      const commits = run('a', 0, 3)
      await first.write({ commits })
      await first.close()
      await disk.damage({ kind: 'commit', chain: chainOf('a'), seq: 1 })
      const store = await open(disk)
      const damages: StoreDamage[] = []
      store.onDamage((damage) => damages.push(damage))
      expect((await scanAll(store)).map((met) => met.kind)).toEqual(['commit', 'damaged', 'commit'])
      expect((await scanAll(store))[1]).toMatchObject({
        arrival: { n: 2, chain: chainOf('a'), seq: 1, hash: commits[1]!.hash },
      })
      expect(store.commit(chainOf('a'), 1)).toBeNull()
      expect(damages).toMatchObject([{ kind: 'commit', chain: chainOf('a'), seq: 1 }])
      await store.write({ commits: [commits[1]!] })
      expect(store.arrivals()).toBe(3)
      expect(store.commit(chainOf('a'), 1)).toEqual(commits[1])
      expect((await scanAll(store)).map((met) => met.kind)).toEqual(['commit', 'commit', 'commit'])
    })

    test('a damaged body or fact is absent and reported, and healed by writing it again', async () => {
      const disk = await newDisk()
      const first = await open(disk)
      const body = sampleBody('x')
      await first.write({ bodies: [body], facts: [['f', Uint8Array.of(1, 2, 3)]] })
      await first.close()
      await disk.damage({ kind: 'body', ref: body.ref })
      await disk.damage({ kind: 'fact', name: 'f' })
      const store = await open(disk)
      const damages: StoreDamage[] = []
      store.onDamage((damage) => damages.push(damage))
      expect([store.body(body.ref), store.fact('f')]).toEqual([null, 'damaged'])
      expect(damages).toMatchObject([
        { kind: 'body', ref: body.ref },
        { kind: 'fact', name: 'f' },
      ])
      await store.write({ bodies: [body], facts: [['f', Uint8Array.of(4)]] })
      expect([store.body(body.ref), store.fact('f')]).toEqual([body, Uint8Array.of(4)])
    })

    test('closed, it answers nothing and takes nothing', async () => {
      const store = await fresh()
      const unfinished = store.write({ commits: run('a', 0, 1) })
      await store.close()
      await store.close()
      await unfinished
      await expect(store.write({ commits: run('a', 1, 1) })).rejects.toMatchObject({ code: 'closed' })
      expect(() => store.commit(chainOf('a'), 0)).toThrow(expect.objectContaining({ code: 'closed' }))
    })

    test('it knows its space', async () => {
      const store = await fresh()
      const before = await store.diskBytes()
      await store.write({ commits: run('a', 0, 50) })
      expect(await store.diskBytes()).toBeGreaterThanOrEqual(before + 50 * 600)
      expect(await store.freeBytes()).toBeGreaterThan(0)
    })
  })
}
