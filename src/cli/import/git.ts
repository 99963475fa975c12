/**
 * A git history: one memory a commit, oldest facts and newest alike, read as `git log` streams them.
 *
 * - The key follows from the commit's own id alone, which names its content and all that came before it: another checkout
 *   of the same repository, a shallow one, or a fork adds nothing twice.
 * - What the repository's own configuration could run (signature programs, external diffs, pagers) is switched off, and what in it or in
 *   the environment changes the answer (`GIT_DIR`, `log.showRoot`) is not heard.
 * - At the edge of a shallow clone git takes every file for changed: those commits are left out, and counted.
 * - A merge names no files, as in `git log`.
 */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { limits } from '../../../crdt/limits.ts'
import { CliFailure, errorCode } from '../failure.ts'
import { type Draft, type ImportSource, keyOf, type MemoryItem, type ProblemItem } from './item.ts'
import { pieces } from './pieces.ts'
import { fitLine } from './split.ts'
import { cliLimits } from '../limits.ts'

const SAFE = [
  '--no-pager',
  '--no-replace-objects',
  '-c',
  'log.showRoot=true',
  '-c',
  'log.diffMerges=off',
  '-c',
  'diff.orderFile=/dev/null',
  '-c',
  'diff.ignoreSubmodules=none',
  '-c',
  'core.quotePath=false',
  '-c',
  'core.fsmonitor=false',
  '-c',
  'log.showSignature=false',
  '-c',
  'log.mailmap=false',
]
/** \x01 commit, author's date, name, mail, message \x02, each ended by NUL; then the files, each ended by NUL. */
const LOG = [
  'log',
  '-z',
  '--no-color',
  '--no-show-signature',
  '--no-ext-diff',
  '--no-textconv',
  '--no-renames',
  '--no-decorate',
  '--encoding=UTF-8',
  '--name-only',
  '--format=tformat:%x01%H%x00%aI%x00%an%x00%ae%x00%B%x02',
]
const STDERR_BYTES_MAX = 4_096
/** Half of what metadata may hold, so that names with many escapes still fit. */
const FILES_BYTES_MAX = limits.metadata_bytes_max / 2
/** Digits of a commit id that a source names: git's own short ids grow with the repository, these do not. */
const SHORT_DIGITS = 12

/** @param path a work tree or a bare repository. Rejects with a `CliFailure` when it is none, or git is not there. */
export const gitSource = async (path: string): Promise<ImportSource> => {
  const counted = await text(path, ['rev-list', '--count', 'HEAD'])
  const edge = await shallowEdge(path)
  const skipped = new Map<string, number>()
  let read = 0
  return {
    format: 'git',
    unit: 'commits',
    total: Number.parseInt(counted, 10) || 0,
    done: () => read,
    skipped,
    ...(edge.size === 0
      ? {}
      : {
          told: [
            `this is a shallow clone: what came before its ${counted} commits is not here; \`git fetch --unshallow\` brings it`,
          ],
          hint: 'it is a shallow clone; `git fetch --unshallow` brings its commits',
        }),
    async *memories() {
      for await (const commit of commits(path)) {
        read++
        if (commit.kind === 'commit' && edge.has(commit.sha)) skipped.set(EDGE, (skipped.get(EDGE) ?? 0) + 1)
        else yield commit.kind === 'problem' ? commit : memoryOf(commit)
      }
    },
  }
}

/** The first commit of a repository, which names it; null where there is none or it was not fetched. */
export const rootCommit = async (path: string): Promise<string | null> => {
  try {
    if ((await text(path, ['rev-parse', '--is-shallow-repository'])) !== 'false') return null
    return (await text(path, ['rev-list', '--max-parents=0', 'HEAD'])).split('\n').sort()[0] || null
  } catch (error) {
    if (error instanceof CliFailure) return null
    throw error
  }
}

const EDGE = 'commit at the edge of a shallow clone, whose files are not known'

/** Commits whose parents were not fetched; none in a whole repository. */
const shallowEdge = async (path: string): Promise<ReadonlySet<string>> => {
  const file = await text(path, ['rev-parse', '--git-path', 'shallow'])
  try {
    return new Set((await readFile(resolve(path, file), 'utf8')).split('\n').filter((line) => line !== ''))
  } catch {
    return new Set()
  }
}

type Commit = {
  readonly kind: 'commit'
  readonly sha: string
  readonly date: string
  readonly author: string
  readonly email: string
  readonly message: string
  readonly files: readonly string[]
  readonly files_total: number
}

