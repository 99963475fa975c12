/**
 * What an agent's program tells a hook on standard input: one JSON object. Whoever runs the program wrote it, or what it was fed did: fixed
 * fields are taken, within bounds, and nothing else.
 */
import { isAbsolute } from 'node:path'
import { NodeError } from '../errors.ts'

export type HookInput = {
  /** Where the program works. */
  readonly cwd: string | null
  /** The conversation so far, a JSON object a line. */
  readonly transcript: string | null
}

/** A few hundred bytes in practice; some programs tell the last message too. */
const INPUT_BYTES_MAX = 1024 * 1024
/** Linux takes no longer ones. */
const PATH_CHARS_MAX = 4_096

/** @throws NodeError when it is too long, or no JSON object. */
export const readHookInput = async (stream: AsyncIterable<Uint8Array>): Promise<HookInput> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.length
    if (bytes > INPUT_BYTES_MAX)
      throw new NodeError(
        'too_large',
        `standard input has more than ${INPUT_BYTES_MAX} bytes: a hook is told one small JSON object`,
      )
    chunks.push(chunk)
  }
  const value = parsed(Buffer.concat(chunks).toString('utf8'))
  return { cwd: path(value['cwd']), transcript: path(value['transcript_path']) }
}

const parsed = (text: string): Readonly<Record<string, unknown>> => {
  let value: unknown = null
  try {
    value = JSON.parse(text)
  } catch {
    // Said below.
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>
  throw new NodeError(
    'malformed',
    'standard input is no JSON object: this verb is called by the hooks that `mnemesh setup claude-code --hooks` writes',
  )
}

const path = (value: unknown): string | null =>
  typeof value === 'string' && isAbsolute(value) && value.length <= PATH_CHARS_MAX && !value.includes('\0')
    ? value
    : null
