/** How much of refusals one link tells and listens to, and who is told (PROTOCOL RF1, RF3). */
import { beforeEach, describe, expect, test } from 'vitest'
import { sha256 } from '../crdt/hash.ts'
import { bytesToHex, type ChainId, type CommitHash, type PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import type { RefusedCommit } from './host.ts'
import { createRefusals, type Refusals } from './refusals.ts'
import { abilitiesOf, levelIn, OWN_OFFER, takesRefused } from './versions.ts'

const some = (count: number): readonly RefusedCommit[] =>
  Array.from({ length: count }, (_, n) => ({
    chain: bytesToHex(sha256('chain', String(n)).subarray(0, 16)) as ChainId,
    seq: 1,
    hash: bytesToHex(sha256('hash', String(n))) as CommitHash,
    reason: 'forked',
  }))

let sent: number[]
let heard: number
let nowMs: number
const create = (takes: boolean): Refusals =>
  createRefusals({
    host: { receiveRefused: (_from, refused) => void (heard += refused.length) },
    peer: 'ab'.repeat(32) as PeerId,
    takes,
    send: (message) => message.type === 'refused' && sent.push(message.refused.length),
    count: () => undefined,
    now: () => nowMs,
  })
beforeEach(() => {
  sent = []
  heard = 0
  nowMs = 1_000_000
})

describe('RF3 a link', () => {
  test('tells them in frames of so many, so many in an interval, and goes on in the next', () => {
    const refusals = create(true)
    refusals.tell(some(limits.refusals_per_frame_max + 1))
    expect(sent).toEqual([limits.refusals_per_frame_max, 1])
    refusals.tell(some(10 * limits.refusals_per_interval_max))
    const total = (): number => sent.reduce((sum, count) => sum + count, 0)
    expect(total()).toBe(limits.refusals_per_interval_max)
    nowMs += limits.ping_every_ms + 1
    refusals.tell(some(3))
    expect(total()).toBe(limits.refusals_per_interval_max + 3)
    // A clock that was put back keeps nothing silent.
    nowMs -= 3_600_000
    refusals.tell(some(2))
    expect(total()).toBe(limits.refusals_per_interval_max + 5)
  })
  test('listens to no more than that', () => {
    const refusals = create(true)
    for (let n = 0; n < 100; n++) refusals.heard(some(limits.refusals_per_frame_max))
    expect(heard).toBe(limits.refusals_per_interval_max)
  })
})

test('RF1 a build that does not know the frame is told nothing', () => {
  create(false).tell(some(1))
  expect(sent).toEqual([])
  expect([takesRefused(OWN_OFFER.abilities), takesRefused(abilitiesOf(16)), takesRefused(2 ** 32 - 1)]).toEqual([
    true,
    false,
    true,
  ])
  expect(levelIn(OWN_OFFER.abilities)).toBe(1)
})
