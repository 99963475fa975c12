/** Admission: each verdict by its reason, and the same verdict whatever else has arrived. */
import { describe, expect, it } from 'vitest'
import {
  eventsRoot,
  sealCommit,
  type Commit,
  type CommitHeader,
  type SealedEvent,
  type VerifiedCommit,
} from './commit.ts'
import { sha256Hex } from './hash.ts'
import type { Hlc } from './hlc.ts'
import { CONTROL_NAMESPACE, ZERO_HASH, segmentId, type CommitHash, type MeshId, type PeerId } from './ids.ts'
import { limits } from './limits.ts'
import { keyPairFromSeed, publicKeyHex } from './signature.ts'
import {
  NOW_MS,
  NS,
  body,
  createMesh,
  createReplica,
  eventId,
  genesisOf,
  hlcAt,
  meshOf,
  record,
  said,
  sealEvents,
  seed,
  cutting,
} from './test-support.ts'

const put = (n: number) => ({ ...said('memory.put', n), record: record(n), set: { content: body(`${n}`) } })
const patch = (n: number, of: number) => ({ ...said('memory.patch', n), record: record(of), set: { priority: 3 } })
const unknown = sha256Hex('not here') as CommitHash
const DAY_MS = 24 * 3_600_000

/** Two members, and what the first has written; `b` has the control log alone. */
const scene = () => {
  const mesh = meshOf(1, 2)
  const [a, b] = [createReplica(mesh, 1), createReplica(mesh, 2)]
  const home = segmentId(a.peer, 0)
  const first = a.write(hlcAt(NOW_MS), home, put(1))
  return { mesh, a, b, home, first }
}

describe('a commit is admitted', () => {
  it('when everything it names is here', () => {
    const { b, first } = scene()
    expect(b.take(first.bytes)).toMatchObject({ kind: 'admitted', policySeq: 1, left_out: null })
    expect(b.chains.get(first.chain)).toMatchObject({ seq: 1, hash: first.hash })
  })

  it('once: again it is a duplicate, a thousand times', () => {
    const { b, first } = scene()
    b.take(first.bytes)
    for (let n = 0; n < 1_000; n++) expect(b.take(first.bytes)).toEqual({ kind: 'duplicate' })
    expect(b.log.filter(({ hash }) => hash === first.hash)).toHaveLength(1)
  })

  it('under the policy it names, however far the control log has gone on', () => {
    const { mesh, b, first } = scene()
    b.take(
      mesh.say({
        ...said('peer.enrol', 50, CONTROL_NAMESPACE),
        peer: 'ef'.repeat(32) as PeerId,
        name: 'late',
        role: 'observer',
      }).bytes,
    )
    expect(b.take(first.bytes).kind).toBe('admitted')
  })
})

