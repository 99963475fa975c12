/**
 * What may be in a batch: shapes and bounds (`crdt/limits.ts`, store). Both drivers check it before they touch anything,
 * so that a caller's mistake is an assertion there and then, and never a record that cannot be read back.
 */
import { SALT_BYTES } from '../../crdt/body.ts'
import { limits } from '../../crdt/limits.ts'
import type { StoreBatch } from '../ports/store.ts'

/** Throws a `RangeError` that names the first part out of bounds. */
export const assertBatch = ({ commits = [], bodies = [], erase = [], drop = [], facts = [] }: StoreBatch): void => {
  assert(
    commits.length <= limits.store_batch_commits_max,
    `${commits.length} commits in one batch; at most ${limits.store_batch_commits_max}`,
  )
  for (const [what, parts] of [
    ['bodies', bodies],
    ['erasures', erase],
    ['dropped texts', drop],
    ['facts', facts],
  ] as const) {
    assert(
      parts.length <= limits.store_batch_parts_max,
      `${parts.length} ${what} in one batch; at most ${limits.store_batch_parts_max}`,
    )
  }
  for (const { chain, seq, hash, bytes } of commits) {
    assert(
      chain.length === 32 && hash.length === 64,
      `a commit's chain and hash are 32 and 64 hex digits; got ${chain.length} and ${hash.length}`,
    )
    assert(Number.isSafeInteger(seq) && seq >= 0 && seq < limits.seq_max, `a commit's seq is below 2^48; got ${seq}`)
    assert(
      bytes.length <= limits.commit_bytes_max,
      `a commit of ${bytes.length} bytes; at most ${limits.commit_bytes_max}`,
    )
  }
  for (const { ref, salt, text } of bodies) {
    assert(
      ref.length === 64 && salt.length === SALT_BYTES,
      `a body's ref is 64 hex digits and its salt ${SALT_BYTES} bytes; got ${ref.length} and ${salt.length}`,
    )
    assert(
      text.length <= limits.content_bytes_max,
      `a body of ${text.length} bytes; at most ${limits.content_bytes_max}`,
    )
  }
  for (const [name, value] of facts) {
    assert(
      Buffer.byteLength(name) <= limits.store_fact_name_bytes_max,
      `a fact's name of ${name.length} characters; at most ${limits.store_fact_name_bytes_max} bytes`,
    )
    assert(
      value === null || value.length <= limits.store_fact_bytes_max,
      `the fact ${name} has ${value?.length} bytes; at most ${limits.store_fact_bytes_max}`,
    )
  }
}

export const isEmpty = ({ commits = [], bodies = [], erase = [], drop = [], facts = [] }: StoreBatch): boolean =>
  commits.length + bodies.length + erase.length + drop.length + facts.length === 0

const assert = (holds: boolean, message: string): void => {
  if (!holds) throw new RangeError(message)
}
