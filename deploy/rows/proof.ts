/**
 * Two real peers with the same memories, then many large ones in bulk on the one: what the other answers throughout.
 *
 * Readers of the other list, page by page, and recall, one question after the other, until both peers are equal again; each answer is
 * held against what must be there: every memory of before, and of the new ones all that were acknowledged by both before it was asked.
 * Texts of a bulk come behind their commits, so rows are written again: no more than there are late texts.
 */
import { startFleet } from '../local/fleet.ts'
import { allMemories, expecting, listIn, textIn, type Json } from '../local/http.ts'
import type { Peer } from '../local/peer.ts'
import { until } from '../local/until.ts'

export type Proof = {
  readonly memories: number
  readonly late: number
  readonly lists: number
  readonly recalls: number
  /** Searches and counts that were answered 503 with a reason: the rows were being written for longer than a reader waits. */
  readonly refused: number
  /** Rows that the other peer wrote again during the bulk, by its metric. */
  readonly written_again: number
  /** The fewest memories that its rows ever counted. */
  readonly fewest: number
  readonly bulk_ms: number
  readonly until_equal_ms: number
  /** What was answered otherwise than it must be, one line each; some of them. */
  readonly wrong: readonly string[]
}

const [OLD, NEW] = ['proof/old', 'proof/new']
const LATE = 300
const LATE_BYTES = 4_096
const PART = 500
/** Loading 20,000 on two peers takes some minutes of one core. */
const SETTLED_MS_MAX = 900_000
const WRONG_MAX = 20

/** @param memories on each peer before the bulk. @param say told, in one line each, how far it is. */
export const proveRows = async (memories: number, say: (line: string) => void): Promise<Proof> => {
  const fleet = await startFleet({ names: ['a', 'b'], projection: 'pglite', quorumTimeoutMs: 60_000 })
  try {
    const [writer, reader] = [fleet.peer(0), fleet.peer(1)]
    const old = new Set<string>()
    for (let at = 0; at < memories; at += PART) {
      for (const id of await bulk(
        writer,
        Array.from({ length: Math.min(PART, memories - at) }, (_, i) => ({
          namespace: OLD,
          content: `${wordOf(at + i)} is what memory ${at + i} is about`,
        })),
      ))
        old.add(id)
      if (at % (10 * PART) === 0) say(`${old.size} of ${memories} memories`)
    }
    await shown([writer, reader])
    say('the rows of both hold them; 300 of 4 KiB in bulk')
    return await during({ writer, reader, old })
  } finally {
    await fleet.dispose()
  }
}

type Stage = { readonly writer: Peer; readonly reader: Peer; readonly old: ReadonlySet<string> }

const during = async ({ writer, reader, old }: Stage): Promise<Proof> => {
  const wrong: string[] = []
  const amiss = (line: string): void => void (wrong.length < WRONG_MAX && wrong.push(line))
  const acked = new Set<string>()
  const counts = { lists: 0, recalls: 0, refused: 0, fewest: Number.POSITIVE_INFINITY }
  const before = await writtenAgain(reader)
  let ended = false
  const repeat = async (ask: () => Promise<void>): Promise<void> => {
    do await ask().catch((error: unknown) => amiss(String(error)))
    while (!ended)
  }
  const list = async (namespace: string, must: ReadonlySet<string>): Promise<void> => {
    const due = [...must]
    const ids = new Set((await allMemories(reader.call, namespace)).map((row) => textIn(row, 'id')))
    const missing = due.filter((id) => !ids.has(id)).length
    if (missing > 0) amiss(`a list of ${namespace} lacks ${missing} of ${due.length}`)
    counts.lists++
  }
  let asked = 0
  const recall = async (): Promise<void> => {
    const rows = async (call: ReturnType<Peer['call']>): Promise<Json | null> => {
      const answer = await call
      if (answer.status !== 503) return expecting(200, Promise.resolve(answer))
      counts.refused++
      return null
    }
    const word = wordOf((asked++ * 7_919) % old.size)
    const answer = await rows(reader.call('POST', '/recall', { body: { q: word, namespace: OLD, limit: 1 } }))
    const found = answer && listIn(answer, 'memories')[0]
    if (answer !== null && !String(found?.['content']).startsWith(`${word} `))
      amiss(`${word} is not found: ${JSON.stringify(found ?? null)}`)
    if (answer !== null) counts.recalls++
    const stats = await rows(reader.call('GET', '/stats'))
    if (stats !== null) counts.fewest = Math.min(counts.fewest, Number(stats['total']))
  }
  const readers = [repeat(() => list(OLD, old)), repeat(() => list(NEW, acked)), repeat(recall), repeat(recall)]
  const from = performance.now()
  try {
    const text = 'many words that take their room '.repeat(LATE_BYTES / 32)
    for (const id of await bulk(
      writer,
      Array.from({ length: LATE }, (_, i) => ({ namespace: NEW, content: `late${i} ${text}`.slice(0, LATE_BYTES) })),
    ))
      acked.add(id)
    const bulkMs = performance.now() - from
    await shown([writer, reader])
    const equalMs = performance.now() - from
    ended = true
    await Promise.all(readers)
    await list(NEW, acked)
    if (counts.fewest < old.size) amiss(`the rows counted ${counts.fewest} memories at least once, of ${old.size}`)
    return {
      memories: old.size,
      late: acked.size,
      ...counts,
      written_again: (await writtenAgain(reader)) - before,
      bulk_ms: Math.round(bulkMs),
      until_equal_ms: Math.round(equalMs),
      wrong,
    }
  } finally {
    ended = true
    await Promise.all(readers)
  }
}

/** A word of its own for each. */
const wordOf = (n: number): string => `word${n}x`

const bulk = async (peer: Peer, memories: readonly Json[]): Promise<readonly string[]> => {
  const { ids } = await expecting(201, peer.call('POST', '/memories/bulk?quorum=2', { body: memories }))
  if (!Array.isArray(ids) || !ids.every((id): id is string => typeof id === 'string'))
    throw new Error('not all memories were stored')
  return ids
}

/** Resolves when the logs are equal, and the rows show all of them. */
const shown = async (peers: readonly Peer[]): Promise<void> => {
  await until('both peers have the same rows', SETTLED_MS_MAX, async () => {
    for (const peer of peers) if ((await peer.health())['projection_lag'] !== 0) return null
    const digests = await Promise.all(peers.map((peer) => peer.digests()))
    return digests.every(
      ({ frontier, projection }) => frontier === digests[0]!.frontier && projection === digests[0]!.projection,
    )
      ? true
      : null
  })
}

const writtenAgain = async (peer: Peer): Promise<number> => {
  const metrics = await (await fetch(`${peer.url}/metrics`)).text()
  const found = /^mnemesh_rows_written_again (\d+)$/m.exec(metrics)
  if (found === null) throw new Error(`${peer.name} does not tell how many rows it wrote again`)
  return Number(found[1])
}
