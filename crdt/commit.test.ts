/** Commits as bytes: what decodes, and that nothing decodes to a commit that its peer did not seal. */
import { describe, expect, it } from 'vitest'
import {
  chainId,
  commitHash,
  controlChainId,
  decodeCommit,
  decodeHeader,
  encodeHeader,
  eventsRoot,
  hasValidSignature,
  sealCommit,
  type Commit,
  type CommitHeader,
  type SealedEvent,
} from './commit.ts'
import { encodeEvent, type Event } from './event.ts'
import { sha256Hex } from './hash.ts'
import type { Hlc } from './hlc.ts'
import {
  CONTROL_NAMESPACE,
  ZERO_HASH,
  hexToBytes,
  segmentId,
  type ChangeHash,
  type CommitHash,
  type EventId,
  type MeshId,
  type Namespace,
  type PeerId,
} from './ids.ts'
import { limits } from './limits.ts'
import { pack, unpack, type Packable } from './msgpack.ts'
import { keyPairFromSeed, publicKeyHex, sign } from './signature.ts'
import {
  NOW_MS,
  NS,
  body,
  createReplica,
  genesisOf,
  hlcAt,
  meshOf,
  record,
  said,
  sealEvents,
  seed,
} from './test-support.ts'
import { fastestMs } from './timing.test-support.ts'

const mesh = meshOf(1, 2)
const a = createReplica(mesh, 1)
const home = segmentId(a.peer, 0)
const first = a.write(hlcAt(NOW_MS), home, { ...said('memory.put', 1), record: record(1), set: { content: body('x') } })
const small = a.write(hlcAt(NOW_MS, 1), home, { ...said('memory.forget', 2), record: record(1) })

const sealed = (
  fields: Partial<CommitHeader>,
  events: readonly SealedEvent[] = small.events,
  keys = a.keys,
): Uint8Array => sealCommit({ ...small.header, ...fields }, events, keys).bytes
/** With a root and a count that fit the events. */
const sealedWith = (events: readonly Event[], fields: Partial<CommitHeader> = {}): Uint8Array => {
  const list = sealEvents(events)
  return sealed({ eventsRoot: eventsRoot(list), eventCount: list.length, ...fields }, list)
}
const reason = (bytes: Uint8Array): string => {
  const decoded = decodeCommit(bytes)
  return decoded.ok ? 'ok' : decoded.reason
}
const hash = (n: number): CommitHash => sha256Hex(`${n}`) as CommitHash

describe('a sealed commit', () => {
  it('decodes to what was sealed', () => {
    const decoded = decodeCommit(small.bytes)
    expect(decoded).toEqual({ ok: true, commit: small })
    expect(decoded.ok && hasValidSignature(decoded.commit)).toBe(true)
    expect(small.hash).toBe(commitHash(small.headerBytes))
    expect(small.chain).toBe(chainId(a.peer, a.incarnation, NS))
    expect(decodeHeader(small.headerBytes)).toEqual(small.header)
  })

  it('with any bit flipped never is the same commit with a valid signature', () => {
    let decodes = 0
    for (let at = 0; at < small.bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const decoded = decodeCommit(small.bytes.with(at, small.bytes[at]! ^ (1 << bit)))
        if (!decoded.ok) continue
        decodes++
        expect(hasValidSignature(decoded.commit)).toBe(false)
      }
    }
    // Header fields and the signature: the flips that only the signature finds.
    expect(decodes).toBeGreaterThan(64 * 8)
  })

  it('cut or lengthened anywhere is none', () => {
    for (let length = 0; length < small.bytes.length; length++)
      expect(reason(small.bytes.subarray(0, length))).not.toBe('ok')
    expect(reason(Uint8Array.from([...small.bytes, 0]))).toBe('commit_not_canonical')
  })

  it('with any two fields of its header swapped is none, or is not signed', () => {
    const fields = unpack(small.headerBytes) as readonly Packable[]
    let decodes = 0
    for (let i = 0; i < fields.length; i++) {
      for (let j = 0; j < i; j++) {
        const headerBytes = pack(fields.map((_, k) => fields[k === i ? j : k === j ? i : k]!))
        const decoded = decodeCommit(
          pack([headerBytes, small.events.map(({ bytes }) => bytes), [null], small.signature, []]),
        )
        // prev, history, policy, root and change hash are of one shape; seq and event count too.
        if (!decoded.ok || decoded.commit.hash === small.hash) continue
        decodes++
        expect(hasValidSignature(decoded.commit)).toBe(false)
      }
    }
    expect(decodes).toBeGreaterThan(3)
  })

  it('signed by another member, or for another purpose, is not covered', () => {
    const b = keyPairFromSeed(seed(2))
    for (const bytes of [
      sealed({}, small.events, b),
      sealed({ peer: publicKeyHex(b) as PeerId, segment: segmentId(publicKeyHex(b) as PeerId, 0) }),
    ]) {
      const decoded = decodeCommit(bytes)
      expect(decoded.ok && !hasValidSignature(decoded.commit)).toBe(true)
    }
    for (const domain of ['mnemesh/event/1', 'mnemesh/handshake/1', 'mnemesh/ack/1'] as const) {
      expect(hasValidSignature({ ...small, signature: sign(domain, small.headerBytes, a.keys) })).toBe(false)
    }
  })

  it('keeps the hash of its header under another signature of any kind', () => {
    const other = { ...small, signature: new Uint8Array(64) }
    expect(commitHash(other.headerBytes)).toBe(small.hash)
    expect(hasValidSignature(other)).toBe(false)
  })
})

