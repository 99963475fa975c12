/**
 * Whose word counts for a write: enrolled voters that are neither revoked nor frozen, each for itself, each once.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import { isGenuine, signAck, type SignedAck } from '../../crdt/ack.ts'
import { bytesToHex, type ChainId, type CommitHash, type MeshId, type PeerId } from '../../crdt/ids.ts'
import { sha256 } from '../../crdt/hash.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { createLogIndex, type LogIndex } from './log-index.ts'
import { limits } from '../../crdt/limits.ts'
import type { Tie } from '../../crdt/receipt.ts'
import { createReach, type Reach } from './reach.ts'
import { createSettling, type Settling } from './settling.ts'
import type { Effect, WriteRequest } from './types.ts'

const keysOf = (name: string): KeyPair => keyPairFromSeed(sha256(`mnemesh/settling.test/${name}`))
const peerOf = (name: string): PeerId => publicKeyHex(keysOf(name)) as PeerId
const mesh = publicKeyHex(keysOf('authority')) as MeshId
const chain = bytesToHex(sha256('a chain').subarray(0, 16)) as ChainId
const hash = bytesToHex(sha256('a commit')) as CommitHash
const where = { chain, seq: 1, hash }

let settling: Settling
let reach: Reach
let frozen: PeerId | null
let tie: Tie | null
let leftOut: string | null
let index: LogIndex
const member = (name: string, role: 'voter' | 'observer', revoked = false) =>
  [
    peerOf(name),
    { peer: peerOf(name), name, role, enrolledSeq: 1, revoked: revoked ? { seq: 2 } : null, cuts: [] },
  ] as const

beforeEach(() => {
  frozen = null
  tie = null
  leftOut = null
  index = createLogIndex(mesh)
  index.control = {
    ...index.control,
    members: new Map([
      member('self', 'voter'),
      member('ann', 'voter'),
      member('bob', 'voter'),
      member('gone', 'voter', true),
      member('watcher', 'observer'),
    ]),
  }
  index.chains.set(chain, { id: chain, seq: 1, hash } as never)
  reach = createReach()
  for (const name of ['ann', 'bob']) reach.changed(peerOf(name), true, 0)
  settling = createSettling({
    reach,
    mesh,
    self: peerOf('self'),
    keys: keysOf('self'),
    index,
    quorum: null,
    hashOf: (_, seq) => (seq <= 2 ? hash : null),
    headerOf: () => new Uint8Array(1),
    tie: () => tie,
    isFrozen: (peer) => peer === frozen,
    isWhole: () => true,
    leftOut: () => leftOut,
  })
  settling.announce([chain], null)
})

const ackOf = (
  name: string,
  more: { readonly signer?: string; readonly mesh?: MeshId; readonly hash?: CommitHash; readonly whole?: boolean } = {},
): SignedAck =>
  signAck(
    {
      mesh: more.mesh ?? mesh,
      voter: peerOf(name),
      watermarks: [{ chain, seq: 1, hash: more.hash ?? hash, whole: more.whole ?? true }],
    },
    keysOf(more.signer ?? name),
  )
const request: WriteRequest = {
  id: 1,
  namespace: 'a' as never,
  drafts: [],
  bodies: [],
  precondition: null,
  idempotent: false,
  again: false,
  quorum: 2,
  deadlineMs: 1_000,
}
const acknowledged = (effects: readonly Effect[]): boolean =>
  effects.some((effect) => effect.kind === 'RESOLVE' && effect.outcome.kind === 'acknowledged')

describe('a write that needs two voters', () => {
  test('is acknowledged by its own disk and one more voter', () => {
    expect(acknowledged(settling.settle([where], null, request, 0))).toBe(false)
    expect(acknowledged(settling.onAck(peerOf('ann'), ackOf('ann')))).toBe(true)
  })

  test.each<readonly [string, () => Effect[]]>([
    ['a revoked voter', () => settling.onAck(peerOf('gone'), ackOf('gone'))],
    ['an observer', () => settling.onAck(peerOf('watcher'), ackOf('watcher'))],
    ['somebody who was never enrolled', () => settling.onAck(peerOf('stranger'), ackOf('stranger'))],
    ['a voter, in the name of another', () => settling.onAck(peerOf('ann'), ackOf('bob', { signer: 'ann' }))],
    ["a voter, passing on another's", () => settling.onAck(peerOf('ann'), ackOf('bob'))],
    [
      'a voter, for another mesh',
      () => settling.onAck(peerOf('ann'), ackOf('ann', { mesh: peerOf('ann') as string as MeshId })),
    ],
    [
      'a voter, for another commit at that place',
      () => settling.onAck(peerOf('ann'), ackOf('ann', { hash: bytesToHex(sha256('another')) as CommitHash })),
    ],
    ['a voter that lacks the texts', () => settling.onAck(peerOf('ann'), ackOf('ann', { whole: false }))],
    ['its own, again', () => settling.onAck(peerOf('self'), ackOf('self'))],
    [
      'a voter that is frozen',
      () => {
        frozen = peerOf('ann')
        index.forkedAt.set(bytesToHex(sha256('her chain').subarray(0, 16)) as ChainId, 1)
        settling.votersChanged([peerOf('ann')])
        return settling.onAck(peerOf('ann'), ackOf('ann'))
      },
    ],
  ])('is not by an ack of %s', (_, ack) => {
    expect(acknowledged(settling.settle([where], null, request, 0))).toBe(false)
    expect(acknowledged(ack())).toBe(false)
    expect(settling.expire(1_000)).toMatchObject([
      { kind: 'RESOLVE', outcome: { kind: 'quorum_not_met', got: 1, needed: 2 } },
    ])
  })

  test('is shown by an ack of a later commit only with what ties it, and waits where that cannot be read', () => {
    settling.settle([where], null, request, 0)
    index.chains.set(chain, { id: chain, seq: 2, hash } as never)
    const later = (name: string): SignedAck =>
      signAck({ mesh, voter: peerOf(name), watermarks: [{ chain, seq: 2, hash, whole: true }] }, keysOf(name))
    expect(acknowledged(settling.onAck(peerOf('ann'), later('ann')))).toBe(false)
    tie = { header: new Uint8Array(9), path: [] }
    const [effect] = settling.onAck(peerOf('bob'), later('bob'))
    expect(effect).toMatchObject({
      kind: 'RESOLVE',
      outcome: {
        kind: 'acknowledged',
        acks: [
          { voter: peerOf('self'), tie: null },
          { voter: peerOf('ann'), tie },
          { voter: peerOf('bob'), tie },
        ],
      },
    })
  })

  test('is told to a neighbour that comes up in the words that were signed, as long as they are true', () => {
    const [first] = settling.announce([chain], peerOf('ann'))
    const [second] = settling.announce([chain], peerOf('bob'))
    expect([first, second]).toMatchObject([
      { kind: 'ACK', to: peerOf('ann') },
      { kind: 'ACK', to: peerOf('bob') },
    ])
    const ackIn = (effect: Effect | undefined) => (effect?.kind === 'ACK' ? effect.ack : null)
    expect(ackIn(second)).toBe(ackIn(first))
    index.chains.set(chain, { id: chain, seq: 2, hash } as never)
    const [third] = settling.announce([chain], null)
    expect(ackIn(third)).not.toBe(ackIn(first))
    expect([isGenuine(ackIn(third)!, mesh), ackIn(third)!.watermarks]).toMatchObject([true, [{ chain, seq: 2 }]])
  })

  test('asks a voter that comes up for what is waited for, and for nothing else', () => {
    const asked = (effects: readonly Effect[]) =>
      effects.flatMap((effect) => (effect.kind === 'WANT_ACKS' ? [effect] : []))
    expect(settling.wantFrom(peerOf('ann'))).toEqual([])
    settling.settle([where], null, { ...request, quorum: 3 }, 0)
    expect(settling.wantFrom(peerOf('ann'))).toEqual([{ kind: 'WANT_ACKS', chains: [chain], to: peerOf('ann') }])
    expect(settling.wantFrom(peerOf('watcher'))).toEqual([])
    settling.onAck(peerOf('ann'), ackOf('ann'))
    expect(settling.wantFrom(peerOf('ann'))).toEqual([])
    settling.giveUpAll()
    expect(settling.wantFrom(peerOf('bob'))).toEqual([])
    // What was asked for by name is asked of whoever comes up later, too.
    expect(asked(settling.want([chain]))).toEqual([{ kind: 'WANT_ACKS', chains: [chain], to: null }])
    expect([asked(settling.wantFrom(peerOf('bob'))).length, asked(settling.wantFrom(peerOf('ann'))).length]).toEqual([
      1, 0,
    ])
    // A repeated request was acknowledged before anybody here heard of it.
    expect(asked(settling.settle([where], 'e' as never, { ...request, id: 2, quorum: 3 }, 0))).toHaveLength(1)
  })

  test('loses the ack of a voter that is taken out meanwhile, and says so when it stops waiting', () => {
    settling.settle([where], null, { ...request, quorum: 3 }, 0)
    settling.onAck(peerOf('ann'), ackOf('ann'))
    settling.votersChanged([peerOf('ann')])
    expect(settling.giveUpAll()).toMatchObject([
      {
        outcome: {
          kind: 'quorum_not_met',
          got: 1,
          needed: 3,
          reason: '1 of 3 voters acknowledged before this peer stopped',
        },
      },
    ])
  })
})

describe('a write that cannot reach its quorum', () => {
  const ended = (effects: readonly Effect[]) =>
    effects.flatMap((effect) =>
      effect.kind === 'RESOLVE' && effect.outcome.kind === 'quorum_not_met' ? [effect.outcome.cause] : [],
    )
  const late: WriteRequest = { ...request, deadlineMs: 60_000 }
  const lose = (nowMs: number): void => {
    for (const name of ['ann', 'bob']) reach.changed(peerOf(name), false, nowMs)
  }

  test('ends as soon as the loss of its links is certain, one that comes later at once', () => {
    expect(settling.settle([where], null, late, 0)).toEqual([])
    lose(10)
    expect(ended(settling.expire(10 + limits.reach_lost_ms - 1))).toEqual([])
    expect(ended(settling.expire(10 + limits.reach_lost_ms))).toEqual(['away'])
    expect(ended(settling.settle([where], null, { ...late, id: 2 }, 10 + limits.reach_lost_ms))).toEqual(['away'])
    expect(limits.reach_lost_ms).toBeLessThanOrEqual(500)
  })

  test('waits on for a link that comes back within its grace', () => {
    settling.settle([where], null, late, 0)
    lose(10)
    reach.changed(peerOf('ann'), true, 200)
    expect(settling.expire(5_000)).toEqual([])
    expect(acknowledged(settling.onAck(peerOf('ann'), ackOf('ann')))).toBe(true)
  })

  test('waits for links that come up after a start', () => {
    lose(0)
    reach.started(1_000)
    settling.settle([where], null, late, 1_000)
    expect(settling.expire(1_000 + limits.reach_start_ms - 1)).toEqual([])
    expect(ended(settling.expire(1_000 + limits.reach_start_ms))).toEqual(['away'])
  })

  test('counts the ack of a voter that went away after it', () => {
    settling.settle([where], null, { ...late, quorum: 3 }, 0)
    settling.onAck(peerOf('ann'), ackOf('ann'))
    reach.changed(peerOf('ann'), false, 10)
    expect(settling.expire(1_000)).toEqual([])
    reach.changed(peerOf('bob'), false, 1_000)
    expect(ended(settling.expire(2_000))).toEqual(['away'])
  })

  test('ends at once where the mesh has fewer voters than it needs', () => {
    expect(ended(settling.settle([where], null, { ...late, quorum: 4 }, 0))).toEqual(['too_few'])
  })

  test('is not held by a clock that was put back', () => {
    settling.settle([where], null, { ...late, deadlineMs: 20_000_000 }, 10_000_000)
    lose(10_000_000)
    expect(settling.expire(0)).toEqual([])
    expect(ended(settling.expire(limits.reach_start_ms))).toEqual(['away'])
  })

  const refused = (reason = 'header_malformed', seq = 1) => [{ chain, seq, hash, reason }]
  const outcome = (effects: readonly Effect[]) =>
    effects.flatMap((effect) =>
      effect.kind === 'RESOLVE' && effect.outcome.kind === 'quorum_not_met'
        ? [{ cause: effect.outcome.cause, by: effect.outcome.refusedBy }]
        : [],
    )

  test('RF4 is not ended by one voter that refuses it, as long as others may acknowledge it', () => {
    expect(settling.settle([where], null, late, 0)).toEqual([])
    expect(settling.onRefused(peerOf('bob'), refused())).toEqual([])
    // Whoever is away may come back and take it.
    reach.changed(peerOf('ann'), false, 10)
    expect(settling.expire(10)).toEqual([])
    reach.changed(peerOf('ann'), true, 20)
    expect(acknowledged(settling.onAck(peerOf('ann'), ackOf('ann')))).toBe(true)
  })

  test('RF4 ends at once when too few voters are left that do not refuse it, and names them', () => {
    settling.settle([where], null, late, 0)
    settling.onRefused(peerOf('bob'), refused())
    const both = [
      { peer: peerOf('ann'), reason: 'hlc_not_after' },
      { peer: peerOf('bob'), reason: 'header_malformed' },
    ]
    expect(outcome(settling.onRefused(peerOf('ann'), refused('hlc_not_after')))).toEqual([
      { cause: 'refused', by: both },
    ])
    // Nobody has to say it again of what follows in the chain.
    expect(outcome(settling.settle([{ ...where, seq: 2 }], null, { ...late, id: 2 }, 0))).toEqual([
      { cause: 'refused', by: both },
    ])
    expect(
      outcome(
        settling.settle(
          [{ ...where, chain: bytesToHex(sha256('elsewhere').subarray(0, 16)) as ChainId }],
          null,
          { ...late, id: 3 },
          0,
        ),
      ),
    ).toEqual([])
  })

  test('RF4 a refusal of somebody who does not vote counts for nothing', () => {
    settling.settle([where], null, late, 0)
    for (const name of ['watcher', 'gone', 'stranger']) expect(settling.onRefused(peerOf(name), refused())).toEqual([])
    settling.onRefused(peerOf('bob'), refused())
    expect(settling.refusedBy.standing()).toEqual(
      new Map([[peerOf('bob'), { chain, seq: 1, reason: 'header_malformed' }]]),
    )
  })

  test('RF5 a refusal ends by an ack of that place, and by a new link', () => {
    settling.onRefused(peerOf('bob'), refused())
    settling.onAck(peerOf('bob'), ackOf('bob'))
    settling.onRefused(peerOf('ann'), refused())
    expect([...settling.refusedBy.standing().keys()]).toEqual([peerOf('ann')])
    settling.wantFrom(peerOf('ann'))
    expect(settling.refusedBy.standing().size).toBe(0)
  })

  test('RF4 so many chains a voter are remembered', () => {
    const many = Array.from({ length: limits.refused_chains_per_voter_max + 1 }, (_, n) => ({
      chain: bytesToHex(sha256('many', String(n)).subarray(0, 16)) as ChainId,
      seq: 1,
      hash,
      reason: 'forked',
    }))
    settling.onRefused(peerOf('ann'), many)
    expect(settling.refusedBy.standing().get(peerOf('ann'))?.chain).toBe(many[1]!.chain)
  })

  test('ends at once where it counts nowhere any more, whatever others acknowledged', () => {
    settling.settle([where], null, { ...late, quorum: 3 }, 0)
    settling.onAck(peerOf('ann'), ackOf('ann'))
    leftOut = 'forked'
    expect(outcome(settling.votersChanged([]))).toEqual([
      { cause: 'refused', by: [{ peer: peerOf('self'), reason: 'forked' }] },
    ])
  })
})
