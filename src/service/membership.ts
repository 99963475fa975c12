/**
 * Membership of a running peer: the control log as bytes, and, on the peer that holds the authority's key, joining and taking out.
 */
import { toBase64Url } from '../../crdt/base64.ts'
import { authorityAt } from '../../crdt/control.ts'
import type { ControlEvent } from '../../crdt/event.ts'
import { proveIdentity } from '../../crdt/identity-proof.ts'
import { latestAt, type Hlc } from '../../crdt/hlc.ts'
import type { ChainId, PeerId, PublicKey } from '../../crdt/ids.ts'
import { decodeJoin, decodeLeaveBehind, decodeLevel, decodeRevoke } from '../../crdt/invite.ts'
import { limits } from '../../crdt/limits.ts'
import { publicKeyHex } from '../../crdt/signature.ts'
import type { Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { Identity } from '../membership/folder.ts'
import { levelRaise, observersBelow, readBy } from '../membership/raise-level.ts'
import { enrolment, isEnrolled, leavingBehind, revocation, type Saying } from '../membership/statements.ts'
import type { CommitStore } from '../ports/store.ts'
import { statementAt } from '../replica/control-places.ts'
import type { Statement } from '../replica/kept-statements.ts'
import type { Shell } from '../replica/effects.ts'
import type { Replica } from '../replica/replica-types.ts'

/** Leaves room for statements of others who ask. */
const SAID_TOGETHER_MAX = limits.statements_waiting_max / 2

/** @param levelReadBy up to which format level a member's build reads, as it told last. */
export const membershipOf = (
  replica: Replica,
  shell: Shell,
  store: CommitStore,
  identity: Identity,
  saying: Saying,
  levelReadBy: (peer: PeerId) => number | null,
): Pick<Node, 'identify' | 'controlLog' | 'join' | 'revoke' | 'leaveBehind' | 'raiseLevel'> => {
  /** @throws NodeError when a part of it was lost: what is left says too little of who the members are. */
  const controlLog = (): Uint8Array[] => {
    const commits = Array.from(
      { length: replica.index.control.seq },
      (_, i) => statementAt(replica.index, store, i + 1)?.bytes,
    )
    const found = commits.filter((bytes) => bytes !== undefined)
    if (found.length < commits.length || !replica.mayWrite.isControlWhole())
      throw new NodeError(
        'not_ready',
        'this peer lost a part of its control log, so it does not know who the members are; it is fetching it from the others: try again when health says ok',
      )
    return found
  }
  const authority = (): PublicKey | null => authorityAt(replica.index.control, replica.index.control.seq)
  /** Below nought, where no write's is. */
  let lastId = 0
  /** As many may wait as the door has requests in hand (`http_requests_in_flight_max`). */
  let turn: Promise<unknown> = Promise.resolve()

  /** One that waits to be certified is waited for again, not said twice. */
  const waiting = (isMeant: (event: ControlEvent) => boolean): readonly Statement[] | null => {
    const meant = replica.governance.pending().filter((statement) => statement.some(isMeant))
    return meant.length === 0 ? null : meant
  }
  const isAbout =
    (kind: 'peer.revoke' | 'peer.leave_behind', peer: PeerId) =>
    (event: ControlEvent): boolean =>
      (event.kind === kind || event.kind === 'peer.cut') && event.peer === peer

  /** @param whenKept the answer where the statement waits for votes; without it that is an error. */
  /** One statement at a time: each is judged after the one before is in force, or was given up waiting for. Null: it is in force already. */
  const seal = <T>(make: () => readonly Statement[] | null, then: () => T, whenKept?: () => T): Promise<T> => {
    const sealed = turn.then(async () => {
      if (identity.authority === null)
        throw new NodeError(
          'forbidden',
          "this peer does not hold the mesh's authority key: ask the one where the mesh was made",
        )
      // On top of an older state the authority would say two things in one place, and nobody could tell which holds.
      controlLog()
      if (publicKeyHex(identity.authority) !== authority())
        throw new NodeError(
          'forbidden',
          "the authority's key on this peer does not govern the mesh any more: ask the one that holds the present key",
        )
      // Before anything is judged by the clock: a token would seem to have expired.
      const off = replica.clockIsOff(saying.clock.now())
      if (off !== null) throw new NodeError(off.code, off.message, off.fields)
      // Together, so that all are kept where the voters are away; of more than may wait, the rest is said when they have countersigned.
      for (let rest = make() ?? []; rest.length > 0; rest = rest.slice(SAID_TOGETHER_MAX)) {
        const deadlineMs = saying.clock.now() + limits.certify_wait_ms
        const outcomes = await Promise.all(
          rest
            .slice(0, SAID_TOGETHER_MAX)
            .map((events) => shell.write({ kind: 'control', id: --lastId, events, deadlineMs })),
        )
        for (const outcome of outcomes) {
          if (outcome.kind !== 'refused') continue
          const { code, message, fields } = outcome.refusal
          if (whenKept !== undefined && fields?.['proposed'] === true) return whenKept()
          throw new NodeError(code, message, fields)
        }
      }
      return then()
    })
    turn = sealed.then(
      () => undefined,
      () => undefined,
    )
    return sealed
  }

  return {
    identify: (challenge, port) => ({
      peer_id: identity.peer,
      mesh_id: identity.mesh,
      signature: toBase64Url(proveIdentity(challenge, port, identity.keys)),
    }),
    controlLog,
    join: (request) => {
      const join = decodeJoin(request)
      if (join === null)
        return Promise.reject(
          new NodeError(
            'bad_signature',
            'this is no join request that its key signed: give the token whole, and the key that signs',
          ),
        )
      return seal(
        () =>
          isEnrolled(replica.index.control, join.peer)
            ? null
            : (waiting((event) => event.kind === 'peer.enrol' && event.peer === join.peer) ?? [
                [enrolment(saying, replica.index.control, join)],
              ]),
        () => {
          // What stood before it took the token, or the name's owner was taken out.
          if (!isEnrolled(replica.index.control, join.peer))
            throw new NodeError(
              'token_used',
              'the token has been used by another peer meanwhile: ask for a new one with `mnemesh mesh invite`',
            )
          return controlLog()
        },
        // It joins when enough voters are there: until then its folder has the log as it is.
        controlLog,
      )
    },
    revoke: (request) => {
      const revoke = decodeRevoke(request, identity.mesh, authority())
      if (revoke === null)
        return Promise.reject(new NodeError('bad_signature', 'this is no revocation that the authority signed'))
      return seal(
        () =>
          waiting(isAbout('peer.revoke', revoke.peer)) ??
          revocation(saying, replica.index.control, revoke.peer, lastOf(replica, revoke.peer, null)),
        () => undefined,
      )
    },
    leaveBehind: (request) => {
      const leave = decodeLeaveBehind(request, identity.mesh, authority())
      if (leave === null)
        return Promise.reject(new NodeError('bad_signature', 'this is no statement that the authority signed'))
      return seal(
        () =>
          waiting(isAbout('peer.leave_behind', leave.peer)) ??
          leavingBehind(
            saying,
            replica.index.control,
            leave.peer,
            lastOf(replica, leave.peer, latestAt(saying.clock.now())),
          ),
        () => undefined,
      )
    },
    raiseLevel: (request) => {
      const raise = decodeLevel(request, identity.mesh, authority())
      if (raise === null)
        return Promise.reject(
          new NodeError('bad_signature', 'this is no raise of the format level that the authority signed'),
        )
      const { level } = raise
      const reads = readBy(identity.peer, replica.index.reads.level, levelReadBy)
      return seal(
        () =>
          waiting((event) => event.kind === 'mesh.level' && event.level === level) ?? [
            [levelRaise(saying, replica.index.control, level, reads)],
          ],
        () => ({ level, observers_below: observersBelow(replica.index.control, level, reads) }),
      )
    },
  }
}

/** How far each chain of `peer` is here. A chain that forked at its beginning has nothing that counts. @param upto not beyond commits of a later time; null: all. */
const lastOf = ({ index, commits }: Replica, peer: PeerId, upto: Hlc | null): Readonly<Record<ChainId, number>> => {
  const hlcAt = (chain: ChainId, seq: number): number => commits.at(chain, seq)?.header.hlc ?? 0
  const last: Record<ChainId, number> = {}
  for (const { id, peer: whose, seq, hlc } of index.chains.values()) {
    if (whose !== peer) continue
    let [within, beyond] = upto === null || hlc <= upto ? [seq, seq + 1] : [0, seq]
    // Times ascend along a chain.
    while (upto !== null && beyond - within > 1) {
      const middle = Math.floor((within + beyond) / 2)
      if (hlcAt(id, middle) <= upto) within = middle
      else beyond = middle
    }
    if (within > 0) last[id] = within
  }
  return last
}
