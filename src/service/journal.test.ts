/** What an operator reads in the log: who came, who went, and why; each state once when it begins and once when it ends. */
import { afterEach, expect, test } from 'vitest'
import { encodeInvite, encodeJoin, encodeRevoke } from '../../crdt/invite.ts'
import { bytesToHex } from '../../crdt/ids.ts'
import { sha256 } from '../../crdt/hash.ts'
import { keyPairFromSeed } from '../../crdt/signature.ts'
import type { Fields, PeerLog } from '../ports/log.ts'
import { createWorld, type World } from '../testing/world.ts'

let world: World
afterEach(() => world.stopAll())

type Line = { readonly level: string; readonly message: string; readonly fields: Fields }
const logging = (lines: Line[]): PeerLog => {
  const at =
    (level: string) =>
    (fields: Fields, message: string): void =>
      void lines.push({ level, message, fields })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
const passing = (ms: number): Promise<void> => new Promise((resolve) => void world.time.after(ms, resolve))

test('joins, leaves, links with the reason, a frozen peer', async () => {
  const lines: Line[] = []
  const messages = (): readonly string[] => lines.map(({ level, message }) => `${level} ${message}`)
  world = await createWorld({ peers: 3, seed: 3, log: (peer) => (peer === 0 ? logging(lines) : logging([])) })
  expect(messages()).toContain('info the link to peer-1 is up')
  const { mesh } = world.peer(0).replica.index
  const invite = encodeInvite(
    {
      mesh,
      id: bytesToHex(sha256('x').subarray(0, 16)),
      role: 'observer',
      expiresMs: world.time.now() + 60_000,
      urls: [],
    },
    world.authority,
  )
  await world.run(world.peer(0).node.join(encodeJoin(invite, 'oslo', keyPairFromSeed(sha256('oslo')))))
  expect(lines).toContainEqual({
    level: 'info',
    message: 'oslo has joined the mesh',
    fields: expect.objectContaining({ role: 'observer' }),
  })
  await world.run(
    world.peer(0).node.revoke(encodeRevoke(mesh, world.peer(2).replica.self, world.time.now(), world.authority)),
  )
  await world.run(passing(200))
  expect(messages()).toContain('warn peer-2 was taken out of the mesh')
  expect(lines).toContainEqual({
    level: 'info',
    message: 'the link to peer-2 is down',
    fields: expect.objectContaining({ reason: expect.stringMatching(/^revoked/) }),
  })
  world.partition([0], [1])
  await world.run(passing(4_000))
  expect(messages()).toContain('warn peer-1 answers nothing, its link is open')
}, 30_000)

test('a link that comes and goes does not fill the log', async () => {
  const lines: Line[] = []
  world = await createWorld({ peers: 2, seed: 4, log: (peer) => logging(peer === 0 ? lines : []) })
  for (let n = 0; n < 8; n++) {
    await world.stop(1)
    await world.run(() => world.peer(0).replica.linked.size === 0)
    await world.start(1)
    await world.run(() => world.peer(0).replica.linked.size === 1)
  }
  // Sixteen times it went up or down; the rest is told with the next line, a minute later.
  expect(lines.filter(({ message }) => /the link to peer-1/.test(message))).toHaveLength(5)
}, 30_000)