describe('a header', () => {
  it.each<[string, Partial<CommitHeader>]>([
    ['seq 0', { seq: 0 }],
    ['seq 2^48 + 1', { seq: limits.seq_max + 1 }],
    ['seq 2^53 - 1', { seq: Number.MAX_SAFE_INTEGER }],
    ['no event', { eventCount: 0 }],
    ['257 events', { eventCount: limits.events_per_commit_max + 1 }],
    ['deps out of order', { deps: [hash(1), hash(2)].sort().reverse() }],
    ['a dep twice', { deps: [hash(1), hash(1)] }],
    ['65 deps', { deps: Array.from({ length: 65 }, (_, i) => hash(i)).sort() }],
    ['a short dep', { deps: ['ab' as CommitHash] }],
    ['a change without a segment', { segment: null, deps: [] }],
    ['deps without a segment', { segment: null, changeHash: null, deps: [hash(1)] }],
    ['a segment without a change', { changeHash: null }],
    ['a namespace that is none', { namespace: '../etc' as Namespace }],
    ['a namespace that only looks like the control log', { namespace: '_mesh2' as Namespace }],
    ['a short mesh id', { mesh: 'ab' as MeshId }],
    ['a short hash', { prev: 'ab' as CommitHash }],
    ['a long root', { eventsRoot: `${ZERO_HASH}00` }],
    ['a short change hash', { changeHash: 'ab' as ChangeHash }],
  ])('with %s is malformed', (_, fields) => {
    expect(decodeHeader(encodeHeader({ ...small.header, ...fields }))).toBeNull()
    expect(reason(sealed(fields))).toBe('header_malformed')
  })

  it.each<[string, Partial<CommitHeader>]>([
    ['the last seq', { seq: limits.seq_max }],
    ['the last time', { hlc: Number.MAX_SAFE_INTEGER as Hlc }],
    ['64 deps', { deps: Array.from({ length: 64 }, (_, i) => hash(i)).sort() }],
    ['no dep', { deps: [] }],
  ])('with %s is well formed', (_, fields) => expect(reason(sealed(fields))).toBe('ok'))

  const fields = unpack(small.headerBytes) as readonly Packable[]
  it.each<[string, number, Packable]>([
    ['version 0', 0, 0],
    ['version 2', 0, 2],
    ['no version', 0, null],
    ['seq of text', 5, '1'],
    ['seq of bytes', 5, Uint8Array.of(1)],
    ['a time of text', 8, '1'],
    ['a time of nil', 8, null],
    ['a namespace of bytes', 2, new TextEncoder().encode('team/api')],
    ['deps of nil', 11, null],
    ['a count of nil', 13, null],
    ['a segment of nil', 10, null],
    ['a change hash of nil', 14, null],
  ])('with %s is malformed', (_, at, value) => expect(decodeHeader(pack(fields.with(at, value)))).toBeNull())

  it('with a field too many or too few is malformed', () => {
    expect(decodeHeader(pack([...fields, 0]))).toBeNull()
    expect(decodeHeader(pack(fields.slice(0, -1)))).toBeNull()
    expect(decodeHeader(pack('header'))).toBeNull()
    expect(decodeHeader(new Uint8Array(0))).toBeNull()
  })

  /** The 15 fields with the bytes of one replaced by another form of the number. */
  const withForm = (at: number, form: string): Uint8Array =>
    Uint8Array.from([0x9f, ...fields.flatMap((field, i) => [...(i === at ? hexToBytes(form) : pack(field))])])
  it.each<[string, number, string]>([
    ['seq -1', 5, 'ff'],
    ['seq -1 as int 64', 5, 'd3ffffffffffffffff'],
    ['seq 2^53', 5, 'd30020000000000000'],
    ['seq 2^63 - 1', 5, 'd37fffffffffffffff'],
    ['seq 2^64 - 1', 5, 'cfffffffffffffffff'],
    ['seq in a longer form', 5, 'cc02'],
    ['seq as float', 5, 'cb4000000000000000'],
    ['a fractional seq', 5, 'cb3ff8000000000000'],
    ['time NaN', 8, 'cb7ff8000000000000'],
    ['time -1', 8, 'ff'],
    ['time 2^53', 8, 'd30020000000000000'],
    ['an infinite time', 8, 'cb7ff0000000000000'],
    ['a fractional count', 13, 'cb3ff8000000000000'],
    ['a map for deps', 11, '80'],
  ])('with %s is malformed', (_, at, form) => expect(decodeHeader(withForm(at, form))).toBeNull())
})

