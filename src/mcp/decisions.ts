/**
 * Architecture decision records: memories of kind `decision`, numbered by year within their namespace, found by a tag of their number.
 *
 * A number is the next after the greatest that is here. Two peers that cannot see one another may give the same one: both are then shown
 * under it, the older first. The number of one that was forgotten is given again when it was the last.
 */
import type { Namespace, RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { NodeError } from '../errors.ts'
import { recordId } from '../input/ids.ts'
import type { MemoryFilter, MemoryRow } from '../ports/projection.ts'
import {
  cursor,
  from,
  id,
  integer,
  listOf,
  most,
  name,
  namespace,
  readFrom,
  readNamespace,
  text,
  textOrNull,
  tokens,
  TOKENS_DEFAULT,
  writtenTo,
} from './fields.ts'
import { lagLine, seeingOwn } from './reading.ts'
import { refusal } from './refusal.ts'
import { moreLine, pageWithin, toldList } from './told.ts'
import { ADDS, answer, object, READS, type Asked, type Tool } from './tool.ts'
import { answerOf, onDisks, written } from './writing.ts'

const TAG = 'adr'
const KIND = 'decision'
const yearTag = (year: number): string => `${TAG}:${year}`
const numberTag = ({ year, number }: Place): string => `${TAG}:${year}/${number}`
export const STATUSES = ['proposed', 'accepted', 'rejected', 'deprecated', 'superseded'] as const
type Status = (typeof STATUSES)[number]
export type Place = { readonly year: number; readonly number: number }

export const adrUriOf = ({ year, number }: Place): string => `adr://${year}/${number}`
/** Null for a memory that is no numbered decision. */
export const placeOf = ({ tags }: Pick<MemoryRow, 'tags'>): Place | null => {
  const parts = tags.map((tag) => /^adr:(\d{4})\/([1-9]\d{0,6})$/.exec(tag)).find((found) => found !== null)
  return parts === undefined ? null : { year: Number(parts[1]), number: Number(parts[2]) }
}

/** Numbered decisions, newest first. */
export const decisionsIn = (where: { readonly namespace?: Namespace }, year: number | undefined): MemoryFilter => ({
  ...where,
  tags: [year === undefined ? TAG : yearTag(year)],
  kinds: [KIND],
})
/** Those of one number, the oldest first: of several none is hidden. */
export const decisionsAt = async (
  asked: Asked,
  where: { readonly namespace?: Namespace },
  place: Place,
): Promise<readonly MemoryRow[]> => {
  const { rows } = await seeingOwn(asked, (options) =>
    asked.node.list({ ...where, tags: [TAG, numberTag(place)] }, { limit: SAME_NUMBER_MAX }, options),
  )
  return rows.toReversed()
}
const SAME_NUMBER_MAX = 20

/** Of one year and namespace: 20 pages. */
const A_YEAR_MAX = 20_000
const nextNumber = async (asked: Asked, into: Namespace, year: number): Promise<number> => {
  let greatest = 0
  let seen = 0
  for (let at: string | null | undefined; at !== null;) {
    const page = await seeingOwn(asked, (options) =>
      asked.node.list(
        decisionsIn({ namespace: into }, year),
        { limit: limits.list_limit_max, ...from(at ?? undefined) },
        options,
      ),
    )
    for (const row of page.rows) greatest = Math.max(greatest, placeOf(row)?.number ?? 0)
    seen += page.rows.length
    if (seen > A_YEAR_MAX)
      throw new NodeError(
        'too_large',
        `${into} has more than ${A_YEAR_MAX} decisions of ${year}; use another namespace`,
      )
    at = page.next_cursor
  }
  return greatest + 1
}

type Decision = {
  readonly title: string
  readonly context: string
  readonly decision: string
  readonly consequences: string
  readonly alternatives?: string
  readonly status?: Status
  readonly supersedes?: string
  readonly tags?: readonly string[]
  readonly namespace?: string
}
const paragraph = (description: string) => ({
  type: 'string',
  minLength: 1,
  'x-text-bytes-max': limits.content_bytes_max,
  description,
})

const recordDecision: Tool = {
  name: 'record_decision',
  title: 'Record a decision',
  hints: { ...ADDS, idempotentHint: false },
  description:
    "Record an architecture decision with its reasons; it gets the next number of the year and is shown as adr://{year}/{number}. For what must be justified later; a plain preference is for remember. If it replaces one, give that one's id as supersedes.",
  input: object(
    {
      title: name('the decision in a line', limits.title_bytes_max),
      context: paragraph('what led to it'),
      decision: paragraph('what is decided'),
      consequences: paragraph('what follows, good and bad'),
      alternatives: paragraph('what else was considered, and why not'),
      status: { type: 'string', enum: STATUSES, description: 'accepted unless given' },
      supersedes: { ...id, description: 'id of the decision that this one replaces' },
      tags: { type: 'array', maxItems: limits.tags_per_event_max - 3, items: name('a tag', limits.tag_bytes_max) },
      namespace,
    },
    ['title', 'context', 'decision', 'consequences'],
  ),
  output: answer({ ...written, year: integer, number: integer, uri: text, superseded: textOrNull }, [
    'id',
    'year',
    'number',
    'uri',
  ]),
  async run(asked: Asked, { supersedes, tags = [], namespace: given, ...said }: Decision) {
    const into = writtenTo(asked, given)
    const content = textOf(said)
    if (Buffer.byteLength(content) > limits.content_bytes_max)
      throw new NodeError(
        'too_large',
        `the decision is longer than ${limits.content_bytes_max} bytes; shorten it, or put a part into a memory of its own and link it`,
      )
    const old =
      supersedes === undefined
        ? null
        : (await seeingOwn(asked, (options) => asked.node.get(recordId(supersedes), options))).memory
    const year = new Date(asked.now()).getUTCFullYear()
    const by = { agent: asked.session.agent }
    return asked.alone(async () => {
      const place = { year, number: await nextNumber(asked, into, year) }
      const { status = 'accepted' } = said
      const made = await asked.node.remember(
        into,
        {
          title: said.title,
          content,
          kind: KIND,
          tags: [...new Set([TAG, yearTag(year), numberTag(place), ...tags])],
          metadata: { status },
        },
        by,
      )
      const data = answerOf(asked, made)
      const replaced = old === null ? null : await supersede(asked, made.id, old)
      const uri = adrUriOf(place)
      return {
        text: `Recorded as ${uri} (${made.id}) in ${into}, ${onDisks(made)}.${replaced?.told ?? ''}`,
        data: { ...data, ...place, uri, superseded: replaced?.id ?? null },
      }
    }, into)
  },
}
/** The new decision stands whatever comes of this, so a refusal is told beside it: an error would have it recorded twice. */
const supersede = async (
  asked: Asked,
  by: RecordId,
  old: MemoryRow,
): Promise<{ readonly id: RecordId | null; readonly told: string }> => {
  const options = { agent: asked.session.agent }
  try {
    asked.wrote((await asked.node.link({ from: by, to: old.id, relation: 'supersedes' }, options)).token)
    asked.wrote(
      (
        await asked.node.patch(
          old.id,
          { metadata: { ...old.metadata, status: 'superseded' } },
          { ...options, if_match: old.version },
        )
      ).token,
    )
    return { id: old.id, told: ` ${old.id} is superseded.` }
  } catch (error) {
    if (!(error instanceof NodeError)) throw error
    return {
      id: null,
      told: ` ${old.id} could not be marked as superseded: ${refusal(error)}. Link the two, and update it.`,
    }
  }
}

const textOf = ({
  context,
  decision,
  consequences,
  alternatives,
}: Omit<Decision, 'supersedes' | 'tags' | 'namespace'>): string =>
  [
    ['Context', context],
    ['Decision', decision],
    ['Consequences', consequences],
    ['Alternatives considered', alternatives],
  ]
    .filter(([, part]) => part !== undefined)
    .map(([head, part]) => `## ${head}\n\n${part}`)
    .join('\n\n')

const DECISIONS_DEFAULT = 50
type Listing = {
  readonly year?: number
  readonly namespace?: string
  readonly limit?: number
  readonly cursor?: string
  readonly max_tokens?: number
}
const listDecisions: Tool = {
  name: 'list_decisions',
  title: 'Decisions',
  hints: READS,
  description:
    'Recorded decisions, newest first: number, title, status, author. Look here before you decide something of weight; get with the id gives one whole.',
  input: object(
    {
      year: { type: 'integer', minimum: 1, maximum: 9_999 },
      namespace: readNamespace,
      limit: most(DECISIONS_DEFAULT, 200),
      cursor,
      max_tokens: tokens,
    },
    [],
  ),
  output: answer(
    { notice: text, decisions: listOf({ type: 'object' }), count: integer, next_cursor: textOrNull, lag: integer },
    ['decisions', 'next_cursor'],
  ),
  async run(
    asked: Asked,
    { year, namespace: given, limit = DECISIONS_DEFAULT, cursor: at, max_tokens = TOKENS_DEFAULT }: Listing,
  ) {
    const filter = decisionsIn(readFrom(asked, given), year)
    const { items: decisions, page } = await pageWithin(
      limit,
      max_tokens,
      (so) => seeingOwn(asked, (options) => asked.node.list(filter, { limit: so, ...from(at) }, options)),
      decisionOf,
    )
    const { next_cursor, lag } = page
    return toldList(
      'decisions',
      decisions,
      'No decision is recorded here.',
      `${moreLine(next_cursor)}${lagLine(lag)}`,
      { decisions, count: decisions.length, next_cursor, lag },
    )
  },
}
export const statusOf = ({ metadata }: Pick<MemoryRow, 'metadata'>): string =>
  typeof metadata['status'] === 'string' ? metadata['status'] : 'accepted'
const decisionOf = (row: MemoryRow) => {
  const place = placeOf(row)
  return {
    ...(place === null ? {} : { uri: adrUriOf(place), ...place }),
    id: row.id,
    title: row.title,
    status: statusOf(row),
    author: row.agent_id,
    at: row.created_at,
    namespace: row.namespace,
  }
}

export const decisionReads: readonly Tool[] = [listDecisions]
export const decisionWrites: readonly Tool[] = [recordDecision]
