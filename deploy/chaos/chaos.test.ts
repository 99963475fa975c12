/** The harness, tried on real peers: a killed coordinator while links are lossy, a cut both ways, acks that do not come back, and a disk that is full to the last byte. */
import { expect, test } from 'vitest'
import { playCampaign, type CampaignOptions } from './campaign.ts'
import { whyNoDisks } from './disk.ts'
import { CLASSES } from './faults/classes.ts'
import { fillingDisk } from './faults/disks.ts'
import type { FaultClass } from './faults/fault.ts'
import { summaryOf, verdictOf } from './report.ts'

/** A machine that runs all tests is slow, which is no violation here; what never heals is. */
const HANG_MS = 60_000

const classesNamed = (names: readonly string[]): CampaignOptions['classes'] => {
  const [first, ...rest] = names.map((name): FaultClass => {
    const found = CLASSES.find((one) => one.name === name)
    if (found === undefined) throw new Error(`no class ${name}`)
    return found
  })
  if (first === undefined) throw new Error('no class')
  return [first, ...rest]
}

const refusal = whyNoDisks()
if (refusal !== null)
  process.stderr.write(`SKIPPED: the round on a full disk needs to mount a tmpfs, and that failed: ${refusal}\n`)

test('a full disk, a killed coordinator, a cut link and lost acks under load: proven, healed, nothing lost; the verdict stands on evidence', async () => {
  const names = ['kill-coordinator', 'cut-one', 'drop-acks', ...(refusal === null ? ['full-disk'] : [])]
  const options = { mix: 'alone', seed: 1, peers: 3, projection: 'none' } as const
  const result = await playCampaign({
    ...options,
    classes: classesNamed(names),
    first: 0,
    rounds: names.length,
    holdMs: 800,
    healedMsMax: HANG_MS,
    onRound: () => undefined,
    script: (stage) =>
      stage.disksOf.size === 0 || stage.round !== names.indexOf('full-disk')
        ? null
        : [fillingDisk(stage, { where: 'log', leftMiB: 0, how: 'at once', restart: false })],
  })
  const { rounds } = result
  expect(rounds.map(({ violations }) => violations)).toEqual(names.map(() => []))
  expect(rounds.map(({ proof }) => proof.join())).toEqual([
    expect.stringMatching(/^pid \d+ gone$/),
    expect.stringMatching(/(held|lost) [1-9]/),
    expect.stringMatching(/^[1-9]\d* answers lost: [1-9]\d* bytes had passed, [1-9]/),
    ...(refusal === null ? [expect.stringMatching(/^0\.0 MiB free, [1-9]\d* × 507$/)] : []),
  ])
  for (const { acknowledged, wholeLists } of rounds) {
    expect(acknowledged).toBeGreaterThan(10)
    expect(wholeLists).toBeGreaterThan(0)
  }
  expect(result.last).toMatchObject({ findings: [] })
  const setting = { ...options, classes: names, leftOut: [], wanted: names.length }
  expect(verdictOf(summaryOf(result, setting))).toMatchObject({ passed: true })
  // No green without evidence.
  expect(verdictOf(summaryOf({ ...result, rounds: [] }, setting))).toEqual({
    passed: false,
    reason: `0 of ${names.length} rounds were played`,
  })
  const unacknowledged = rounds.map((round) => ({ ...round, acknowledged: 0 }))
  expect(verdictOf(summaryOf({ ...result, rounds: unacknowledged }, setting))).toMatchObject({
    passed: false,
    reason: expect.stringMatching(/^nothing was acknowledged under kill-coordinator/),
  })
}, 120_000)
