/**
 * JSON with every digit kept: a number that no double holds is its text, and that is said.
 *
 * Only a text that shows such a number is read twice; an ordinary one is parsed as it is.
 */
export type ExactJson = { readonly value: unknown; /** Numbers that became texts. */ readonly texts: number }

export const DIGITS_KEPT = 'a number has more digits than a number holds, and is kept as text'

/** 2^53 has 16 digits, the greatest double an exponent of 308. */
const SUSPICIOUS = /\d{16}|[eE]\+?\d{3}/
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs

/** @throws SyntaxError. */
export const parseExact = (text: string): ExactJson => {
  if (!SUSPICIOUS.test(text)) return { value: JSON.parse(text) as unknown, texts: 0 }
  // What is no JSON is refused before anything is put in quotes.
  JSON.parse(text)
  let texts = 0
  const quoted = text.replace(STRING_OR_NUMBER, (token) => {
    if (token.startsWith('"') || isHeld(token)) return token
    texts++
    return `"${token}"`
  })
  return { value: JSON.parse(quoted) as unknown, texts }
}

/** Fractions are rounded everywhere; an integer has to be exact, and beyond 2^53 what a double prints. */
const isHeld = (token: string): boolean => {
  const number = Number(token)
  if (!Number.isFinite(number)) return false
  if (!/^-?\d+$/.test(token) || Number.isSafeInteger(number)) return true
  return Math.abs(number) > 2 ** 53 && BigInt(number) === BigInt(token)
}
