/**
 * A write and a recall, tried for real: a sentence of its own in a namespace of its own, searched for by its words, and erased at the end
 * however it went.
 */
import { limits } from '../../../crdt/limits.ts'
import { bytesToHex } from '../../../crdt/ids.ts'
import type { Client } from '../../sdk/client.ts'
import type { Io } from '../io.ts'
import { type Finding, ok, wordsOf, wrong } from './finding.ts'

export const NAMESPACE = 'mnemesh-doctor'
/** A search index that is opening takes some seconds; one that is made anew longer, and is said to be. */
const FOUND_MS_MAX = 15_000
const LOOK_MS = 200

export const tried = async (
  client: Client,
  io: Pick<Io, 'clock' | 'random' | 'sleep'>,
): Promise<readonly Finding[]> => {
  const word = `check${bytesToHex(io.random.bytes(8))}`
  const findings: Finding[] = []
  let id: string | null = null
  const from = io.clock.now()
  try {
    const made = await client.call<{ readonly id: string; readonly quorum_acks?: number }>('POST', '/memories', {
      body: {
        content: `The doctor of mnemesh writes ${word} and looks whether it is found.`,
        namespace: NAMESPACE,
        kind: 'note',
      },
      timeout_ms: limits.quorum_timeout_ms_max,
    })
    ;({ id } = made)
    findings.push(
      ok(
        'a write',
        `on ${made.quorum_acks ?? 1} ${made.quorum_acks === 1 || made.quorum_acks === undefined ? 'disk' : 'disks'} in ${io.clock.now() - from} ms`,
      ),
    )
    findings.push(await found(client, io, word, id))
  } catch (error) {
    id ??= idIn(error)
    findings.push(wrong('a write', wordsOf(error), 'see what `health` says above'))
  }
  if (id !== null) {
    try {
      await client.call('DELETE', `/memories/${id}`, { query: { erase: true } })
    } catch (error) {
      findings.push(wrong('a trace', `what was tried stays: ${wordsOf(error)}`, `mnemesh forget ${id} --erase`))
    }
  }
  return findings
}

const found = async (client: Client, io: Pick<Io, 'clock' | 'sleep'>, word: string, id: string): Promise<Finding> => {
  let why = 'what was just written is not found'
  for (const from = io.clock.now(); ; await io.sleep(LOOK_MS)) {
    try {
      const answer = await client.call<{ readonly memories: readonly { readonly id: string }[] }>('GET', '/recall', {
        query: { q: word, namespace: NAMESPACE, limit: 5 },
      })
      if (answer.memories.some((row) => row.id === id))
        return ok('a recall', `found by its words in ${io.clock.now() - from} ms`)
    } catch (error) {
      why = wordsOf(error)
    }
    if (io.clock.now() - from > FOUND_MS_MAX)
      return wrong(
        'a recall',
        `${why}, for ${FOUND_MS_MAX / 1_000} s`,
        'see what `health` says of the search; `mnemesh rebuild` makes its index anew',
      )
  }
}

/** Of a write that was kept and not acknowledged. */
const idIn = (error: unknown): string | null => {
  const body =
    error instanceof Error && 'body' in error ? (error.body as { readonly id?: unknown } | null | undefined) : null
  return typeof body?.id === 'string' ? body.id : null
}
