/**
 * How well recall finds: a conversation becomes a namespace, a turn a memory, a session a run; each question is asked over HTTP.
 *
 * recall@k = mean over questions of (gold turns among the first k) ÷ (gold turns).
 */
import { performance } from 'node:perf_hooks'
import { CATEGORIES, type Conversation, type Question } from './locomo.ts'
import type { EvalPeer, Json } from './peer.ts'

export type Asked = { readonly question: Question; readonly found: readonly string[]; readonly ms: number }

const BATCH_MEMORIES = 200

/** Answers the turn's id by its memory's. */
export const importConversation = async (
  peer: EvalPeer,
  { name, turns }: Conversation,
  onProgress: (done: number) => void,
): Promise<ReadonlyMap<string, string>> => {
  const turnByMemory = new Map<string, string>()
  // A batch is written in one agent's name; what one speaker said is one batch's worth.
  for (const speaker of new Set(turns.map((turn) => turn.speaker))) {
    const said = turns.filter((turn) => turn.speaker === speaker)
    for (let at = 0; at < said.length; at += BATCH_MEMORIES) {
      const part = said.slice(at, at + BATCH_MEMORIES)
      const memories = part.map(({ text, session, occurred_at }) => ({
        namespace: name.toLowerCase(),
        content: text,
        kind: 'turn',
        run_id: session,
        occurred_at,
      }))
      const { ids } = await peer.call(
        'POST',
        '/memories/bulk',
        { memories },
        { 'x-agent-id': speaker.replaceAll(' ', '-') },
      )
      if (!Array.isArray(ids) || ids.length !== part.length)
        throw new Error('a bulk request answered other ids than it was given memories')
      ids.forEach((id, i) => turnByMemory.set(String(id), part[i]!.id))
      onProgress(part.length)
    }
  }
  return turnByMemory
}

export const askAll = async (
  peer: EvalPeer,
  { name, questions }: Conversation,
  turnByMemory: ReadonlyMap<string, string>,
  limit: number,
  onProgress: () => void,
): Promise<readonly Asked[]> => {
  const asked: Asked[] = []
  for (const question of questions) {
    const from = performance.now()
    const answer = await peer.call('POST', '/recall', { q: question.text, namespace: name.toLowerCase(), limit })
    const ms = performance.now() - from
    const found = (answer['memories'] as readonly Json[]).map(({ id }) => turnByMemory.get(String(id)) ?? '')
    asked.push({ question, found, ms })
    onProgress()
  }
  return asked
}

export const recallAt = (k: number, asked: readonly Asked[]): number =>
  asked.reduce(
    (sum, { question, found }) =>
      sum + question.gold.filter((id) => found.slice(0, k).includes(id)).length / question.gold.length,
    0,
  ) / asked.length

/** All, then by category. */
export const scores = (
  asked: readonly Asked[],
): readonly { readonly name: string; readonly of: readonly Asked[] }[] => {
  const categories = [...new Set(asked.map(({ question }) => question.category))].sort((a, b) => a - b)
  return [
    { name: 'all', of: asked },
    ...categories.map((category) => ({
      name: CATEGORIES[category] ?? `category ${category}`,
      of: asked.filter(({ question }) => question.category === category),
    })),
  ]
}

/** @param share 0 … 1. */
export const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN
