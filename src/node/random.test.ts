/** Draws in advance: no byte is given twice, none stays behind, and any number can be had. */
import { describe, expect, it } from 'vitest'
import { drawnInAdvance } from './random.ts'

/** Fills with numbers that go on, so that each byte tells where it was drawn. */
const counting = () => {
  let next = 0
  const rooms = new Set<Uint8Array>()
  const fill = (room: Uint8Array): void => {
    rooms.add(room)
    for (let i = 0; i < room.length; i++) room[i] = 1 + (next++ % 251)
  }
  return { fill, rooms }
}

describe('randomness drawn in advance', () => {
  it('gives bytes in the order in which they were drawn, none twice, over the end of a draw', () => {
    const { fill } = counting()
    const random = drawnInAdvance(fill)
    const given = Array.from({ length: 200 }, () => [...random.bytes(16)]).flat()
    expect(given).toEqual(Array.from({ length: 3_200 }, (_, i) => 1 + (i % 251)))
  })

  it('draws anew when too few are left, rather than giving some twice', () => {
    const { fill } = counting()
    const random = drawnInAdvance(fill)
    random.bytes(4_090)
    expect([...random.bytes(10)]).toEqual(Array.from({ length: 10 }, (_, i) => 1 + ((4_096 + i) % 251)))
  })

  it('keeps nothing of what it has given, and gives what nobody else can change', () => {
    const { fill, rooms } = counting()
    const random = drawnInAdvance(fill)
    const one = random.bytes(32)
    const [room] = rooms
    expect([...room!.subarray(0, 32)]).toEqual(Array(32).fill(0))
    expect(one.buffer).not.toBe(room!.buffer)
    expect(one.byteOffset).toBe(0)
  })

  it('gives more than it draws at once', () => {
    expect(drawnInAdvance(counting().fill).bytes(10_000)).toHaveLength(10_000)
  })

  it("takes the system's when told nothing", () => {
    const random = drawnInAdvance()
    const seen = new Set(Array.from({ length: 1_000 }, () => Buffer.from(random.bytes(16)).toString('hex')))
    expect(seen.size).toBe(1_000)
  })
})
