/** Quorum: a voter counts once, for what it has whole, of our history, while it is one. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SignedAck, Watermark } from './ack.ts'
import { sha256Hex } from './hash.ts'
import type { ChainId, CommitHash, PeerId } from './ids.ts'
import { limits } from './limits.ts'
import { createAckTable, defaultQuorum, type AckTable, type HashOf } from './quorum.ts'

const [V1, V2, V3] = ['11', '22', '33'].map((byte) => byte.repeat(32) as PeerId) as [PeerId, PeerId, PeerId]
const voters = new Set([V1, V2, V3])
const chain = (n: number): ChainId => n.toString(16).padStart(32, '0') as ChainId
const hash = (seq: number, history = 'ours'): CommitHash => sha256Hex(`${history} ${seq}`) as CommitHash

/** A log with `length` commits of every chain. */
const upTo =
  (length: number): HashOf =>
  (_, seq) =>
    seq <= length ? hash(seq) : null
const heard = (
  voter: PeerId,
  ...watermarks: readonly (Partial<Watermark> & { readonly seq: number })[]
): SignedAck => ({
  voter,
  watermarks: watermarks.map((mark) => ({ chain: chain(0), hash: hash(mark.seq), whole: true, ...mark })),
  signature: new Uint8Array(64),
})
const say = (
  table: AckTable,
  voter: PeerId,
  hashOf: HashOf,
  ...watermarks: readonly (Partial<Watermark> & { readonly seq: number })[]
): void => table.record(heard(voter, ...watermarks), hashOf)
const who = (table: AckTable, seq: number, of: ReadonlySet<PeerId> = voters, c = chain(0)): readonly PeerId[] =>
  table.covering({ chain: c, seq }, of).map(({ voter }) => voter)

it('words on what is not here hold on to few acks, the oldest go, and what is counted stays', () => {
  const table = createAckTable()
  say(table, V1, upTo(9), { seq: 5 })
  say(table, V2, upTo(9), { seq: 20, chain: chain(1) })
  const acks = 2 * (limits.ack_ahead_held_per_voter_max / limits.ack_watermarks_max)
  // Of each ack one word is on what is not here.
  const rest = Array.from({ length: limits.ack_watermarks_max - 1 }, (_, n) => ({ seq: 1, chain: chain(100_000 + n) }))
  for (let n = 1; n <= acks; n++) say(table, V1, upTo(9), { seq: 30, chain: chain(n) }, ...rest)
  expect(table.displaced()).toEqual(new Map([[V1, acks / 2]]))
  table.recheck(chain(1), upTo(40))
  table.recheck(chain(acks), upTo(40))
  expect([
    who(table, 5),
    who(table, 30, voters, chain(1)),
    who(table, 20, voters, chain(1)),
    who(table, 30, voters, chain(acks)),
  ]).toEqual([[V1], [], [V2], [V1]])
})

it('news is what goes further than was counted, whole', () => {
  const table = createAckTable()
  const isNews = (...marks: readonly (Partial<Watermark> & { readonly seq: number })[]): boolean =>
    table.isNews(heard(V1, ...marks))
  expect(isNews({ seq: 5 })).toBe(true)
  say(table, V1, upTo(9), { seq: 5 })
  say(table, V1, upTo(9), { seq: 12 })
  expect([isNews({ seq: 5 }), isNews({ seq: 4 }, { seq: 3 }), isNews({ seq: 6, whole: false }), isNews()]).toEqual([
    false,
    false,
    false,
    false,
  ])
  // What waits for our own log has been counted nowhere yet.
  expect([
    isNews({ seq: 6 }),
    isNews({ seq: 12 }),
    isNews({ seq: 2 }, { seq: 1, chain: chain(1) }),
    table.isNews(heard(V2, { seq: 5 })),
  ]).toEqual([true, true, true, true])
  table.forget(V1)
  expect(isNews({ seq: 1 })).toBe(true)
})

