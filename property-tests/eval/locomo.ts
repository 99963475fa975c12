/**
 * A LoCoMo file (Maharana et al., ACL 2024, `locomo10.json`): conversations of many sessions, and questions with the turns that
 * answer them. Read by path; nothing of it is part of this project.
 *
 * A few evidence strings are malformed ("D8:6; D9:17", "D30:05"): every `D<session>:<turn>` in them counts, without leading zeros.
 */
import { readFile } from 'node:fs/promises'

export type Turn = {
  readonly id: string
  readonly speaker: string
  readonly text: string
  readonly session: string
  readonly occurred_at: string
}
/** `gold`: ids of the turns that answer it. */
export type Question = { readonly text: string; readonly category: number; readonly gold: readonly string[] }
export type Conversation = {
  readonly name: string
  readonly turns: readonly Turn[]
  readonly questions: readonly Question[]
}

export const CATEGORIES: Readonly<Record<number, string>> = {
  1: 'multi-hop',
  2: 'temporal',
  3: 'open-domain',
  4: 'single-hop',
  5: 'adversarial',
}

type RawTurn = {
  readonly speaker: string
  readonly dia_id: string
  readonly text: string
  readonly blip_caption?: string
}
type RawQuestion = { readonly question: string; readonly evidence?: readonly string[]; readonly category: number }
type Raw = {
  readonly sample_id: string
  readonly conversation: Readonly<Record<string, string | readonly RawTurn[]>>
  readonly qa: readonly RawQuestion[]
}

/** @throws when the file is not there or is none. */
export const readLocomo = async (path: string): Promise<readonly Conversation[]> => {
  const raw: unknown = JSON.parse(await readFile(path, 'utf8'))
  if (
    !Array.isArray(raw) ||
    !raw.every((one) => typeof one === 'object' && one !== null && 'conversation' in one && 'qa' in one)
  ) {
    throw new Error(`${path} is no LoCoMo file: a list of {sample_id, conversation, qa}`)
  }
  return (raw as readonly Raw[]).map(conversationOf)
}

const conversationOf = ({ sample_id, conversation, qa }: Raw): Conversation => {
  const turns = Object.entries(conversation).flatMap(([key, value]) => {
    const session = /^session_(\d+)$/.exec(key)?.[1]
    if (session === undefined || typeof value === 'string') return []
    const begun = timeOf(conversation[`${key}_date_time`])
    return value.map((turn, place): Turn => ({
      id: turn.dia_id,
      speaker: turn.speaker,
      session: key,
      text: turn.blip_caption === undefined ? turn.text : `${turn.text} [${turn.blip_caption}]`,
      // The file dates sessions only; turns follow each other.
      occurred_at: new Date(begun + place * 1_000).toISOString(),
    }))
  })
  const questions = qa
    .map((one): Question => ({ text: one.question, category: one.category, gold: goldOf(one.evidence ?? []) }))
    .filter(({ gold }) => gold.length > 0)
  return { name: sample_id, turns, questions }
}

const goldOf = (evidence: readonly string[]): readonly string[] => [
  ...new Set(
    evidence.flatMap((text) =>
      [...text.matchAll(/D(\d+):(\d+)/g)].map(([, session, turn]) => `D${Number(session)}:${Number(turn)}`),
    ),
  ),
]

/** `1:56 pm on 8 May, 2023` → ms since 1970, UTC. */
const timeOf = (text: unknown): number => {
  const parts = typeof text !== 'string' ? null : /^(\d+):(\d+) (am|pm) on (\d+ \w+), (\d{4})$/.exec(text)
  const day = Date.parse(`${parts?.[4]} ${parts?.[5]} UTC`)
  if (parts === null || Number.isNaN(day))
    throw new Error(`a session's date is ${JSON.stringify(text)}; it should look like "1:56 pm on 8 May, 2023"`)
  return day + (((Number(parts[1]) % 12) + (parts[3] === 'pm' ? 12 : 0)) * 60 + Number(parts[2])) * 60_000
}
