/**
 * Checked reads of the on-disk store: what does not pass its check is absent to the caller and reported.
 */
import type { Body } from '../../crdt/body.ts'
import type { ChainId, CommitHash, Ref } from '../../crdt/ids.ts'
import type { Arrival, StoreDamage, StoredCommit } from '../ports/store.ts'
import { get } from './database.ts'
import type { Database } from './database.ts'
import {
  arrivalKey,
  bodyKey,
  commitKey,
  droppedKey,
  erasedKey,
  factKey,
  hashKey,
  plain,
  readArrival,
  readBody,
  readCommit,
  readHash,
  unsealed,
} from './records.ts'

/** A record as it was found: sound, absent, or not what was written. */
export type Found<T> =
  | { readonly is: 'sound'; readonly value: T }
  | { readonly is: 'absent' }
  | { readonly is: 'damaged'; readonly reason: string }

const WRONG_SUM = 'its bytes do not match their checksum'

const find = <T>(db: Database, key: Buffer, decode: (value: Buffer) => T | null): Found<T> => {
  const { value, unreadable } = get(db, key)
  if (unreadable !== null) return { is: 'damaged', reason: unreadable }
  if (value === undefined) return { is: 'absent' }
  const decoded = decode(value)
  return decoded === null ? { is: 'damaged', reason: WRONG_SUM } : { is: 'sound', value: decoded }
}

export const findCommit = (
  db: Database,
  chain: ChainId,
  seq: number,
): Found<{ readonly n: number; readonly commit: StoredCommit }> =>
  find(db, commitKey(chain, seq), (value) => readCommit(chain, seq, value))

export const findArrival = (db: Database, n: number): Found<Arrival> =>
  find(db, arrivalKey(n), (value) => readArrival(n, value))

export const findHash = (db: Database, hash: CommitHash): Found<{ readonly chain: ChainId; readonly seq: number }> =>
  find(db, hashKey(hash), (value) => readHash(hash, value))

export const findBody = (db: Database, ref: Ref): Found<Body> => find(db, bodyKey(ref), (value) => readBody(ref, value))

export const findFact = (db: Database, name: string): Found<Uint8Array> => {
  const key = factKey(name)
  return find(db, key, (value) => {
    const payload = unsealed(key, value)
    return payload === null ? null : plain(payload)
  })
}

export const isErased = (db: Database, ref: Ref): Found<true> => find(db, erasedKey(ref), () => true)

export const isDropped = (db: Database, ref: Ref): Found<true> => find(db, droppedKey(ref), () => true)

/** Listeners are told in the order they came. */
export type DamageReport = { tell(damage: StoreDamage): void; listen(listener: (damage: StoreDamage) => void): void }

export const damageReport = (): DamageReport => {
  const listeners: ((damage: StoreDamage) => void)[] = []
  return {
    tell: (damage) => listeners.forEach((listener) => listener(damage)),
    listen: (listener) => listeners.push(listener),
  }
}