describe('acks count', () => {
  it('for everything up to their watermark, and nothing beyond', () => {
    const table = createAckTable()
    say(table, V1, upTo(9), { seq: 5 })
    expect([1, 5, 6].map((seq) => who(table, seq).length)).toEqual([1, 1, 0])
    expect(who(table, 1, voters, chain(1))).toEqual([])
  })

  it('once a voter, however often it is said, and never backwards', () => {
    const table = createAckTable()
    for (const seq of [5, 5, 3, 5]) say(table, V1, upTo(9), { seq }, { seq })
    expect(who(table, 5)).toEqual([V1])
    say(table, V2, upTo(9), { seq: 5 })
    expect(who(table, 5)).toEqual([V1, V2])
  })

  it('of the voters given: not of observers, strangers, or those that were taken out', () => {
    const table = createAckTable()
    for (const voter of voters) say(table, voter, upTo(9), { seq: 5 })
    expect(who(table, 5, new Set([V1, V3]))).toEqual([V1, V3])
    table.forget(V1)
    expect(who(table, 5)).toEqual([V2, V3])
  })

  it('not for another history: a hash at that place which is not ours', () => {
    const table = createAckTable()
    say(table, V1, upTo(9), { seq: 5, hash: hash(5, 'another') }, { seq: 5, hash: hash(4) })
    expect(who(table, 1)).toEqual([])
  })

  it('not where something is missing below the watermark', () => {
    const table = createAckTable()
    say(table, V1, upTo(9), { seq: 5, whole: false })
    expect(who(table, 1)).toEqual([])
    say(table, V1, upTo(3), { seq: 5, whole: false })
    table.recheck(chain(0), upTo(9))
    expect(who(table, 1)).toEqual([])
  })

  it('once we have what they are about', () => {
    const table = createAckTable()
    say(table, V1, upTo(3), { seq: 5 })
    say(table, V2, upTo(3), { seq: 5, hash: hash(5, 'another') })
    expect(who(table, 1)).toEqual([])
    table.recheck(chain(0), upTo(4))
    expect(who(table, 1)).toEqual([])
    table.recheck(chain(1), upTo(9))
    expect(who(table, 1)).toEqual([])
    table.recheck(chain(0), upTo(5))
    expect(who(table, 5)).toEqual([V1])
    table.recheck(chain(0), upTo(9))
    expect(who(table, 5)).toEqual([V1])
  })

  it('no more once their voter is forgotten, those that wait too', () => {
    const table = createAckTable()
    say(table, V1, upTo(3), { seq: 5 })
    table.forget(V1)
    table.recheck(chain(0), upTo(9))
    expect(who(table, 1)).toEqual([])
  })
})

it('a voter that claims chains without end displaces its own claims, nobody else’s', () => {
  const table = createAckTable()
  say(table, V1, upTo(0), { seq: 1, chain: chain(0) })
  say(table, V2, upTo(0), { seq: 1, chain: chain(0) })
  for (let n = 1; n <= limits.ack_ahead_chains_per_voter_max; n++) say(table, V1, upTo(0), { seq: 1, chain: chain(n) })
  for (const n of [0, 1, limits.ack_ahead_chains_per_voter_max]) table.recheck(chain(n), upTo(9))
  expect(who(table, 1, voters, chain(0))).toEqual([V2])
  expect(who(table, 1, voters, chain(1))).toEqual([V1])
  expect(who(table, 1, voters, chain(limits.ack_ahead_chains_per_voter_max))).toEqual([V1])
})

it('counts, once we have caught up, as a dumb list of everything ever said would', () => {
  const saidArb = fc.record({
    voter: fc.constantFrom(V1, V2, V3),
    seq: fc.integer({ min: 1, max: 6 }),
    ours: fc.boolean(),
    whole: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(fc.oneof(saidArb, fc.constant('grow' as const)), { maxLength: 30 }), (steps) => {
      const table = createAckTable()
      let length = 0
      const all: { voter: PeerId; seq: number; ours: boolean; whole: boolean }[] = []
      for (const step of steps) {
        if (step === 'grow') table.recheck(chain(0), upTo(++length))
        else {
          // An honest voter's word is true; a lie may displace the liar's own words alone, so it stays out of this model.
          const entry = { ...step, ours: step.seq <= length ? step.ours : true }
          all.push(entry)
          say(table, entry.voter, upTo(length), {
            seq: entry.seq,
            whole: entry.whole,
            hash: hash(entry.seq, entry.ours ? 'ours' : 'another'),
          })
        }
      }
      // Until then a voter's furthest word stands for its earlier ones, and waits.
      table.recheck(chain(0), upTo(6))
      for (let seq = 1; seq <= 6; seq++) {
        const covering = new Set(
          all.filter((entry) => entry.ours && entry.whole && entry.seq >= seq).map(({ voter }) => voter),
        )
        expect(new Set(who(table, seq))).toEqual(covering)
      }
    }),
  )
})

it('two copies where there are two voters', () => expect([0, 1, 2, 3, 7].map(defaultQuorum)).toEqual([1, 1, 2, 2, 2]))
