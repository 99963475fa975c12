/** Lines of standard input, and the events of an answer that is a stream: bytes to texts, within bounds. */

/** One line: what the door takes of a request, and more, so that it is the one that refuses. */
export const LINE_BYTES_MAX = 4 * 1024 * 1024

/** Lines of the input, without empty ones; null for one that is too long, which is passed over. */
export async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<string | null> {
  let parts: Uint8Array[] = []
  let bytes = 0
  const add = (part: Uint8Array): void => {
    bytes += part.length
    if (bytes <= LINE_BYTES_MAX) parts.push(part)
    else parts = []
  }
  const take = (): string | null => {
    const text = bytes > LINE_BYTES_MAX ? null : Buffer.concat(parts).toString('utf8').trim()
    parts = []
    bytes = 0
    return text
  }
  for await (const chunk of input) {
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      add(chunk.subarray(from, end))
      from = end + 1
      const line = take()
      if (line !== '') yield line
    }
    add(chunk.subarray(from))
  }
  const last = take()
  if (last !== '') yield last
}

const LINE_FEED = 0x0a

/** The data of each event; a message has no line feed in it. */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let data = ''
  let rest = ''
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const text = line.replace(/\r$/, '')
      if (text.startsWith('data:')) data += text.slice('data:'.length).trimStart()
      if (text !== '' || data === '') continue
      yield data
      data = ''
    }
  }
}
