/**
 * Keeps the inverted index in step with the rows: postings, how many memories have each word, how many can be found in each
 * namespace, the numbers of runs.
 *
 * Invariants:
 * 1. A memory's postings are those of its row's words (`wordsOf`), no more, no fewer: what is written is the difference between
 *    the words of the row before and of the row now, both cut by the same code.
 * 2. `words.memories` and `spaces.memories` count exactly that. A word that no memory has is no row: an erased word is gone.
 *
 * All in the transaction of the batch.
 */
import { limits } from '../../crdt/limits.ts'
import type { MemoryRow } from '../ports/projection.ts'
import { columnText } from './column-text.ts'
import { languageOf, type Language, type Languages } from './languages.ts'
import { weightByLexeme, wordsOf, type Stems, type WordsByField } from './lexemes.ts'
import type { Query } from './sql.ts'

/** A memory that was written. `no`: its number in this database. */
export type Indexed = {
  readonly no: number
  readonly row: MemoryRow
  readonly run: number | null
  readonly before: { readonly row: MemoryRow; readonly run: number | null } | null
}

type Posting = { readonly word: string; readonly no: number; readonly run: number | null; readonly weight: number }
/** `added` had no such posting before, `altered` one with another weight or run. */
type Difference = {
  readonly removed: Posting[]
  readonly added: Posting[]
  readonly altered: Posting[]
  memories: number
}

/** The numbers of these rows' runs, made where they are new. */
export const runIds = async (query: Query, rows: readonly MemoryRow[]): Promise<(row: MemoryRow) => number | null> => {
  const keyOf = (namespace: string, run: string): string => `${namespace}\n${run}`
  const wanted = new Map(
    rows.flatMap((row) => {
      if (row.run_id === null) return []
      const run = columnText(row.run_id)
      return [[keyOf(row.namespace, run), [row.namespace, run] as const] as const]
    }),
  )
  if (wanted.size === 0) return () => null
  const given = [[...wanted.values()].map(([namespace]) => namespace), [...wanted.values()].map(([, run]) => run)]
  await query(
    'insert into runs (namespace, run_id) select * from unnest($1::text[], $2::text[]) on conflict do nothing',
    given,
  )
  const found = await query<{ id: number; namespace: string; run_id: string }>(
    'select id::float8 as id, namespace, run_id from runs join unnest($1::text[], $2::text[]) as wanted(namespace, run_id) using (namespace, run_id)',
    given,
  )
  const idByKey = new Map(found.map(({ id, namespace, run_id }) => [keyOf(namespace, run_id), id]))
  return (row) => (row.run_id === null ? null : (idByKey.get(keyOf(row.namespace, columnText(row.run_id))) ?? null))
}

export const writePostings = async (
  query: Query,
  memories: readonly Indexed[],
  stems: Stems,
  languages: Languages,
): Promise<void> => {
  const worded = await Promise.all(
    memories.map(async (memory) => ({
      memory,
      now: await read(memory.row),
      before: await read(memory.before?.row ?? null),
    })),
  )
  await languages.meet(query, new Set(worded.flatMap(({ now }) => now.language ?? [])))
  await stems.learn(
    query,
    worded.flatMap(({ now, before }) =>
      [now, before].map(({ fields, language }) => ({
        words: fields.flatMap(([, list]) => list),
        languages: language === null ? [] : [language],
      })),
    ),
  )
  const byNamespace = new Map<string, Difference>()
  const differenceIn = (namespace: string): Difference => {
    const known = byNamespace.get(namespace) ?? { removed: [], added: [], altered: [], memories: 0 }
    byNamespace.set(namespace, known)
    return known
  }
  for (const { memory, now, before } of worded) {
    const [into, from] = [
      differenceIn(memory.row.namespace),
      differenceIn(memory.before?.row.namespace ?? memory.row.namespace),
    ]
    const [old, weights] = [
      weightByLexeme(before.fields, stems, before.language),
      weightByLexeme(now.fields, stems, now.language),
    ]
    // A word is of one namespace: who moves to another leaves all of them behind.
    if (from === into) differ(memory, old, weights, into)
    else {
      differ(memory, old, new Map(), from)
      differ(memory, new Map(), weights, into)
    }
    into.memories += now.fields.length > 0 ? 1 : 0
    from.memories -= before.fields.length > 0 ? 1 : 0
  }
  for (const [namespace, { removed, added, altered, memories: more }] of byNamespace) {
    for (const part of parts(removed)) await remove(query, namespace, part)
    for (const part of parts(added)) await add(query, namespace, part)
    for (const part of parts(altered)) await alter(query, namespace, part)
    if (more !== 0) await count(query, namespace, more)
  }
}