describe('the events of a commit', () => {
  const forget = (n: number, ns = NS): Event => ({ ...said('memory.forget', n, ns), record: record(1) })
  it('are of its namespace', () =>
    expect(reason(sealedWith([forget(3, 'team/web' as Namespace)]))).toBe('event_of_another_namespace'))
  it('have an id each', () =>
    expect(reason(sealedWith([forget(3), { ...forget(4), id: forget(3).id }]))).toBe('event_twice'))
  it('are as many as it says', () => expect(reason(sealed({ eventCount: 2 }))).toBe('event_count'))
  it('are those of its root, in this order', () => {
    const [one, two] = sealEvents([forget(3), forget(4)]) as [SealedEvent, SealedEvent]
    expect(reason(sealed({ eventsRoot: eventsRoot([one, two]), eventCount: 2 }, [two, one]))).toBe('events_root')
    expect(reason(sealed({}, sealEvents([forget(3)])))).toBe('events_root')
  })
  it('are bound with their attestations', () => {
    const attested = {
      ...small.events[0]!,
      attestation: sign('mnemesh/event/1', small.events[0]!.bytes, keyPairFromSeed(seed(9))),
    }
    expect(reason(sealed({ eventsRoot: eventsRoot([attested]) }, [attested]))).toBe('ok')
    expect(reason(sealed({}, [attested]))).toBe('events_root')
    expect(reason(sealed({ eventsRoot: eventsRoot([attested]) }, small.events))).toBe('events_root')
    const short = { ...attested, attestation: attested.attestation.subarray(1) }
    expect(reason(sealed({ eventsRoot: eventsRoot([short]) }, [short]))).toBe('commit_shape')
  })
  it('are whole', () => {
    const bytes = encodeEvent(forget(3))
    const broken = [{ bytes: bytes.subarray(1), event: forget(3), attestation: null }]
    expect(reason(sealed({ eventsRoot: eventsRoot(broken) }, broken))).toBe('event_not_json')
  })
  it('are up to 256', () => {
    const events = Array.from({ length: 257 }, (_, i) => forget(100 + i))
    expect(reason(sealedWith(events.slice(0, 256)))).toBe('ok')
    expect(reason(sealedWith(events))).toBe('commit_shape')
  })

  const put: Event = { ...said('memory.put', 5), record: record(2), set: { content: body('y') } }
  const episode: Event = { ...said('episode.append', 6), event_type: 'call' }
  const genesis: Event = genesisOf(0xaa)
  const foreign = segmentId('cd'.repeat(32) as PeerId, 0)
  const logOnly = { segment: null, deps: [], changeHash: null } as const
  it.each<[string, readonly Event[], Partial<CommitHeader>, string]>([
    ['a put in the own segment', [put], {}, 'ok'],
    ['a put in a foreign segment', [put], { segment: foreign }, 'put_in_a_foreign_segment'],
    ['a forget in a foreign segment', [forget(8)], { segment: foreign }, 'ok'],
    ['an episode in the log alone', [episode], logOnly, 'ok'],
    ['an episode in a segment', [episode], {}, 'kind_needs_another_segment'],
    ['a forget in the log alone', [forget(8)], logOnly, 'kind_needs_another_segment'],
    ['an episode beside a put', [put, episode], {}, 'kind_needs_another_segment'],
    ['a control event in the control log', [genesis], { ...logOnly, namespace: CONTROL_NAMESPACE }, 'ok'],
    ['a control event in a segment', [genesis], { namespace: CONTROL_NAMESPACE }, 'kind_needs_another_segment'],
    ['a control event elsewhere', [genesis], logOnly, 'event_of_another_namespace'],
    [
      'an episode in the control log',
      [episode],
      { ...logOnly, namespace: CONTROL_NAMESPACE },
      'event_of_another_namespace',
    ],
  ])('%s', (_, events, fields, expected) => expect(reason(sealedWith(events, fields))).toBe(expected))

  it('of the wrong kind do not pass by naming the other namespace themselves', () => {
    const enrol = {
      ...said('peer.enrol', 7, CONTROL_NAMESPACE),
      peer: 'ab'.repeat(32) as PeerId,
      name: 'one',
      role: 'voter',
    } as const
    const lying = { ...enrol, ns: NS } as Event
    const bytes = new TextEncoder().encode(
      JSON.stringify(Object.fromEntries(Object.entries(lying).sort(([x], [y]) => (x < y ? -1 : 1)))),
    )
    const events = [{ bytes, event: lying, attestation: null }]
    expect(reason(sealed({ ...logOnly, eventsRoot: eventsRoot(events) }, events))).toBe(
      'event_schema: ns does not take this kind',
    )
  })
})

