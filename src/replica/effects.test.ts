/**
 * Inputs are handled one after the other, whoever meets what makes one: damage above all, which a read meets anywhere.
 */
import { expect, test } from 'vitest'
import { sha256Hex } from '../../crdt/hash.ts'
import { incarnation, type MeshId, type Ref } from '../../crdt/ids.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import type { StoreDamage } from '../ports/store.ts'
import { openMemoryStore } from '../store/memory.ts'
import { createRandom } from '../testing/random.ts'
import { boot } from './boot.ts'
import { createShell } from './effects.ts'
import { createReplica } from './replica.ts'
import type { Input } from './types.ts'

const ref = sha256Hex('a text') as Ref
const damage: StoreDamage = { kind: 'body', ref, reason: 'its bytes do not match their checksum' }

/** A peer's core on a store whose damage the test meets; `during`: what happens inside `handle`. */
const start = async (during: (input: Input, meet: () => void) => void) => {
  let listener: (damage: StoreDamage) => void = () => undefined
  const store = {
    ...openMemoryStore({ random: createRandom(3) }),
    onDamage: (given: typeof listener) => void (listener = given),
  }
  const keys = keyPairFromSeed(createRandom(4).bytes(32))
  const real = createReplica({
    mesh: publicKeyHex(keys) as MeshId,
    keys,
    authority: null,
    store,
    incarnation: incarnation(1, 1),
    quorum: null,
  })
  await boot(real, store, 0)
  const handled: Input['kind'][] = []
  let inside = 0
  const meet = (): void => listener(damage)
  const replica = {
    ...real,
    handle: (input: Input, nowMs: number) => {
      expect(inside++).toBe(0)
      handled.push(input.kind)
      during(input, meet)
      const effects = real.handle(input, nowMs)
      inside--
      return effects
    },
  }
  return {
    shell: createShell({ replica, store, clock: { now: () => 0 }, mesh: () => null, taken: () => undefined }),
    replica: real,
    handled,
    meet,
  }
}

test('damage that handle itself meets is handled after what it is at', async () => {
  const { shell, replica, handled } = await start((input, meet) => {
    if (input.kind !== 'tick') return
    meet()
    expect(replica.missing.has(ref)).toBe(false)
  })
  shell.feed({ kind: 'tick' })
  expect(replica.missing.has(ref)).toBe(false)
  await shell.toldOfDamage()
  expect(replica.missing.has(ref)).toBe(true)
  expect(handled).toEqual(['tick', 'damaged'])
})

test('damage that a door meets changes nothing under its hands, and is known before it goes on', async () => {
  const { shell, replica, handled, meet } = await start(() => undefined)
  meet()
  meet()
  expect(handled).toEqual([])
  await shell.toldOfDamage()
  expect(handled).toEqual(['damaged', 'damaged'])
  expect(replica.missing.has(ref)).toBe(true)
})
