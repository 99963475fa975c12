/**
 * The elements of a large JSON file, one after the other: of the array that it is, or of the arrays under the names of its object.
 *
 * A scan of brackets and strings finds where each begins and ends, so memory use is one element and one chunk, however long the array is.
 * A longer element is not kept: it comes out as a problem that names its place.
 */
import { TextDecoder } from 'node:util'
import { cliLimits } from '../limits.ts'
import { DIGITS_KEPT, parseExact } from './exact-json.ts'
import type { NoteItem, ProblemItem } from './item.ts'

/** `under`: the name of its array, '' where the file is one. */
export type JsonElement = {
  readonly kind: 'element'
  readonly where: string
  readonly under: string
  readonly value: unknown
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** @param file for what is said of it. @param onRead told how many bytes were read. */
export async function* jsonElements(
  stream: AsyncIterable<Uint8Array>,
  file: string,
  onRead: (bytes: number) => void = () => undefined,
): AsyncGenerator<JsonElement | ProblemItem | NoteItem, undefined> {
  const strict = new TextDecoder('utf-8', { fatal: true })
  let [depth, read, index] = [0, 0, 0]
  let [inString, escaped] = [false, false]
  /** Depth at which elements stand; 0 until the file has begun with a list, -1 in an object between its lists. */
  let level = 0
  let object = false
  let under = ''
  /** The last string at depth 1 of an object: the name of what follows. */
  let name = ''
  let naming = false
  let held: Buffer[] = []
  let size = 0
  let open = false

  const hold = (part: Buffer): void => {
    size += part.length
    if (size <= cliLimits.import_line_bytes_max) held.push(part)
    else held = []
  }
  const take = (): readonly (JsonElement | ProblemItem | NoteItem)[] => {
    const where = `${file}, ${under === '' ? '' : `${under} `}${++index}`
    const [bytes, long] = [Buffer.concat(held), size > cliLimits.import_line_bytes_max]
    held = []
    size = 0
    if (long)
      return [
        {
          kind: 'problem',
          where,
          message: `longer than ${cliLimits.import_line_bytes_max / 1024 ** 2} MiB; cut it into several`,
        },
      ]
    try {
      const { value, texts } = parseExact(strict.decode(bytes))
      return [
        ...(texts > 0 ? [{ kind: 'note', where, message: DIGITS_KEPT } as const] : []),
        { kind: 'element', where, under, value },
      ]
    } catch {
      return [{ kind: 'problem', where, message: 'not JSON in UTF-8; export it again' }]
    }
  }

  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    read += bytes.length
    onRead(read)
    let from = 0
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!
      if (inString) {
        if (naming) name += String.fromCharCode(byte)
        if (escaped) escaped = false
        else if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) inString = naming = false
        continue
      }
      if (isSpace(byte) || (read === bytes.length && at < 3 && [0xef, 0xbb, 0xbf][at] === byte)) continue
      if (open && ((byte === COMMA && depth === level) || (byte === CLOSE_LIST && depth === level))) {
        hold(bytes.subarray(from, at))
        open = false
        yield* take()
      } else if (!open && level > 0 && depth === level && byte !== COMMA && byte !== CLOSE_LIST) {
        open = true
        from = at
      }
      if (byte === QUOTE) {
        inString = true
        naming = object && depth === 1
        if (naming) name = ''
      } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        if (depth === 0) {
          object = byte === OPEN_OBJECT
          if (!object) level = 1
        } else if (object && depth === 1 && byte === OPEN_LIST) {
          level = 2
          index = 0
          under = name.replace(/"$/, '')
        }
        depth++
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        depth--
        if (object && depth === 1) level = 0
      } else if (depth === 0 && byte !== COLON) {
        yield { kind: 'problem', where: file, message: 'neither a JSON list nor a JSON object; export it again' }
        return undefined
      }
    }
    if (open) hold(bytes.subarray(from))
  }
  if (depth !== 0 || inString)
    yield {
      kind: 'problem',
      where: file,
      message: `ends in the middle${open ? ` of its entry ${index + 1}` : ''}; export or copy it again`,
    }
  return undefined
}
