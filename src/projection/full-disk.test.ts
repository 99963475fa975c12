/**
 * The embedded database on a small disk that fills up, for real: what is refused beforehand, and what fails half-way. Either way its
 * rows stay, and all goes on by itself when there is room.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { embedded, wordy } from './testing/worker.ts'
import { batch, cursor, id, NOW } from './testing/rows.ts'

const MIB = 2 ** 20
const DISK = '220m'
const HEALED_MS = 10_000
const ROUNDS = 2

const root = mkdtempSync(join(tmpdir(), 'mnemesh-full-'))
const disk = join(root, 'disk')
mkdirSync(disk)
const command = (...words: readonly [string, ...string[]]): Buffer =>
  execFileSync(words[0], words.slice(1), { stdio: 'pipe' })
const missing = ((): string | null => {
  if (process.getuid?.() !== 0) return 'only root can mount a small disk'
  try {
    command('mount', '-t', 'tmpfs', '-o', `size=${DISK},mode=0700`, 'mnemesh-test', disk)
    return null
  } catch (error) {
    return `no small disk to be had: ${String(error).split('\n')[0]}`
  }
})()
afterAll(() => {
  if (missing === null) command('umount', '--lazy', disk)
  rmSync(root, { recursive: true, force: true })
})

const filler = join(disk, 'filler')
const free = (): number => {
  const { bavail, bsize } = statfsSync(disk)
  return bavail * bsize
}
/** Takes what is free but so many bytes, at once. */
const fill = (left: number): void => {
  const file = openSync(filler, 'a')
  const bytes = Buffer.alloc(64 * 1024)
  try {
    while (free() > left) writeSync(file, bytes, 0, Math.min(bytes.length, Math.max(4_096, free() - left)))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  } finally {
    closeSync(file)
  }
}

describe.skipIf(missing !== null)(`a full disk${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  it('with little room takes no rows and names the mend; those that it has are found', async () => {
    const projection = embedded(join(disk, 'little'))
    await projection.open()
    await projection.apply(batch(1, { memories: wordy(0, 10, 20) }))
    fill(20 * MIB)
    await expect(projection.apply(batch(2, { memories: wordy(10, 10, 20) }))).rejects.toMatchObject({
      rebuild: false,
      message: expect.stringMatching(/^projection: only \d+ MiB are free where .* are needed: make room/),
    })
    expect((await projection.list({}, { limit: 99, now: NOW })).rows).toHaveLength(10)
    expect(await projection.open()).toEqual(cursor(1))
    rmSync(filler)
    await projection.apply(batch(2, { memories: wordy(10, 10, 20) }))
    expect((await projection.list({}, { limit: 99, now: NOW })).rows).toHaveLength(20)
    await projection.close()
    rmSync(join(disk, 'little'), { recursive: true })
  }, 300_000)

  it('that fills up in the middle of a batch costs an instance, and no rows: with room, all is there within 10 s', async () => {
    const said: string[] = []
    const projection = embedded(join(disk, 'middle'), (line) => said.push(line))
    await projection.open()
    await projection.apply(batch(1, { memories: wordy(0, 50, 30) }))
    const digest = await projection.digest()
    for (let round = 0; round < ROUNDS; round++) {
      let isOver = false
      const late = projection
        .apply(batch(2, { memories: wordy(50, 1_500, 200) }))
        .then(
          () => 'applied',
          (error: Error) => error,
        )
        .finally(() => {
          isOver = true
        })
      // It takes what the checkpoints give back, too.
      while (!isOver) {
        await new Promise((resolve) => setTimeout(resolve, round === 0 ? 20 : 300))
        fill(0)
      }
      const failure = await late
      expect(failure).toMatchObject({
        rebuild: false,
        message: expect.stringMatching(/No space left|53100|worker ended|MiB are free/),
      })
      // Not asked again as it is: another instance answers, or the mend is named.
      const meanwhile = await projection.open().catch((error: Error) => error)
      if (meanwhile instanceof Error)
        expect(meanwhile).toMatchObject({
          rebuild: false,
          message: expect.stringMatching(/MiB are free where .*make room/),
        })
      else expect(meanwhile).toEqual(cursor(1))
      rmSync(filler)
      const from = performance.now()
      await expect
        .poll(() => projection.open().catch((error: Error) => error.message), { timeout: HEALED_MS, interval: 500 })
        .toEqual(cursor(1))
      process.stdout.write(
        `a full disk, round ${round}: ${String(failure).slice(0, 160)}; open again ${Math.round(performance.now() - from)} ms after there was room\n`,
      )
      expect(await projection.digest()).toEqual(digest)
    }
    await projection.apply(batch(2, { memories: wordy(50, 20, 30) }))
    expect((await projection.recall({ q: wordy(0, 1, 30)[0]!.content!, limit: 3 }, NOW)).memories[0]?.id).toBe(id(0))
    await projection.close()
  }, 300_000)
})
