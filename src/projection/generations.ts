/**
 * Two generations of rows: while all are made anew from the log, the old ones serve; when the new ones are whole they change places,
 * in one transaction.
 *
 * Each lies in a schema of its own. Names are looked for in the first alone, so a generation is entered by the search path, and takes
 * over by taking the other's name: nothing that reads rows knows of two. Vectors are kept: they lie under their memory's number,
 * which is the same in both, and what the new row of a memory contradicts is embedded again in the background.
 *
 * Invariants:
 * 1. The second is always a prefix of the log, as its own cursor says: whatever crashed, it goes on there, or is dropped.
 * 2. At most two are there, and after a switch one.
 */
import type { LogPlace, ProjectionCursor } from '../ports/projection.ts'
import { readCursor } from './cursor.ts'
import { isNewest, migrate } from './migrations.ts'
import { prepareTrigrams } from './near.ts'
import { present, type Query, type Schemas } from './sql.ts'
import { prepareVectors } from './vectors.ts'

/** All that follows in this transaction means the tables of that schema. */
export const enter = (query: Query, schema: string): Promise<unknown> => query(`set local search_path = ${schema}`)

export const isBegun = async (query: Query, { next }: Schemas): Promise<boolean> =>
  (await query('select 1 from pg_namespace where nspname = $1', [next])).length > 0

/** Goes on with the second generation, where it is one of this log by this program, or makes an empty one. */
export const beginNext = async (query: Query, schemas: Schemas, log: LogPlace): Promise<ProjectionCursor | null> => {
  if (await isBegun(query, schemas)) {
    await enter(query, schemas.next)
    const at = (await isNewest(query)) ? await readCursor(query) : undefined
    if (
      at === null ||
      (at !== undefined && at.epoch === log.epoch && at.arrival <= log.arrival && at.revision <= log.revision)
    )
      return at
    await query(`drop schema ${schemas.next} cascade`)
  }
  await query(`create schema ${schemas.next}`)
  await enter(query, schemas.next)
  await migrate(query)
  await prepareTrigrams(query)
  await prepareVectors(query)
  await sameNumbers(query, schemas)
  return null
}

/** A memory has the number that it has among the rows that serve; new numbers are drawn where theirs are, so that no two have one. */
const sameNumbers = async (query: Query, { serving, next }: Schemas): Promise<void> => {
  await query(
    `create function ${next}.same_number() returns trigger language plpgsql as $$ begin
       new.no := coalesce((select no from ${serving}.memories where id = new.id), nextval('${serving}.memories_no_seq'));
       return new;
     end $$`,
  )
  await query(
    `create trigger same_number before insert on ${next}.memories for each row execute function ${next}.same_number()`,
  )
}

/** The second takes the place of the first. */
export const replaceRows = async (query: Query, { serving, next }: Schemas): Promise<void> => {
  await enter(query, next)
  await query('drop trigger same_number on memories')
  await query(`drop function ${next}.same_number`)
  await query(`select setval('${next}.memories_no_seq', last_value, is_called) from ${serving}.memories_no_seq`)
  await keepVectors(query, { serving, next })
  await query(`drop schema ${serving} cascade`)
  await query(`alter schema ${next} rename to ${serving}`)
  await enter(query, serving)
}

/** The tables move as they are, indexes and all: to write them again would take longest. */
const keepVectors = async (query: Query, { serving, next }: Schemas): Promise<void> => {
  for (const table of await present(query, ['embedders', 'unembedded', 'embeddings'])) {
    const there = (await query('select 1 where to_regclass($1) is not null', [`${serving}.${table}`])).length > 0
    if (!there) continue
    await query(`drop table ${table}`)
    await query(`alter table ${serving}.${table} set schema ${next}`)
  }
  const [{ wanted } = { wanted: null }] = await query<{ wanted: number | null }>(
    'select max(id) filter (where wanted)::float8 as wanted from embedders',
  )
  if (!(await present(query, ['embeddings'])).length) return
  await query(
    `with gone as (
       delete from embeddings using ${serving}.memories as old left join memories as kept on kept.id = old.id
       where memory = old.no and (kept.row is distinct from old.row or kept.no <> old.no) returning generation)
     update embedders set vectors = vectors - fewer.count from (select generation, count(*) from gone group by generation) as fewer where id = fewer.generation`,
  )
  if (wanted === null) return
  await query('delete from unembedded')
  await query(
    `insert into unembedded select id, created_ms from memories
     where not hidden and not exists (select 1 from embeddings where memory = memories.no and generation = ${wanted})`,
  )
}
