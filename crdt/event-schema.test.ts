/** The schema of events, field by field: what each kind must have, may have, and where its bounds lie. */
import { describe, expect, it } from 'vitest'
import type { Json } from './canonical.ts'
import { checkEvent } from './event-schema.ts'
import { CONTROL_NAMESPACE } from './ids.ts'
import { limits } from './limits.ts'
import { body, record, said } from './test-support.ts'

type Fields = Readonly<Record<string, Json>>
const PEER = 'ab'.repeat(32)
const KEY = 'ee'.repeat(32)
const CHAIN = 'cd'.repeat(16)
const TIME = '2024-02-29T23:59:59.999Z'

/** Each kind with every field it may have. */
const FULL: readonly Fields[] = [
  {
    ...said('memory.put', 1),
    record: record(1),
    tags: { add: ['a'], remove: ['b'] },
    set: {
      content: body('c'),
      title: body('t'),
      metadata: body('m'),
      kind: 'k',
      tier: 't',
      priority: 10,
      confidence: 0.5,
      source: body('s'),
      scope: 's',
      run_id: 'r',
      occurred_at: TIME,
      expires_at: TIME,
    },
  },
  {
    ...said('memory.patch', 2),
    record: record(1),
    tags: { add: [], remove: [] },
    set: {
      content: body('c'),
      title: null,
      metadata: null,
      kind: 'k',
      tier: 't',
      priority: 1,
      confidence: 0,
      source: null,
      scope: null,
      run_id: null,
      occurred_at: null,
      expires_at: null,
    },
  },
  { ...said('memory.forget', 3), record: record(1) },
  { ...said('memory.restore', 4), record: record(1) },
  { ...said('memory.erase', 5), record: record(1) },
  {
    ...said('link.put', 6),
    record: record(9),
    from: record(1),
    to: record(2),
    relation: 'about',
    valid_from: TIME,
    valid_until: TIME,
  },
  { ...said('link.remove', 7), record: record(9) },
  {
    ...said('episode.append', 8),
    event_type: 'call',
    sender: 'a',
    recipient: 'b',
    body: body('e'),
    inference_receipt_id: 'i',
    audit_event_hash: 'h',
  },
  {
    ...said('mesh.genesis', 9, CONTROL_NAMESPACE),
    name: 'home',
    authority: KEY,
    recovery: { threshold: 2, keys: [KEY, PEER, 'ef'.repeat(32)] },
    members: [{ peer: PEER, name: 'one', role: 'voter' }],
  },
  { ...said('mesh.level', 12, CONTROL_NAMESPACE), level: 2 },
  { ...said('mesh.recover', 13, CONTROL_NAMESPACE), authority: KEY },
  { ...said('peer.enrol', 10, CONTROL_NAMESPACE), peer: PEER, name: 'one', role: 'voter', invite: 'x' },
  { ...said('peer.revoke', 11, CONTROL_NAMESPACE), peer: PEER, cut: { root: 'ab'.repeat(32), chains: 1 } },
  { ...said('peer.leave_behind', 13, CONTROL_NAMESPACE), peer: PEER, cut: { root: 'ab'.repeat(32), chains: 0 } },
  { ...said('peer.cut', 14, CONTROL_NAMESPACE), peer: PEER, last: { [CHAIN]: 1 } },
]
const OPTIONAL = new Set([
  'tags',
  'valid_from',
  'valid_until',
  'sender',
  'recipient',
  'body',
  'inference_receipt_id',
  'audit_event_hash',
  'invite',
])
const byKind = (kind: string): Fields => FULL.find((event) => event['kind'] === kind)!
const without = (event: Fields, name: string): Fields =>
  Object.fromEntries(Object.entries(event).filter(([field]) => field !== name))
/** The put with one register as given. */
const putWith = (field: string, value: Json): Fields => ({
  ...byKind('memory.put'),
  set: { content: body('c'), [field]: value },
})
const patchWith = (field: string, value: Json): Fields => ({ ...byKind('memory.patch'), set: { [field]: value } })

