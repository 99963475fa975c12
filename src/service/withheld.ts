/**
 * A peer that was restored from a backup shows nothing until it has held what others hold: what was erased since is still in its log's texts,
 * and it does not know.
 *
 * An erasing that was acknowledged lies on a majority of the voters, of which this peer may have been one. So it waits until there was a
 * moment, on links of this run, at which it held all that so many other voters had that one of them is of every such majority.
 * Writes go on: they begin a new incarnation and show nothing.
 */
import { majorityOf } from '../../crdt/vote.ts'
import type { PeerId } from '../../crdt/ids.ts'
import type { Node } from '../api.ts'
import { NodeError } from '../errors.ts'

type Links = () => readonly { readonly peer: PeerId; readonly held_all: boolean }[]
type Options = {
  readonly voters: () => ReadonlySet<PeerId>
  readonly self: PeerId
  readonly links: Links
  /** When the backup was made. */
  readonly madeAt: string
  /** Told once: from here on it is a peer like others. */
  readonly done: () => void
}

export type Withheld = { /** Null when all may be shown. */ reason(): string | null }

/** All that shows a text. */
const SHOWING = [
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

export const createWithheld = ({ voters, self, links, madeAt, done }: Options): Withheld => {
  const caughtUpWith = new Set<PeerId>()
  let isOver = false
  return {
    reason: () => {
      if (isOver) return null
      for (const { peer, held_all } of links()) if (held_all) caughtUpWith.add(peer)
      const all = voters()
      const others = [...all].filter((peer) => peer !== self)
      const needed = Math.min(others.length, all.size - majorityOf(all.size) + 1)
      const had = others.filter((peer) => caughtUpWith.has(peer)).length
      if (had < needed)
        return `this peer was restored from a backup of ${madeAt} and shows nothing until it has caught up with ${needed} other voters (${had} so far), as what was erased since is erased first: start them, or see that they can be reached`
      isOver = true
      done()
      return null
    },
  }
}

export const withholding = (node: Node, withheld: Withheld): Node => {
  const shown = { ...node }
  for (const method of SHOWING) {
    const ask = node[method] as (...given: unknown[]) => Promise<unknown>
    Object.assign(shown, {
      [method]: async (...given: unknown[]) => {
        const reason = withheld.reason()
        if (reason !== null) throw new NodeError('not_ready', reason, { retry_after: 1 })
        return await Reflect.apply<undefined, unknown[], Promise<unknown>>(ask, undefined, given)
      },
    })
  }
  return {
    ...shown,
    health: async () => {
      const [health, reason] = [await node.health(), withheld.reason()]
      return reason === null ? health : { ...health, status: 'degraded', reasons: [...health.reasons, reason] }
    },
  }
}
