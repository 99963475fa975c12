/**
 * The objects of a JSON lines file, each with its line number. Empty lines are passed over; anything else that is not one
 * JSON object is a problem that names its line.
 */
import { createReadStream } from 'node:fs'
import { TextDecoder } from 'node:util'
import { DIGITS_KEPT, type ExactJson, parseExact } from './exact-json.ts'
import { pieces } from './pieces.ts'
import type { NoteItem, ProblemItem } from './item.ts'
import { cliLimits } from '../limits.ts'

export type JsonLine = {
  readonly kind: 'line'
  readonly where: string
  readonly value: Readonly<Record<string, unknown>>
}

/** @param onRead told how many bytes have been read. */
export async function* jsonLines(
  path: string,
  onRead: (bytes: number) => void,
): AsyncGenerator<JsonLine | ProblemItem | NoteItem, undefined> {
  const stream = createReadStream(path)
  const strict = new TextDecoder('utf-8', { fatal: true })
  let number = 0
  try {
    for await (const bytes of pieces(stream, 0x0a, cliLimits.import_line_bytes_max)) {
      number++
      onRead(stream.bytesRead)
      const where = `line ${number}`
      if (bytes === null) {
        yield {
          kind: 'problem',
          where,
          message: `longer than ${cliLimits.import_line_bytes_max / 1024 ** 2} MiB; cut it into several lines`,
        }
        continue
      }
      const parsed = parseLine(bytes, strict)
      if (parsed === null) continue
      if (typeof parsed === 'string') yield { kind: 'problem', where, message: parsed }
      else {
        if (parsed.texts > 0) yield { kind: 'note', where, message: DIGITS_KEPT }
        yield { kind: 'line', where, value: parsed.value }
      }
    }
  } finally {
    stream.destroy()
  }
  return undefined
}

/** The object, the reason why there is none, or null for an empty line. */
const parseLine = (
  bytes: Buffer,
  strict: TextDecoder,
): { readonly value: Readonly<Record<string, unknown>>; readonly texts: number } | string | null => {
  let text: string
  try {
    text = strict.decode(bytes).trim()
  } catch {
    return 'not UTF-8; save the file as UTF-8'
  }
  if (text === '') return null
  let read: ExactJson
  try {
    read = parseExact(text)
  } catch {
    return 'not JSON; there must be one JSON object a line'
  }
  const { value, texts } = read
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'not a JSON object; there must be one a line'
  return { value: value as Readonly<Record<string, unknown>>, texts }
}