describe.each(FULL.map((event) => [event['kind'] as string, event] as const))('%s', (kind, event) => {
  it('is an event', () => expect(checkEvent(event)).toBeNull())

  it.each(Object.keys(event).filter((name) => name !== 'kind'))('needs a fitting %s', (name) => {
    expect(checkEvent(without(event, name))).toBe(OPTIONAL.has(name) ? null : `${name} is missing`)
    const empty = name === 'set' && kind === 'memory.patch' ? [] : [{}]
    for (const wrong of [...empty, null, true, 0.5, [], '', 'a\u0000b', [[]], 'x'.repeat(300)])
      expect(checkEvent({ ...event, [name]: wrong })).toMatch(/does not fit/)
  })

  it.each(['extra', '__proto__', 'constructor', 'hasOwnProperty', 'toString'])('takes no field %s', (name) => {
    expect(checkEvent(Object.fromEntries([...Object.entries(event), [name, 1]]))).toBe(`${name} is unknown`)
  })

  it('belongs to its namespace', () => {
    const elsewhere = event['ns'] === CONTROL_NAMESPACE ? 'team/api' : CONTROL_NAMESPACE
    expect(checkEvent({ ...event, ns: elsewhere })).toBe('ns does not take this kind')
  })

  it('is of version 1', () => {
    for (const v of [0, 2, '1', 1.5]) expect(checkEvent({ ...event, v })).toBe('v does not fit')
    expect(kind).toMatch(/^[a-z]+\.[a-z_]+$/)
  })
})

describe('what is no event', () => {
  it.each<[string, Json]>([
    ['null', null],
    ['a list', []],
    ['a text', 'memory.put'],
    ['a number', 1],
    ['nothing in it', {}],
  ])('%s', (_, value) => expect(checkEvent(value)).not.toBeNull())
  it.each(['memory.delete', 'to.string', 'a.b.c'])('kind %s', (kind) =>
    expect(checkEvent({ ...byKind('memory.forget'), kind })).toBe('kind is unknown'),
  )
  it.each([
    'toString',
    '__proto__',
    'constructor',
    '',
    'MEMORY.PUT',
    'memory.',
    '.put',
    'memory put',
    `memory.${'x'.repeat(64)}`,
  ])('kind %s', (kind) => expect(checkEvent({ ...byKind('memory.forget'), kind })).toMatch(/kind does not fit/))
})

describe('a genesis', () => {
  const genesis = byKind('mesh.genesis')
  const keys = (count: number): readonly string[] =>
    Array.from({ length: count }, (_, n) => n.toString(16).padStart(64, '0'))
  const founders = (count: number, role = 'voter') => keys(count).map((peer) => ({ peer, name: 'x', role }))

  it('names recovery keys of which more than half are needed, or none', () => {
    for (const [threshold, count] of [
      [0, 0],
      [1, 1],
      [2, 2],
      [2, 3],
      [3, 3],
      [9, 16],
    ] as const)
      expect(checkEvent({ ...genesis, recovery: { threshold, keys: keys(count) } })).toBeNull()
    for (const [threshold, count] of [
      [1, 0],
      [0, 1],
      [1, 2],
      [4, 3],
      [8, 16],
      [9, 17],
    ] as const)
      expect(checkEvent({ ...genesis, recovery: { threshold, keys: keys(count) } })).toBe('recovery does not fit')
    expect(checkEvent({ ...genesis, recovery: { threshold: 2, keys: [KEY, KEY] } })).toBe('recovery does not fit')
  })

  it('names who founds the mesh, each once and a voter among them', () => {
    for (const members of [
      founders(1),
      founders(limits.founders_max),
      [...founders(1), { peer: KEY, name: 'y', role: 'observer' }],
    ])
      expect(checkEvent({ ...genesis, members })).toBeNull()
    for (const members of [
      [],
      founders(limits.founders_max + 1),
      founders(2, 'observer'),
      [...founders(1), ...founders(1)],
      [{ peer: KEY, name: 'x' }],
      [{ ...founders(1)[0], last: {} }],
    ] as Json[]) {
      expect(checkEvent({ ...genesis, members })).toBe('members does not fit')
    }
  })
})

