/** A graph that two peers wrote while they could not see one another: production peers in virtual time. */
import { expect, test } from 'vitest'
import { parseAgentId, parseNamespace } from '../../crdt/ids.ts'
import type { Node } from '../api.ts'
import { createWorld } from '../testing/world.ts'
import { knowledgeGraph, type KnowledgeGraph } from './graph.ts'

const graphOn = (node: Node, agent: string): KnowledgeGraph =>
  knowledgeGraph({
    node,
    session: { agent: parseAgentId(agent)!, namespace: parseNamespace('team')!, readOnly: false },
    wrote: () => undefined,
    own: {},
    alone: (work) => work(),
    now: () => 0,
  })

test('an entity made twice is one, observations added on both sides are all there, and the next change settles them', async () => {
  const world = await createWorld({ peers: 2, seed: 7 })
  const run = async <T>(promise: Promise<T>): Promise<T> => {
    const done = await world.run(
      promise.then((value) => ({ value })),
      60_000,
    )
    if (done === undefined) throw new Error('not within a minute')
    return done.value
  }
  const quorumOfOne = (node: Node): Node => ({
    ...node,
    remember: (into, input, options) => node.remember(into, input, { ...options, quorum: 1 }),
    patch: (id, input, options) => node.patch(id, input, { ...options, quorum: 1 }),
    forget: (id, options) => node.forget(id, { ...options, quorum: 1 }),
    link: (input, options) => node.link(input, { ...options, quorum: 1 }),
  })
  try {
    await world.agree()
    const [left, right] = [
      graphOn(quorumOfOne(world.peer(0).node), 'ai:left'),
      graphOn(quorumOfOne(world.peer(1).node), 'ai:right'),
    ]
    await run(left.createEntities([{ name: 'Shared', entityType: 'thing', observations: ['of both'] }]))
    await world.agree()

    world.partition([0], [1])
    await run(left.createEntities([{ name: 'Ada', entityType: 'person', observations: ['Speaks Spanish'] }]))
    await run(
      right.createEntities([
        { name: 'Ada', entityType: 'person', observations: ['Likes tea'] },
        { name: 'Acme', entityType: 'firm', observations: [] },
      ]),
    )
    await run(left.addObservations([{ entityName: 'Shared', observations: ['of the left'] }]))
    await run(right.addObservations([{ entityName: 'Shared', observations: ['of the right'] }]))
    await run(right.createRelations([{ from: 'Ada', to: 'Acme', relationType: 'works_at' }]))
    world.network.heal()
    await world.agree()

    for (const graph of [left, right]) {
      const { entities, relations } = await run(graph.read())
      expect(new Map(entities.map(({ name, observations }) => [name, observations.toSorted()]))).toEqual(
        new Map([
          ['Shared', ['of both', 'of the left', 'of the right']],
          ['Ada', ['Likes tea', 'Speaks Spanish']],
          ['Acme', []],
        ]),
      )
      expect(relations).toEqual([{ from: 'Ada', to: 'Acme', relationType: 'works_at' }])
    }

    await run(
      left.addObservations([
        { entityName: 'Shared', observations: ['last'] },
        { entityName: 'Ada', observations: ['last'] },
      ]),
    )
    await run(left.deleteObservations([{ entityName: 'Shared', observations: ['of the right'] }]))
    await world.agree()
    const { entities } = await run(right.open(['Shared', 'Ada']))
    expect(entities.map(({ observations }) => observations.toSorted())).toEqual([
      ['last', 'of both', 'of the left'],
      ['Likes tea', 'Speaks Spanish', 'last'].toSorted(),
    ])
    const listed = await run(world.peer(1).node.list({ namespace: parseNamespace('team')! }, { limit: 100 }, {}))
    expect(listed.rows.filter(({ title }) => title === 'Ada')).toHaveLength(1)
  } finally {
    await world.stopAll()
  }
})
