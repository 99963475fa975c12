/**
 * CSV and TSV: a memory a row, its fields by the names in the first row; what is no field of a memory stays in the metadata.
 *
 * Read as a stream, so memory use is one row. A row of another length is a problem that names its line.
 */
import { parse } from 'csv-parse'
import { limits } from '../../../crdt/limits.ts'
import { CliFailure } from '../failure.ts'
import { cliLimits } from '../limits.ts'
import type { FileBytes } from './archive.ts'
import { takeFields } from './front-fields.ts'
import {
  type Draft,
  type ImportSource,
  keyOf,
  type MemoryItem,
  type NoteItem,
  type ProblemItem,
  stableJson,
} from './item.ts'
import { fitLine } from './split.ts'

const CONTENT = ['content', 'text', 'memory', 'note', 'body', 'value', 'description']
const TITLES = ['title', 'name', 'subject']
const IDS = ['id', 'uuid', 'key']
const NUMBERS: ReadonlySet<string> = new Set(['priority', 'confidence'])

export const csvSource = (file: FileBytes, delimiter: ',' | '\t' | ';'): ImportSource => {
  let read = 0
  return {
    format: 'csv',
    unit: 'bytes',
    total: file.size,
    done: () => read,
    hint: 'it has no row below its names',
    async *memories() {
      const parser = parse({
        bom: true,
        delimiter,
        relax_column_count: true,
        skip_empty_lines: true,
        max_record_size: cliLimits.import_line_bytes_max,
        info: true,
      })
      const fed = feed(await file.open(), parser, (bytes) => (read = bytes))
      let names: readonly string[] | null = null
      try {
        for await (const { record, info } of parser as AsyncIterable<{
          readonly record: readonly string[]
          readonly info: { readonly lines: number }
        }>) {
          if (names === null) names = columns(record, file.name)
          else yield* rowItems(record, names, `line ${info.lines}`)
        }
        await fed
      } catch (error) {
        if (error instanceof CliFailure) throw error
        yield {
          kind: 'problem',
          where: file.name,
          message: `cannot be read further: ${error instanceof Error ? error.message : String(error)}`,
        } satisfies ProblemItem
      }
    },
  }
}

const feed = async (
  stream: AsyncIterable<Uint8Array>,
  parser: ReturnType<typeof parse>,
  onRead: (bytes: number) => void,
): Promise<void> => {
  let bytes = 0
  try {
    for await (const chunk of stream) {
      onRead((bytes += chunk.length))
      if (!parser.write(chunk)) await writable(parser)
      if (parser.destroyed) return
    }
    parser.end()
  } catch (error) {
    parser.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

/** Or ended. */
const writable = (parser: ReturnType<typeof parse>): Promise<void> =>
  new Promise((resolve) => {
    const go = (): void => {
      parser.off('drain', go).off('close', go)
      resolve()
    }
    parser.once('drain', go).once('close', go)
  })

const columns = (record: readonly string[], file: string): readonly string[] => {
  const names = record.map((name) => name.trim())
  if (names.some((name) => CONTENT.includes(name.toLowerCase()))) return names
  throw new CliFailure(
    `${file} has no column for the text; name one of its columns ${CONTENT.join(', ')} (it has: ${names.join(', ').slice(0, 200)})`,
  )
}

function* rowItems(
  record: readonly string[],
  names: readonly string[],
  where: string,
): Generator<MemoryItem | ProblemItem | NoteItem> {
  if (record.length !== names.length) {
    yield {
      kind: 'problem',
      where,
      message: `${record.length} fields where the first row names ${names.length}; mind quotes and separators`,
    }
    return
  }
  const values = new Map(
    names
      .map(
        (name, column) =>
          [
            name === '' ? `column ${column + 1}` : KNOWN.has(name.toLowerCase()) ? name.toLowerCase() : name,
            record[column] ?? '',
          ] as const,
      )
      .filter(([, value]) => value !== ''),
  )
  const take = (from: readonly string[]): string | null => {
    const name = from.find((one) => values.has(one))
    const value = name === undefined ? null : (values.get(name) ?? null)
    if (name !== undefined) values.delete(name)
    return value
  }
  const content = take(CONTENT)
  if (content === null) {
    yield { kind: 'problem', where, message: 'no text in its column' }
    return
  }
  const [title, id] = [take(TITLES), take(IDS)]
  const typed = new Map<string, unknown>(
    [...values].map(([name, value]) => [
      name,
      NUMBERS.has(name) && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value,
    ]),
  )
  const { fields, metadata, said } = takeFields(typed)
  for (const message of said) yield { kind: 'note', where, message }
  const draft: Draft = {
    content,
    ...(title === null ? {} : { title: fitLine(title, limits.title_bytes_max) }),
    source: 'csv',
    ...fields,
    metadata: { ...metadata, ...(id === null ? {} : { id }) },
  }
  yield {
    kind: 'memory',
    draft,
    key: id === null ? keyOf('csv', stableJson(draft)) : keyOf('csv', id, stableJson(draft)),
    where,
    ...(id === null ? {} : { name: id }),
  }
}

/** Names that mean the same in capitals. */
const KNOWN: ReadonlySet<string> = new Set([
  ...CONTENT,
  ...TITLES,
  ...IDS,
  ...NUMBERS,
  'tags',
  'tag',
  'keywords',
  'kind',
  'type',
  'tier',
  'scope',
  'run_id',
  'occurred_at',
  'date',
  'created',
  'created_at',
  'expires_at',
  'expires',
])
