/**
 * The command that `setup` writes: one that another program can start from any folder, without a shell, a checkout on PATH, or our environment.
 */
import { isAbsolute, join, sep } from 'node:path'

export type Command = {
  readonly program: string
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** `node`: this very installation. `npx`: fetched when it is needed, for this one lies where npx clears away. */
  readonly by: 'node' | 'npx'
}

/** How this process runs. */
export type Running = {
  /** `process.execPath`. */
  readonly node: string
  /** The file that it was started with. */
  readonly main: string
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: string
}

/** npm keeps packages that were only asked for once below this folder of its cache. */
const NPX_CACHE = `${sep}_npx${sep}`

/** @param verb what it does: `['mcp']`. */
export const commandFor = ({ node, main, version, env, platform }: Running, verb: readonly string[]): Command => {
  const kept = keptEnv(env)
  if (!main.includes(NPX_CACHE)) return { program: node, words: [main, ...verb], env: kept, by: 'node' }
  // Beside node, as npm installs it: a program with a window has no PATH of the shell.
  const folder = node.slice(0, node.lastIndexOf(sep))
  return {
    program: join(folder, platform === 'win32' ? 'npx.cmd' : 'npx'),
    words: ['-y', `mnemesh@${version}`, ...verb],
    env: kept,
    by: 'npx',
  }
}

/** Without it a program with a window would look for the peer in another folder than the shell did. */
const keptEnv = (env: Running['env']): Readonly<Record<string, string>> => {
  const data = env['XDG_DATA_HOME']
  return data !== undefined && isAbsolute(data) ? { XDG_DATA_HOME: data } : {}
}

/** One line for a shell, as hooks take it. */
export const shellLine = ({ program, words, env }: Command, platform: string): string => {
  const quote = platform === 'win32' ? windowsWord : posixWord
  const settings = platform === 'win32' ? [] : Object.entries(env).map(([name, value]) => `${name}=${posixWord(value)}`)
  return [...settings, ...[program, ...words].map(quote)].join(' ')
}

const posixWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
const windowsWord = (word: string): string => (/^[\w@+=:,./\\-]+$/.test(word) ? word : `"${word}"`)