describe('a commit waits', () => {
  it('for its predecessor', () => {
    const { a, b, home, first } = scene()
    const second = a.write(hlcAt(NOW_MS, 1), home, put(2))
    expect(b.take(second.bytes)).toEqual({ kind: 'pending', missing: 'predecessor' })
    b.take(first.bytes)
    expect(b.take(second.bytes).kind).toBe('admitted')
  })

  it('for the control commit it was written under', () => {
    const { mesh, a, b, home, first } = scene()
    b.take(first.bytes)
    const control = mesh.say({
      ...said('peer.enrol', 51, CONTROL_NAMESPACE),
      peer: 'ef'.repeat(32) as PeerId,
      name: 'late',
      role: 'observer',
    })
    a.take(control.bytes)
    const second = a.write(hlcAt(NOW_MS, 1), home, put(2))
    expect(b.take(second.bytes)).toEqual({ kind: 'pending', missing: 'control' })
    b.take(control.bytes)
    expect(b.take(second.bytes).kind).toBe('admitted')
    // Zero is the policy of nobody but the control log's first commit.
    expect(b.judge(a.seal(hlcAt(NOW_MS, 2), home, [put(3)], { policy: ZERO_HASH as CommitHash }))).toEqual({
      kind: 'pending',
      missing: 'control',
    })
    expect(b.judge(a.seal(hlcAt(NOW_MS, 2), home, [put(3)], { policy: second.hash }))).toEqual({
      kind: 'pending',
      missing: 'control',
    })
  })

  it('for what it was made on', () => {
    const { a, b, home, first } = scene()
    b.take(first.bytes)
    const edit = b.write(hlcAt(NOW_MS, 1), home, patch(2, 1))
    const c = createReplica(meshOf(1, 2), 2, NOW_MS + 1)
    expect(c.take(edit.bytes)).toEqual({ kind: 'pending', missing: 'dep' })
    expect(a.take(edit.bytes).kind).toBe('admitted')
    expect(a.judge(b.seal(hlcAt(NOW_MS, 2), home, [patch(3, 1)], { deps: [unknown] }))).toEqual({
      kind: 'pending',
      missing: 'dep',
    })
  })

  it('for its time, when that is further ahead than clocks may differ, and is not refused for it', () => {
    const { a, b, home } = scene()
    b.take(a.log.at(-1)!.bytes)
    const atLimit = a.seal(hlcAt(NOW_MS + limits.clock_bound_ms, 1023), home, [put(2)])
    expect(b.judge(atLimit).kind).toBe('admitted')
    for (const ahead of [
      hlcAt(NOW_MS + limits.clock_bound_ms + 1),
      hlcAt(NOW_MS + 365 * DAY_MS),
      Number.MAX_SAFE_INTEGER as Hlc,
    ]) {
      expect(b.judge(a.seal(ahead, home, [put(2)]))).toEqual({ kind: 'pending', missing: 'time' })
    }
    expect(b.judge(a.seal(hlcAt(NOW_MS + 365 * DAY_MS), home, [put(2)]), NOW_MS + 365 * DAY_MS).kind).toBe('admitted')
  })

  it('but not a statement of the control log: its times order nothing but itself', () => {
    const { mesh, b } = scene()
    const ahead = mesh.say({
      ...said('peer.enrol', 50, CONTROL_NAMESPACE),
      peer: 'ef'.repeat(32) as PeerId,
      name: 'late',
      role: 'observer',
    })
    expect(b.judge(ahead, NOW_MS - 365 * DAY_MS).kind).toBe('admitted')
  })

  it('but not for a clock that is behind: a year ago is as good as any time after the past it names', () => {
    const mesh = meshOf(1)
    const [a, b] = [createReplica(mesh, 1), createReplica(mesh, 1, NOW_MS + 1)]
    const old = a.write(hlcAt(NOW_MS - 365 * DAY_MS), segmentId(a.peer, 0), put(1))
    expect(b.take(old.bytes).kind).toBe('admitted')
  })
})

