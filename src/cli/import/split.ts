/**
 * Texts that are longer than one memory may be, cut where a reader would cut: between paragraphs, else between lines, else
 * between words, and never inside a character.
 *
 * Invariant: the parts joined are the text, byte for byte.
 */
import { limits } from '../../../crdt/limits.ts'
import type { MemoryItem } from './item.ts'

/** @param bytesMax at least 4, so that every character fits. */
export const splitText = (text: string, bytesMax: number): string[] => {
  if (Buffer.byteLength(text) <= bytesMax) return [text]
  const bytes = Buffer.from(text)
  const parts: string[] = []
  let from = 0
  while (bytes.length - from > bytesMax) {
    const to = cutBefore(bytes, from, from + bytesMax)
    parts.push(bytes.toString('utf8', from, to))
    from = to
  }
  parts.push(bytes.toString('utf8', from))
  return parts
}

/** The best place in the last half of the window, so that parts are never tiny. */
const cutBefore = (bytes: Buffer, from: number, most: number): number => {
  const least = from + Math.ceil((most - from) / 2)
  for (const mark of ['\n\n', '\n', ' ']) {
    const at = bytes.lastIndexOf(mark, most - mark.length)
    if (at >= least) return at + mark.length
  }
  let to = most
  while (to > from + 1 && ((bytes[to] ?? 0) & 0xc0) === 0x80) to--
  return to
}

/** A memory as one item, or as several whose titles end in `(2/3)` and whose keys follow from its own. */
export const fitContent = (item: MemoryItem): MemoryItem[] => {
  const parts = splitText(item.draft.content, limits.content_bytes_max)
  if (parts.length === 1) return [item]
  const { name, exported_id, place: at, ...plain } = item
  return parts.map((content, index) => {
    const place = `(${index + 1}/${parts.length})`
    const title = `${fitLine(item.draft.title ?? item.where, limits.title_bytes_max - place.length - 1)} ${place}`
    const first =
      index === 0
        ? { ...(name === undefined ? {} : { name }), ...(exported_id === undefined ? {} : { exported_id }) }
        : {}
    const part = at === undefined ? {} : { place: { ...at, id: `${at.id}.${index + 1}` } }
    return {
      ...plain,
      ...first,
      ...part,
      draft: { ...item.draft, title, content },
      key: at === undefined ? `${item.key}:${index + 1}/${parts.length}` : `${item.key}:${index + 1}`,
    }
  })
}

/** One line of at most `bytesMax` bytes; what is cut ends in `…`. */
export const fitLine = (text: string, bytesMax: number): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  if (Buffer.byteLength(line) <= bytesMax) return line
  const bytes = Buffer.from(line)
  let to = bytesMax - Buffer.byteLength('…')
  while (to > 0 && ((bytes[to] ?? 0) & 0xc0) === 0x80) to--
  return `${bytes.toString('utf8', 0, to)}…`
}
