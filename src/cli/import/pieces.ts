/**
 * A byte stream cut at a separator byte: lines of a file, NUL-ended fields of git.
 *
 * A piece longer than `bytesMax` is not kept: it comes out as null, so that the caller can name its place. Memory use is one
 * piece and one chunk.
 */
export async function* pieces(
  stream: AsyncIterable<Uint8Array>,
  separator: number,
  bytesMax: number,
): AsyncGenerator<Buffer | null, undefined> {
  let held: Buffer[] = []
  let size = 0
  const take = (): Buffer | null => {
    const piece = size > bytesMax ? null : held.length === 1 ? (held[0] ?? Buffer.alloc(0)) : Buffer.concat(held)
    held = []
    size = 0
    return piece
  }
  const hold = (part: Buffer): void => {
    size += part.length
    if (size <= bytesMax) held.push(part)
    else held = []
  }
  for await (const bytes of stream) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let from = 0
    for (let at = chunk.indexOf(separator); at !== -1; at = chunk.indexOf(separator, from)) {
      hold(chunk.subarray(from, at))
      yield take()
      from = at + 1
    }
    if (from < chunk.length) hold(chunk.subarray(from))
  }
  if (size > 0) yield take()
  return undefined
}
