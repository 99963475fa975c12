/** The tools of the profile `core` that write: remember, update, forget, link. */
import type { Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { NodeError } from '../errors.ts'
import { recordId } from '../input/ids.ts'
import { likeness } from './alike.ts'
import {
  boolean,
  content,
  id,
  inputOf,
  kind,
  listOf,
  namespace,
  tags,
  time,
  title,
  writtenTo,
  type Fields,
} from './fields.ts'
import { isUnavailable, seeingOwn } from './reading.ts'
import { fenced, firstChars, shownRow, type Row } from './show.ts'
import { ADDS, answer, CHANGES, object, type Asked, type Tool } from './tool.ts'
import { answerOf, onDisks, written } from './writing.ts'

const expires_at = time('until when it holds')
/** Of so many that are found by its words, those are named beside a new memory whose texts are as alike as that. */
const LOOKED_AT = 5
const ALIKE_MAX = 3
const ALIKE_MIN = 0.5
const ALIKE_CHARS = 300
/** Words to look for: more make the search no better. */
const QUESTION_CHARS_MAX = 1_000

const remember: Tool = {
  name: 'remember',
  title: 'Remember',
  description:
    'Store a fact, preference or decision that will matter in later sessions, in sentences that are understood alone. ' +
    'Not for secrets, passing state, or what the code says already. A text that is known is not stored twice; like ones are named, ' +
    'so that you can update one instead.',
  input: object({ content, title, kind, tags, expires_at, namespace }, ['content']),
  output: answer({ ...written, known: boolean, alike: listOf({ type: 'object' }) }, ['id', 'known']),
  hints: ADDS,
  async run(asked: Asked, args: Fields & { readonly content: string; readonly namespace?: string }) {
    const { namespace: given, ...fields } = args
    const into = writtenTo(asked, given)
    const found = await foundBy(asked, into, args.content)
    const same = found.find((row) => row.content === args.content)
    if (same !== undefined) {
      return {
        text: `Known already as ${same.id}; nothing was stored.`,
        data: { id: same.id, namespace: into, known: true, alike: [] },
      }
    }
    const made = await asked.node.remember(
      into,
      { ...inputOf(fields), content: args.content },
      { agent: asked.session.agent },
    )
    const near = found.filter((row) => likeness(row.content ?? '', args.content) >= ALIKE_MIN).slice(0, ALIKE_MAX)
    const alike = near.map((row) => shownRow(row, ALIKE_CHARS))
    const hint =
      alike.length === 0
        ? ''
        : `\nAlike; if one of them says the same, update it and forget this one:\n${fenced(alike)}`
    return {
      text: `Remembered as ${made.id} in ${into}, ${onDisks(made)}.${hint}`,
      data: { ...answerOf(asked, made), known: false, alike },
    }
  },
}

/** None while there is no search: what is to be kept is kept all the same. */
const foundBy = async (asked: Asked, into: Namespace, words: string): Promise<readonly Row[]> => {
  try {
    const question = { q: firstChars(words, QUESTION_CHARS_MAX), namespace: into, limit: LOOKED_AT }
    return (await seeingOwn(asked, (options) => asked.node.recall(question, options))).memories
  } catch (error) {
    if (isUnavailable(error)) return []
    throw error
  }
}

const update: Tool = {
  name: 'update',
  title: 'Change a memory',
  description:
    'Change fields of a memory whose id you have, when it is no longer right. Its history stays. Give the version that ' +
    "you read as if_version, so that nobody's change in between is lost.",
  input: object(
    { id, content, title, kind, tags, expires_at, if_version: { type: 'string', minLength: 1, 'x-bytes-max': 512 } },
    ['id'],
  ),
  output: answer(written, ['id']),
  hints: CHANGES,
  async run(asked: Asked, args: Fields & { readonly id: string; readonly if_version?: string }) {
    const { id: record, if_version, ...fields } = args
    if (Object.keys(fields).length === 0) {
      throw new NodeError('malformed', 'nothing to change; give content, title, kind, tags or expires_at')
    }
    const options = { agent: asked.session.agent, ...(if_version === undefined ? {} : { if_match: if_version }) }
    const made = await asked.node.patch(recordId(record), inputOf(fields), options)
    return { text: `Changed ${made.id}, ${onDisks(made)}.`, data: answerOf(asked, made) }
  },
}

const forget: Tool = {
  name: 'forget',
  title: 'Forget a memory',
  description:
    'Forget a memory that is wrong or of no more use; it can be restored. With erase its text is destroyed on every peer ' +
    'for good: only when a person asks for that, or for a secret.',
  input: object({ id, erase: boolean }, ['id']),
  output: answer(written, ['id']),
  hints: CHANGES,
  async run(asked: Asked, { id: record, erase = false }: { readonly id: string; readonly erase?: boolean }) {
    const made = await asked.node.forget(recordId(record), { agent: asked.session.agent, erase })
    return { text: `${erase ? 'Erased' : 'Forgotten'}: ${made.id}, ${onDisks(made)}.`, data: answerOf(asked, made) }
  },
}

const link: Tool = {
  name: 'link',
  title: 'Link two memories',
  description: 'State how one memory relates to another: causes, supersedes, contradicts, part-of, … Both must exist.',
  input: object({ from: id, to: id, relation: { type: 'string', minLength: 1, 'x-bytes-max': limits.name_bytes_max } }),
  output: answer(written, ['id']),
  hints: ADDS,
  async run(
    asked: Asked,
    { from, to, relation }: { readonly from: string; readonly to: string; readonly relation: string },
  ) {
    const ends = { from: recordId(from), to: recordId(to) }
    const made = await asked.node.link({ ...ends, relation }, { agent: asked.session.agent })
    return { text: `Linked ${ends.from} to ${ends.to}, ${onDisks(made)}.`, data: answerOf(asked, made) }
  },
}

export const coreWrites: readonly Tool[] = [remember, update, forget, link]
