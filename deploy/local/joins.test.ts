/**
 * Peers that join before any of them runs: their folders are made at once, each is let in as soon as enough voters run, and none needs
 * to be asked for again.
 */
import { afterEach, expect, test } from 'vitest'
import { mnemeshOk } from './command.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting, textIn, type Json } from './http.ts'
import type { Peer } from './peer.ts'

let fleet: Fleet | null = null
afterEach(async () => {
  await fleet?.dispose()
  fleet = null
})

const joinAll = async (a: Peer, joiners: readonly Peer[]): Promise<readonly unknown[]> => {
  const proposed: unknown[] = []
  for (const peer of joiners) {
    const token = (await mnemeshOk(['mesh', 'invite', '--data', a.dir])).trim()
    const { proposed: waits } = JSON.parse(
      await mnemeshOk(['mesh', 'join', token, '--data', peer.dir, '--name', peer.name, '--json']),
    ) as Json
    proposed.push(waits)
  }
  return proposed
}

test.each(['runs', 'is stopped'])(
  'three peers join while the first alone %s, then all start: all are members, linked and equal',
  { timeout: 120_000 },
  async (way) => {
    fleet = await startFleet({ names: ['a'] })
    const a = fleet.peer(0)
    if (way === 'is stopped') await a.stop()
    const joiners = [await fleet.place('b'), await fleet.place('c'), await fleet.place('d')]
    // Alone the first is its own majority; from the second on a voter that has never run would have to countersign.
    expect(await joinAll(a, joiners)).toEqual([false, true, true])
    if (way === 'is stopped') await a.start()
    await Promise.all(joiners.map((peer) => peer.start({ peers: [`ws://127.0.0.1:${a.port}/mesh`] })))
    const all = [a, ...joiners]
    await fleet.linked(all)
    const written = await expecting(
      201,
      joiners[2]!.call('POST', '/memories?quorum=4', { body: { content: 'all four have it' } }),
    )
    await fleet.agree(all)
    for (const peer of all) {
      await expecting(200, peer.call('GET', `/memories/${textIn(written, 'id')}`))
      expect(await peer.health()).toMatchObject({ status: 'ok', members: 4, voters: 4 })
    }
  },
)
