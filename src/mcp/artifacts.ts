/**
 * Files' hashes as signed memories: which file was meant, by whom, when, provable later. The file itself is neither read nor kept.
 * A signature holds by the event that made it: what somebody changed in the memory since is told, and does not count.
 */
import { createHash } from 'node:crypto'
import { limits } from '../../crdt/limits.ts'
import { NodeError } from '../errors.ts'
import type { MemoryRow } from '../ports/projection.ts'
import { boolean, id, integer, listOf, name, namespace, readFrom, readNamespace, text, writtenTo } from './fields.ts'
import { checkedProof, receiptUriOf, shownProof } from './proofs.ts'
import { seeingOwn } from './reading.ts'
import { moreLine, toldList } from './told.ts'
import { ADDS, answer, object, READS, type Asked, type Tool } from './tool.ts'
import { answerOf, onDisks, written } from './writing.ts'

const TAG = 'artifact'
const KIND = 'artifact'
const tagOf = (sha256: string): string => `sha256:${sha256}`
const sha256 = {
  type: 'string',
  pattern: '^[0-9a-fA-F]{64}$',
  description: "the file's SHA-256 in hex, as sha256sum prints it",
}
const fileText = {
  type: 'string',
  'x-text-bytes-max': limits.content_bytes_max,
  description: 'or a short text itself, hashed as UTF-8',
}
type Which = { readonly sha256?: string; readonly text?: string }

const hashOf = ({ sha256: given, text: whole }: Which): string => {
  if ((given === undefined) === (whole === undefined)) throw new NodeError('malformed', 'give either sha256 or text')
  return (
    given?.toLowerCase() ??
    createHash('sha256')
      .update(whole ?? '')
      .digest('hex')
  )
}

type Signing = Which & {
  readonly name: string
  readonly bytes?: number
  readonly note?: string
  readonly namespace?: string
}
const signArtifact: Tool = {
  name: 'sign_artifact',
  title: 'Sign a file',
  hints: ADDS,
  description:
    "Record a file's SHA-256 as a signed memory, so that anybody can check later that it is this file that was released, reviewed or sent. Hash the file first; the file itself is not stored.",
  input: object(
    {
      name: name('path or name of the file', limits.title_bytes_max - 100),
      sha256,
      text: fileText,
      bytes: { type: 'integer', minimum: 0, description: 'its size' },
      note: {
        type: 'string',
        minLength: 1,
        'x-text-bytes-max': 4_096,
        description: 'why it is signed: release 1.2, reviewed, …',
      },
      namespace,
    },
    ['name'],
  ),
  output: answer({ ...written, sha256: text, receipt: text }, ['id', 'sha256']),
  async run(asked: Asked, { name: file, bytes, note, namespace: given, ...which }: Signing) {
    const hash = hashOf(which)
    const made = await asked.node.remember(
      writtenTo(asked, given),
      {
        content: contentOf(hash, file, note),
        title: file,
        kind: KIND,
        tags: [TAG, tagOf(hash)],
        metadata: { sha256: hash, name: file, ...(bytes === undefined ? {} : { bytes }) },
      },
      { agent: asked.session.agent },
    )
    return {
      text: `Signed ${hash} as ${made.id}, ${onDisks(made)}. verify_artifact checks it.`,
      data: { ...answerOf(asked, made), sha256: hash, receipt: receiptUriOf(made.id) },
    }
  },
}
/** The first line is what counts: it is in the signed event's text. */
const contentOf = (hash: string, file: string, note: string | undefined): string =>
  `sha256:${hash} ${file}${note === undefined ? '' : `\n${note}`}`

/** Each takes some signatures to check. */
const CHECKED_MAX = 10
type Signature = {
  readonly id: string
  readonly valid: boolean
  readonly why: string
  readonly [fact: string]: unknown
}
const verifyArtifact: Tool = {
  name: 'verify_artifact',
  title: 'Check a file',
  hints: READS,
  description:
    'Who signed this very file, and when, each checked cryptographically against the log. Hash the file first. With id: only that signature. Not signed at all is an answer too: the file may have been changed.',
  input: object(
    {
      sha256,
      text: fileText,
      id,
      namespace: readNamespace,
      cursor: { type: 'string', minLength: 1, 'x-bytes-max': 2_048 },
    },
    [],
  ),
  output: answer(
    {
      notice: text,
      sha256: text,
      valid: boolean,
      signatures: listOf({ type: 'object' }),
      count: integer,
      next_cursor: { type: ['string', 'null'] },
    },
    ['sha256', 'valid', 'signatures', 'next_cursor'],
  ),
  async run(
    asked: Asked,
    {
      id: only,
      namespace: given,
      cursor,
      ...which
    }: Which & { readonly id?: string; readonly namespace?: string; readonly cursor?: string },
  ) {
    const hash = hashOf(which)
    const page = { limit: CHECKED_MAX, ...(cursor === undefined ? {} : { cursor }) }
    const { rows, next_cursor } = await seeingOwn(asked, (options) =>
      asked.node.list({ ...readFrom(asked, given), tags: [TAG, tagOf(hash)] }, page, options),
    )
    const signatures: Signature[] = []
    for (const row of rows)
      if (only === undefined || row.id === only.toLowerCase()) signatures.push(await signatureOf(asked, row, hash))
    const valid = signatures.some((one) => one.valid)
    const verdict = valid
      ? '\n(This file was signed as shown.)'
      : '\n(No signature of this file holds here: another version may have been signed, or it was changed.)'
    return toldList('signatures', signatures, `Nobody has signed ${hash}.`, `${moreLine(next_cursor)}${verdict}`, {
      sha256: hash,
      valid,
      signatures,
      count: signatures.length,
      next_cursor,
    })
  },
}

/** By the event that made the memory: its signed text names the hash. */
const signatureOf = async (asked: Asked, row: MemoryRow, hash: string): Promise<Signature> => {
  const checked = await checkedProof(asked, row.id, { version: 1 })
  if (!checked.holds) return { id: row.id, valid: false, why: `its proof does not hold: ${checked.fault}` }
  const { texts } = checked.proven
  const content = texts.find(({ field }) => field === 'content')?.text ?? null
  const signed = content === null ? null : new TextDecoder().decode(content)
  const facts = { id: row.id, name: row.title, ...shownProof(checked.proven), receipt: receiptUriOf(row.id) }
  if (signed === null) return { ...facts, valid: false, why: 'its text is not here any more' }
  const says = signed.startsWith(`sha256:${hash} `)
  const changed = signed !== row.content
  return {
    ...facts,
    valid: says,
    why: says
      ? `signed by ${facts.author}${changed ? '; the memory was changed since, which does not count' : ''}`
      : 'what was signed is another hash: the memory was changed since',
  }
}

export const artifactReads: readonly Tool[] = [verifyArtifact]
export const artifactWrites: readonly Tool[] = [signArtifact]
