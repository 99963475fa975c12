/**
 * Vectors of FORMAT §5: a log, and commits that break one of its rules, or two of them: then the earlier one's verdict counts.
 */
import { admit, type LogView, type Verdict } from '../../crdt/admission.ts'
import { coveredCommits } from '../../crdt/chain.ts'
import { decodeCommit, sealCommit, eventsRoot, withVotes, type Commit, type CommitHeader } from '../../crdt/commit.ts'
import {
  bytesToHex,
  CONTROL_NAMESPACE,
  hexToBytes,
  incarnation,
  segmentId,
  ZERO_HASH,
  type CommitHash,
  type PeerId,
} from '../../crdt/ids.ts'
import { sha256Hex } from '../../crdt/hash.ts'
import { limits } from '../../crdt/limits.ts'
import { merkleRoot } from '../../crdt/merkle.ts'
import { keyPairFromSeed } from '../../crdt/signature.ts'
import { signVote } from '../../crdt/vote.ts'
import {
  body,
  createMesh,
  createReplica,
  founderOfSeed,
  genesisOf,
  hlcAt,
  meshOf,
  NOW_MS,
  peerOfSeed,
  record,
  said,
  sealEvents,
  seed,
} from '../../crdt/test-support.ts'

export type VerdictVectors = {
  readonly mesh: string
  readonly now_ms: number
  /** All admitted in this order, the control log first. */
  readonly log: readonly string[]
  /** `beats`: the later rule that the commit breaks too; null where it breaks one alone. `taken`: how many of the log are here. `fork_at`: from where on its chain is proven forked. */
  readonly verdicts: readonly {
    readonly rule: string
    readonly name: string
    readonly beats: string | null
    readonly bytes: string
    readonly taken: number
    readonly fork_at: number | null
    readonly verdict: string
  }[]
}

/** `admitted`, `duplicate`, `fork`, `waits MISSING` or `refused REASON`. */
export const verdictText = (verdict: Verdict): string =>
  verdict.kind === 'refused'
    ? `refused ${verdict.reason}`
    : verdict.kind === 'pending'
      ? `waits ${verdict.missing}`
      : verdict.kind

/** The verdict on a well-formed commit, in a log of which one chain may be forked. */
export const judgeIn = (view: LogView, bytes: Uint8Array, forkAt: number | null): string => {
  const decoded = decodeCommit(bytes)
  if (!decoded.ok) throw new Error(`no commit: ${decoded.reason}`)
  const [commit] = coveredCommits([decoded.commit])
  if (commit === undefined) return 'waits cover'
  const forked: LogView = {
    ...view,
    control: view.control,
    controlEnd: view.controlEnd,
    forkAt: (chain) => (chain === commit.chain && forkAt !== null ? forkAt : Number.POSITIVE_INFINITY),
  }
  return verdictText(admit(forked, commit, NOW_MS))
}

const UNKNOWN = sha256Hex('nothing that is here') as CommitHash
const OTHER_MESH = meshOf(9).id
const AHEAD = hlcAt(NOW_MS + 2 * limits.clock_bound_ms)

type Row = readonly [
  rule: string,
  beats: string | null,
  name: string,
  commit: Commit,
  forkAt?: number | null,
  taken?: 0,
]

