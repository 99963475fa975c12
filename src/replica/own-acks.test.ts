/** Who hears of a flush, and when: its authors at once, all others soon and once (PROTOCOL ACK4). */
import { beforeEach, expect, test } from 'vitest'
import { isGenuine, type SignedAck } from '../../crdt/ack.ts'
import { sha256 } from '../../crdt/hash.ts'
import { bytesToHex, type ChainId, type CommitHash, type MeshId, type PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { controlChain } from './control-places.ts'
import { createLogIndex, type LogIndex } from './log-index.ts'
import { createOwnAcks, type OwnAcks } from './own-acks.ts'
import type { Effect } from './types.ts'

const keysOf = (name: string): KeyPair => keyPairFromSeed(sha256(`mnemesh/own-acks.test/${name}`))
const peerOf = (name: string): PeerId => publicKeyHex(keysOf(name)) as PeerId
const chainOf = (name: string): ChainId => bytesToHex(sha256(`a chain of ${name}`).subarray(0, 16)) as ChainId
const mesh = publicKeyHex(keysOf('authority')) as MeshId

let index: LogIndex
let said: SignedAck[]
let acks: OwnAcks
beforeEach(() => {
  index = createLogIndex(mesh)
  said = []
  acks = createOwnAcks({
    mesh,
    self: peerOf('self'),
    keys: keysOf('self'),
    index,
    isWhole: () => true,
    said: (ack) => void said.push(ack),
  })
})
const grow = (id: ChainId, author: string, seq: number): ChainId => {
  const hash = bytesToHex(sha256(`${id} ${seq}`)) as CommitHash
  index.chains.set(id, { id, seq, hash, peer: peerOf(author) } as never)
  return id
}
/** Who is told how far which chains are; each ack is our word. */
const told = (effects: readonly Effect[]): unknown =>
  effects.map((effect) => {
    if (effect.kind !== 'ACK') return effect.kind
    expect(isGenuine(effect.ack, mesh)).toBe(true)
    expect(said).toContain(effect.ack)
    return {
      to: effect.to,
      but: effect.but ?? null,
      seqs: Object.fromEntries(effect.ack.watermarks.map(({ chain, seq }) => [chain, seq])),
    }
  })
const [ann, bob, ours] = [chainOf('ann'), chainOf('bob'), chainOf('self')]
const later = limits.ack_gather_ms

test('ACK4 the author is told at once, all others once of what several flushes touched', () => {
  expect(told(acks.flushed([grow(ann, 'ann', 1)], 1_000))).toEqual([
    { to: peerOf('ann'), but: null, seqs: { [ann]: 1 } },
  ])
  expect(told(acks.flushed([grow(ann, 'ann', 2)], 1_001))).toEqual([
    { to: peerOf('ann'), but: null, seqs: { [ann]: 2 } },
  ])
  expect(acks.nextDeadlineMs()).toBe(1_000 + later)
  expect(acks.tellOthers(1_000 + later - 1)).toEqual([])
  expect(told(acks.tellOthers(1_000 + later))).toEqual([{ to: null, but: peerOf('ann'), seqs: { [ann]: 2 } }])
  expect(acks.tellOthers(1_000 + 2 * later)).toEqual([])
  expect(acks.nextDeadlineMs()).toBeNull()
})

test('ACK4 what we wrote counts here at once, and nobody waits for it', () => {
  expect(acks.flushed([grow(ours, 'self', 1)], 0)).toEqual([])
  expect(said.map(({ watermarks }) => watermarks[0]!.seq)).toEqual([1])
  expect(told(acks.tellOthers(later))).toEqual([{ to: null, but: peerOf('self'), seqs: { [ours]: 1 } }])
})

test('ACK4 where several have written, each is told of its own at once and nobody is passed over later', () => {
  const both = { [ann]: 1, [bob]: 1 }
  const sorted = [...(told(acks.flushed([grow(ann, 'ann', 1), grow(bob, 'bob', 1)], 0)) as { to: PeerId }[])]
  expect(sorted).toEqual(['ann', 'bob'].map((name) => ({ to: peerOf(name), but: null, seqs: both })))
  acks.flushed([grow(ours, 'self', 1)], 1)
  expect(told(acks.tellOthers(later))).toEqual([{ to: null, but: null, seqs: { ...both, [ours]: 1 } }])
})

test('ACK4 of the control log all are told at once', () => {
  const control = controlChain(index)
  const effects = acks.flushed([grow(control, 'ann', 1), grow(ours, 'self', 1)], 0)
  expect(told(effects)).toEqual([{ to: null, but: null, seqs: { [control]: 1, [ours]: 1 } }])
  expect(acks.nextDeadlineMs()).toBeNull()
})

test('a clock that was put back keeps nobody waiting, and as many chains as an ack has are not waited with', () => {
  acks.flushed([grow(ours, 'self', 1)], 1_000)
  expect(acks.tellOthers(10)).toHaveLength(1)
  const many = Array.from({ length: limits.ack_watermarks_max }, (_, n) => grow(chainOf(`many ${n}`), 'self', 1))
  expect(told(acks.flushed(many, 0))).toHaveLength(1)
})