describe('registers', () => {
  it.each<[string, readonly Json[], readonly Json[]]>([
    ['priority', [1, 10], [0, 11, -1, 1.5, '5', 2 ** 53]],
    ['confidence', [0, 1, 0.1], [-0.1, 1.1, '1', true]],
    [
      'kind',
      ['x'.repeat(limits.name_bytes_max)],
      ['x'.repeat(limits.name_bytes_max + 1), 'é'.repeat(limits.name_bytes_max / 2 + 1)],
    ],
    ['content', [body('x')], ['text', { ref: 'ab' }, { ref: 'AB'.repeat(32) }, { ...body('x'), salt: '' }, {}]],
  ])('%s', (field, fitting, wrong) => {
    for (const value of fitting) expect(checkEvent(patchWith(field, value))).toBeNull()
    for (const value of wrong) expect(checkEvent(patchWith(field, value))).toBe('set does not fit')
  })

  it('are cleared by a patch alone, and only those that may be absent', () => {
    for (const field of ['title', 'metadata', 'source', 'scope', 'run_id', 'occurred_at', 'expires_at']) {
      expect(checkEvent(patchWith(field, null))).toBeNull()
      expect(checkEvent(putWith(field, null))).toBe('set does not fit')
    }
    for (const field of ['content', 'kind', 'tier', 'priority', 'confidence'])
      expect(checkEvent(patchWith(field, null))).toBe('set does not fit')
  })

  it('a put has content, a patch may be empty, neither takes a field of its own making', () => {
    expect(checkEvent({ ...byKind('memory.put'), set: {} })).toBe('set does not fit')
    expect(checkEvent({ ...byKind('memory.patch'), set: {} })).toBeNull()
    for (const field of ['forgotten', 'erased', 'tags', '__proto__', 'constructor']) {
      expect(checkEvent({ ...byKind('memory.patch'), set: Object.fromEntries([[field, true]]) })).toBe(
        `set.${field} is unknown`,
      )
    }
  })
})

describe('tags', () => {
  const tagged = (add: readonly string[], remove: readonly string[] = []): Fields => ({
    ...byKind('memory.patch'),
    tags: { add, remove },
  })
  const many = Array.from({ length: limits.tags_per_event_max }, (_, i) => `t${i}`)

  it('are bounded in number and in bytes', () => {
    expect(
      checkEvent(
        tagged(
          many,
          many.map((tag) => `${tag}x`),
        ),
      ),
    ).toBeNull()
    expect(checkEvent(tagged([...many, 'one more']))).toBe('tags does not fit')
    expect(checkEvent(tagged(['x'.repeat(limits.tag_bytes_max)]))).toBeNull()
    expect(checkEvent(tagged(['é'.repeat(limits.tag_bytes_max / 2 + 1)]))).toBe('tags does not fit')
  })
  it('stand once, on one side', () => {
    for (const wrong of [tagged(['a', 'a']), tagged([], ['a', 'a']), tagged(['a'], ['a']), tagged([''])])
      expect(checkEvent(wrong)).toBe('tags does not fit')
    expect(checkEvent(tagged(['e\u0301'], ['\u00e9']))).toBeNull()
  })
})

describe('times', () => {
  const at = (value: string): string | null => checkEvent({ ...byKind('memory.forget'), at: value })
  it.each([
    '0001-01-01T00:00:00.000Z',
    '9999-12-31T23:59:59.999Z',
    '2000-02-29T00:00:00.000Z',
    '2024-04-30T00:00:00.000Z',
  ])('%s', (time) => expect(at(time)).toBeNull())
  it.each([
    '0000-01-01T00:00:00.000Z',
    '2023-02-29T00:00:00.000Z',
    '1900-02-29T00:00:00.000Z',
    '2024-02-30T00:00:00.000Z',
    '2024-04-31T00:00:00.000Z',
    '2024-00-01T00:00:00.000Z',
    '2024-13-01T00:00:00.000Z',
    '2024-01-00T00:00:00.000Z',
    '2024-01-32T00:00:00.000Z',
    '2024-01-01T24:00:00.000Z',
    '2024-01-01T00:60:00.000Z',
    '2016-12-31T23:59:60.000Z',
    '2024-01-01T00:00:00Z',
    '2024-01-01T00:00:00.0000Z',
    '2024-01-01T00:00:00.000+00:00',
    '2024-01-01 00:00:00.000Z',
    '2024-01-01t00:00:00.000z',
    '+02024-01-01T00:00:00.000Z',
    '-0001-01-01T00:00:00.000Z',
    '2024-01-01T00:00:00.000Z\n',
    ' 2024-01-01T00:00:00.000Z',
    '２024-01-01T00:00:00.000Z',
    'NaN',
    '',
  ])('not %j', (time) => expect(at(time)).toBe('at does not fit'))
})

