/**
 * `GET /digests`: what two members compare to see that they hold the same, in all and by namespace.
 *
 * Nothing is opened or waited for: frontier and documents are those of stable storage, kept up to date with each flush, and the rows'
 * stand in their database. Documents whose heads are not known (after a start, a fork, a revocation, a healed commit) are replayed in
 * the background, a few ms a turn; until then the answer has no digest of documents and counts them.
 */
import { bytesToHex, type Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { emptySetHash, setDigest } from '../../crdt/set-hash.ts'
import type { Digests, DigestsOptions, Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import { ProjectionFailure, type Projection, type ProjectionDigest } from '../ports/projection.ts'
import type { Shell } from '../replica/effects.ts'
import type { Replica } from '../replica/replica-types.ts'

export type DigestsContext = {
  readonly replica: Replica
  readonly shell: Pick<Shell, 'onGrown' | 'isStopping'>
  readonly projection: Pick<Projection, 'digest'>
  readonly after: (ms: number, call: () => void) => unknown
}

/** Events replayed in one turn: some 10 ms. One commit's, up to 256 events, are never parted. */
const EVENTS_PER_TURN = 32
/** Between two turns, so that what waits has more of the processor than this does. */
const PAUSE_MS = 5

/** The rows of a namespace that has none. */
const NO_ROWS = setDigest(emptySetHash())

export const createDigests = ({ replica, shell, projection, after }: DigestsContext): Node['digests'] => {
  const { index, documentDigests } = replica
  workInBackground(documentDigests, shell, after)

  const rowsDigest = (): Promise<ProjectionDigest | null> =>
    projection.digest().catch((error: unknown) => {
      if (error instanceof ProjectionFailure) return null
      throw error
    })

  return async (options = {}) => {
    const rows = await rowsDigest()
    const { page, next_cursor } = pageOf(index.sortedNamespaces.of(index.namespaces), options)
    const frontiers = replica.frontierDigestsOf(page)
    const documents = documentDigests.of(page)
    const digestsOf = (namespace: Namespace): Digests => ({
      frontier: frontiers.get(namespace)!,
      documents: documents.get(namespace) ?? null,
      projection:
        rows === null ? null : Object.hasOwn(rows.by_namespace, namespace) ? rows.by_namespace[namespace]! : NO_ROWS,
    })
    return {
      frontier: bytesToHex(replica.frontierDigest()),
      documents: documentDigests.all(),
      projection: rows?.all ?? null,
      documents_pending: documentDigests.waiting,
      log: index.arrivals,
      namespaces: Object.fromEntries(page.map((namespace) => [namespace, digestsOf(namespace)])),
      next_cursor,
    }
  }
}

/** As long as documents wait, and again whenever some do. */
const workInBackground = (
  documents: Replica['documentDigests'],
  shell: DigestsContext['shell'],
  after: DigestsContext['after'],
): void => {
  let isWorking = false
  const work = (): void => {
    isWorking = false
    if (shell.isStopping()) return
    documents.work(EVENTS_PER_TURN)
    look()
  }
  const look = (): void => {
    if (isWorking || documents.waiting === 0) return
    isWorking = true
    after(PAUSE_MS, work)
  }
  shell.onGrown(look)
  look()
}

/** @param sorted all of them, ascending. */
const pageOf = (
  sorted: readonly Namespace[],
  { namespace, limit = limits.list_limit_default, cursor }: DigestsOptions,
): { readonly page: readonly Namespace[]; readonly next_cursor: string | null } => {
  if (namespace !== undefined) return { page: [namespace], next_cursor: null }
  if (cursor === '')
    throw new NodeError('malformed', 'cursor is empty; send back next_cursor, unchanged, or leave it out to start')
  const behind = cursor === undefined ? 0 : sorted.findIndex((name) => name > cursor)
  const page = behind < 0 ? [] : sorted.slice(behind, behind + limit)
  return { page, next_cursor: behind >= 0 && behind + limit < sorted.length ? page.at(-1)! : null }
}