type Read = { readonly fields: WordsByField; readonly language: Language | null }

const read = async (row: MemoryRow | null): Promise<Read> => {
  const fields = row === null ? [] : wordsOf(row)
  return { fields, language: row === null || fields.length === 0 ? null : await languageOf(row) }
}

const differ = (
  { no, run, before }: Indexed,
  old: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
  into: Difference,
): void => {
  for (const [word, weight] of old) if (!now.has(word)) into.removed.push({ word, no, run, weight })
  for (const [word, weight] of now) {
    const was = old.get(word)
    if (was === undefined) into.added.push({ word, no, run, weight })
    else if (was !== weight || before?.run !== run) into.altered.push({ word, no, run, weight })
  }
}

const add = async (query: Query, namespace: string, postings: readonly Posting[]): Promise<void> => {
  const memoriesByWord = new Map<string, number>()
  for (const { word } of postings) memoriesByWord.set(word, (memoriesByWord.get(word) ?? 0) + 1)
  const ids = await query<{ id: number; word: string }>(
    `insert into words (namespace, word, memories) select $1::text, word, memories from unnest($2::text[], $3::integer[]) as given(word, memories)
     on conflict (namespace, word) do update set memories = words.memories + excluded.memories returning id::float8 as id, word`,
    [namespace, [...memoriesByWord.keys()], [...memoriesByWord.values()]],
  )
  const idByWord = new Map(ids.map(({ id, word }) => [word, id]))
  await query(
    'insert into postings (word, memory, run, weight) select * from unnest($1::integer[], $2::integer[], $3::integer[], $4::smallint[])',
    [postings.map(({ word }) => idByWord.get(word)!), ...columns(postings)],
  )
}

const alter = (query: Query, namespace: string, postings: readonly Posting[]): Promise<unknown> =>
  query(
    `update postings set run = given.run, weight = given.weight
     from unnest($2::text[], $3::integer[], $4::integer[], $5::smallint[]) as given(word, memory, run, weight) join words on words.namespace = $1::text and words.word = given.word
     where postings.word = words.id and postings.memory = given.memory`,
    [namespace, postings.map(({ word }) => word), ...columns(postings)],
  )

const remove = async (query: Query, namespace: string, postings: readonly Posting[]): Promise<void> => {
  const given = [namespace, postings.map(({ word }) => word)]
  await query(
    `with gone as (
       delete from postings using words, unnest($2::text[], $3::integer[]) as given(word, memory)
       where words.namespace = $1::text and words.word = given.word and postings.word = words.id and postings.memory = given.memory returning postings.word)
     update words set memories = words.memories - fewer.memories from (select word, count(*)::integer as memories from gone group by word) as fewer where words.id = fewer.word`,
    [...given, postings.map(({ no }) => no)],
  )
  await query('delete from words where namespace = $1::text and word = any($2::text[]) and memories = 0', given)
}

const count = async (query: Query, namespace: string, more: number): Promise<void> => {
  await query(
    `insert into spaces (namespace, memories) values ($1, $2::integer)
     on conflict (namespace) do update set memories = spaces.memories + excluded.memories`,
    [namespace, more],
  )
  await query('delete from spaces where namespace = $1 and memories = 0', [namespace])
}

const columns = (postings: readonly Posting[]): readonly unknown[] => [
  postings.map(({ no }) => no),
  postings.map(({ run }) => run),
  postings.map(({ weight }) => weight),
]

function* parts(postings: readonly Posting[]): Generator<readonly Posting[]> {
  for (let at = 0; at < postings.length; at += limits.search_statement_lexemes_max)
    yield postings.slice(at, at + limits.search_statement_lexemes_max)
}