export const makeVerdictVectors = (): VerdictVectors => {
  const mesh = createMesh(0xaa, {
    members: [founderOfSeed(1), founderOfSeed(2), { ...founderOfSeed(4), role: 'observer' }],
  })
  mesh.enrol(3)
  const founded = mesh.control[0]!.hash
  const [a, c] = [createReplica(mesh, 1), createReplica(mesh, 3)]
  const [home, away] = [segmentId(a.peer, 0), segmentId(a.peer, 1)]
  const put = (n: number) => ({ ...said('memory.put', n), record: record(n), set: { content: body('text') } })
  const first = a.write(hlcAt(NOW_MS, 1), home, put(1))
  const second = a.write(hlcAt(NOW_MS, 5), home, { ...said('memory.forget', 2), record: record(1) })
  const third = c.write(hlcAt(NOW_MS, 1), null, { ...said('episode.append', 3), event_type: 'note' })
  a.take(third.bytes)
  /** The next commit of A in its segment, but for what `lie` says. */
  const next = (lie: Partial<CommitHeader> = {}): Commit =>
    a.seal(hlcAt(NOW_MS, 9), home, [{ ...said('memory.restore', 4), record: record(1) }], lie)
  const logOnly = (of: typeof a, lie: Partial<CommitHeader> = {}): Commit =>
    of.seal(hlcAt(NOW_MS, 9), null, [{ ...said('episode.append', 5), event_type: 'note' }], lie)
  const [nobody, watcher] = [createReplica(mesh, 8), createReplica(mesh, 4)]
  const nothing = createReplica({ ...mesh, control: [] }, 1).view
  const end = mesh.control.at(-1)!.header
  const control = (lie: Partial<CommitHeader>, by = mesh.keys, voters: readonly number[] = [1, 2]): Commit => {
    const events = sealEvents([{ ...said('mesh.level', 20, CONTROL_NAMESPACE), level: 2 }])
    const good = mesh.control.at(-1)!
    const bare = sealCommit(
      {
        ...end,
        seq: 3,
        prev: good.hash,
        policy: good.hash,
        history: sealHistory(mesh),
        hlc: hlcAt(NOW_MS, 50),
        eventsRoot: eventsRoot(events),
        eventCount: 1,
        ...lie,
      },
      events,
      by,
    )
    return voters.length === 0
      ? bare
      : withVotes(
          bare,
          voters.map((byte) => signVote(bare, keyPairFromSeed(seed(byte)))),
        )
  }
  const stranger = keyPairFromSeed(seed(1))
  const genesis = mesh.control[0]!
  const enrolment = sealEvents([
    { ...said('peer.enrol', 21, CONTROL_NAMESPACE), peer: peerOfSeed(7), name: 'peer 7', role: 'voter' },
  ])
  const begin = (events: typeof enrolment, lie: Partial<CommitHeader> = {}, by = mesh.keys): Commit =>
    sealCommit({ ...genesis.header, eventsRoot: eventsRoot(events), eventCount: events.length, ...lie }, events, by)
  const rows: readonly Row[] = [
    ['AD1', null, 'of another mesh', next({ mesh: OTHER_MESH })],
    [
      'AD1',
      'AD2',
      'of another mesh, in its control log',
      control(
        { mesh: OTHER_MESH, peer: OTHER_MESH as string as PeerId, incarnation: incarnation(1, 1) },
        mesh.keys,
        [],
      ),
    ],
    [
      'AD2',
      null,
      'in the control log, by a member in its own name',
      control({ peer: a.peer, incarnation: a.incarnation }, stranger, []),
    ],
    [
      'AD2',
      'AD4',
      'the same, far behind its chain',
      control({ peer: a.peer, incarnation: a.incarnation, seq: 9 }, stranger, []),
    ],
    [
      'AD2',
      'AD4',
      "in the mesh's name, in another incarnation",
      control({ incarnation: incarnation(1, 1), seq: 9 }, mesh.keys, []),
    ],
    ['AD3', null, 'the same again', second],
    ['AD3', null, 'another at its place', sealAt(second, { hlc: hlcAt(NOW_MS, 6) })],
    ['AD3', null, 'behind a proven fork', next(), 3],
    ['AD3', 'AD3', 'the same again, at a proven fork', second, 2],
    ['AD3', 'AD5', 'another at its place, with another prev', sealAt(second, { prev: UNKNOWN })],
    ['AD3', 'AD6', 'another at its place, under a statement that is not here', sealAt(second, { policy: UNKNOWN })],
    ['AD4', null, 'one is missing before it', next({ seq: 4 })],
    ['AD4', 'AD5', 'one is missing before it, with another prev', next({ seq: 4, prev: UNKNOWN })],
    ['AD5', null, 'another prev', next({ prev: UNKNOWN })],
    ['AD5', null, 'another history', next({ history: UNKNOWN })],
    ['AD5', null, 'no later than the one before', next({ hlc: hlcAt(NOW_MS, 5) })],
    ['AD5', 'AD5', 'another prev and history', next({ prev: UNKNOWN, history: UNKNOWN })],
    ['AD5', 'AD5', 'another history, no later', next({ history: UNKNOWN, hlc: hlcAt(NOW_MS, 5) })],
    ['AD5', 'AD6', 'no later, under a statement that is not here', next({ hlc: hlcAt(NOW_MS, 5), policy: UNKNOWN })],
    ['AD6', null, 'under a statement that is not here', next({ policy: UNKNOWN })],
    ['AD6', null, 'under none', next({ policy: ZERO_HASH as CommitHash })],
    ['AD6', 'AD9', 'of a stranger, under a statement that is not here', logOnly(nobody, { policy: UNKNOWN })],
    [
      'AD6',
      'AD10',
      'under a statement that is not here, on one of another segment',
      next({ policy: UNKNOWN, deps: [first.hash], segment: away }),
    ],
    ['AD7', null, 'a statement whose policy is not the one before', control({ policy: founded })],
    ['AD7', null, 'a first statement that is no genesis', begin(enrolment), null, 0],
    ['AD7', null, 'the genesis of another mesh', begin(sealEvents([genesisOf(0xbb)])), null, 0],
    ['AD7', null, 'the genesis at another time', begin(genesis.events, { hlc: hlcAt(NOW_MS) }), null, 0],
    ['AD7', null, 'the genesis with another statement', begin([...genesis.events, ...enrolment]), null, 0],
    ['AD7', null, 'the genesis, by a member', begin(genesis.events, {}, stranger), null, 0],
    ['AD7', 'AD7', 'a policy before the genesis', begin(enrolment, { policy: UNKNOWN }, stranger), null, 0],
    ['AD12', null, 'the genesis', genesis, null, 0],
    ['AD7', null, 'a statement by a member', control({}, stranger)],
    ['AD7', 'AD7', 'a statement by a member, for which nobody votes', control({}, stranger, [])],
    ['AD7', null, 'a statement for which nobody votes', control({}, mesh.keys, [])],
    ['AD7', null, 'for which one of three votes', control({}, mesh.keys, [1])],
    ['AD7', null, 'for which two vote, and one who is no voter', control({}, mesh.keys, [1, 2, 9])],
    ['AD7', 'AD7', 'both', control({ policy: founded }, stranger)],
    ['AD8', null, 'under an earlier statement than before', next({ policy: founded })],
    ['AD8', 'AD9', 'the same, from before it was a member', logOnly(c, { policy: founded })],
    [
      'AD8',
      'AD10',
      'the same, on one of another segment',
      next({ policy: founded, deps: [first.hash], segment: away }),
    ],
    ['AD9', null, 'of a stranger', logOnly(nobody)],
    [
      'AD9',
      'AD10',
      'of a stranger, on what is not here',
      nobody.seal(hlcAt(NOW_MS, 9), home, [{ ...said('memory.restore', 4), record: record(1) }], {
        deps: [UNKNOWN],
        changeHash: UNKNOWN as never,
      }),
    ],
    ['AD9', 'AD11', 'of a stranger, far ahead', logOnly(nobody, { hlc: AHEAD })],
    ['AD9', null, 'of an observer', logOnly(watcher)],
    ['AD9', 'AD11', 'of an observer, far ahead', logOnly(watcher, { hlc: AHEAD })],
    ['AD10', null, 'on what is not here', next({ deps: [UNKNOWN] })],
    ['AD10', null, 'on one of another segment', next({ segment: away })],
    [
      'AD10',
      null,
      'no later than its dep',
      takenBy(c, [first, second], (other) =>
        other.seal(hlcAt(NOW_MS, 5), home, [{ ...said('memory.restore', 4), record: record(1) }]),
      ),
    ],
    ['AD10', 'AD11', 'on what is not here, far ahead', next({ deps: [UNKNOWN], hlc: AHEAD })],
    ['AD10', 'AD11', 'on one of another segment, far ahead', next({ segment: away, hlc: AHEAD })],
    ['AD11', null, 'far ahead', next({ hlc: AHEAD })],
    ['AD12', null, 'the next', next()],
    ['AD12', null, 'at the bound', next({ hlc: hlcAt(NOW_MS + limits.clock_bound_ms, 0) })],
    ['AD12', null, 'the next statement', control({})],
    [
      'AD12',
      null,
      'of a chain that stands a statement behind',
      createReplica({ ...mesh, control: mesh.control.slice(0, 1) }, 2).seal(hlcAt(NOW_MS, 2), null, [
        { ...said('episode.append', 6), event_type: 'note' },
      ]),
    ],
  ]
  return {
    mesh: mesh.id,
    now_ms: NOW_MS,
    log: a.log.map(({ bytes }) => bytesToHex(bytes)),
    verdicts: rows.map(([rule, beats, name, commit, forkAt = null, taken]) => ({
      rule,
      name,
      beats,
      bytes: bytesToHex(commit.bytes),
      taken: taken ?? a.log.length,
      fork_at: forkAt,
      verdict: judgeIn(taken === 0 ? nothing : a.view, commit.bytes, forkAt),
    })),
  }
}

