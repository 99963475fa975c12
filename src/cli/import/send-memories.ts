/**
 * Memories → bulk requests: batches bounded in count and bytes, two under way, sent again with the same keys while a peer
 * says 'not now'.
 *
 * A batch that is refused as a whole is cut in half until the one memory that spoils it is found and named; the others get
 * through. What an export wrote is first looked up by its old id: where that memory still stands, nothing is sent.
 */
import type { BulkAnswer } from '../../api.ts'
import type { Client } from '../../sdk/client.ts'
import { findMemory } from './find.ts'
import { CallFailure } from '../../sdk/failure.ts'
import { inOrder } from '../in-order.ts'
import { keyOf, type MemoryItem, type NoteItem, type ProblemItem } from './item.ts'
import { draftHash, knownRow, type KnownRow, textHash } from './known.ts'
import { withRetries } from './retry.ts'
import { sendSaid } from './send-said.ts'
import type { Sending } from './sending.ts'
import { fitContent } from './split.ts'
import { addNote, addProblem } from './tally.ts'
import { cliLimits } from '../limits.ts'

type Ready = {
  readonly item: MemoryItem
  /** Of what its source says; with a place alone. */ readonly hash?: string
  readonly namespace: string
  readonly body: Readonly<Record<string, unknown>>
  readonly bytes: number
}
type Bulk = Pick<BulkAnswer, 'created' | 'ids' | 'errors'> & { readonly token?: string }

export const sendMemories = async (
  items: AsyncIterable<MemoryItem | ProblemItem | NoteItem>,
  sending: Sending,
): Promise<void> => {
  for await (const _done of inOrder(batches(items, sending), cliLimits.import_requests_in_flight_max, (batch) =>
    sendBatch(batch, sending),
  ))
    sending.onProgress()
}

