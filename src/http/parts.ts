/**
 * Long work of the door in parts, so that others have their turn between them: reading large bodies, checking many entries, writing
 * long answers.
 */
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'

/** Bytes read or written in one go: some 5 ms of parsing or writing JSON. */
export const PART_BYTES = 512 * 1024
/** Entries checked in one go. */
export const PART_ENTRIES = 100

export { nextTurn }

type Texts = { readonly content?: string | null }

/** The answer with its rows under `field`: as an object where they are short, else as a stream of parts. */
export const withRows = <Row extends Texts>(
  reply: FastifyReply,
  field: string,
  rows: readonly Row[],
  rest: Readonly<Record<string, unknown>>,
): unknown => {
  let bytes = 0
  for (const { content } of rows) bytes += content?.length ?? 0
  if (bytes <= PART_BYTES) return { [field]: rows, ...rest }
  return reply
    .type('application/json; charset=utf-8')
    .send(Readable.from(parts(field, rows, rest), { objectMode: false, highWaterMark: PART_BYTES }))
}

async function* parts<Row extends Texts>(
  field: string,
  rows: readonly Row[],
  rest: Readonly<Record<string, unknown>>,
): AsyncGenerator<Buffer> {
  let text = `{${JSON.stringify(field)}:[`
  for (const [i, row] of rows.entries()) {
    text += `${i === 0 ? '' : ','}${JSON.stringify(row)}`
    if (text.length < PART_BYTES) continue
    yield Buffer.from(text)
    text = ''
    await nextTurn()
  }
  yield Buffer.from(`${text}],${JSON.stringify(rest).slice(1)}`)
}
