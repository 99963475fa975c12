/**
 * What a write is told whose flush failed, held against where it turns out to be.
 */
import { afterEach, describe, expect, test } from 'vitest'
import type { AgentId, Namespace, RecordId } from '../../crdt/ids.ts'
import { NodeError } from '../errors.ts'
import { StoreFailure } from '../ports/store.ts'
import { createWorld, type World } from '../testing/world.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const FLUSH_MS = 20

let world: World
let failure: StoreFailure | null = null
afterEach(async () => {
  failure = null
  await world.stopAll()
})

/** Peer 0's disk refuses as long as there is a `failure`, after the time that a flush takes. */
const begin = async (peers: number): Promise<void> => {
  world = await createWorld({
    peers,
    seed: 71,
    flush: (peer) =>
      peer === 0 && failure !== null
        ? new Promise((_, reject) =>
            world.time.after(FLUSH_MS, () => reject(failure ?? new StoreFailure('io_error', 'ended'))),
          )
        : Promise.resolve(),
  })
  await world.run(world.peer(0).node.remember(ns, { content: 'before' }, { agent, quorum: 1 }))
}
const refused = async (asked: Promise<unknown>): Promise<NodeError> => {
  const error = await world.run(
    asked.then(
      () => null,
      (reason: unknown) => reason,
    ),
  )
  if (!(error instanceof NodeError)) throw new Error('it was not refused')
  return error
}
const isOn = async (peer: number, id: unknown): Promise<boolean> =>
  (await world.run(
    world
      .peer(peer)
      .node.get(id as RecordId, {})
      .then(
        () => true,
        () => false,
      ),
  ))!

describe('a write whose flush failed', () => {
  test('and that was sent to others is said to be perhaps elsewhere, and is', async () => {
    await begin(3)
    failure = new StoreFailure('disk_full', 'no room')
    const { status, fields, message } = await refused(world.peer(0).node.remember(ns, { content: 'pushed' }, { agent }))
    expect(fields).toMatchObject({ local_committed: false, may_be_elsewhere: true })
    expect([status, message]).toEqual([507, expect.stringContaining('Idempotency-Key')])
    failure = null
    await world.agree()
    expect(await isOn(1, fields['id'])).toBe(true)
  })

  test('leaves no trace in its document, and the others open', async () => {
    await begin(1)
    const { node, replica } = world.peer(0)
    const other = 'team/web' as Namespace
    await world.run(node.remember(other, { content: 'elsewhere' }, { agent, quorum: 1 }))
    const openIn = (namespace: Namespace) =>
      replica.documents.open([...replica.index.segments.values()].find((entry) => entry.namespace === namespace)!)
    const [touched, untouched] = [openIn(ns), openIn(other)]
    failure = new StoreFailure('disk_full', 'no room')
    const { fields } = await refused(node.remember(ns, { content: 'refused' }, { agent, quorum: 1 }))
    expect(touched.segment.commitsByRecord.has(fields['id'] as RecordId)).toBe(true)
    expect(openIn(ns).segment.commitsByRecord.has(fields['id'] as RecordId)).toBe(false)
    expect(openIn(ns).segment.commitsByRecord.size).toBe(1)
    expect(openIn(other)).toBe(untouched)
    failure = null
    expect(await isOn(0, (await world.run(node.remember(ns, { content: 'again' }, { agent, quorum: 1 })))!.id)).toBe(
      true,
    )
  })

  test('and that could be sent to nobody is said to be nowhere, and is', async () => {
    await begin(3)
    world.partition([0], [1, 2])
    await world.run(() =>
      world
        .peer(0)
        .mesh.links()
        .every(({ state }) => state !== 'up' && state !== 'silent'),
    )
    failure = new StoreFailure('disk_full', 'no room')
    const { fields } = await refused(world.peer(0).node.remember(ns, { content: 'kept here' }, { agent, quorum: 1 }))
    expect(fields).toMatchObject({ local_committed: false })
    expect(fields).not.toHaveProperty('may_be_elsewhere')
    failure = null
    world.network.heal()
    await world.agree()
    for (const peer of [0, 1, 2]) expect(await isOn(peer, fields['id'])).toBe(false)
  })

  test('on a disk that broke in the middle may be on that disk', async () => {
    await begin(1)
    failure = new StoreFailure('io_error', 'input/output error on sync')
    expect((await refused(world.peer(0).node.remember(ns, { content: 'broken' }, { agent }))).fields).toMatchObject({
      local_committed: false,
      may_be_elsewhere: true,
    })
  })

  test('in whose middle the disk was full may be on that disk', async () => {
    await begin(1)
    failure = new StoreFailure('disk_full', 'no space left on device', true)
    expect((await refused(world.peer(0).node.remember(ns, { content: 'cut' }, { agent }))).fields).toMatchObject({
      local_committed: false,
      may_be_elsewhere: true,
    })
  })

  test('in bulk says so of each', async () => {
    await begin(3)
    failure = new StoreFailure('disk_full', 'no room')
    const both = world.peer(0).node.rememberMany(
      [1, 2].map((n) => ({ namespace: ns, input: { content: `bulk ${n}` } })),
      { agent },
    )
    expect((await refused(both)).fields).toMatchObject({ local_committed: false, may_be_elsewhere: true })
  })

  test('while the peer stops is told what is true', async () => {
    await begin(3)
    failure = new StoreFailure('disk_full', 'no room')
    const { node } = world.peer(0)
    const asked = refused(node.remember(ns, { content: 'last words' }, { agent }))
    await world.run(() => world.peer(0).replica.flushing())
    const stopping = world.stop(0)
    const late = await refused(node.remember(ns, { content: 'too late' }, { agent }))
    expect([late.code, late.fields]).toEqual(['shutting_down', expect.objectContaining({ local_committed: false })])
    expect(late.fields).not.toHaveProperty('may_be_elsewhere')
    const { fields } = await asked
    await stopping
    expect(fields).toMatchObject({ local_committed: false })
    await world.agree([1, 2])
    expect(await isOn(1, fields['id'])).toBe(fields['may_be_elsewhere'] === true)
  })
})
