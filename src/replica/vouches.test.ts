/** What one commit's requests are shown is made once, and anew as soon as other acks, another place or the disk say so. */
import { describe, expect, it } from 'vitest'
import { signAck } from '../../crdt/ack.ts'
import { sha256 } from '../../crdt/hash.ts'
import { bytesToHex, type ChainId, type CommitHash, type MeshId, type PeerId } from '../../crdt/ids.ts'
import type { Counted } from '../../crdt/quorum.ts'
import type { Tie } from '../../crdt/receipt.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { createVouches } from './vouches.ts'

const chain = bytesToHex(sha256('a chain').subarray(0, 16)) as ChainId
const hash = bytesToHex(sha256('a commit')) as CommitHash
const mesh = bytesToHex(sha256('a mesh')) as MeshId

const countedOf = (name: string, seq: number): Counted => {
  const keys = keyPairFromSeed(sha256(`mnemesh/vouches.test/${name}`))
  const voter = publicKeyHex(keys) as PeerId
  const watermark = { chain, seq, hash, whole: true }
  return { voter, ack: signAck({ mesh, voter, watermarks: [watermark] }, keys), watermark }
}
const headers: Readonly<Record<number, Uint8Array>> = { 1: new Uint8Array([1]), 2: new Uint8Array([2]) }
const tied: Tie = { header: new Uint8Array([9]), path: [] }
const [ann, bob] = [countedOf('ann', 2), countedOf('bob', 2)]

describe('vouches', () => {
  it('are the same list for every request of a commit', () => {
    const vouches = createVouches(
      (_, seq) => headers[seq] ?? null,
      () => tied,
    )
    const first = vouches.whole({ chain, seq: 2 }, [ann, bob])
    expect(first?.acks.map(({ voter }) => voter)).toEqual([ann.voter, bob.voter])
    expect(vouches.whole({ chain, seq: 2 }, [ann, bob])?.acks).toBe(first?.acks)
  })

  it('are made anew for other acks, fewer or more, and for another place', () => {
    const vouches = createVouches(
      (_, seq) => headers[seq] ?? null,
      () => tied,
    )
    const both = vouches.whole({ chain, seq: 2 }, [ann, bob])
    expect(vouches.whole({ chain, seq: 2 }, [ann])?.acks).toHaveLength(1)
    expect(vouches.whole({ chain, seq: 2 }, [ann, bob])).toEqual(both)
    const again = vouches.whole({ chain, seq: 2 }, [ann, countedOf('bob', 3)])
    expect(again?.acks.map(({ tie }) => tie)).toEqual([null, tied])
    const earlier = vouches.whole({ chain, seq: 1 }, [ann, bob])
    expect([earlier?.header, earlier?.acks.map(({ tie }) => tie)]).toEqual([headers[1], [tied, tied]])
  })

  it('are not shown while header or tie cannot be read, and are once they can', () => {
    let readable = false
    const vouches = createVouches(
      (_, seq) => headers[seq] ?? null,
      () => (readable ? tied : null),
    )
    expect(vouches.whole({ chain, seq: 7 }, [countedOf('ann', 7)])).toBeNull()
    expect(vouches.whole({ chain, seq: 1 }, [ann])).toBeNull()
    expect(vouches.of({ chain, seq: 1 }, [ann])).toEqual([])
    readable = true
    expect(vouches.whole({ chain, seq: 1 }, [ann])?.acks).toHaveLength(1)
  })
})