describe('a commit is refused', () => {
  it('of another mesh', () => {
    const { b, a, home } = scene()
    expect(b.judge(a.seal(hlcAt(NOW_MS, 1), home, [put(2)], { mesh: createMesh(0xbb).id }))).toEqual({
      kind: 'refused',
      reason: 'foreign_mesh',
    })
    expect(b.take(createMesh(0xbb).control[0]!.bytes)).toEqual({ kind: 'refused', reason: 'foreign_mesh' })
  })

  it('when its peer was not enrolled under its policy', () => {
    const { mesh, b, home } = scene()
    const stranger = createReplica(mesh, 7)
    expect(b.take(stranger.seal(hlcAt(NOW_MS), segmentId(stranger.peer, 0), [put(5)]).bytes)).toEqual({
      kind: 'refused',
      reason: 'peer_not_enrolled',
    })
    expect(b.take(stranger.seal(hlcAt(NOW_MS), home, [patch(5, 1)], { deps: [] }).bytes)).toEqual({
      kind: 'refused',
      reason: 'peer_not_enrolled',
    })
    // Enrolled later is not enrolled then.
    const before = b.control().head!
    const control = mesh.say({
      ...said('peer.enrol', 52, CONTROL_NAMESPACE),
      peer: stranger.peer,
      name: 'late',
      role: 'voter',
    })
    for (const replica of [b, stranger]) replica.take(control.bytes)
    expect(b.judge(stranger.seal(hlcAt(NOW_MS), segmentId(stranger.peer, 0), [put(5)], { policy: before }))).toEqual({
      kind: 'refused',
      reason: 'peer_not_enrolled',
    })
    expect(b.take(stranger.seal(hlcAt(NOW_MS), segmentId(stranger.peer, 0), [put(5)]).bytes).kind).toBe('admitted')
  })

  it('when its peer is an observer: alone, on a document of others, and at any later place', () => {
    const { mesh, a, b, home } = scene()
    const watcher = createReplica(mesh, 8)
    const control = mesh.say({
      ...said('peer.enrol', 55, CONTROL_NAMESPACE),
      peer: watcher.peer,
      name: 'watcher',
      role: 'observer',
    })
    for (const replica of [a, b, watcher]) replica.take(control.bytes)
    for (const commit of a.log) for (const replica of [b, watcher]) replica.take(commit.bytes)
    const writes = [
      watcher.seal(hlcAt(NOW_MS, 3), segmentId(watcher.peer, 0), [put(5)]),
      watcher.seal(hlcAt(NOW_MS, 3), home, [patch(1, 7)]),
      watcher.seal(hlcAt(NOW_MS, 3), null, [{ ...said('episode.append', 71), event_type: 'x' }]),
    ]
    for (const each of writes) expect(b.take(each.bytes)).toEqual({ kind: 'refused', reason: 'observer_may_not_write' })
    // Its place is of no matter, and it makes nobody else's work worse.
    const later = mesh.enrol(9)
    for (const replica of [a, b, watcher]) replica.take(later.bytes)
    expect(b.judge(watcher.seal(hlcAt(NOW_MS, 4), segmentId(watcher.peer, 0), [put(6)]))).toEqual({
      kind: 'refused',
      reason: 'observer_may_not_write',
    })
    expect(b.take(a.seal(hlcAt(NOW_MS, 5), home, [patch(1, 8)]).bytes).kind).toBe('admitted')
  })

  it('written under a policy that has its peer out, but not for what it wrote before', () => {
    const { mesh, a, b, home, first } = scene()
    const before = a.control().head!
    const control = mesh.say(...cutting('peer.revoke', 53, a.peer, { [first.chain]: 1 }))
    for (const replica of [a, b]) replica.take(control.bytes)
    expect(b.take(first.bytes).kind).toBe('admitted')
    expect(b.judge(a.seal(hlcAt(NOW_MS, 1), home, [put(2)]))).toEqual({ kind: 'refused', reason: 'peer_not_enrolled' })
    // Backdated: it may enter the log, where the revocation's table leaves it out (control.test.ts).
    expect(b.judge(a.seal(hlcAt(NOW_MS, 1), home, [put(2)], { policy: before })).kind).toBe('admitted')
  })

  it('under an earlier policy than the commit before it', () => {
    const { mesh, a, b, home, first } = scene()
    const before = a.control().head!
    const control = mesh.say({
      ...said('peer.enrol', 54, CONTROL_NAMESPACE),
      peer: 'ef'.repeat(32) as PeerId,
      name: 'late',
      role: 'observer',
    })
    for (const replica of [a, b]) replica.take(control.bytes)
    b.take(first.bytes)
    b.take(a.write(hlcAt(NOW_MS, 1), home, put(2)).bytes)
    expect(b.judge(a.seal(hlcAt(NOW_MS, 2), home, [put(3)], { policy: before }))).toEqual({
      kind: 'refused',
      reason: 'policy_went_back',
    })
  })

  it('made on a commit of another segment, or of the log alone', () => {
    const { a, b, home, first } = scene()
    const other = a.write(hlcAt(NOW_MS, 1), segmentId(a.peer, 1), put(2))
    const episode = a.write(hlcAt(NOW_MS, 2), null, { ...said('episode.append', 3), event_type: 'call' })
    for (const commit of [first, other, episode]) b.take(commit.bytes)
    for (const dep of [other.hash, episode.hash, b.control().head!]) {
      expect(b.judge(a.seal(hlcAt(NOW_MS, 3), home, [patch(4, 1)], { deps: [dep] }))).toEqual({
        kind: 'refused',
        reason: 'dep_of_another_segment',
      })
    }
  })

  it('not later than what it was made on, or than the commit before it', () => {
    const { a, b, home, first } = scene()
    b.take(first.bytes)
    for (const hlc of [first.header.hlc, hlcAt(NOW_MS - 1), 1 as Hlc])
      expect(a.judge(b.seal(hlc, home, [patch(2, 1)]))).toEqual({ kind: 'refused', reason: 'hlc_not_after' })
    for (const hlc of [first.header.hlc, 0 as Hlc])
      expect(b.judge(a.seal(hlc, home, [patch(2, 1)]))).toEqual({ kind: 'refused', reason: 'hlc_not_after' })
  })

  it('when it lies about its past', () => {
    const { a, b, home, first } = scene()
    b.take(first.bytes)
    expect(b.judge(a.seal(hlcAt(NOW_MS, 1), home, [put(2)], { prev: unknown }))).toEqual({
      kind: 'refused',
      reason: 'bad_prev',
    })
    expect(b.judge(a.seal(hlcAt(NOW_MS, 1), home, [put(2)], { history: first.header.history }))).toEqual({
      kind: 'refused',
      reason: 'bad_history',
    })
  })
})

