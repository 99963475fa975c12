/**
 * A git repository made of `git-history.jsonl` (this project's own first commits: who, when, what, which files), so that a test imports
 * a real history without a network and however shallow the checkout it runs in. Files hold their commit's id instead of their text.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

type Commit = {
  readonly sha: string
  readonly author: string
  readonly date: string
  readonly subject: string
  readonly body: string
  readonly files: readonly string[]
}

const SOURCE = new URL('./git-history.jsonl', import.meta.url)

export const gitHistory = (): readonly Commit[] =>
  readFileSync(SOURCE, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Commit)

/** Makes the repository in an empty folder. Answers the listed id of each commit by the one it has there, newest last. */
export const makeRepository = (dir: string, commits: readonly Commit[]): ReadonlyMap<string, string> => {
  const git = (words: readonly string[], input = ''): string =>
    execFileSync('git', ['-C', dir, ...words], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
  git(['init', '-q', '--initial-branch=main'])
  git(['fast-import', '--quiet'], commits.map(streamOf).join(''))
  const made = git(['rev-list', '--reverse', 'main']).trim().split('\n')
  return new Map(made.map((sha, i) => [sha, commits[i]!.sha]))
}

/** One commit as `git fast-import` reads it; lengths are bytes. */
const streamOf = ({ sha, author, date, subject, body, files }: Commit): string => {
  const message = body === '' ? subject : `${subject}\n\n${body}`
  const who = `${author} <maintainers@example.invalid> ${Math.floor(Date.parse(date) / 1_000)} +0000`
  return [
    'commit refs/heads/main',
    `author ${who}`,
    `committer ${who}`,
    `data ${Buffer.byteLength(message)}`,
    message,
    ...files.flatMap((file) => [`M 100644 inline ${file}`, `data ${Buffer.byteLength(sha)}`, sha]),
    '',
    '',
  ].join('\n')
}
