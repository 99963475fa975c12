/**
 * A long question as passages: each is asked for itself, and a memory has what its best passage gives it.
 *
 * Agents pass whole prompts, where one sentence asks and hundreds of words stand around it. Summed over all of them, a memory that has
 * a little of everything would beat the one that answers the sentence.
 */
import { limits } from '../../crdt/limits.ts'

const SENTENCE_END = /(?<=[.!?;:。！？…])\s+|[\r\n]+|(?<=[。！？])/u
const SPACE = /\s+/u

/** In their order, overlapping; one, when the text is short. Nothing in it is cut but between words. */
export const passagesOf = (text: string): readonly string[] => {
  const wide = limits.recall_passage_words
  const passages: string[] = []
  let open: string[] = []
  const close = (): void => {
    if (open.length > 0) passages.push(open.join(' '))
    open = []
  }
  for (const sentence of text.split(SENTENCE_END)) {
    const words = sentence.split(SPACE).filter((word) => word !== '')
    // Short sentences stand together; a long one is cut into windows of which each begins in the middle of the last, and the last ends with it.
    if (open.length + words.length > wide) close()
    open = open.concat(words)
    if (open.length <= wide) continue
    for (let end = open.length; ; end -= wide / 2) {
      passages.push(open.slice(Math.max(0, end - wide), end).join(' '))
      if (end <= wide) break
    }
    open = []
  }
  close()
  return passages
}
