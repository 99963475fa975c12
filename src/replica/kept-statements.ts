/**
 * What the authority has said and the mesh has not certified yet, on its disk: a fact a statement and a list of them, in the order in
 * which they were said. A stopped peer's folder is given statements the same way.
 */
import { decodeEvent, encodeEvent, type ControlEvent } from '../../crdt/event.ts'
import { bytesToHex, CONTROL_NAMESPACE, hexToBytes } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import { sha256 } from '../../crdt/hash.ts'
import { NodeError } from '../errors.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'

export type Statement = readonly ControlEvent[]
type Facts = NonNullable<StoreBatch['facts']>

const QUEUE = 'control/queue'
const statementFact = (key: string): string => `control/say/${key}`

/** One and the same for statements of the same events. */
export const keyOfStatement = (statement: Statement): string =>
  bytesToHex(sha256(statement.map(({ id }) => id).join(' ')).subarray(0, 16))

/** In their order; a damaged one is forgotten, as one that was never said. */
export const keptStatements = (store: Pick<CommitStore, 'fact'>): readonly Statement[] =>
  keysIn(store).flatMap((key) => {
    const fact = store.fact(statementFact(key))
    const value = fact instanceof Uint8Array ? unpack(fact) : null
    const events = Array.isArray(value)
      ? value.map((bytes) => (bytes instanceof Uint8Array ? decodeEvent(bytes) : null))
      : [null]
    const statement = events.flatMap((read) =>
      read?.ok && read.event.ns === CONTROL_NAMESPACE && read.event.kind !== 'unknown'
        ? [read.event as ControlEvent]
        : [],
    )
    return statement.length === events.length ? [statement] : []
  })

/** What makes the disk hold `statements` and no others. @param before those that it holds. */
export const factsOfStatements = (statements: readonly Statement[], before: ReadonlySet<string>): Facts => {
  const keys = statements.map(keyOfStatement)
  const gone = [...before].filter((key) => !keys.includes(key))
  const fresh = statements.filter((statement) => !before.has(keyOfStatement(statement)))
  return [
    [QUEUE, keys.length === 0 ? null : pack(keys.map(hexToBytes))],
    ...gone.map((key) => [statementFact(key), null] as const),
    ...fresh.map(
      (statement) =>
        [statementFact(keyOfStatement(statement)), pack(statement.map((event) => encodeEvent(event)))] as const,
    ),
  ]
}

/** Adds one to those of a stopped peer. @throws NodeError when as many wait as may. */
export const keepStatement = async (store: CommitStore, statement: Statement): Promise<void> => {
  const kept = keptStatements(store)
  if (kept.length >= limits.statements_waiting_max) throw tooMany()
  await store.write({ facts: factsOfStatements([...kept, statement], new Set(kept.map(keyOfStatement))) })
}

export const tooMany = (): NodeError =>
  new NodeError(
    'too_many_requests',
    `${limits.statements_waiting_max} statements wait to be countersigned already: see which voters are away with \`mnemesh status\`, and start them`,
  )

const keysIn = (store: Pick<CommitStore, 'fact'>): readonly string[] => {
  const fact = store.fact(QUEUE)
  const value = fact instanceof Uint8Array ? unpack(fact) : null
  return Array.isArray(value) ? value.flatMap((key) => (key instanceof Uint8Array ? [bytesToHex(key)] : [])) : []
}