describe('hostile bytes', () => {
  it.each<[string, () => Uint8Array]>([
    ['16 MB', () => new Uint8Array(16_000_000).fill(0xc4)],
    ['nested to the size', () => new Uint8Array(limits.commit_bytes_max).fill(0x91)],
    ['an array of 2^32 - 1', () => Uint8Array.from([0xdd, 0xff, 0xff, 0xff, 0xff])],
    ['a bin of 2^32 - 1', () => Uint8Array.from([0x94, 0xc6, 0xff, 0xff, 0xff, 0xff])],
    ['2^18 nils', () => Uint8Array.from([0xdd, 0, 4, 0, 0, ...new Uint8Array(262_144).fill(0xc0)])],
    [
      'events nested deep',
      () => pack([small.headerBytes, [new Uint8Array(300_000).fill(0x5b)], [null], small.signature, []]),
    ],
    ['a header of 400 KB', () => pack([new Uint8Array(400_000), [], [], small.signature, []])],
  ])('%s are refused within 50 ms', (_, make) => {
    const bytes = make()
    expect(fastestMs(() => expect(decodeCommit(bytes).ok).toBe(false))).toBeLessThan(50)
    expect(reason(small.bytes)).toBe('ok')
  })

  it.each<[string, Packable]>([
    ['no list', 1],
    ['four parts', [small.headerBytes, [small.events[0]!.bytes], [null], small.signature]],
    ['six parts', [small.headerBytes, [small.events[0]!.bytes], [null], small.signature, [], null]],
    ['votes of nil', [small.headerBytes, [small.events[0]!.bytes], [null], small.signature, null]],
    ['events of text', [small.headerBytes, ['x'], [null], small.signature, []]],
    ['attestations of text', [small.headerBytes, [small.events[0]!.bytes], ['x'], small.signature, []]],
    ['a short signature', [small.headerBytes, [small.events[0]!.bytes], [null], small.signature.subarray(1), []]],
    ['an attestation missing', [small.headerBytes, [small.events[0]!.bytes], [], small.signature, []]],
    ['a header of text', ['header', [small.events[0]!.bytes], [null], small.signature, []]],
  ])('%s is no commit', (_, value) =>
    expect(reason(pack(value))).toMatch(/^(commit_not_canonical|commit_shape|event_count)$/),
  )
})

describe('chain ids', () => {
  it('differ by peer, incarnation and namespace', () => {
    const b = createReplica(mesh, 2)
    const later = createReplica(mesh, 1, NOW_MS + 1)
    expect(
      new Set([
        chainId(a.peer, a.incarnation, NS),
        chainId(b.peer, a.incarnation, NS),
        chainId(a.peer, later.incarnation, NS),
        chainId(a.peer, a.incarnation, 'team' as Namespace),
      ]).size,
    ).toBe(4)
    expect(controlChainId(mesh.id)).toBe(mesh.control[0]!.chain)
  })
  it('make one header one commit: no two events share an id by accident', () => {
    const ids = new Set([first, small].flatMap((commit: Commit) => commit.events.map(({ event }): EventId => event.id)))
    expect(ids.size).toBe(2)
  })
})
