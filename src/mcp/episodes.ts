/** The tools of the profile `full` for episodes: the append-only log of one agent. */
import { limits } from '../../crdt/limits.ts'
import type { EpisodeInput } from '../api.ts'
import { agentFrom } from '../input/ids.ts'
import { utc } from '../input/keywords.ts'
import type { EpisodeRow } from '../ports/projection.ts'
import { integer, listOf, most, name, namespace, text, time, tokens, TOKENS_DEFAULT, writtenTo } from './fields.ts'
import { lagLine, seeingOwn } from './reading.ts'
import { fitting, toldList } from './told.ts'
import { answer, object, READS, type Asked, type Hints, type Tool } from './tool.ts'
import { answerOf, onDisks, written } from './writing.ts'

const AGENT_BYTES_MAX = 128
const eventType = name('what happened', limits.kind_bytes_max)
const EPISODES_DEFAULT = 30

const episodes: Tool = {
  name: 'episodes',
  title: 'Episodes',
  hints: READS,
  description:
    "What one agent noted that it did or was told, newest first: messages, steps, receipts. Yours unless agent_id names another's. For facts use recall.",
  input: object(
    {
      agent_id: name('whose; yours unless given', AGENT_BYTES_MAX),
      event_type: eventType,
      since: time('then or later'),
      limit: most(EPISODES_DEFAULT, limits.episodes_limit_max),
      max_tokens: tokens,
    },
    [],
  ),
  output: answer({ notice: text, episodes: listOf({ type: 'object' }), count: integer, more: integer, lag: integer }, [
    'episodes',
  ]),
  async run(
    asked: Asked,
    {
      agent_id,
      event_type,
      since,
      limit = EPISODES_DEFAULT,
      max_tokens = TOKENS_DEFAULT,
    }: {
      readonly agent_id?: string
      readonly event_type?: string
      readonly since?: string
      readonly limit?: number
      readonly max_tokens?: number
    },
  ) {
    const filter = {
      agent_id: agent_id === undefined ? asked.session.agent : agentFrom(agent_id, 'agent_id'),
      limit,
      ...(event_type === undefined ? {} : { event_type }),
      ...(since === undefined ? {} : { since: utc(since) }),
    }
    const { rows, lag } = await seeingOwn(asked, (options) => asked.node.episodes(filter, options))
    const items = fitting(rows.map(episodeOf), max_tokens)
    const more = rows.length - items.length
    return toldList(
      'episodes',
      items,
      'Nothing was noted.',
      `${more > 0 ? `\n(${more} more; ask with a larger max_tokens or a later since)` : ''}${lagLine(lag)}`,
      { episodes: items, count: items.length, more, lag },
    )
  },
}
const episodeOf = ({
  id,
  namespace: where,
  agent_id,
  event_type,
  sender,
  recipient,
  body,
  inference_receipt_id,
  audit_event_hash,
  created_at,
}: EpisodeRow) => ({
  id,
  at: created_at,
  author: agent_id,
  event_type,
  sender,
  recipient,
  body,
  inference_receipt_id,
  audit_event_hash,
  namespace: where,
})

/** Twice the same is two episodes. */
const APPENDS: Hints = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false }
const appendEpisode: Tool = {
  name: 'append_episode',
  title: 'Note an episode',
  hints: APPENDS,
  description:
    'Add to your own log what you just did, sent or were told. It cannot be changed later. For what should be found by its meaning use remember.',
  input: object(
    {
      event_type: eventType,
      sender: name('who sent', AGENT_BYTES_MAX),
      recipient: name('who was meant', AGENT_BYTES_MAX),
      body: { type: 'object', 'x-text-bytes-max': limits.episode_body_bytes_max, description: 'what it was, as JSON' },
      inference_receipt_id: name('receipt of the inference that led here'),
      audit_event_hash: name('entry of an audit log', 64),
      namespace,
    },
    ['event_type'],
  ),
  output: answer({ ...written, event_id: text }, ['event_id']),
  async run(asked: Asked, { namespace: given, ...input }: EpisodeInput & { readonly namespace?: string }) {
    const made = await asked.node.appendEpisode(writtenTo(asked, given), input, { agent: asked.session.agent })
    return {
      text: `Noted as ${made.event_id}, ${onDisks(made)}.`,
      data: { ...answerOf(asked, made), event_id: made.event_id },
    }
  },
}

export const episodeReads: readonly Tool[] = [episodes]
export const episodeWrites: readonly Tool[] = [appendEpisode]
