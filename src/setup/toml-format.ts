/**
 * TOML: a table of its own in a marked block at the end of the file. No library changes TOML and keeps all bytes, so the text is left alone,
 * and `smol-toml` reads it before and after to show that our table is all that changed.
 */
import { parse, stringify } from 'smol-toml'
import { NodeError } from '../errors.ts'
import { isRecord, valueAt, type Format } from './edit.ts'

const BEGIN = '# mnemesh: what `mnemesh setup` wrote begins here'
const END = '# mnemesh: and ends here'

const parseToml = (text: string, file: string): unknown => {
  try {
    return parse(text.replace(/^\uFEFF/, ''), { integersAsBigInt: 'asNeeded' })
  } catch (error) {
    const [why] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw new NodeError('malformed', `${file} is no TOML (${why}): mend it first; nothing was changed`)
  }
}

export const tomlFormat: Format = {
  parse: parseToml,

  insertion(text, { keys }, value, file) {
    const table = valueAt(parseToml(text, file), { keys: keys.slice(0, -1), isOurs: () => false })
    if (table !== undefined && !isRecord(table))
      throw new NodeError(
        'malformed',
        `${file} has no table under ${keys.slice(0, -1).join('.')}: mend that first; nothing was changed`,
      )
    const eol = text.includes('\r\n') ? '\r\n' : '\n'
    const lines = [
      BEGIN,
      `[${keys.join('.')}]`,
      ...stringify(value)
        .trimEnd()
        .split('\n')
        .map((line) => inside(line, keys)),
      END,
      '',
    ]
    const gap = text === '' || text === '\uFEFF' ? '' : text.endsWith('\n') ? eol : eol + eol
    const block = gap + lines.join(eol)
    try {
      parse((text + block).replace(/^\uFEFF/, ''), { integersAsBigInt: 'asNeeded' })
    } catch {
      throw new NodeError(
        'malformed',
        `${file} gives ${keys.slice(0, -1).join('.')} in one line, to which nothing can be added: make it a table of its own ([${keys.slice(0, -1).join('.')}.NAME]); nothing was changed`,
      )
    }
    return { at: text.length, text: block }
  },

  without(text) {
    const [from, end] = [text.indexOf(BEGIN), text.indexOf(END)]
    if (from < 0 || end < from || text.includes(BEGIN, from + 1)) return null
    const to = end + (/^[^\n]*\n?/.exec(text.slice(end))?.[0].length ?? 0)
    const gap = /(\r?\n)?$/.exec(text.slice(0, from))![0].length
    return text.slice(0, from - (text.slice(0, from - gap).endsWith('\n') ? gap : 0)) + text.slice(to)
  },
}

/** A table within ours has our name before its own. */
const inside = (line: string, keys: readonly string[]): string =>
  line.startsWith('[') ? `[${keys.join('.')}.${line.slice(1)}` : line
