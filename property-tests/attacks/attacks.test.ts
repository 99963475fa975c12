/**
 * The quick form of `npm run attacks`: every row that takes no minutes, against one real peer, theme by theme. Each row's answer is
 * held to its name, and of each theme: the process lived, nothing changed, and a healthy client was served throughout.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attack } from './attack.ts'
import { ATTACKS, THEMES } from './attacks.ts'
import { changesOf, snapshotOf, type Snapshot } from './snapshot.ts'
import { openTheatre, type Theatre } from './theatre.ts'

const ROW_MS_MAX = 30_000
/** Of the peer's main thread, during one request of the healthy client. */
const CPU_MS_MAX = 250

let theatre: Theatre
beforeAll(async () => {
  theatre = await openTheatre(1)
}, 120_000)
afterAll(() => theatre?.dispose())

const quick = (attacks: readonly Attack[]): readonly Attack[] =>
  attacks.filter(({ slow, spends }) => slow === undefined && spends !== true)
/** Those that change nothing come first, between the two snapshots. */
const harmless = (attacks: readonly Attack[]): readonly Attack[] =>
  quick(attacks).filter(({ writes }) => writes !== true)
const writing = (attacks: readonly Attack[]): readonly Attack[] =>
  quick(attacks).filter(({ writes }) => writes === true)

/** What it answered; null where that is right. */
const wrongAnswer = async (attack: Attack): Promise<string | null> => {
  const stage = await theatre.stage(await theatre.cast({}))
  try {
    const answer = await attack.run(stage)
    return (typeof attack.expect === 'string' ? answer === attack.expect : attack.expect.test(answer))
      ? null
      : `${answer} instead of ${String(attack.expect)}`
  } finally {
    await stage.clear()
  }
}

describe.each(Object.entries(THEMES))('%s', (_, attacks) => {
  let before: Snapshot
  let pid: number
  beforeAll(async () => {
    await theatre.cast({})
    before = await snapshotOf(theatre.victim)
    pid = theatre.victim.pid()
    theatre.healthy().begin()
  })

  test.each(harmless(attacks))('$id: $what', { timeout: ROW_MS_MAX }, async (attack) => {
    expect(await wrongAnswer(attack)).toBeNull()
  })
  test('nothing changed', async () => {
    expect(changesOf(before, await snapshotOf(theatre.victim, before))).toEqual([])
  })
  test.each(writing(attacks))('$id: $what', { timeout: ROW_MS_MAX }, async (attack) => {
    expect(await wrongAnswer(attack)).toBeNull()
  })

  test('the process lives, a healthy client was served and never stood still', async () => {
    const figures = await theatre.healthy().end()
    expect(theatre.victim.pid()).toBe(pid)
    expect(figures.failures).toEqual([])
    expect(figures.requests).toBeGreaterThan(0)
    expect(figures.worstCpuMs).toBeLessThanOrEqual(CPU_MS_MAX)
  })
})

test('ids are unique', () => {
  const ids = ATTACKS.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.length).toBeGreaterThanOrEqual(80)
})
