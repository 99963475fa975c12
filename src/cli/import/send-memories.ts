/**
 * Memories → bulk requests: batches bounded in count and bytes, two under way, sent again with the same keys while a peer
 * says 'not now'.
 *
 * A batch that is refused as a whole is cut in half until the one memory that spoils it is found and named; the others get
 * through. What an export wrote is first looked up by its old id: where that memory still stands, nothing is sent.
 */
import type { BulkAnswer } from '../../api.ts'
import type { Client } from '../../sdk/client.ts'
import { CallFailure } from '../../sdk/failure.ts'
import type { GotAnswer } from '../../sdk/answers.ts'
import { inOrder } from '../in-order.ts'
import type { Io } from '../io.ts'
import type { MemoryItem, NoteItem, ProblemItem } from './item.ts'
import { withRetries } from './retry.ts'
import { fitContent } from './split.ts'
import { addNote, addProblem, type Tally } from './tally.ts'
import { cliLimits } from '../limits.ts'

export type Sending = {
  readonly io: Io
  readonly client: Client
  /** Voters that each batch waits for; undefined: as the peer has it. */
  readonly quorum: number | undefined
  readonly signal: AbortSignal
  /** @returns the namespace of a memory, or null when the source names one that is none. */
  readonly namespaceOf: (item: MemoryItem) => string | null
  readonly tally: Tally
  /** Memory id by the name that links use; filled here. */
  readonly idByName: Map<string, string>
  /** Called after every batch. */
  readonly onProgress: () => void
}

type Ready = { readonly item: MemoryItem; readonly namespace: string; readonly body: Readonly<Record<string, unknown>>; readonly bytes: number }
type Bulk = Pick<BulkAnswer, 'created' | 'ids' | 'errors'> & { readonly token?: string }

export const sendMemories = async (items: AsyncIterable<MemoryItem | ProblemItem | NoteItem>, sending: Sending): Promise<void> => {
  for await (const _done of inOrder(batches(items, sending), cliLimits.import_requests_in_flight_max, (batch) => sendBatch(batch, sending))) sending.onProgress()
}

async function* batches(items: AsyncIterable<MemoryItem | ProblemItem | NoteItem>, sending: Sending): AsyncGenerator<readonly Ready[], undefined> {
  let batch: Ready[] = []
  let bytes = 0
  for await (const item of items) {
    if (item.kind === 'problem') {
      addProblem(sending.tally, item.where, item.message)
      continue
    }
    if (item.kind === 'note') {
      addNote(sending.tally, item.where, item.message)
      continue
    }
    for (const part of fitContent(item)) {
      const ready = prepare(part, sending)
      if (ready === null) continue
      if (batch.length > 0 && (batch.length >= cliLimits.import_batch_memories_max || bytes + ready.bytes > cliLimits.import_batch_bytes_max)) {
        yield batch
        batch = []
        bytes = 0
      }
      batch.push(ready)
      bytes += ready.bytes
    }
  }
  if (batch.length > 0) yield batch
  return undefined
}

const prepare = (item: MemoryItem, { namespaceOf, tally }: Sending): Ready | null => {
  const namespace = namespaceOf(item)
  if (namespace === null) {
    addProblem(tally, item.where, `'${item.namespace ?? ''}' is no namespace; give one with --namespace`)
    return null
  }
  const body = { ...item.draft, namespace, idempotency_key: item.key }
  return { item, namespace, body, bytes: Buffer.byteLength(JSON.stringify(body)) + 1 }
}

const sendBatch = async (batch: readonly Ready[], sending: Sending): Promise<void> => {
  const missing: Ready[] = []
  for await (const ready of inOrder(batch, cliLimits.import_lookups_in_flight_max, (one) => lookUp(one, sending))) if (ready !== null) missing.push(ready)
  if (missing.length > 0) await post(missing, sending)
}

/** null when the memory stands where it was exported from. */
const lookUp = async (ready: Ready, sending: Sending): Promise<Ready | null> => {
  const id = ready.item.exported_id
  if (id === undefined) return ready
  const found = await withRetries(sending.io, () => findMemory(sending.client, id), sending.signal)
  if (found === null || found.memory.namespace !== ready.namespace) return ready
  sending.tally.existing++
  stored(ready, id, sending)
  return null
}

const findMemory = async (client: Client, id: string): Promise<GotAnswer | null> => {
  try {
    return await client.call<GotAnswer>('GET', `/memories/${id}`)
  } catch (error) {
    if (error instanceof CallFailure && error.status === 404) return null
    throw error
  }
}

/** Recursion is bounded: each call halves the batch. */
const post = async (batch: readonly Ready[], sending: Sending): Promise<void> => {
  const { io, client, signal, tally } = sending
  try {
    const answer = await withRetries(io, () => bulk(client, batch, sending.quorum), signal)
    take(batch, answer, sending)
  } catch (error) {
    if (!(error instanceof CallFailure) || ![400, 409, 413, 422].includes(error.status)) throw error
    const [only] = batch
    if (batch.length === 1 && only !== undefined) return addProblem(tally, only.item.where, error.message)
    const half = Math.ceil(batch.length / 2)
    await post(batch.slice(0, half), sending)
    await post(batch.slice(half), sending)
  }
}

/** A 422 that answers for every entry is an answer like 201. */
const bulk = async (client: Client, batch: readonly Ready[], quorum: number | undefined): Promise<Bulk> => {
  try {
    return await client.call<Bulk>('POST', '/memories/bulk', { body: { memories: batch.map((ready) => ready.body) }, query: { quorum } })
  } catch (error) {
    if (!(error instanceof CallFailure) || error.status !== 422) throw error
    const { created, ids, errors } = error.body
    if (typeof created !== 'number' || !Array.isArray(ids) || ids.length !== batch.length || !Array.isArray(errors)) throw error
    return { created, ids, errors }
  }
}

const take = (batch: readonly Ready[], answer: Bulk, sending: Sending): void => {
  const { tally } = sending
  for (const [index, ready] of batch.entries()) {
    const id = answer.ids[index]
    if (typeof id === 'string') stored(ready, id, sending)
    else if (!answer.errors.some((error) => error.index === index)) addProblem(tally, ready.item.where, 'the peer answered neither an id nor an error for it; run the import again')
  }
  for (const error of answer.errors) {
    const where = batch[error.index]?.item.where ?? `entry ${error.index}`
    addProblem(tally, where, error.error === 'idempotency_conflict' ? 'was imported before with other fields, and stays as it is; change it with `mnemesh update`' : `${error.message} (${error.error})`)
  }
  // An id that was answered for a memory that was not created is one that was there before.
  tally.existing += Math.max(0, answer.ids.filter((id) => id !== null).length - answer.created)
  tally.token = answer.token ?? tally.token
}

const stored = (ready: Ready, id: string, { tally, idByName }: Sending): void => {
  tally.stored++
  tally.namespaces.add(ready.namespace)
  const { name } = ready.item
  if (name !== undefined && idByName.size < cliLimits.import_names_max) idByName.set(name, id)
}
