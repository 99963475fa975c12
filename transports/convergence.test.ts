/**
 * Whatever the network does, peers end equal without new writes, and each commit of each chain is there (G2, G3).
 *
 * Seeded: a failure prints the seed that replays it. Four peers in a random connected mesh write while ways are cut,
 * half-opened, severed and frames are lost; then all heals, nobody writes, and time passes.
 */
import { expect, test } from 'vitest'
import { sha256 } from '../crdt/hash.ts'
import { createTestWorld, type TestPeer } from './test-world.ts'

/** Numbers below `n`, the same for the same seed. */
const dice = (seed: string): ((n: number) => number) => {
  let draws = 0
  return (n) => {
    const bytes = sha256(seed, String(draws++))
    return (bytes[0]! * 65_536 + bytes[1]! * 256 + bytes[2]!) % n
  }
}

test.each(Array.from({ length: 12 }, (_, n) => `seed ${n}`))(
  'AE13 everything heals with no new writes: %s',
  async (seed) => {
    const roll = dice(seed)
    const names = ['a', 'b', 'c', 'd']
    const world = createTestWorld(names, 1 + roll(20))
    const peers: TestPeer[] = names.map((name, n) => world.add(name, n === 0 ? [] : [names[roll(n)]!], roll(8)))
    for (const peer of peers) if (roll(2) === 0) peer.mesh.advertise([peer.url])
    const any = (): TestPeer => peers[roll(peers.length)]!
    let written = 0
    for (let step = 0; step < 60; step++) {
      const [one, other] = [any(), any()]
      const kind = roll(8)
      if (kind < 4) {
        const commits = 1 + roll(40)
        one.author(commits, 50 + roll(400), roll(2) * 200)
        written += commits
      } else if (kind === 4) world.network.cut(one.url, other.url)
      else if (kind === 5) world.network.sever(one.url, other.url)
      else if (kind === 6) world.network.drop(one.url, other.url, 1 + roll(3))
      else world.network.heal()
      world.time.advance(roll(roll(4) === 0 ? 20_000 : 200))
    }
    world.network.heal()
    const healed = world.time.now()
    const settled = (): boolean =>
      peers.every(
        (peer) =>
          peer.commits() - names.length === written &&
          peer.digest() === peers[0]!.digest() &&
          peer.host.missingBodies(1).length === 0,
      )
    world.time.runUntil(settled, 120_000)
    expect(
      peers.map((peer) => peer.commits() - names.length),
      seed,
    ).toEqual(peers.map(() => written))
    expect(settled(), seed).toBe(true)
    expect(world.time.now() - healed, seed).toBeLessThan(90_000)
    for (const peer of peers) await peer.mesh.stop()
  },
)
