/**
 * Cuts text into words for search, the same for what is indexed and what is asked.
 *
 * A word is the list of forms it can be found by. `src/Feed.parseRow` is one word: the whole, its path segments, its parts,
 * the humps of camel case, each in lower case and, in Latin script, also without accents. Scripts without spaces (Han,
 * kana, Thai, …) give single characters and pairs. Nothing depends on a database's locale, so every peer cuts alike.
 *
 * Forms hold letters, marks, digits and `._-/:@#` only: no quote, no blank, no backslash.
 */
import { limits } from '../../crdt/limits.ts'

export type Word = readonly string[]

const COMPOUND = /[\p{L}\p{N}\p{M}]+(?:[._\-/:@#]+[\p{L}\p{N}\p{M}]+)*|\p{Extended_Pictographic}/gu
/** Most of all text: one form, no further look needed. */
const PLAIN = /^[a-z0-9]+$|^[A-Z][a-z0-9]*$/
const SEGMENT = /[/:@#]+/u
const PART = /[._\-/:@#]+/u
const HUMP = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u
/** Hangul has spaces, but what stands between them are words with all that is attached to them. */
const SPACELESS =
  /[\p{sc=Hangul}\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]+/gu
const LATIN = /\p{sc=Latin}/u
const ASCII = /^[\x00-\x7f]*$/

/** @param use single characters of spaceless scripts are asked for only when they stand alone. */
export function* words(text: string, use: 'index' | 'query'): Generator<Word> {
  for (const [compound] of text.normalize('NFKC').matchAll(COMPOUND)) {
    if (PLAIN.test(compound) && compound.length <= limits.search_lexeme_bytes_max) {
      yield [compound.toLowerCase()]
      continue
    }
    const forms = new Set<string>()
    for (const form of formsOf(compound.replace(SPACELESS, ' '))) forms.add(form)
    if (forms.size > 0) yield [...forms]
    for (const [run] of compound.matchAll(SPACELESS)) yield* pairs(Array.from(run), use)
  }
}

function* formsOf(compound: string): Generator<string> {
  for (const piece of compound.split(' ')) {
    if (piece === '') continue
    yield* spellings(piece)
    for (const segment of piece.split(SEGMENT)) yield* spellings(segment)
    for (const part of piece.split(PART)) {
      yield* spellings(part)
      for (const hump of part.split(HUMP)) yield* spellings(hump)
    }
  }
}

function* spellings(piece: string): Generator<string> {
  const lower = trim(piece.toLowerCase())
  if (lower === '' || lower.length > limits.search_lexeme_bytes_max || bytesOf(lower) > limits.search_lexeme_bytes_max)
    return
  yield lower
  if (ASCII.test(lower) || !LATIN.test(lower)) return
  const plain = lower.normalize('NFD').replace(/\p{M}/gu, '')
  if (plain !== '' && plain !== lower) yield plain
}

function* pairs(run: readonly string[], use: 'index' | 'query'): Generator<Word> {
  for (let i = 0; i < run.length; i++) {
    if (use === 'index' || run.length === 1) yield [run[i]!]
    if (i + 1 < run.length) yield [run[i]! + run[i + 1]!]
  }
}

/** A compound that lost its spaceless part may begin or end with a joint. */
const trim = (piece: string): string => piece.replace(/^[._\-/:@#]+|[._\-/:@#]+$/gu, '')

const bytesOf = (text: string): number => Buffer.byteLength(text)
