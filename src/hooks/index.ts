/**
 * What the hooks of an agent's program do with the memory. The peer is asked through a function; time and randomness are arguments.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { briefing, type Memory } from './briefing.ts'
import { decisionsIn } from './decisions.ts'
import { secretFinder } from './secrets.ts'
import { saidIn } from './transcript.ts'

export { secretFinder, type SecretFinder } from './secrets.ts'
export { readHookInput, type HookInput } from './input.ts'

/** One request to the peer's API; rejects when it does not answer. */
export type Ask = (
  method: 'GET' | 'POST',
  path: string,
  options: { readonly query?: Readonly<Record<string, string | number>>; readonly body?: unknown },
) => Promise<unknown>

/** Looked through for what matters. */
const LISTED = 40
const FOUND = 6

/** What a session begins with; null where there is nothing to tell. @param cwd where it works. */
export const brief = async (
  ask: Ask,
  namespace: string,
  cwd: string | null,
  random: { bytes(count: number): Uint8Array },
): Promise<string | null> => {
  const topic = cwd === null ? null : await topicOf(cwd)
  const [listed, found] = await Promise.all([
    ask('GET', '/memories', { query: { namespace, limit: LISTED } }).then(memoriesOf),
    topic === null
      ? []
      : ask('POST', '/recall', { body: { q: topic, namespace, limit: FOUND } }).then(memoriesOf, () => []),
  ])
  return briefing(found, listed, namespace, Buffer.from(random.bytes(4)).toString('hex'))
}

export type KeptDecisions = { readonly kept: number; /** Left out, for they hold a secret. */ readonly secret: number }

/** Keeps what was decided in a conversation. The same sentence is kept once, however often it is said. */
export const keepDecisions = async (ask: Ask, namespace: string, transcript: string): Promise<KeptDecisions> => {
  const decisions = decisionsIn(await saidIn(transcript))
  if (decisions.length === 0) return { kept: 0, secret: 0 }
  const isSecret = await secretFinder()
  const clean: string[] = []
  for (const text of decisions) if (!(await isSecret(text))) clean.push(text)
  const secret = decisions.length - clean.length
  if (clean.length === 0) return { kept: 0, secret }
  const memories = clean.map((content) => ({
    content,
    namespace,
    kind: 'decision',
    tags: ['session'],
    source: 'claude-code hook',
    idempotency_key: keyOf(namespace, content),
  }))
  await ask('POST', '/memories/bulk', { body: { memories } })
  return { kept: clean.length, secret }
}

const keyOf = (namespace: string, content: string): string =>
  `hook-${createHash('sha256').update(`${namespace}\n${content}`).digest('hex').slice(0, 40)}`

/** The words of the branch's name: what the work is about. Null on a branch that every repository has. */
const topicOf = async (cwd: string): Promise<string | null> => {
  const head = await readFile(join(cwd, '.git', 'HEAD'), 'utf8').catch(() => '')
  const branch = /^ref: refs\/heads\/(.{1,200})$/m.exec(head)?.[1] ?? ''
  if (branch === '' || /^(main|master|trunk|develop)$/.test(branch)) return null
  return `${basename(cwd)} ${branch.replaceAll(/[^\p{L}\p{N}]+/gu, ' ')}`
}

const memoriesOf = (answer: unknown): readonly Memory[] => (answer as { readonly memories: readonly Memory[] }).memories
