/**
 * What Anthropic's memory tool (`memory_20250818`) answers, word for word, and what it does to a text. Pure.
 * Source: the tool's page in Claude's documentation.
 */
export type Edited = { readonly text: string; readonly told: string } | { readonly refused: string }

const NUMBER_CHARS = 6
/** Beside a line that was changed. */
const SNIPPET_LINES = 4

export const missing = (path: string): string => `The path ${path} does not exist. Please provide a valid path.`

/** @param range first and last line, from 1; a last of -1 is the end. */
export const shownFile = (path: string, text: string, range?: readonly [number, number]): string => {
  const lines = text.split('\n')
  const [first, last] = range ?? [1, lines.length]
  return `Here's the content of ${path} with line numbers:\n${numbered(lines, Math.max(1, first), last === -1 ? lines.length : last)}`
}

/** @param files below `folder`, with their sizes in bytes. */
export const shownFolder = (
  folder: string,
  files: readonly { readonly path: string; readonly bytes: number }[],
): string => {
  const bytesByPath = new Map<string, number>([[folder, 0]])
  for (const { path, bytes } of files) {
    const parts = path.slice(folder.length + 1).split('/')
    if (parts.some((part) => part.startsWith('.') || part === 'node_modules')) continue
    for (const depth of [0, 1, 2]) {
      if (depth > parts.length) continue
      const at = [folder, ...parts.slice(0, depth)].join('/')
      bytesByPath.set(at, (bytesByPath.get(at) ?? 0) + bytes)
    }
  }
  const lines = [...bytesByPath].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, bytes]) => `${size(bytes)}\t${path}`)
  return `Here're the files and directories up to 2 levels deep in ${folder}, excluding hidden items and node_modules:\n${lines.join('\n')}`
}

export const replaced = (path: string, text: string, old: string, by: string): Edited => {
  const places: number[] = []
  for (let at = text.indexOf(old); old !== '' && at >= 0; at = text.indexOf(old, at + old.length)) places.push(at)
  const [first] = places
  if (first === undefined)
    return { refused: `No replacement was performed, old_str \`${old}\` did not appear verbatim in ${path}.` }
  if (places.length > 1)
    return {
      refused: `No replacement was performed. Multiple occurrences of old_str \`${old}\` in lines: ${linesOf(text, places).join(', ')}. Please ensure it is unique`,
    }
  const edited = text.slice(0, first) + by + text.slice(first + old.length)
  const [line = 1] = linesOf(text, [first])
  const lines = edited.split('\n')
  const snippet = numbered(
    lines,
    Math.max(1, line - SNIPPET_LINES),
    Math.min(lines.length, line + by.split('\n').length - 1 + SNIPPET_LINES),
  )
  return { text: edited, told: `The memory file has been edited.\n${snippet}` }
}

/** @param line behind which it goes; 0 is the beginning. */
export const inserted = (path: string, text: string, line: number, added: string): Edited => {
  const lines = text.split('\n')
  if (line < 0 || line > lines.length)
    return {
      refused: `Error: Invalid \`insert_line\` parameter: ${line}. It should be within the range of lines of the file: [0, ${lines.length}]`,
    }
  const edited = [...lines.slice(0, line), ...added.replace(/\n$/, '').split('\n'), ...lines.slice(line)].join('\n')
  return { text: edited, told: `The file ${path} has been edited.` }
}

/** Of texts that were written at the same time: the first, and behind it the lines that only others have. */
export const merged = ([first = '', ...others]: readonly string[]): string => {
  let text = first
  for (const other of others) {
    const there = new Set(text.split('\n'))
    const fresh = other.split('\n').filter((line) => !there.has(line))
    if (fresh.length > 0) text = `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${fresh.join('\n')}`
  }
  return text
}

const numbered = (lines: readonly string[], first: number, last: number): string =>
  lines
    .slice(first - 1, last)
    .map((line, at) => `${String(first + at).padStart(NUMBER_CHARS)}\t${line}`)
    .join('\n')

/** The numbers of the lines in which these places, in order, lie; each once. */
const linesOf = (text: string, places: readonly number[]): readonly number[] => {
  const numbers = new Set<number>()
  let [line, from] = [1, 0]
  for (const place of places) {
    for (let at = text.indexOf('\n', from); at >= 0 && at < place; at = text.indexOf('\n', from)) {
      line++
      from = at + 1
    }
    numbers.add(line)
  }
  return [...numbers]
}

const UNITS = ['B', 'K', 'M', 'G']
const size = (bytes: number): string => {
  let [value, unit] = [bytes, 0]
  for (; value >= 1_024 && unit < UNITS.length - 1; unit++) value /= 1_024
  return `${Number.isInteger(value) ? value : value.toFixed(1)}${UNITS[unit]}`
}