async function* batches(
  items: AsyncIterable<MemoryItem | ProblemItem | NoteItem>,
  sending: Sending,
): AsyncGenerator<readonly Ready[], undefined> {
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
      if (
        batch.length > 0 &&
        (batch.length >= cliLimits.import_batch_memories_max || bytes + ready.bytes > cliLimits.import_batch_bytes_max)
      ) {
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

const prepare = (item: MemoryItem, { io, namespaceOf, tally }: Sending): Ready | null => {
  const namespace = namespaceOf(item)
  if (namespace === null) {
    addProblem(tally, item.where, `'${item.namespace ?? ''}' is no namespace; give one with --namespace`)
    return null
  }
  const { expires_at } = item.draft
  if (typeof expires_at === 'string' && Date.parse(expires_at) <= io.clock.now())
    addNote(
      tally,
      item.where,
      `expired on ${expires_at}: it came in, is in no list and not found, and read by its id alone`,
    )
  const hash = item.place === undefined ? undefined : draftHash(item.draft)
  const draft =
    item.place === undefined
      ? item.draft
      : { ...item.draft, metadata: { ...item.draft.metadata, import: { ...item.place, hash } } }
  const body = { ...draft, namespace, idempotency_key: item.key }
  return {
    item,
    ...(hash === undefined ? {} : { hash }),
    namespace,
    body,
    bytes: Buffer.byteLength(JSON.stringify(body)) + 1,
  }
}

const sendBatch = async (batch: readonly Ready[], sending: Sending): Promise<void> => {
  const missing: Ready[] = []
  for await (const ready of inOrder(batch, cliLimits.import_lookups_in_flight_max, (one) => lookUp(one, sending)))
    if (ready !== null) missing.push(ready)
  if (missing.length > 0) await post(missing, sending)
}

/** null when the memory stands where it was exported from, or came from the same place before. */
const lookUp = async (ready: Ready, sending: Sending): Promise<Ready | null> => {
  if (ready.item.place !== undefined) {
    const known = await standing(ready, ready.item.place.id, sending)
    if (known === undefined) return ready
    await bring(ready, known, sending)
    return null
  }
  const id = ready.item.exported_id
  if (id === undefined) return ready
  if (ready.item.said !== undefined) {
    const sent = await sendSaid({ ...ready, id, said: ready.item.said, where: ready.item.where }, sending)
    if (sent !== null) stored(ready, sent, sending)
    return null
  }
  const found = await withRetries(sending.io, () => findMemory(sending.client, id), sending.signal)
  if (found === null || found.memory.namespace !== ready.namespace) return ready
  sending.tally.existing++
  stored(ready, id, sending)
  return null
}

/** The memory of a place, or of a copy of its file that says the same. */
const standing = async (ready: Ready, place: string, sending: Sending): Promise<KnownRow | undefined> => {
  const { byId, byText } = await sending.known(ready.namespace)
  const { draft } = ready.item
  const path = String(draft.metadata?.['path'])
  return (
    byId.get(place) ??
    byText
      .get(textHash({ content: draft.content, title: draft.title, metadata: draft.metadata ?? {} }))
      ?.find((row) => endsAlike(row.path, path))
  )
}

const endsAlike = (a: string, b: string): boolean => a === b || a.endsWith(`/${b}`) || b.endsWith(`/${a}`)

/** Changes a memory as its source was changed, and leaves it alone where the source was not. */
const bring = async (ready: Ready, known: KnownRow, sending: Sending): Promise<void> => {
  const { io, client, quorum, signal, tally } = sending
  sending.seen.add(known.id)
  if (known.hash === ready.hash) {
    tally.existing++
    stored(ready, known.memory, sending)
    return
  }
  const { namespace: _namespace, idempotency_key: _key, ...fields } = ready.body
  const body = { ...CLEARED, ...fields }
  try {
    const key = keyOf('change', ready.item.key, ready.hash ?? '', known.version)
    const answer = await withRetries(
      io,
      () =>
        client.call<{ token?: string }>('PATCH', `/memories/${known.memory}`, {
          body,
          query: { quorum },
          headers: { 'idempotency-key': key },
        }),
      signal,
    )
    tally.token = answer.token ?? tally.token
    tally.changed++
    stored(ready, known.memory, sending)
  } catch (error) {
    if (!(error instanceof CallFailure) || ![400, 404, 409, 413, 422].includes(error.status)) throw error
    addProblem(tally, ready.item.where, error.message)
  }
}

/** What a source no longer says of a memory. */
const CLEARED = { title: null, tags: [], source: null, scope: null, run_id: null, occurred_at: null, expires_at: null }

/** One that the mesh had under its key and did not list: forgotten there, or written a moment ago. */
const settle = async (ready: Ready, id: string, sending: Sending): Promise<void> => {
  const found = await withRetries(sending.io, () => findMemory(sending.client, id), sending.signal)
  const known = found === null ? null : knownRow(found.memory)
  if (found === null) sending.tally.forgotten++
  else if (known === null) stored(ready, id, sending)
  else await bring(ready, known, sending)
}

/** Recursion is bounded: each call halves the batch. */
const post = async (batch: readonly Ready[], sending: Sending): Promise<void> => {
  const { io, client, signal, tally } = sending
  try {
    const answer = await withRetries(io, () => bulk(client, batch, sending.quorum), signal)
    await take(batch, answer, sending)
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
    return await client.call<Bulk>('POST', '/memories/bulk', {
      body: { memories: batch.map((ready) => ready.body) },
      query: { quorum },
    })
  } catch (error) {
    if (!(error instanceof CallFailure) || error.status !== 422) throw error
    const { created, ids, errors } = error.body
    if (typeof created !== 'number' || !Array.isArray(ids) || ids.length !== batch.length || !Array.isArray(errors))
      throw error
    return { created, ids, errors }
  }
}

const take = async (batch: readonly Ready[], answer: Bulk, sending: Sending): Promise<void> => {
  const { tally } = sending
  tally.token = answer.token ?? tally.token
  const answered = answer.ids.filter((id) => id !== null).length
  /** With places, each of these is looked at: an id that was answered for a memory that was not created was there before. */
  const unlisted: [Ready, string][] = []
  for (const [index, ready] of batch.entries()) {
    const id = answer.ids[index]
    if (typeof id === 'string' && ready.hash !== undefined && answered > answer.created) unlisted.push([ready, id])
    else if (typeof id === 'string') stored(ready, id, sending)
    else if (!answer.errors.some((error) => error.index === index))
      addProblem(tally, ready.item.where, 'the peer answered neither an id nor an error for it; run the import again')
  }
  for (const error of answer.errors) {
    const ready = batch[error.index]
    if (error.error === 'idempotency_conflict' && ready?.hash !== undefined && error.id !== undefined)
      unlisted.push([ready, error.id])
    else
      addProblem(
        tally,
        ready?.item.where ?? `entry ${error.index}`,
        error.error === 'idempotency_conflict'
          ? 'was imported before with other fields, and stays as it is; change it with `mnemesh update`'
          : `${error.message} (${error.error})`,
      )
  }
  if (!batch.some((ready) => ready.hash !== undefined)) tally.existing += Math.max(0, answered - answer.created)
  for await (const _done of inOrder(unlisted, cliLimits.import_lookups_in_flight_max, ([ready, id]) =>
    settle(ready, id, sending),
  ))
    continue
  // Of those, the ones that were created just now were counted as there already.
  if (unlisted.length > 0) tally.existing -= answer.created
}

const stored = (ready: Ready, id: string, { tally, idByName, seen }: Sending): void => {
  tally.stored++
  if (ready.item.place !== undefined) seen.add(ready.item.place.id)
  tally.namespaces.add(ready.namespace)
  const { name } = ready.item
  if (name !== undefined && idByName.size < cliLimits.import_names_max) idByName.set(name, id)
}
