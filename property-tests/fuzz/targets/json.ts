/** Readers of JSON: canonical bytes, events, and a request's body. */
import { encodeCanonical, parseCanonical } from '../../../crdt/canonical.ts'
import { bodyRefs, decodeEvent, encodeEvent, type DecodedEvent } from '../../../crdt/event.ts'
import { limits } from '../../../crdt/limits.ts'
import { equalBytes } from '../../../crdt/msgpack.ts'
import { record } from '../../../crdt/test-support.ts'
import { NodeError } from '../../../src/errors.ts'
import { parseJson } from '../../../src/http/json.ts'
import { canonicalText, depthOf, numbersOf, parsed, textOf, textsOf } from '../dumb/json.ts'
import { mutateJson } from '../mutate-json.ts'
import { controlEvents, documentEvents, episode } from '../samples.ts'
import { requestBodies } from '../requests.ts'
import { ACCEPTED, judge, mutant, refused, type Target } from '../target.ts'

const encoder = new TextEncoder()
const eventSamples = (): readonly Uint8Array[] =>
  [...documentEvents(1, record(1), record(2)), episode(9), ...controlEvents()].map((event) => encodeEvent(event))
const LONE_SURROGATE = /\p{Surrogate}/u

/** `parseCanonical` against the specification in twenty lines: the same answer on every input. */
const canonical: Target = {
  name: 'canonical',
  micros: 40,
  open: () => {
    const samples = [
      ...eventSamples(),
      encoder.encode(
        canonicalText({ a: [1, 1.5, -1e-7, 1e21, '\u20ac', '\ud83d\ude00', null, true, { é: { '': [] } }] }),
      ),
    ]
    return {
      make: (draw) => mutant(draw, samples, mutateJson),
      readAlone: (input) => void parseCanonical(input),
      feed: (input) => {
        const read = parseCanonical(input)
        const expected = input.length > limits.event_bytes_max ? undefined : canonicalValue(input)
        if (!read.ok) {
          judge(expected === undefined, `refused as ${read.reason}, though canonical`)
          return refused(read.reason)
        }
        judge(
          expected !== undefined && canonicalText(read.value) === canonicalText(expected),
          'taken, though not canonical',
        )
        judge(equalBytes(encodeCanonical(read.value), input), 'encoding it again gives other bytes')
        return ACCEPTED
      },
    }
  },
}

const canonicalValue = (input: Uint8Array): unknown => {
  const text = textOf(input)
  const value = text === null ? undefined : parsed(text)
  if (
    value === undefined ||
    depthOf(value) > limits.json_depth_max ||
    textsOf(value).some((one) => LONE_SURROGATE.test(one)) ||
    !numbersOf(value).every(Number.isFinite)
  )
    return undefined
  return canonicalText(value) === text ? value : undefined
}

const event: Target = {
  name: 'event',
  micros: 20,
  open: () => {
    const samples = eventSamples()
    return {
      make: (draw) => mutant(draw, samples, mutateJson),
      feed: (input) => {
        const read = decodeEvent(input)
        if (!read.ok) return refused(read.reason.replace(/: .*/, ''))
        if (read.unread === null)
          judge(equalBytes(encodeEvent(read.event), input), 'encoding it again gives other bytes')
        else judge(saysAllBut(input, read), 'it is not what its bytes say, less what means nothing here')
        judge(
          bodyRefs(read.event).every(({ ref }) => /^[0-9a-f]{64}$/.test(ref)),
          'it names a body by what is no hash',
        )
        return ACCEPTED
      },
    }
  },
}

/** Of a known kind it is the value without the fields that are named; of an unknown one its envelope. */
const saysAllBut = (input: Uint8Array, { event: said, unread }: Extract<DecodedEvent, { ok: true }>): boolean => {
  const value = canonicalValue(input) as Record<string, unknown>
  if (said.kind === 'unknown')
    return (
      said.named === value['kind'] &&
      (['v', 'id', 'ns', 'agent', 'at'] as const).every((field) => said[field] === value[field])
    )
  for (const path of unread!.fields) {
    const inner = ['set.', 'tags.'].find((prefix) => path.startsWith(prefix) && !Object.hasOwn(value, path))
    const place = inner === undefined ? value : (value[inner.slice(0, -1)] as Record<string, unknown>)
    if (!Object.hasOwn(place, path.slice(inner?.length ?? 0))) return false
    delete place[path.slice(inner?.length ?? 0)]
  }
  return canonicalText(value) === canonicalText(said)
}

/** What the HTTP door parses, against what JSON says and what must not come through. */
const request: Target = {
  name: 'http json',
  micros: 70,
  open: () => ({
    make: (draw) => mutant(draw, requestBodies(), mutateJson),
    readAlone: (input) => {
      try {
        parseJson(Buffer.from(input))
      } catch (error) {
        judge(error instanceof NodeError, 'refused without a code')
      }
    },
    feed: (input) => {
      // The door reads no more than this.
      if (input.length > limits.request_bytes_max) return refused('too_large')
      const expected = acceptableRequest(input)
      try {
        const value = parseJson(Buffer.from(input))
        judge(expected !== undefined, 'taken, though it holds what must not come in')
        judge(canonicalText(value) === canonicalText(expected), 'read otherwise than JSON says')
        return ACCEPTED
      } catch (error) {
        if (!(error instanceof NodeError) || error.code !== 'malformed') throw error
        judge(expected === undefined, `refused (${error.message}), though nothing is wrong with it`)
        return refused(
          error.message
            .replaceAll(/[^a-z ]+.*$/gi, '')
            .slice(0, 40)
            .trim(),
        )
      }
    },
  }),
}

const FORBIDDEN_KEYS = ['__proto__', 'constructor', 'prototype']

/** The value of a body that may come in, as far as its JSON decides; undefined for one that must not. */
export const acceptableRequest = (input: Uint8Array): unknown => {
  const text = textOf(input)
  const value = text === null ? undefined : parsed(text)
  if (text === null || value === undefined || depthOf(value) > limits.request_json_depth_max) return undefined
  if (
    textsOf(value).some((one) => LONE_SURROGATE.test(one) || one.includes('\u0000')) ||
    hasKey(value, FORBIDDEN_KEYS, 'metadata')
  )
    return undefined
  if (!numbersOf(value).every(Number.isFinite) || integersOf(text).some((digits) => !isExact(digits))) return undefined
  return valuesIn(text) > limits.request_json_values_max ? undefined : value
}

/** An integer that is counted, or beyond 2^53 the digits of a double. */
const isExact = (digits: string): boolean => {
  const double = Number(digits)
  return (
    Number.isSafeInteger(double) ||
    (Math.abs(double) > 2 ** 53 && Number.isFinite(double) && BigInt(digits) === BigInt(double))
  )
}

/** Anywhere but below a key `except`. */
const hasKey = (value: unknown, keys: readonly string[], except: string): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).some(
    ([key, item]) => (!Array.isArray(value) && keys.includes(key)) || (key !== except && hasKey(item, keys, except)),
  )

const WITHOUT_STRINGS = /"(?:[^"\\]|\\.)*"/gs
const bare = (text: string): string => text.replace(WITHOUT_STRINGS, '""')
/** Numbers written with neither dot nor exponent. */
const integersOf = (text: string): readonly string[] =>
  (bare(text).match(/[-+.\deE]+/g) ?? []).filter((token) => /^-?\d+$/.test(token))
const valuesIn = (text: string): number => 1 + (bare(text).match(/[[{,]/g)?.length ?? 0)

export const jsonTargets: readonly Target[] = [canonical, event, request]
