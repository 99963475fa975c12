/** The harness itself: it finds what is planted, and any input can be made again. */
import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createDraw } from './draw.ts'
import { liveBytes } from './memory.ts'
import { chunksOf, shares } from './plan.ts'
import { STALL_MS, addTally, createFeeder, emptyTally, type Tally } from './run.ts'
import { addDone, addFailure, emptySummary, renderFailure, renderTable } from './table.ts'
import { ACCEPTED, WronglyJudged, judge, refused, type Opened, type Target } from './target.ts'
import { TARGETS } from './targets.ts'

const planted = (feed: Opened['feed'], more: Partial<Target> = {}): Target => ({
  name: 'planted',
  micros: 1,
  open: () => ({ make: (draw) => draw.bytes(1), feed }),
  ...more,
})
const fed = async (target: Target, inputs: number): Promise<Tally> => {
  const tally = emptyTally(target.name)
  const feeder = createFeeder(target, 7, () => performance.now())
  await feeder.run(0, inputs, tally)
  await feeder.close()
  return tally
}
const busy = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end;);
}

describe('a planted fault', () => {
  it('of judgement is found, with the input and its place', async () => {
    const tally = await fed(
      planted(([byte]) => {
        judge(byte !== 65, 'took a 65')
        return byte! > 127 ? refused('high') : ACCEPTED
      }),
      2_000,
    )
    expect(tally).toMatchObject({ inputs: 2_000, failed: expect.any(Number) as number })
    expect(tally.failures[0]).toMatchObject({
      kind: 'wrong',
      hex: '41',
      says: expect.stringContaining('took a 65') as string,
    })
    expect(tally.accepted + tally.refusals['high']! + tally.failed).toBe(2_000)
    expect([...createDraw(7, 'planted', tally.failures[0]!.index).bytes(1)]).toEqual([65])
  })

  it('that throws is a crash, and the target is opened anew', async () => {
    let openings = 0
    const tally = await fed(
      planted(() => ACCEPTED, {
        open: () => ({
          make: () => Uint8Array.of(++openings),
          feed: () => {
            throw new TypeError('of undefined')
          },
        }),
      }),
      3,
    )
    expect(tally.failures.map(({ kind }) => kind)).toEqual(['crash', 'crash', 'crash'])
    expect(openings).toBe(3)
  })

  it('that is slow each time is a stall, one that was slow once is not', async () => {
    expect(
      (
        await fed(
          planted(() => {
            busy(STALL_MS + 10)
            return ACCEPTED
          }),
          1,
        )
      ).failures,
    ).toMatchObject([{ kind: 'stall', index: 0 }])
    let first = true
    expect(
      (
        await fed(
          planted(() => {
            if (first) busy(STALL_MS + 10)
            first = false
            return ACCEPTED
          }),
          1,
        )
      ).failures,
    ).toEqual([])
  })

  it('that takes long in all is no stall as long as others have their turns, and one when they have not', async () => {
    const inTurns =
      (turns: number, ms: number): Opened['feed'] =>
      async () => {
        for (let turn = 0; turn < turns; turn++) {
          busy(ms)
          await nextTurn()
        }
        return ACCEPTED
      }
    expect((await fed(planted(inTurns(4, STALL_MS / 2)), 1)).failures).toEqual([])
    expect((await fed(planted(inTurns(2, STALL_MS + 10)), 1)).failures).toMatchObject([{ kind: 'stall', index: 0 }])
  })

  it('that keeps every input is seen in memory', async () => {
    const kept: Uint8Array[] = []
    const before = await liveBytes()
    await fed(
      planted(() => {
        kept.push(new Uint8Array(100_000))
        return ACCEPTED
      }),
      300,
    )
    expect((await liveBytes()) - before).toBeGreaterThan(29_000_000)
    expect(kept).toHaveLength(300)
  })
})

it('any input is made again from seed, target and index, whatever came before it', async () => {
  for (const target of TARGETS.filter(({ micros }) => micros < 1_000)) {
    const [one, other] = [await target.open(), await target.open()]
    one.make(createDraw(3, target.name, 0))
    for (const index of [5, 6, 7, 2 ** 33])
      expect(
        Buffer.compare(one.make(createDraw(3, target.name, index)), other.make(createDraw(3, target.name, index))),
      ).toBe(0)
    expect(
      Buffer.compare(one.make(createDraw(3, target.name, 5)), one.make(createDraw(4, target.name, 5))) === 0 &&
        Buffer.compare(one.make(createDraw(3, target.name, 6)), one.make(createDraw(4, target.name, 6))) === 0,
    ).toBe(false)
  }
})

it('a target that keeps state is opened anew at the same places in a run and in a replay', async () => {
  const opened: number[] = []
  const target = planted(() => ACCEPTED, {
    inputsPerOpening: 4,
    open: () => {
      let nth = 0
      return {
        make: () => Uint8Array.of(0),
        feed: () => {
          opened.push(nth++)
          return ACCEPTED
        },
      }
    },
  })
  await fed(target, 9)
  expect(opened).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0])
})

it('shares reach the number asked for, leave no target out, and chunks cover them once', () => {
  const counts = shares(TARGETS, 10_000)
  expect([...counts.values()].reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(10_000)
  expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(40)
  for (const target of TARGETS) {
    const chunks = chunksOf(TARGETS, 10_000).filter((chunk) => chunk.target === target.name)
    expect(chunks.reduce((at, { from, to }) => (from === at ? to : Number.NaN), 0)).toBe(counts.get(target.name))
    expect(chunks.every(({ from }) => from % (target.inputsPerOpening ?? 1) === 0)).toBe(true)
  }
})

it('the table adds up, and a failure says how to see it again', async () => {
  const summary = emptySummary()
  const tally = await fed(
    planted(([byte]) => (byte! > 127 ? refused('high') : ACCEPTED)),
    50,
  )
  const sum = emptyTally('planted')
  addTally(sum, tally)
  addTally(sum, tally)
  expect(sum).toMatchObject({ inputs: 100, accepted: 2 * tally.accepted })
  addDone(summary, { tally: sum, grownBytes: 2 ** 20 })
  addFailure(summary, { kind: 'death', target: 'planted', index: 9, hex: '00ff', says: 'the process ended (SIGABRT)' })
  expect(renderTable(summary)).toMatch(/planted +100 +\d+ +\d+\.\d +1\.0 +1 +high \d+/)
  expect(
    renderFailure(
      { kind: 'wrong', target: 'planted', index: 9, hex: '00ff', says: new WronglyJudged('took it').message },
      7,
    ),
  ).toBe("wrong in planted, input 9: took it\n  00ff\n  replay: npm run fuzz -- --seed 7 --target 'planted' --index 9")
})
