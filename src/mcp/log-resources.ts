/** What proves: `receipt://{id}`, the proof of a memory as a file, and `merkle://root`, the hashes that are equal on peers that hold the same. */
import { NodeError } from '../errors.ts'
import { recordId } from '../input/ids.ts'
import { receiptUriOf } from './proofs.ts'
import { seeingOwn } from './reading.ts'
import type { Listed, Resources } from './resource.ts'

const MIME_TYPE = 'application/json'
/** Beyond it no client of this protocol has a use for it; most have some KiB. */
const PROOF_CHARS_MAX = 1024 * 1024

const RECEIPT = receiptUriOf('')
export const receiptResources: Resources = {
  templates: [
    {
      name: 'receipt',
      title: 'The proof of a memory',
      uriTemplate: `${RECEIPT}{id}`,
      description:
        'Who wrote it first, when, and which voters signed that it is on their disks: a file for `mnemesh verify-proof`',
      mimeType: MIME_TYPE,
    },
  ],
  list: async () => ({ resources: [], next_cursor: null }),
  read: async (asked, uri) => {
    if (!uri.startsWith(RECEIPT)) return null
    const id = recordId(uri.slice(RECEIPT.length))
    const text = await seeingOwn(asked, (options) => asked.node.proof(id, options))
    if (text.length > PROOF_CHARS_MAX)
      throw new NodeError(
        'too_large',
        `the proof is longer than ${PROOF_CHARS_MAX} characters; take it from GET /api/v1/memories/${id}/proof`,
      )
    return { mimeType: MIME_TYPE, text }
  },
  complete: async () => [],
}

const root: Listed = {
  name: 'merkle-root',
  title: 'Hashes of all that is here',
  uri: 'merkle://root',
  description: 'Of log, documents and search index: equal on two peers that hold the same',
  mimeType: MIME_TYPE,
}
export const rootResources: Resources = {
  templates: [],
  list: async () => ({ resources: [root], next_cursor: null }),
  read: async ({ node }, uri) => {
    if (uri !== root.uri) return null
    const [{ mesh_id, peer_id }, { frontier, documents, projection, documents_pending, log }] = await Promise.all([
      node.health(),
      node.digests({ limit: 1 }),
    ])
    return {
      mimeType: MIME_TYPE,
      text: JSON.stringify({ mesh_id, peer_id, frontier, documents, projection, documents_pending, commits: log }),
    }
  },
  complete: async () => [],
}