describe('ids', () => {
  it.each(['team/api', 'a', `a/${'b'.repeat(126)}`, 'a/b/c/d/e/f/g/h', '0.x_-y'])('namespace %s', (ns) =>
    expect(checkEvent({ ...byKind('memory.forget'), ns })).toBeNull(),
  )
  it.each([
    '../etc',
    'a/../b',
    '%2e%2e',
    'a//b',
    '/a',
    'a/',
    'Team',
    'tеam',
    '',
    `a/${'b'.repeat(127)}`,
    'a/b/c/d/e/f/g/h/i',
    'a b',
    '_other',
    'a\n',
    '.a',
    '-a',
    'x'.repeat(10_240),
  ])('no namespace %j', (ns) => {
    expect(checkEvent({ ...byKind('memory.forget'), ns })).toBe('ns does not fit')
  })
  it.each(['00000000-0000-0000-0000-000000000000'])('record %s', (id) =>
    expect(checkEvent({ ...byKind('memory.forget'), record: id })).toBeNull(),
  )
  it.each([
    '0000000A-0000-4000-8000-000000000001',
    '{0000000a-0000-4000-8000-000000000001}',
    '0000000a000040008000000000000001',
    '0000000a-0000-4000-8000-000000000001\n',
  ])('no record %j', (id) => {
    expect(checkEvent({ ...byKind('memory.forget'), record: id })).toBe('record does not fit')
  })
  it.each(['a', '!', '~'.repeat(128)])('agent %s', (agent) =>
    expect(checkEvent({ ...byKind('memory.forget'), agent })).toBeNull(),
  )
  it.each(['', 'a b', 'ä', 'a\n', 'x'.repeat(129)])('no agent %j', (agent) =>
    expect(checkEvent({ ...byKind('memory.forget'), agent })).toBe('agent does not fit'),
  )

  it('a page of a cut names chains and places in them', () => {
    const page = (last: Json): string | null => checkEvent({ ...byKind('peer.cut'), last })
    const many = (count: number): Json =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [i.toString(16).padStart(32, '0'), 1]))
    for (const last of [{ [CHAIN]: limits.seq_max }, many(limits.cut_page_chains_max)]) expect(page(last)).toBeNull()
    for (const last of [
      {},
      many(limits.cut_page_chains_max + 1),
      { [CHAIN]: 0 },
      { [CHAIN]: -1 },
      { [CHAIN]: limits.seq_max + 1 },
      { [CHAIN]: 0.5 },
      { [CHAIN]: '1' },
      { short: 1 },
      Object.fromEntries([['__proto__', 1]]),
    ])
      expect(page(last)).toBe('last does not fit')
  })

  it('a cut is named by a root and a count', () => {
    const cut = { root: 'ab'.repeat(32), chains: 7 }
    const named = (value: Json): string | null => checkEvent({ ...byKind('peer.revoke'), cut: value })
    expect(named(cut)).toBeNull()
    for (const wrong of [
      { ...cut, root: 'AB'.repeat(32) },
      { ...cut, chains: -1 },
      { ...cut, chains: 0.5 },
      { ...cut, chains: limits.seq_max + 1 },
      { ...cut, more: 1 },
      { root: cut.root },
    ])
      expect(named(wrong)).toBe('cut does not fit')
  })
})
