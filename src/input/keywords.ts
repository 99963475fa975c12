/**
 * What our JSON schemas can say beyond the standard: lengths in bytes, and times as RFC 3339 means them.
 *
 * `x-bytes-max` bounds a name, `x-text-bytes-max` a text (or an object, by its JSON): the limits are in UTF-8 bytes, the
 * standard's `maxLength` counts code points. They differ in the answer: a text too long is 413, a name too long 400.
 * Values are never coerced, defaulted or dropped: what was sent is what is checked.
 */
import type { FastifyServerOptions } from 'fastify'

type AjvOptions = NonNullable<FastifyServerOptions['ajv']>

const fitsBytes = (limit: number, value: unknown): boolean => {
  if (typeof value === 'string') return value.length * 3 <= limit || Buffer.byteLength(value) <= limit
  return typeof value !== 'object' || value === null || Buffer.byteLength(JSON.stringify(value)) <= limit
}

type BytesCheck = {
  (limit: number, value: unknown): boolean
  errors?: { keyword: string; message: string; params: { limit: number } }[]
}

const bytesKeyword = (keyword: string) => {
  const validate: BytesCheck = (limit, value) => {
    if (fitsBytes(limit, value)) return true
    validate.errors = [{ keyword, message: `is longer than ${limit} bytes`, params: { limit } }]
    return false
  }
  return { keyword, schemaType: 'number' as const, validate }
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i

/** In UTC: what events hold. The offset may move a time across either end. */
const YEAR_ONE_MS = Date.parse('0001-01-01T00:00:00.000Z')
const YEAR_9999_END_MS = Date.parse('9999-12-31T23:59:59.999Z')

/** True for an RFC 3339 date-time of a day that exists, within the years 1 to 9999 in UTC. Leap seconds are refused: no clock of ours can hold them. */
export const isTime = (text: string): boolean => {
  const parts = TIME.exec(text)
  if (parts === null) return false
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])]
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false
  const ms = Date.parse(text.toUpperCase())
  return ms >= YEAR_ONE_MS && ms <= YEAR_9999_END_MS
}

const daysIn = (year: number, month: number): number => {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
}

/** @param text a time that `isTime` holds for. @returns the same in UTC with ms, as events carry it. */
export const utc = (text: string): string => new Date(text.toUpperCase()).toISOString()

export const ajvOptions: AjvOptions = {
  customOptions: {
    coerceTypes: false,
    useDefaults: false,
    removeAdditional: false,
    allErrors: false,
    strict: false,
    keywords: [bytesKeyword('x-bytes-max'), bytesKeyword('x-text-bytes-max')],
  },
  onCreate: (ajv) => {
    ajv.addFormat('date-time', { type: 'string', validate: isTime })
  },
}
