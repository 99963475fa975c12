/**
 * Proofs of memories: who said it, when, and on whose disks it lies, checked here as a stranger would who knows the mesh's id alone.
 * The proof itself is `receipt://{id}`, in the one form that `mnemesh verify-proof` takes.
 */
import { parseMeshId, type RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { verifyProof, type Proven } from '../../crdt/proof.ts'
import type { ProofOptions } from '../api.ts'
import { NodeError } from '../errors.ts'
import { recordId } from '../input/ids.ts'
import { boolean, eventId, eventOf, id, integer, listOf, text } from './fields.ts'
import { seeingOwn } from './reading.ts'
import { toldOf } from './told.ts'
import { answer, object, READS, type Asked, type Tool } from './tool.ts'

export type Checked =
  { readonly holds: true; readonly proven: Proven } | { readonly holds: false; readonly fault: string }

/** The proof of one of a memory's events, checked against this mesh. @throws NodeError, of the peer that cannot give one. */
export const checkedProof = async (asked: Asked, record: RecordId, options: ProofOptions): Promise<Checked> => {
  const file = await seeingOwn(asked, (own) => asked.node.proof(record, { ...own, ...options }))
  const mesh = parseMeshId((await asked.node.health()).mesh_id)
  if (mesh === null) throw new NodeError('internal', 'the peer does not tell the id of its mesh')
  const result = verifyProof(new TextEncoder().encode(file), mesh)
  return result.ok
    ? { holds: true, proven: result }
    : { holds: false, fault: result.about === null ? result.fault : `${result.fault} (${result.about})` }
}

/** What a proof shows, without its bytes. */
export const shownProof = ({ event, commit, chain, seq, header, author, voters, meshName }: Proven) => ({
  event_id: event.id,
  kind: event.kind,
  author: event.agent,
  said_at: event.at,
  namespace: header.namespace,
  commit,
  chain,
  seq,
  peer: author.name,
  voters: voters.map(({ name }) => name),
  mesh: meshName,
})

export const receiptUriOf = (record: string): string => `receipt://${record}`

const proof: Tool = {
  name: 'proof',
  title: 'Prove a memory',
  hints: READS,
  description:
    'Shows who said a memory, when, and which voters signed that it is on their disks, checked cryptographically; the proof file is the resource receipt://{id}. Of the first version unless event_id or version names another.',
  input: object(
    {
      id,
      event_id: eventId,
      version: {
        type: 'integer',
        minimum: 1,
        maximum: limits.seq_max,
        description: 'its number in the history, from 1',
      },
    },
    ['id'],
  ),
  output: answer(
    {
      notice: text,
      holds: boolean,
      event_id: text,
      author: text,
      said_at: text,
      commit: text,
      seq: integer,
      voters: listOf(text),
      receipt: text,
    },
    ['holds'],
  ),
  async run(
    asked: Asked,
    { id: record, event_id, version }: { readonly id: string; readonly event_id?: string; readonly version?: number },
  ) {
    if (event_id !== undefined && version !== undefined)
      throw new NodeError('malformed', 'give either event_id or version')
    const options = {
      ...(event_id === undefined ? {} : { event: eventOf(event_id) }),
      ...(version === undefined ? {} : { version }),
    }
    const checked = await checkedProof(asked, recordId(record), options)
    if (!checked.holds)
      return toldOf(
        'proof',
        { holds: false, fault: checked.fault },
        '\n(The proof does not hold; verify_log says whether this peer is damaged.)',
      )
    const shown = { holds: true, ...shownProof(checked.proven), receipt: receiptUriOf(record.toLowerCase()) }
    return toldOf(
      'proof',
      shown,
      `\n(It holds: ${shown.voters.length} voter${shown.voters.length === 1 ? '' : 's'} signed that it is on disk.)`,
    )
  },
}

export const proofTools: readonly Tool[] = [proof]
