/**
 * How alike two texts are, in any language: the share of their three-letter pieces that they have in common (Dice's coefficient).
 */

/** Of each text; what tells two memories apart stands early. */
const CHARS_MAX = 2_000
const PIECE = 3

/** 0 (nothing in common) to 1 (the same but for case and spaces). */
export const likeness = (one: string, other: string): number => {
  const [left, right] = [pieces(one), pieces(other)]
  if (left.size === 0 || right.size === 0) return plainly(one) === plainly(other) ? 1 : 0
  let common = 0
  for (const piece of left) if (right.has(piece)) common++
  return (2 * common) / (left.size + right.size)
}

const pieces = (text: string): ReadonlySet<string> => {
  const plain = plainly(text)
  const found = new Set<string>()
  for (let at = 0; at + PIECE <= plain.length; at++) found.add(plain.slice(at, at + PIECE))
  return found
}

const plainly = (text: string): string => text.slice(0, CHARS_MAX).toLowerCase().replaceAll(/\s+/g, ' ').trim()
