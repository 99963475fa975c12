/** Questions over a git history, imported and asked as a user does: `mnemesh import`, then HTTP. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../src/cli/testing/run-cli.ts'
import { gitHistory, makeRepository } from './git-history.ts'
import { GIT_QUESTIONS, type GitQuestion } from './git-questions.ts'
import { startPeer, type EvalPeer, type Json } from './peer.ts'

const HITS_MIN = 36
const FIRST = 5

describe('a git history', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mnemesh-history-'))
  let peer: EvalPeer | undefined
  let listedByMade: ReadonlyMap<string, string> = new Map()

  beforeAll(async () => {
    listedByMade = makeRepository(folder, gitHistory())
    peer = await startPeer('pglite')
    const { exit, err } = await runCli([
      'import',
      folder,
      '--namespace',
      'history',
      '--format',
      'git',
      '--url',
      peer.url,
    ])
    if (exit !== 0) throw new Error(`the import failed: ${err}`)
    await peer.indexed()
  }, 120_000)
  afterAll(async () => {
    await peer?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Ids of the commits found, as they are listed, best first. */
  const found = async ({ text }: GitQuestion): Promise<readonly string[]> => {
    const answer = await peer!.call('POST', '/recall', { q: text, namespace: 'history', limit: FIRST })
    return (answer['memories'] as readonly { readonly metadata: Json }[]).map(
      ({ metadata }) => listedByMade.get(String(metadata['commit'])) ?? 'unknown',
    )
  }

  it('is imported whole', async () => {
    const { total } = await peer!.call('GET', '/stats')
    expect(total).toBe(gitHistory().length)
  })

  it(`answers ${HITS_MIN} of ${GIT_QUESTIONS.length} questions within the first ${FIRST}`, async () => {
    expect(GIT_QUESTIONS).toHaveLength(40)
    const missed: string[] = []
    for (const question of GIT_QUESTIONS) {
      const shas = await found(question)
      const hit = shas.some((sha) => question.answers.some((answer) => sha.startsWith(answer)))
      if (!hit) missed.push(`${question.kind}: ${question.text} → ${shas.map((sha) => sha.slice(0, 7)).join(' ')}`)
    }
    expect(missed.length, missed.join('\n')).toBeLessThanOrEqual(GIT_QUESTIONS.length - HITS_MIN)
  })
})
