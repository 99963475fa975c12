/**
 * Who has applied the control log as it is here: voters whose signed ack says that it lies on their disk. Asked for after a statement,
 * so that whoever made it knows where it holds already.
 */
import { limits } from '../../crdt/limits.ts'
import type { PeerId } from '../../crdt/ids.ts'
import type { Applied, Node } from '../api.ts'
import type { Shell } from '../replica/effects.ts'
import { controlChain } from '../replica/control-places.ts'
import type { Replica } from '../replica/replica-types.ts'

/** Acks come within a round trip and a flush. */
const LOOK_EVERY_MS = 25

/** @param after a timer of the peer's clock. */
export const appliedOf = (
  replica: Replica,
  shell: Pick<Shell, 'feed'>,
  after: (ms: number, call: () => void) => () => void,
): Pick<Node, 'controlApplied'> => {
  let waiting = 0

  const look = (): { readonly answer: Applied; readonly isSettled: boolean } => {
    const { control } = replica.index
    const has = new Set<PeerId>(
      replica.covering({ chain: controlChain(replica.index), seq: control.seq }).map(({ voter }) => voter),
    )
    const voters = [...replica.voters()]
    const named = (peer: PeerId): { readonly peer_id: PeerId; readonly name: string } => ({
      peer_id: peer,
      name: control.members.get(peer)?.name ?? '',
    })
    return {
      answer: {
        seq: control.seq,
        applied: voters.filter((peer) => has.has(peer)).map(named),
        not_yet: voters
          .filter((peer) => !has.has(peer))
          .map((peer) => ({ ...named(peer), connected: replica.linked.has(peer) })),
      },
      // Who cannot be reached hears of it when it is back.
      isSettled: voters.every((peer) => has.has(peer) || (peer !== replica.self && !replica.linked.has(peer))),
    }
  }

  return {
    controlApplied: async (waitMs) => {
      if (waiting >= limits.control_waiters_max) return look().answer
      // What others said before we came up, or over a link that was lost, they say again.
      if (!look().isSettled) shell.feed({ kind: 'wantAcks', chains: [controlChain(replica.index)] })
      waiting++
      try {
        for (
          let left = Math.min(waitMs, limits.control_wait_ms_max);
          left > 0 && !look().isSettled;
          left -= LOOK_EVERY_MS
        )
          await new Promise<void>((resolve) => after(LOOK_EVERY_MS, resolve))
        return look().answer
      } finally {
        waiting--
      }
    },
  }
}