describe('a fork', () => {
  it('is found from both sides, however far each chain has gone', () => {
    const mesh = meshOf(1, 2, 3)
    const [one, two] = [createReplica(mesh, 1), createReplica(mesh, 1)]
    const home = segmentId(one.peer, 0)
    const start = one.write(hlcAt(NOW_MS), home, put(1))
    two.take(start.bytes)
    const left = [one.write(hlcAt(NOW_MS, 1), home, put(2)), one.write(hlcAt(NOW_MS, 2), home, put(3))]
    const right = [two.write(hlcAt(NOW_MS, 1), home, put(4)), two.write(hlcAt(NOW_MS, 2), home, put(5))]
    const [b, c] = [createReplica(mesh, 2), createReplica(mesh, 3)]
    for (const commit of [start, ...left]) b.take(commit.bytes)
    for (const commit of [start, ...right]) c.take(commit.bytes)
    expect(b.take(right[0]!.bytes)).toEqual({ kind: 'fork', seq: 2, known: left[0]!.hash })
    expect(c.take(left[0]!.bytes)).toEqual({ kind: 'fork', seq: 2, known: right[0]!.hash })
    expect(b.take(right[1]!.bytes)).toEqual({ kind: 'fork', seq: 3, known: left[1]!.hash })
    // What comes behind the other branch's end finds no place either.
    const further = two.write(hlcAt(NOW_MS, 3), home, put(6))
    expect(b.take(further.bytes)).toEqual({ kind: 'refused', reason: 'bad_prev' })
    expect(b.log.map(({ hash }) => hash).slice(-3)).toEqual([start, ...left].map(({ hash }) => hash))
  })
})

