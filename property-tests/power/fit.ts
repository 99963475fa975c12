/**
 * Finds a bug's place by its characters, not by its layout: blanks and trailing commas do not count, so that the formatter may
 * break lines as it likes.
 */

/** The characters that count, and where each stands in the text. */
const bare = (text: string): { readonly characters: string; readonly places: readonly number[] } => {
  const places: number[] = []
  let characters = ''
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (/\s/.test(character) || (character === ',' && /^,\s*[)\]}]/.test(text.slice(at, at + 200)))) continue
    characters += character
    places.push(at)
  }
  return { characters, places }
}

/** @returns the text with `put` in the place of `find`; null when `find` does not stand in it exactly once. */
export const replacedOnce = (text: string, find: string, put: string): string | null => {
  const sought = bare(find).characters
  const { characters, places } = bare(text)
  const from = characters.indexOf(sought)
  if (sought === '' || from === -1 || characters.includes(sought, from + 1)) return null
  const first = places[from] ?? 0
  const last = places[from + sought.length - 1] ?? 0
  return text.slice(0, first) + put + text.slice(last + 1)
}
