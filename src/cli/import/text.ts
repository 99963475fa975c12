/**
 * A file's bytes as text: UTF-8 as it is, anything else converted by a library that knows it, and said; or refused by name.
 *
 * - A byte order mark is the file's, not its text's: the text begins behind it.
 * - A guess has to hold: what is decoded must give the same bytes again, without a replacement or control character.
 * - UTF-8 with a few damaged bytes is refused, not guessed at: as Latin letters all its other letters would be wrong.
 */
import { isUtf8 } from 'node:buffer'
import chardet from 'chardet'
import iconv from 'iconv-lite'

/** `encoding`: null where it is plain UTF-8, else what it was converted from. */
export type ReadText =
  | { readonly ok: true; readonly text: string; readonly encoding: string | null }
  | { readonly ok: false; readonly message: string }

/** A longer head tells the detector nothing more. */
const DETECT_BYTES = 64 * 1024
/** In percent. Short texts with one umlaut reach some 10 to 40. */
const CONFIDENCE_MIN = 8
/** A text of two-byte letters has a NUL in nearly every unit, as long as it is Latin. */
const NUL_SHARE_MIN = 0.3

const COMMONEST = 'windows-1252'
const LATIN = /^(ISO-8859-[129]|windows-125[024])$/

/** Fewer tell nothing. */
const UNMARKED_BYTES_MIN = 8

const MARKS: readonly (readonly [name: string, mark: readonly number[]])[] = [
  ['UTF-32LE', [0xff, 0xfe, 0x00, 0x00]],
  ['UTF-32BE', [0x00, 0x00, 0xfe, 0xff]],
  ['UTF-16LE', [0xff, 0xfe]],
  ['UTF-16BE', [0xfe, 0xff]],
]

/** @param encoding what the user says it is in, or undefined. */
export const readText = (bytes: Buffer, encoding?: string): ReadText => {
  if (encoding !== undefined)
    return converted(bytes, encoding) ?? refused(`is not in ${encoding}; leave out --encoding, or name another`)
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return readUtf8(bytes.subarray(3))
  const marked = MARKS.find(([, mark]) => mark.every((byte, at) => bytes[at] === byte))
  if (marked !== undefined)
    return (
      converted(bytes.subarray(marked[1].length), marked[0]) ??
      refused(`begins with the mark of ${marked[0]} and is none; save it as UTF-8`)
    )
  return readUtf8(bytes)
}

const readUtf8 = (bytes: Buffer): ReadText => {
  const nul = bytes.indexOf(0)
  if (nul !== -1)
    return (
      withoutMark(bytes) ?? refused(`holds a NUL byte (at ${nul}): no text; take it out, or convert the file to UTF-8`)
    )
  if (isUtf8(bytes)) return { ok: true, text: bytes.toString('utf8'), encoding: null }
  return guessed(bytes)
}

/** UTF-16 without its mark, known by where its NULs stand. */
const withoutMark = (bytes: Buffer): ReadText | null => {
  if (bytes.length % 2 !== 0 || bytes.length < UNMARKED_BYTES_MIN) return null
  const nuls = [0, 0]
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === 0) nuls[at % 2]!++
  const [even, odd] = nuls as [number, number]
  const least = (bytes.length / 2) * NUL_SHARE_MIN
  if (odd >= least && even * 10 < odd) return converted(bytes, 'UTF-16LE')
  return even >= least && odd * 10 < even ? converted(bytes, 'UTF-16BE') : null
}

const guessed = (bytes: Buffer): ReadText => {
  const { first, good, bad } = sequences(bytes)
  if (hasHalfPair(bytes))
    return refused(`holds half a surrogate pair as UTF-8 (near byte ${first}): no text; save it as UTF-8 again`)
  if (good > bad)
    return refused(
      `is UTF-8 but for ${bad === 1 ? 'a byte' : `${bad} bytes`} (the first at ${first}); mend it, or save it as UTF-8 again`,
    )
  for (const name of guesses(bytes.subarray(0, DETECT_BYTES))) {
    const found = iconv.encodingExists(name) ? converted(bytes, name) : null
    if (found !== null) return found
  }
  return refused('is neither UTF-8 nor in an encoding that can be told; name it with --encoding, or save it as UTF-8')
}

/** Best first. Between encodings of Latin letters a few bytes decide nothing: the commonest goes first unless another is twice as likely. */
const guesses = (head: Buffer): readonly string[] => {
  const found = chardet
    .analyse(head)
    .filter(({ name, confidence }) => confidence >= CONFIDENCE_MIN && !name.startsWith('UTF-'))
  // As browsers do: whoever says ISO-8859-1 means its superset.
  const names = found.map(({ name }) => (name === 'ISO-8859-1' ? COMMONEST : name))
  const [best] = found
  const latin = found.find(({ name }) => LATIN.test(name) && (name === 'ISO-8859-1' || name === COMMONEST))
  if (best !== undefined && LATIN.test(best.name))
    return latin !== undefined && latin.confidence * 2 >= best.confidence ? [COMMONEST, ...names] : names
  const letters = head.filter((byte) => byte >= 0x41)
  return names.length === 0 && letters.filter((byte) => byte >= 0x80).length * 4 <= letters.length ? [COMMONEST] : names
}

export const isEncoding = (name: string): boolean => iconv.encodingExists(name)

/** Null when the bytes are not in that encoding. */
const converted = (bytes: Buffer, encoding: string): ReadText | null => {
  const text = iconv.decode(bytes, encoding, { stripBOM: false })
  if (/[\0\ufffd]/.test(text) || /[\x80-\x9f\x01-\x08\x0e-\x1a]/.test(text) || /\p{Surrogate}/u.test(text)) return null
  return iconv.encode(text, encoding, { addBOM: false }).equals(bytes) ? { ok: true, text, encoding } : null
}

/** Characters of several bytes that are good UTF-8, and bytes above 127 that are in none. */
const sequences = (bytes: Buffer): { readonly first: number; readonly good: number; readonly bad: number } => {
  let [good, bad, first] = [0, 0, -1]
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at]!
    const length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
    const whole = lead < 0x80 || (at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)))
    if (whole && length > 1) good++
    if (!whole) {
      bad++
      if (first === -1) first = at
    }
    at += whole ? length : 1
  }
  return { first, good, bad }
}

/** U+D800 to U+DFFF in three bytes, each of a lead and two that go on. */
const hasHalfPair = (bytes: Buffer): boolean => {
  for (let at = bytes.indexOf(0xed); at !== -1; at = bytes.indexOf(0xed, at + 1))
    if ((bytes[at + 1] ?? 0) >= 0xa0 && (bytes[at + 1] ?? 0) <= 0xbf && ((bytes[at + 2] ?? 0) & 0xc0) === 0x80)
      return true
  return false
}

const refused = (message: string): ReadText => ({ ok: false, message })