describe('the control log', () => {
  const enrol = {
    ...said('peer.enrol', 60, CONTROL_NAMESPACE),
    peer: 'ef'.repeat(32) as PeerId,
    name: 'own',
    role: 'voter' as const,
  }

  it('takes nothing from a member, in whatever incarnation', () => {
    const { a, b } = scene()
    expect(b.take(a.seal(hlcAt(NOW_MS, 1), null, [enrol]).bytes)).toEqual({
      kind: 'refused',
      reason: 'control_not_by_the_authority',
    })
    expect(b.judge(a.seal(hlcAt(NOW_MS, 1), null, [enrol], { peer: b.view.mesh as string as PeerId })).kind).toBe(
      'refused',
    )
  })

  it('is one chain: not the authority either writes a second one', () => {
    const { mesh, a, b } = scene()
    const { header, events } = a.seal(hlcAt(NOW_MS, 1), null, [enrol])
    const second = sealCommit({ ...header, peer: mesh.id as string as PeerId }, events, mesh.keys)
    expect(b.take(second.bytes)).toEqual({ kind: 'refused', reason: 'control_of_another_line' })
  })

  it('names its predecessor as its policy', () => {
    const { mesh, b } = scene()
    b.take(mesh.say({ ...enrol, id: eventId(62), peer: 'fd'.repeat(32) as PeerId }).bytes)
    const next = mesh.say(enrol)
    const lying: Commit = sealCommit({ ...next.header, policy: mesh.control[0]!.hash }, next.events, mesh.keys)
    // Under a policy that is here it is refused for good; under one that never comes it waits.
    expect(b.judge(lying)).toEqual({ kind: 'refused', reason: 'control_policy' })
    expect(b.take(next.bytes)).toMatchObject({ kind: 'admitted', policySeq: 2 })
  })

  it("goes on under the authority's signature alone, whoever covers it", () => {
    const { mesh, a, b } = scene()
    const [next, after] = [mesh.say(enrol), mesh.say({ ...enrol, id: eventId(61), peer: 'fe'.repeat(32) as PeerId })]
    for (const keys of [a.keys, keyPairFromSeed(seed(0xbb))]) {
      expect(b.judge(sealCommit(next.header, next.events, keys))).toEqual({
        kind: 'refused',
        reason: 'control_not_by_the_authority',
      })
    }
    // A valid signature on what follows is none on this one.
    expect(b.take({ ...next, bytes: sealCommit(next.header, next.events, a.keys).bytes }.bytes).kind).toBe('refused')
    expect([next, after].map(({ bytes }) => b.take(bytes).kind)).toEqual(['admitted', 'admitted'])
  })

  it('begins with the statement that the mesh is named by, and in one form of it', () => {
    const mesh = createMesh()
    const [genesis] = mesh.control as [VerifiedCommit]
    const fresh = (): ReturnType<typeof createReplica> => createReplica({ ...mesh, control: [] }, 1)
    const [said] = genesis.events as [(typeof genesis.events)[0] & {}]
    const sealed = (
      fields: Partial<CommitHeader>,
      events: readonly SealedEvent[] = genesis.events,
      keys = mesh.keys,
    ): Commit =>
      sealCommit(
        { ...genesis.header, eventsRoot: eventsRoot(events), eventCount: events.length, ...fields },
        events,
        keys,
      )
    const attested = [{ ...said, attestation: new Uint8Array(64) }]
    const another = sealEvents([genesisOf(0xaa, { name: 'another' })])
    for (const commit of [
      sealed({ hlc: hlcAt(NOW_MS, 1) }),
      sealed({}, attested),
      sealed({}, another),
      sealed({}, sealEvents([enrol])),
      sealed({}, [said, ...sealEvents([enrol])]),
    ]) {
      expect(fresh().judge(commit)).toEqual({ kind: 'refused', reason: 'not_the_genesis' })
    }
    expect(fresh().judge(sealed({}, genesis.events, keyPairFromSeed(seed(1))))).toEqual({
      kind: 'refused',
      reason: 'control_not_by_the_authority',
    })
    expect(fresh().judge(sealed({}))).toMatchObject({ kind: 'admitted' })
  })

  it('does not make the authority a member', () => {
    const { mesh, a, b, home } = scene()
    const { header, events } = a.seal(hlcAt(NOW_MS, 1), home, [patch(2, 1)])
    const own = sealCommit(
      {
        ...header,
        peer: publicKeyHex(mesh.keys) as PeerId,
        seq: 1,
        prev: ZERO_HASH as CommitHash,
        history: a.log[0]!.header.history,
        deps: [],
      },
      events,
      mesh.keys,
    )
    expect(b.take(own.bytes)).toEqual({ kind: 'refused', reason: 'peer_not_enrolled' })
  })
})

it('a commit of the wrong mesh id alone is one of another mesh, whoever signed it', () => {
  const { a, b } = scene()
  expect(
    b.judge(
      a.seal(hlcAt(NOW_MS, 1), null, [{ ...said('episode.append', 3, NS), event_type: 'call' }], {
        mesh: a.peer as string as MeshId,
      }),
    ),
  ).toEqual({ kind: 'refused', reason: 'foreign_mesh' })
})
