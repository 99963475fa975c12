/** Vectors of recoveries: which are certified, and in which chain; and of which line is followed where there are two. */
import { sealCommit, withVotes, type Commit, type CommitHeader, type VerifiedCommit } from '../../crdt/commit.ts'
import { sealControl } from '../../crdt/control.ts'
import { emptyLine, extendLine } from '../../crdt/control-line.ts'
import { epochIncarnation } from '../../crdt/epoch.ts'
import type { ControlEvent } from '../../crdt/event.ts'
import { bytesToHex, CONTROL_NAMESPACE, type PublicKey } from '../../crdt/ids.ts'
import { keyPairFromSeed } from '../../crdt/signature.ts'
import {
  createMesh,
  createReplica,
  cutting,
  founderOfSeed,
  hlcAt,
  NOW_MS,
  peerOfSeed,
  said,
  seed,
} from '../../crdt/test-support.ts'
import { signRecovery, signVote } from '../../crdt/vote.ts'

export type RecoveryVectors = {
  /** The same of a log of a mesh with 2 of 3 recovery keys, of the seeds 21…, 22… and 23…. */
  readonly recoverable: { readonly mesh: string; readonly commits: readonly string[] }
  readonly recoveries: readonly { readonly says: string; readonly bytes: string; readonly reason: string | null }[]
  /** Two lines of that mesh behind `recoverable`, and which is followed: the first (0), the second (1), or neither outranks the other. */
  readonly lines: readonly {
    readonly says: string
    readonly lines: readonly [readonly string[], readonly string[]]
    readonly follows: 0 | 1 | null
  }[]
}

export const recoveries = (): RecoveryVectors => {
  const keyOf = (byte: number) => peerOfSeed(byte) as string as PublicKey
  const mesh = createMesh(0xaa, {
    members: [1, 2, 3].map(founderOfSeed),
    recovery: { threshold: 2, keys: [0x21, 0x22, 0x23].map(keyOf) },
  })
  const chain = createReplica(mesh, 1).chains.get(mesh.control[0]!.chain)!
  const recover: ControlEvent = { ...said('mesh.recover', 9, CONTROL_NAMESPACE), authority: keyOf(0xbb) }
  const out = cutting('peer.revoke', 10, peerOfSeed(2), {})[0] as ControlEvent
  const sealed = (events: readonly ControlEvent[], by: number): Commit =>
    sealControl(chain, events, hlcAt(NOW_MS, 500), keyPairFromSeed(seed(by)))
  const by = (commit: Commit, ...bytes: readonly number[]): Commit =>
    withVotes(
      commit,
      bytes.map((byte) => signRecovery(commit, keyPairFromSeed(seed(byte)))),
    )
  const good = sealed([recover, out], 0xbb)
  const lying = (lie: Partial<CommitHeader>): Commit =>
    sealCommit({ ...good.header, ...lie }, good.events, keyPairFromSeed(seed(0xbb)))
  const ofEpoch = (epoch: number): Commit => lying({ incarnation: epochIncarnation(epoch, good.header) })
  const enrol = { ...said('peer.enrol', 11, CONTROL_NAMESPACE), ...founderOfSeed(5) } as ControlEvent
  /** The next behind `before`, by voters, or by recovery keys where it recovers. */
  const next = (
    before: readonly Commit[],
    events: readonly ControlEvent[],
    authority: number,
    epoch?: number,
  ): Commit => {
    const end = [...mesh.control, ...before].reduce(
      (line, commit) => extendLine(line, commit as VerifiedCommit),
      emptyLine(mesh.id),
    )
    const bare = sealControl(
      end.chain,
      events,
      hlcAt(NOW_MS, 600 + before.length),
      keyPairFromSeed(seed(authority)),
      epoch,
    )
    return events[0]!.kind === 'mesh.recover'
      ? by(bare, 0x21, 0x22)
      : withVotes(
          bare,
          [1, 3].map((byte) => signVote(bare, keyPairFromSeed(seed(byte)))),
        )
  }
  const [one, other] = [next([], [recover], 0xbb), next([], [recover, out], 0xbb)].toSorted((a, b) =>
    a.hash < b.hash ? -1 : 1,
  ) as [Commit, Commit]
  const [ours, theirs] = [next([], [enrol], 0xaa), next([], [out], 0xaa)]
  const later = next([other], [recover], 0xbb)
  const followed: readonly (readonly [string, readonly Commit[], readonly Commit[], 0 | 1 | null])[] = [
    ['a statement and none', [ours], [], null],
    ['two statements in one place', [ours], [theirs], null],
    ['a statement and a recovery in its place', [ours], [one], 1],
    ['two recoveries in one place', [other], [one], 1],
    ['the same, and more behind the one that loses', [other, next([other], [enrol], 0xbb)], [one], 1],
    ['the same, and a recovery behind the one that loses', [other, later], [one], 0],
    ['a recovery of a higher epoch', [other, later], [next([], [recover], 0xbb, 3)], 1],
    ['two statements behind one recovery', [one, next([one], [enrol], 0xbb)], [one, next([one], [out], 0xbb)], null],
  ]
  const voted = withVotes(
    good,
    [0x21, 0x22].map((byte) => signVote(good, keyPairFromSeed(seed(byte)))),
  )
  const cases: readonly (readonly [string, Commit, string | null])[] = [
    ['nobody has signed', good, 'control_not_certified'],
    ['one key', by(good, 0x21), 'control_not_certified'],
    ['one key, and a stranger', by(good, 0x21, 0x24), 'control_not_certified'],
    ['two keys, and a voter', by(good, 1, 0x21, 0x22), 'control_not_certified'],
    ["all voters in the keys' place", by(good, 1, 2, 3), 'control_not_certified'],
    ['two keys that signed it as a vote', voted, 'control_not_certified'],
    [
      'signatures of another recovery',
      withVotes(good, by(sealed([recover], 0xbb), 0x21, 0x22).votes),
      'control_not_certified',
    ],
    ['signed by the old authority', by(sealed([recover, out], 0xaa), 0x21, 0x22), 'control_not_by_the_authority'],
    ['not the first event: as any statement', by(sealed([out, recover], 0xaa), 0x21, 0x22), 'control_not_certified'],
    [
      'in the chain that it leaves',
      by(lying({ incarnation: chain.incarnation }), 0x21, 0x22),
      'control_of_another_line',
    ],
    [
      'in the chain of another recovery',
      by(lying({ incarnation: sealed([recover], 0xbb).header.incarnation }), 0x21, 0x22),
      'control_of_another_line',
    ],
    ['of an epoch that is not higher', by(ofEpoch(0), 0x21, 0x22), 'control_of_another_line'],
    ['of a later epoch', by(ofEpoch(7), 0x21, 0x22), null],
    ['two of three', by(good, 0x21, 0x23), null],
    ['all three', by(good, 0x21, 0x22, 0x23), null],
  ]
  return {
    recoverable: { mesh: mesh.id, commits: mesh.control.map(({ bytes }) => bytesToHex(bytes)) },
    recoveries: cases.map(([says, made, reason]) => ({ says, bytes: bytesToHex(made.bytes), reason })),
    lines: followed.map(([says, first, second, follows]) => ({
      says,
      lines: [first.map(({ bytes }) => bytesToHex(bytes)), second.map(({ bytes }) => bytesToHex(bytes))],
      follows,
    })),
  }
}