const COMMIT = /^\x01([0-9a-f]{40}|[0-9a-f]{64})$/

async function* commits(path: string): AsyncGenerator<Commit | ProblemItem, undefined> {
  let fields: (string | null)[] = []
  let sha: string | null = null
  const take = (): Commit | ProblemItem | null => (sha === null ? null : commitOf(sha, fields))
  for await (const piece of output(path, LOG)) {
    const field = piece?.toString('utf8') ?? null
    const next = field === null ? null : (COMMIT.exec(field)?.[1] ?? null)
    if (next === null) {
      fields.push(field)
      continue
    }
    const commit = take()
    if (commit !== null) yield commit
    sha = next
    fields = []
  }
  const last = take()
  if (last !== null) yield last
  return undefined
}

const commitOf = (sha: string, fields: readonly (string | null)[]): Commit | ProblemItem => {
  const [date, author, email, message, ...rest] = fields
  const files = rest
    .map((file, index) => (index === 0 ? (file ?? '').replace(/^\n/, '') : (file ?? '')))
    .filter((file) => file !== '')
  if (
    typeof date !== 'string' ||
    typeof author !== 'string' ||
    typeof email !== 'string' ||
    typeof message !== 'string' ||
    !message.endsWith('\x02')
  ) {
    return {
      kind: 'problem',
      where: `commit ${sha.slice(0, SHORT_DIGITS)}`,
      message: 'git printed it in a form that cannot be read; look at it with `git show`',
    }
  }
  return {
    kind: 'commit',
    sha,
    date,
    author,
    email,
    message: message.slice(0, -1).trim(),
    files: fitting(files),
    files_total: files.length,
  }
}

/** As many as metadata has room for. */
const fitting = (files: readonly string[]): readonly string[] => {
  let bytes = 0
  const over = files.findIndex((file) => (bytes += Buffer.byteLength(JSON.stringify(file)) + 1) > FILES_BYTES_MAX)
  return over === -1 ? files : files.slice(0, over)
}

const memoryOf = (commit: Commit): MemoryItem => {
  const { sha, message, files, files_total } = commit
  const short = sha.slice(0, SHORT_DIGITS)
  const subject = fitLine(message.split(/\n[ \t]*\n/, 1)[0] ?? '', limits.title_bytes_max)
  const at = Date.parse(commit.date)
  const shown = files
    .filter((file) => Buffer.byteLength(file) <= limits.tag_bytes_max)
    .slice(0, cliLimits.import_file_tags_max)
  const draft: Draft = {
    content: message === '' ? `commit ${sha}` : message,
    title: subject === '' ? `commit ${short}` : subject,
    kind: 'commit',
    tags: [...new Set(shown)],
    source: `git:${short}`,
    ...(Number.isFinite(at) ? { occurred_at: new Date(at).toISOString() } : {}),
    metadata: {
      commit: sha,
      author: fitLine(commit.author, 512),
      email: fitLine(commit.email, 512),
      files,
      ...(files.length === files_total ? {} : { files_total }),
    },
  }
  return { kind: 'memory', draft, key: keyOf('git', sha), where: `commit ${short}` }
}

/** What a git command prints, whole; for short answers. */
const text = async (path: string, words: readonly string[]): Promise<string> => {
  let all = ''
  for await (const piece of output(path, words)) all += piece?.toString('utf8') ?? ''
  return all.trim()
}

/** `GIT_DIR` and its like name another repository than the one asked for. */
const withoutGit = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('GIT_')))

/** NUL-ended pieces of what git prints. Ends git when the reader stops early. Rejects when git fails. */
async function* output(path: string, words: readonly string[]): AsyncGenerator<Buffer | null, undefined> {
  const git = spawn('git', [...SAFE, '-C', path, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...withoutGit(process.env), GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
  })
  let said = ''
  git.stderr.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(0, STDERR_BYTES_MAX)))
  const ended = new Promise<string | null>((resolve) => {
    git.once('error', (error) =>
      resolve(errorCode(error) === 'ENOENT' ? 'git is not installed or not on the PATH; install it' : error.message),
    )
    git.once('close', (code) => resolve(code === 0 ? null : said.split('\n')[0] || `git ended with status ${code}`))
  })
  try {
    yield* pieces(git.stdout, 0, cliLimits.import_line_bytes_max)
    const failure = await ended
    if (failure !== null)
      throw new CliFailure(`cannot read the git history of ${path}: ${failure.replace(/^fatal: /, '')}`)
  } finally {
    git.kill()
  }
  return undefined
}
