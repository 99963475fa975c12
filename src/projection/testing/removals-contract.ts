/** What goes when a fork or a revocation left it out: the row and all that hangs on it, as if it had never been there. */
import { expect, it } from 'vitest'
import type { CommitHash, EventId, RecordId } from '../../../crdt/ids.ts'
import type { ConflictRow, EventRow, ProjectionBatch, RemovedRows } from '../../ports/projection.ts'
import type { Engine } from '../engine.ts'
import type { Query, Sql } from '../sql.ts'
import { agent, at, batch, cursor, episode, id, link, memory, NOW, ns } from './rows.ts'

const NOTHING: RemovedRows = { memories: [], links: [], episodes: [], commits: [], erased: false }
const hash = (byte: string): CommitHash => byte.repeat(32) as CommitHash
const event = (event_id: string, commit: CommitHash, record: RecordId | null): EventRow => ({
  event_id: event_id as EventId,
  commit,
  namespace: ns('default'),
  kind: record === null ? 'episode.append' : 'memory.put',
  record,
  agent_id: agent('ai:alice'),
  peer_id: memory(1).peer_id,
  at: at(1),
  hlc: 1,
})
const conflict = (of: RecordId): ConflictRow => ({
  memory: of,
  field: 'title',
  event_id: id('event') as string as EventId,
  agent_id: agent('ai:alice'),
  peer_id: memory(1).peer_id,
  at: at(1),
  shown: true,
})

const everything = async (query: Query): Promise<unknown> => ({
  memories: await query('select id, row from memories order by id'),
  links: await query('select id, row from links order by id'),
  episodes: await query('select id from episodes order by id'),
  events: await query('select id, commit_hash from events order by id, commit_hash'),
  conflicts: await query('select memory, field from conflicts order by memory'),
  words: await query('select namespace, word, memories from words order by namespace, word collate "C"'),
  spaces: await query('select namespace, memories from spaces order by namespace'),
  postings: await query(
    'select words.word, memories.id::text from postings join words on words.id = postings.word left join memories on memories.no = postings.memory order by 1, 2',
  ),
  tags: await query(
    'select tag, memories.id::text from tags left join memories on memories.no = tags.memory order by 1, 2',
  ),
  counted: await query('select memories::float8 as memories from cursor'),
  counts: await query('select what, name, count::float8 as count from counts where count <> 0 order by what, name'),
  namespaces: await query(
    'select namespace, rows::float8 as rows, memories::float8 as memories, updated_ms::float8 as updated, digest from namespaces order by namespace',
  ),
})

export const removalsContract = (engine: () => Engine, sql: () => Sql, clear: () => Promise<void>): void => {
  const stays: Omit<ProjectionBatch, 'cursor'> = {
    memories: [memory(1, { tags: ['kept'] })],
    links: [],
    episodes: [episode(1)],
    events: [event(id(1), hash('aa'), id(1)), event(episode(1).id, hash('aa'), null)],
    conflicts: [conflict(id(1))],
    chains: [],
  }
  const goes: Omit<ProjectionBatch, 'cursor'> = {
    memories: [
      memory(2, { content: 'left out of everything', tags: ['gone'], run_id: 'r' }),
      memory(3, { forgotten: true }),
    ],
    links: [link(1, id(1), id(2))],
    episodes: [episode(2), episode(1)],
    events: [
      event(id(2), hash('bb'), id(2)),
      event(episode(2).id, hash('bb'), null),
      event(episode(1).id, hash('bb'), null),
    ],
    conflicts: [conflict(id(2))],
    chains: [],
  }
  const removed: RemovedRows = {
    ...NOTHING,
    memories: [id(2), id(3), id('never here')],
    links: [link(1, id(1), id(2)).id],
    episodes: [episode(2).id, episode(1).id],
    commits: [hash('bb')],
  }
  const empty = { memories: [], links: [], episodes: [], events: [], conflicts: [], chains: [] }

  it('takes rows away with all that hangs on them, and leaves what another commit says too', async () => {
    await engine().apply({ ...stays, cursor: cursor(1) })
    const before = await sql().snapshot(everything)
    await engine().apply({ ...goes, cursor: cursor(2) })
    await engine().apply({ ...empty, removed, mends: 0, cursor: { ...cursor(2), revision: 1 } })
    expect(await sql().snapshot(everything)).toEqual(before)
    expect((await engine().list({}, { limit: 9, now: NOW })).rows.map((row) => row.id)).toEqual([id(1)])
    expect(await engine().open()).toEqual({ ...cursor(2), revision: 1 })
    await clear()
  })

  it('mends only rows of the revision that it was made for, once', async () => {
    await engine().apply(batch(4, { memories: [memory(1, { content: 'first' })] }))
    const mend = (content: string, mends: number, revision: number, arrival = 4) =>
      engine().apply({ ...empty, memories: [memory(1, { content })], mends, cursor: { ...cursor(arrival), revision } })
    await expect(mend('of rows elsewhere', 0, 1, 3)).rejects.toMatchObject({
      rebuild: false,
      message: expect.stringMatching(/asked where to go on/),
    })
    await expect(mend('of a later reading', 1, 2)).rejects.toMatchObject({ rebuild: false })
    await mend('in part', 0, 0)
    await mend('whole', 0, 1)
    await mend('told again', 0, 1)
    const { rows } = await engine().list({}, { limit: 9, now: NOW })
    expect([rows[0]?.content, (await engine().open())?.revision]).toEqual(['whole', 1])
    await expect(engine().apply(batch(5, {}))).rejects.toMatchObject({ rebuild: false })
    await clear()
    await expect(mend('of rows that are gone', 0, 1)).rejects.toMatchObject({ rebuild: false })
  })
}
