/** A restored peer shows nothing until one voter of every majority that may have acknowledged an erasing has told it all. */
import { expect, test } from 'vitest'
import type { PeerId } from '../../crdt/ids.ts'
import { majorityOf } from '../../crdt/vote.ts'
import type { Node } from '../api.ts'
import { createWithheld, withholding } from './withheld.ts'

const peers = (count: number): PeerId[] => Array.from({ length: count }, (_, n) => `peer ${n}` as PeerId)
const subsets = <T>(of: readonly T[]): readonly (readonly T[])[] =>
  of.reduce<readonly (readonly T[])[]>((all, one) => [...all, ...all.map((some) => [...some, one])], [[]])

test('of every set that may have acknowledged, this peer aside, somebody was asked; and no more are waited for than that takes', () => {
  for (const isVoter of [true, false])
    for (let voters = 1; voters <= 6; voters++) {
      const all = peers(voters)
      const self = isVoter ? all[0]! : ('observer' as PeerId)
      const others = all.filter((peer) => peer !== self)
      const quorums = subsets(all)
        .filter((some) => some.length === majorityOf(voters))
        .map((some) => some.filter((peer) => peer !== self))
      for (const had of subsets(others)) {
        const withheld = createWithheld({
          voters: () => new Set(all),
          self,
          madeAt: 'then',
          done: () => undefined,
          links: () => others.map((peer) => ({ peer, held_all: had.includes(peer) })),
        })
        // By itself a mesh of one has nobody to ask.
        const meets = quorums.every((quorum) => quorum.length === 0 || quorum.some((peer) => had.includes(peer)))
        expect([isVoter, voters, had.length, withheld.reason() === null]).toEqual([isVoter, voters, had.length, meets])
      }
    }
})

test('it remembers whom it has caught up with, is told once, and until then no read that shows a text is answered', async () => {
  const [self, b, c] = peers(3) as [PeerId, PeerId, PeerId]
  let [links, done]: [{ peer: PeerId; held_all: boolean }[], number] = [[], 0]
  const withheld = createWithheld({
    voters: () => new Set([self, b, c]),
    self,
    madeAt: 'then',
    done: () => void done++,
    links: () => links,
  })
  const answering = async () => ({ status: 'ok', reasons: [] })
  const node = withholding(
    new Proxy({} as Node, {
      get: () => answering,
      ownKeys: () => ['get', 'list', 'health'],
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: answering }),
    }),
    withheld,
  )
  const reads = (): Promise<string[]> =>
    Promise.all(
      (
        [
          'get',
          'list',
          'history',
          'diff',
          'proof',
          'conflicts',
          'recall',
          'links',
          'graph',
          'episodes',
          'events',
        ] as const
      ).map((method) =>
        (node[method] as () => Promise<unknown>)().then(
          () => 'shown',
          (error: { code: string }) => error.code,
        ),
      ),
    )
  expect(new Set(await reads())).toEqual(new Set(['not_ready']))
  links = [{ peer: b, held_all: true }]
  expect(withheld.reason()).toMatch(/1 so far/)
  expect(await node.health()).toMatchObject({
    status: 'degraded',
    reasons: [expect.stringContaining('restored from a backup')],
  })
  links = [{ peer: c, held_all: true }]
  expect([await reads(), done]).toEqual([Array.from({ length: 11 }, () => 'shown'), 1])
  links = []
  expect([withheld.reason(), done, await node.health()]).toEqual([null, 1, { status: 'ok', reasons: [] }])
})
