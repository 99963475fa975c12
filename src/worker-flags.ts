/**
 * The flags of this process that its workers get too.
 *
 * A worker takes all of them unless it is told which, and some make no sense to one: in a program that was given by `--eval` or read from
 * standard input, Node refuses to start any worker file. So those are named that say how modules are found and loaded and what is
 * warned about; what rules the whole process is no worker's, and what says which program runs is not ours. What NODE_OPTIONS says it gets
 * besides.
 */

const ALONE: ReadonlySet<string> = new Set([
  '--enable-source-maps',
  '--no-deprecation',
  '--no-warnings',
  '--preserve-symlinks',
  '--trace-deprecation',
  '--trace-uncaught',
  '--trace-warnings',
])
/** With a value, behind `=` or as the next word. */
const VALUED: ReadonlySet<string> = new Set([
  '-C',
  '-r',
  '--conditions',
  '--disable-warning',
  '--experimental-loader',
  '--import',
  '--loader',
  '--require',
])

/** @param words `process.execArgv`. */
export const workerFlags = (words: readonly string[]): string[] =>
  words.flatMap((word, at) => {
    if (ALONE.has(word)) return [word]
    if (VALUED.has(word)) return words.slice(at, at + 2)
    return VALUED.has(word.split('=', 1)[0] ?? '') ? [word] : []
  })
