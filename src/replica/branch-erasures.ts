/**
 * What a forked branch has erased: the texts are gone from the disks of those who were told of it, and nobody brings them back, while
 * the others never hear of it, as a branch counts nowhere. So whoever has acted on it says the erasing himself, and it holds for all.
 */
import { sha256 } from '../../crdt/hash.ts'
import { parseAgentId, uuidV8, type AgentId, type EventId, type Namespace, type PeerId } from '../../crdt/ids.ts'
import type { Commits } from './commits.ts'
import { isErased, type LogIndex } from './log-index.ts'
import type { Draft } from './types.ts'

/** Who says it: no agent has asked for it. */
const ERASURE = parseAgentId('mesh:erasure') as AgentId

/** One a memory whose erasing stands on forked branches alone, with the time that the branch names. */
export const branchErasures = (
  index: LogIndex,
  commits: Commits,
  self: PeerId,
): readonly { readonly namespace: Namespace; readonly draft: Draft }[] =>
  index.forkedAt.size === 0
    ? []
    : [...index.erasures].flatMap(([record, [place]]) => {
        const erasing = place && !isErased(index, record) ? commits.at(place.chain, place.seq) : null
        const said = erasing?.events.find(({ event }) => event.kind === 'memory.erase' && event.record === record)
        if (!erasing || said === undefined) return []
        // The same id whenever it is asked for, so that it is said once.
        const event = uuidV8(sha256('mnemesh/branch-erasure/1', self, record)) as EventId
        return [
          {
            namespace: erasing.header.namespace,
            draft: { event, agent: ERASURE, at: said.event.at, op: 'erase', record },
          },
        ]
      })
