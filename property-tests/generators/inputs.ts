/**
 * What agents may say, as arbitraries: every field of every kind that the API takes, with the oddest texts that are still text.
 */
import * as fc from 'fast-check'
import { isJson } from '../../crdt/canonical.ts'
import type { EpisodeInput, MemoryInput } from '../../src/api.ts'

const optional = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arb, { nil: undefined })
/** Well-formed Unicode without NUL, in any form: nothing is normalised on the way. */
const text = (max: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: max })
    .filter((value) => !value.includes('\u0000') && isJson(value))
const name = text(24)
const time = fc
  .date({ min: new Date('1970-01-01T00:00:00Z'), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString())
/** Five decimals: Automerge's encoder parses some doubles of 16 and more digits one unit in the last place off. */
const confidence = fc.integer({ min: 0, max: 100_000 }).map((value) => value / 100_000)
const tags = fc.uniqueArray(name, { maxLength: 6 })
const json = fc.dictionary(
  name,
  fc.jsonValue({ maxDepth: 3 }).filter((value) => !hasNegativeZero(value)),
  { maxKeys: 4 },
)
const hasNegativeZero = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(hasNegativeZero)
    : typeof value === 'object' && value !== null
      ? Object.values(value).some(hasNegativeZero)
      : Object.is(value, -0)

const defined = <T extends object>(arb: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  arb.map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T)

/** A memory to store: any subset of its fields. Times are in the one form that answers have. */
export const memoryInput: fc.Arbitrary<MemoryInput & { readonly content: string }> = defined(
  fc.record({
    content: text(200),
    title: optional(text(40)),
    kind: optional(name),
    tier: optional(name),
    tags: optional(tags),
    priority: optional(fc.integer({ min: 1, max: 10 })),
    confidence: optional(confidence),
    source: optional(name),
    scope: optional(name),
    run_id: optional(name),
    occurred_at: optional(time),
    expires_at: optional(fc.constant('2100-01-01T00:00:00.000Z')),
    metadata: optional(json),
  }),
) as fc.Arbitrary<MemoryInput & { readonly content: string }>

/** A change: any fields, null where null clears; never empty. */
export const memoryPatch: fc.Arbitrary<MemoryInput> = fc
  .tuple(
    memoryInput,
    fc.subarray(['title', 'source', 'scope', 'run_id', 'occurred_at', 'expires_at', 'metadata'] as const),
  )
  .map(([input, cleared]) => ({ ...input, ...Object.fromEntries(cleared.map((field) => [field, null])) }))

export const episodeInput: fc.Arbitrary<EpisodeInput> = defined(
  fc.record({
    event_type: fc.string({ minLength: 1, maxLength: 40 }).filter((value) => !value.includes('\u0000')),
    sender: optional(name),
    recipient: optional(name),
    body: optional(json),
    inference_receipt_id: optional(name),
    audit_event_hash: optional(fc.string({ minLength: 1, maxLength: 60 }).filter((value) => !value.includes('\u0000'))),
  }),
) as fc.Arbitrary<EpisodeInput>
