/**
 * The mesh's authority: its key lies on peer 0, where somebody enrols members and takes members out while the weather goes on. Asks
 * again while that peer is down or its disk refuses, as a person at a terminal would.
 */
import { encodeInvite, encodeJoin, encodeRevoke } from '../../crdt/invite.ts'
import { bytesToHex, type PeerId } from '../../crdt/ids.ts'
import { publicKeyHex } from '../../crdt/signature.ts'
import { NodeError } from '../../src/errors.ts'
import type { Peer } from '../../src/peer.ts'
import type { StoredCommit } from '../../src/ports/store.ts'
import { checkControlLog } from '../../src/membership/control-log.ts'
import { isEnrolled } from '../../src/membership/statements.ts'
import type { Founded, Member } from './founding.ts'
import type { Machine } from './machine.ts'
import type { Scheduler } from './network.ts'
import type { Stream } from './streams.ts'

export type Authority = {
  /** @param joined told the control log that the new member's folder begins with; its enrolment may not be in force yet, and is asked for until it is. */
  join(member: Member, joined: (log: readonly StoredCommit[]) => void): void
  revoke(member: Member): void
  /** Nothing that was asked for is still to be done. */
  isDone(): boolean
  isRevoked(peer: PeerId): boolean
}

const ASK_AGAIN_MS = 500
const JOIN_AGAIN_MS = 5_000
const INVITE_MS = 86_400_000

/** @param seat the machine with the key. @param broken told what no answer may be. */
export const createAuthority = (
  { mesh, authority }: Founded,
  seat: Machine,
  time: Scheduler & { now(): number },
  random: Stream,
  broken: (violation: string) => void,
): Authority => {
  const revoked = new Set<PeerId>()
  let open = 0

  const untilDone = <T>(ask: (peer: Peer) => Promise<T>, done: (answer: T) => void): void => {
    open++
    let isDone = false
    const look = (): void => {
      const { process } = seat
      if (isDone) return
      time.after(ASK_AGAIN_MS, look)
      if (!process?.peer || process.isPaused()) return
      const answered = (answer: T): void => {
        // What a dead process answers reaches nobody, and one of several answers is enough.
        if (isDone || !process.isAlive()) return
        isDone = true
        open--
        try {
          done(answer)
        } catch (error) {
          broken(
            `what the authority answered cannot be used: ${error instanceof Error ? error.message : String(error)}`,
          )
        }
      }
      ask(process.peer).then(answered, (error: unknown) => {
        // What is refused is asked for again; anything else is no answer.
        if (!(error instanceof NodeError))
          broken(`the authority answered with no NodeError: ${error instanceof Error ? error.message : String(error)}`)
      })
    }
    look()
  }

  return {
    isDone: () => open === 0,
    isRevoked: (peer) => revoked.has(peer),
    join: ({ name, keys, role }, joined) => {
      const invite = encodeInvite(
        { mesh, id: bytesToHex(random.bytes(16)), role, expiresMs: time.now() + INVITE_MS * 3, urls: [] },
        authority,
      )
      const ask = ({ node }: Peer) => node.join(encodeJoin(invite, name, keys))
      let hasBegun = false
      const answered = (log: readonly Uint8Array[]): void => {
        const { commits, state } = checkControlLog(mesh, log)
        if (!hasBegun) joined(commits)
        hasBegun = true
        // Kept until enough vote, and forgotten where that is damaged: who waits says it again.
        if (isEnrolled(state, publicKeyHex(keys) as PeerId)) return
        open++
        time.after(JOIN_AGAIN_MS, () => {
          open--
          untilDone(ask, answered)
        })
      }
      untilDone(ask, answered)
    },
    revoke: ({ peer }) => {
      untilDone(
        ({ node }) => node.revoke(encodeRevoke(mesh, peer, time.now(), authority)).catch(doneAlready),
        () => revoked.add(peer),
      )
    },
  }
}

/** By a request whose answer was lost. */
const doneAlready = (error: unknown): void => {
  if (!(error instanceof NodeError && error.code === 'conflict')) throw error
}