/** What the rule says; the part behind it is for a reader of the vectors alone. */
export const VERDICT_OF: Readonly<Record<string, readonly string[]>> = {
  AD1: ['refused foreign_mesh'],
  AD2: ['refused control_not_by_the_authority', 'refused control_of_another_line'],
  AD3: ['duplicate', 'fork', 'refused forked'],
  AD4: ['waits predecessor'],
  AD5: ['refused bad_prev', 'refused bad_history', 'refused hlc_not_after'],
  AD6: ['waits control'],
  AD7: [
    'refused control_policy',
    'refused not_the_genesis',
    'refused control_not_by_the_authority',
    'refused control_not_certified',
  ],
  AD8: ['refused policy_went_back'],
  AD9: ['refused peer_not_enrolled', 'refused observer_may_not_write'],
  AD10: ['waits dep', 'refused dep_of_another_segment', 'refused hlc_not_after'],
  AD11: ['waits time'],
  AD12: ['admitted'],
}

const sealAt = (commit: Commit, lie: Partial<CommitHeader>): Commit =>
  sealCommit({ ...commit.header, ...lie }, commit.events, keyPairFromSeed(seed(1)))

const takenBy = (
  of: ReturnType<typeof createReplica>,
  commits: readonly Commit[],
  make: (other: ReturnType<typeof createReplica>) => Commit,
): Commit => {
  for (const { bytes } of commits) of.take(bytes)
  return make(of)
}

/** The root over all statements so far. */
const sealHistory = (mesh: ReturnType<typeof meshOf>): string =>
  bytesToHex(merkleRoot(mesh.control.map(({ hash }) => hexToBytes(hash))))
