/** What is kept for those who ask in SQL: each event once, the conflicts that there are now, and the views over them. */
import { expect, it } from 'vitest'
import type { CommitHash, EventId, RecordId } from '../../../crdt/ids.ts'
import type { ConflictRow, EventRow, ProjectionBatch } from '../../ports/projection.ts'
import type { Sql } from '../sql.ts'
import { agent, at, id, memory, ns } from './rows.ts'

const peer = memory(1).peer_id
const event = (seed: string, record: RecordId | null, fields: Partial<EventRow> = {}): EventRow => ({
  event_id: id(`event ${seed}`) as string as EventId,
  commit: 'cc'.repeat(32) as CommitHash,
  namespace: ns('default'),
  kind: 'memory.patch',
  record,
  agent_id: agent('ai:alice'),
  peer_id: peer,
  at: at(1),
  hlc: 1,
  ...fields,
})
const conflict = (of: RecordId, field: string, seed: string): ConflictRow => ({
  memory: of,
  field,
  event_id: id(`event ${seed}`) as string as EventId,
  agent_id: agent('ai:alice'),
  peer_id: peer,
  at: at(1),
  shown: seed === 'a',
})

export const auditContract = (
  sql: () => Sql,
  apply: (rows: Partial<Omit<ProjectionBatch, 'cursor'>>) => Promise<void>,
): void => {
  const ask = (text: string): Promise<readonly unknown[]> => sql().snapshot((query) => query(text))

  it('names each event once, however often it is told, with the versions of each memory and what each agent said', async () => {
    const events = [
      event('put', id(1), { kind: 'memory.put' }),
      event('late', id(1), { hlc: 3, agent_id: agent('ai:bob'), at: at(9) }),
      event('early', id(1), { hlc: 2 }),
      event('link', id(2), { kind: 'link.put' }),
      event('episode', null, { kind: 'episode.append' }),
    ]
    await apply({ events })
    await apply({ events: [...events.slice(1), { ...events[0]!, commit: 'dd'.repeat(32) as CommitHash }] })
    expect(
      await ask('select kind, count(*)::float8 as events from events group by kind order by kind collate "C"'),
    ).toEqual([
      { kind: 'episode.append', events: 1 },
      { kind: 'link.put', events: 1 },
      { kind: 'memory.patch', events: 2 },
      { kind: 'memory.put', events: 2 },
    ])
    expect(
      await ask(
        `select number::float8 as number, event::text as event from versions where memory = '${id(1)}' and commit_hash like 'c%' order by number`,
      ),
    ).toEqual(
      [
        [1, 'put'],
        [2, 'early'],
        [3, 'late'],
      ].map(([number, seed]) => ({ number, event: id(`event ${seed}`) })),
    )
    expect(
      await ask('select agent_id, events::float8 as events, last_ms::float8 as last from agents order by agent_id'),
    ).toEqual([
      { agent_id: 'ai:alice', events: 4, last: Date.parse(at(1)) },
      { agent_id: 'ai:bob', events: 1, last: Date.parse(at(9)) },
    ])
  })

  it('names the values that stand side by side now, and no others', async () => {
    await apply({
      memories: [memory(1), memory(2)],
      conflicts: [
        ...['a', 'b'].flatMap((seed) => [conflict(id(1), 'title', seed), conflict(id(1), 'priority', seed)]),
        conflict(id(2), 'title', 'a'),
        conflict(id(2), 'title', 'b'),
      ],
    })
    await apply({
      memories: [memory(1)],
      conflicts: [conflict(id(1), 'priority', 'a'), conflict(id(1), 'priority', 'c')],
    })
    await apply({ memories: [memory(3)] })
    expect(
      await ask(
        'select memory::text as memory, field, event::text as event, shown from conflicts order by field, shown desc',
      ),
    ).toEqual([
      { memory: id(1), field: 'priority', event: id('event a'), shown: true },
      { memory: id(1), field: 'priority', event: id('event c'), shown: false },
      { memory: id(2), field: 'title', event: id('event a'), shown: true },
      { memory: id(2), field: 'title', event: id('event b'), shown: false },
    ])
  })
}
