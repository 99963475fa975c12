/**
 * How well notes are found: a folder of Markdown, or an archive of one, imported as a user does it, and questions each with the files that
 * answer it. Read by path; nothing of either is part of this project.
 *
 * A question is found when a memory of one of its files is among the first ten, and found first when it is the first.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { EvalPeer, Json } from './peer.ts'

type NotesQuestion = { readonly question: string; readonly files: readonly string[] }
/** `rank`: of the first memory of one of its files, from 1 on; 0 where none is among those asked for. */
export type NotesAsked = {
  readonly question: string
  readonly rank: number
  readonly best: readonly string[]
  readonly ms: number
}

const NOTES_NAMESPACE = 'notes'
/** The command line as it was built: this runs from there too. */
const CLI = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const runs = promisify(execFile)

/** @throws when the file holds something else than a list of {question, files}. */
export const readNotesQuestions = async (path: string): Promise<readonly NotesQuestion[]> => {
  const raw: unknown = JSON.parse(await readFile(path, 'utf8'))
  const isQuestion = (one: unknown): boolean =>
    typeof one === 'object' &&
    one !== null &&
    'question' in one &&
    typeof one.question === 'string' &&
    'files' in one &&
    Array.isArray(one.files)
  if (!Array.isArray(raw) || !raw.every(isQuestion))
    throw new Error(`${path} holds no questions: a list of {question, files}`)
  return raw as readonly NotesQuestion[]
}

/** Imports the folder, or what the archive holds (`tar` unpacks it). Answers how many memories it became. */
export const importNotes = async (peer: EvalPeer, path: string): Promise<number> => {
  const unpacked = statSync(path).isDirectory() ? null : mkdtempSync(join(tmpdir(), 'mnemesh-notes-'))
  try {
    if (unpacked !== null) await runs('tar', ['-xf', path, '-C', unpacked])
    await runs(process.execPath, [
      CLI,
      'import',
      unpacked ?? path,
      '--namespace',
      NOTES_NAMESPACE,
      '--format',
      'markdown',
      '--url',
      peer.url,
    ])
  } finally {
    if (unpacked !== null) rmSync(unpacked, { recursive: true, force: true })
  }
  await peer.indexed()
  const { total } = await peer.call('GET', '/stats')
  return Number(total)
}

/** @param asking what is asked instead of a question: the question behind a preamble, say. */
export const askNotes = async (
  peer: EvalPeer,
  questions: readonly NotesQuestion[],
  limit: number,
  asking: (question: string) => string = (question) => question,
): Promise<readonly NotesAsked[]> => {
  const asked: NotesAsked[] = []
  for (const { question, files } of questions) {
    const q = asking(question)
    const from = performance.now()
    const answer = await peer.call('POST', '/recall', { q, namespace: NOTES_NAMESPACE, limit })
    const ms = performance.now() - from
    const best = (answer['memories'] as readonly { readonly metadata: Json }[]).map(({ metadata }) =>
      String(metadata['path']),
    )
    asked.push({ question, rank: best.findIndex((path) => files.includes(path)) + 1, best, ms })
  }
  return asked
}

export const foundWithin = (k: number, asked: readonly NotesAsked[]): number =>
  asked.filter(({ rank }) => rank > 0 && rank <= k).length
