/**
 * How a history becomes one that is said by one peer, one entry after the other: a case a rule.
 */
import { describe, expect, test } from 'vitest'
import type { Conflict, Version } from '../../api.ts'
import { saidOf } from './said.ts'

/** Each a millisecond after the one before. */
const history = (...events: readonly (Partial<Omit<Version, 'kind'>> & { readonly kind: string })[]): Version[] =>
  events.map(({ kind, ...event }, n) => ({
    event_id: `e${n}` as Version['event_id'],
    kind: `memory.${kind}`,
    agent_id: `ai:${n}` as Version['agent_id'],
    peer_id: '' as Version['peer_id'],
    at: `2026-01-01T00:00:00.00${n}Z`,
    set: {},
    ...event,
  }))
const conflict = (field: string, ...values: readonly (readonly [event: number, value: unknown])[]): Conflict => ({
  field,
  values: values.map(([n, value], i) => ({
    value,
    event_id: `e${n}` as Version['event_id'],
    agent_id: '' as Version['agent_id'],
    peer_id: '' as Version['peer_id'],
    at: '',
    shown: i === 0,
  })),
})
/** `KIND who values tags`, to be read at a glance. */
const told = (
  versions: readonly Version[],
  conflicts: readonly Conflict[] = [],
  fields: Readonly<Record<string, unknown>> | null = null,
  tags: readonly string[] = [],
): readonly string[] | undefined =>
  saidOf(versions, conflicts, fields && { fields, tags })?.map(({ kind, agent, set, tags: change }) =>
    [
      kind,
      agent.slice(3),
      ...Object.entries(set ?? {}).map(([name, value]) => `${name}=${String(value)}`),
      ...(change?.add ?? []).map((tag) => `+${tag}`),
      ...(change?.remove ?? []).map((tag) => `-${tag}`),
    ].join(' '),
  )
const put = { kind: 'put', set: { content: 'c' } }
const patch = (set: Record<string, unknown>) => ({ kind: 'patch', set })

describe('fields', () => {
  test('what was said one after the other is said so', () =>
    expect(told(history(put, patch({ title: 'A' }), patch({ title: 'B' })), [], { title: 'B' })).toEqual([
      'put 0 content=c',
      'patch 1 title=A',
      'patch 2 title=B',
    ]))

  test('a second value stands beside the first, and the one that shows comes last', () =>
    expect(
      told(history(put, patch({ title: 'A' }), patch({ title: 'B', scope: 's' })), [
        conflict('title', [2, 'B'], [1, 'A']),
      ]),
    ).toEqual(['put 0 content=c', 'patch 1 title=A', 'patch 2 scope=s', 'beside 2 title=B']))

  test('what was replaced comes before what stands, and whoever replaced it keeps the place', () =>
    expect(
      told(history(put, patch({ title: 'A' }), patch({ title: 'B' }), patch({ title: null })), [], { title: 'A' }),
    ).toEqual(['put 0 content=c', 'patch 2 title=B', 'patch 3 title=null', 'patch 1 title=A', 'patch 2', 'patch 3']))

  test('what it was made with is said again behind what replaced it elsewhere', () =>
    expect(
      told(history(put, { kind: 'put', set: { content: 'd' } }, patch({ content: 'e' })), [
        conflict('content', [2, 'e'], [0, 'c']),
      ]),
    ).toEqual(['put 0 content=c', 'patch 1 content=d', 'patch 0 content=c', 'patch 1', 'beside 2 content=e']))

  test('of equal values the latest stands, by its event where that is told', () =>
    expect(
      told(history(put, patch({ title: 'A' }), patch({ title: 'B' }), patch({ title: 'A' }), patch({ title: null })), [
        conflict('title', [2, 'B'], [1, 'A']),
      ]),
    ).toEqual([
      'put 0 content=c',
      'patch 3 title=A',
      'patch 4 title=null',
      'patch 1 title=A',
      'beside 2 title=B',
      'patch 3',
      'patch 4',
    ]))

  test('a memory that was made twice is made once', () =>
    expect(told(history(put, put, { kind: 'put', set: { content: 'c', title: 'A' } }), [], { title: 'A' })).toEqual([
      'put 0 content=c',
      'patch 1',
      'patch 2 title=A',
    ]))

  test('one whose text is not here is none', () => {
    expect(told(history({ kind: 'put', set: { content: null } }))).toBeUndefined()
    expect(told(history(put, patch({ content: null, title: 'A' })))).toEqual(['put 0 content=c', 'patch 1 title=A'])
  })
})

test('a tag that was added while another removed it stays; what changes nothing is left out', () => {
  const change = (add: readonly string[], remove: readonly string[]) => ({ kind: 'patch', tags: { add, remove } })
  const versions = history(
    { ...put, tags: { add: ['x', 'y'], remove: [] } },
    change(['z'], ['x']),
    change(['x', 'z'], []),
    change([], ['x', 'y', 'w']),
  )
  expect(told(versions, [], {}, ['x', 'z'])).toEqual([
    'put 0 content=c +x +y',
    'patch 1 +z -x',
    'patch 2 +x',
    'patch 3 -y',
  ])
  expect(told(versions, [], {}, ['z'])?.at(-1)).toBe('patch 3 -x -y')
})

test('what was changed by who did not know that it was forgotten comes before; it is forgotten once', () =>
  expect(
    told(
      history(
        put,
        { kind: 'forget' },
        patch({ title: 'A' }),
        { kind: 'forget' },
        { kind: 'restore' },
        { kind: 'forget' },
      ),
    ),
  ).toEqual(['put 0 content=c', 'patch 2 title=A', 'forget 1', 'restore 4', 'forget 5']))

test('who said it and who brought it are told apart', () =>
  expect(
    saidOf(history({ ...put, agent_id: 'ai:alice~imported-by~ai:bob' as Version['agent_id'] }), [], null)?.[0],
  ).toMatchObject({ agent: 'ai:alice', imported_by: 'ai:bob' }))
