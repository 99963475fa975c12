/**
 * Failures as people see them: one line that names the cause and the mend, and an exit status.
 *
 * 1 is a failure, 2 is wrong usage. Anything that is no expected failure is a bug of ours and says so; MNEMESH_DEBUG=1
 * then prints where it came from.
 */
import { CommanderError } from 'commander'
import { BadAddress, errorCode } from '../sdk/failure.ts'

export type ExitStatus = 0 | 1 | 2

export class CliFailure extends Error {
  readonly exit: 1 | 2
  constructor(message: string, exit: 1 | 2 = 1) {
    super(message)
    this.exit = exit
  }
}

/** `{error, …}` for `--json`: the code of whoever refused, `usage`, or `failed`; and what a peer said with it. */
export const failureFacts = (error: unknown, exit: ExitStatus): Readonly<Record<string, unknown>> => {
  const facts: Readonly<Record<string, unknown>> =
    error instanceof Error ? Object.fromEntries(Object.entries(error)) : {}
  const said =
    typeof facts['body'] === 'object' ? facts['body'] : typeof facts['fields'] === 'object' ? facts['fields'] : null
  const code =
    typeof facts['code'] === 'string' && /^[a-z_]+$/.test(facts['code'])
      ? facts['code']
      : exit === 2
        ? 'usage'
        : 'failed'
  return {
    ...said,
    error: code,
    ...(typeof facts['status'] === 'number' && facts['status'] > 0 && { status: facts['status'] }),
  }
}

/** Wrong usage: exit status 2. */
export const usage = (message: string): CliFailure => new CliFailure(message, 2)

/** Anything thrown → what to print (null: nothing more) and how to exit. */
export const explain = (
  error: unknown,
  debug: boolean,
): { readonly line: string | null; readonly exit: ExitStatus } => {
  if (error instanceof CommanderError) return { line: null, exit: error.exitCode === 0 ? 0 : 2 }
  if (error instanceof CliFailure) return { line: oneLine(error.message), exit: error.exit }
  if (error instanceof BadAddress) return { line: oneLine(error.message), exit: 2 }
  if (!(error instanceof Error)) return { line: oneLine(`internal error: ${String(error)}`), exit: 1 }
  if (debug) return { line: error.stack ?? error.message, exit: 1 }
  if (BUGS.has(error.constructor.name))
    return {
      line: oneLine(`internal error: ${error.message}; run again with MNEMESH_DEBUG=1 and report what it prints`),
      exit: 1,
    }
  return { line: oneLine(error.message), exit: 1 }
}

/** What the language itself throws: never expected. */
const BUGS: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError'])

const oneLine = (text: string): string => text.replace(/\s*[\r\n]+\s*/g, ' ').trim()

/** The sentence for an error of the file system. @param doing `read`, `write`, … */
export const fileFailure = (error: unknown, doing: string, path: string): CliFailure => {
  const code = errorCode(error)
  const why = FILE_REASONS[code] ?? (error instanceof Error ? error.message : String(error))
  return new CliFailure(`cannot ${doing} ${path}: ${why}`)
}

export { errorCode } from '../sdk/failure.ts'

const FILE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder; check the path',
  EACCES: 'permission denied; check who owns it',
  EPERM: 'not permitted; check who owns it',
  EISDIR: 'it is a folder; name a file',
  ENOTDIR: 'a part of the path is no folder; check the path',
  EMFILE: 'too many open files; raise the limit with `ulimit -n`',
}
