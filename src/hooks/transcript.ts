/**
 * The end of a conversation, as Claude Code keeps it: a JSON object a line, of which what people and the model said in text is taken. Results of
 * tools, thoughts and notes of the program itself are left out.
 */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** What was said last; an hour of work has some 2 MB, most of it results of tools. */
const TAIL_BYTES_MAX = 4 * 1024 * 1024
/** A longer one is no prose. */
const LINE_CHARS_MAX = 256 * 1024

/** What was said, oldest first. Empty where there is no such file. */
export const saidIn = async (path: string): Promise<readonly string[]> => {
  const lines = (await tailOf(path)).split('\n')
  return lines.flatMap((line) => (line.length > LINE_CHARS_MAX ? [] : textsOf(line)))
}

/** From the first whole line on. A pipe, or a device, is no file: it would be waited for. */
const tailOf = async (path: string): Promise<string> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null)
  if (file === null) return ''
  try {
    const found = await file.stat()
    if (!found.isFile()) return ''
    const from = Math.max(0, found.size - TAIL_BYTES_MAX)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(found.size, TAIL_BYTES_MAX)), {
      position: from,
    })
    const text = buffer.subarray(0, bytesRead).toString('utf8')
    return from === 0 ? text : text.slice(text.indexOf('\n') + 1)
  } catch {
    return ''
  } finally {
    await file.close()
  }
}

const textsOf = (line: string): readonly string[] => {
  if (!/"type"\s*:\s*"(user|assistant)"/.test(line)) return []
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return []
  }
  if (
    !isRecord(value) ||
    value['isMeta'] === true ||
    value['isSidechain'] === true ||
    value['isCompactSummary'] === true ||
    !isRecord(value['message'])
  )
    return []
  const { content } = value['message']
  // What begins with a tag was put there by the program.
  if (typeof content === 'string') return content.startsWith('<') ? [] : [content]
  if (!Array.isArray(content)) return []
  return content.flatMap((block: unknown) =>
    isRecord(block) && block['type'] === 'text' && typeof block['text'] === 'string' && !block['text'].startsWith('<')
      ? [block['text']]
      : [],
  )
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> & { readonly content?: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
