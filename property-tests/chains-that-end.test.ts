/** Chains that ended cost nothing on the wire: in step a link says as much with thousands as with ten, and one that comes back asks for what it lacks. */
import { expect, test } from 'vitest'
import { IN_STEP_BYTES_MAX, meetAgain, missedBytesMax, worldWithChains } from './ended-chains.ts'

test.each([10, 1_000, 5_000])(
  '%d chains: in step 200 bytes, and coming back 1.02 times what is missing and 256',
  { timeout: 120_000 },
  async (chains) => {
    const world = await worldWithChains(3, [chains, chains])
    const still = await meetAgain(world, 0)
    const missed = await meetAgain(world, 100)
    process.stdout.write(
      `${chains} chains: in step ${still.bytes} bytes; ${missed.bytes} for ${missed.missing} that were missing\n`,
    )
    expect(still.missing).toBe(0)
    expect(still.bytes).toBeLessThanOrEqual(IN_STEP_BYTES_MAX)
    expect(missed.missing).toBeGreaterThan(50_000)
    expect(missed.bytes).toBeGreaterThan(missed.missing)
    expect(missed.bytes).toBeLessThanOrEqual(missedBytesMax(missed.missing))
    await world.stopAll()
  },
)

test(
  'logs that differ in a few of many chains, and know nothing of one another, ask where they differ',
  { timeout: 120_000 },
  async () => {
    const world = await worldWithChains(3, [5_000, 4_990])
    const counters = world.peer(1).mesh.counters()
    const told = world.peers.reduce((sum, peer) => sum + (peer!.mesh.counters()['bytes_out'] ?? 0), 0)
    process.stdout.write(`10 of 5,000 chains differ: ${told} bytes in all until both are equal\n`)
    expect(counters['sent_frontier_ask']).toBeGreaterThan(1)
    // A frontier told whole takes 260,000.
    expect(told).toBeLessThan(40_000)
    await world.stopAll()
  },
)
