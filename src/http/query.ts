/**
 * Query strings, made into what their route's schema says before it is checked.
 *
 * A query string has only text; bodies have types, and theirs are never bent. So the conversion is done here, for query
 * strings alone, and only where the text is exactly a number or a boolean: `0x10`, `1e2` and `` stay text, and are refused.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'

import { NodeError } from '../errors.ts'

type Convert = (text: string) => unknown
type Conversion = readonly [name: string, convert: Convert]

const CONVERT_BY_TYPE: Readonly<Record<string, Convert>> = {
  integer: (text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : text),
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : text),
}
/** In a query string + means a space, and few people encode the one of a time zone. */
const convertTime: Convert = (text) => text.replace(/ (\d\d:\d\d)$/, '+$1')

/** Gives every route of `app` that has a query schema its conversions. Call before the routes are registered. */
export const convertQueries = (app: FastifyInstance): void => {
  const conversionsByRoute = new Map<string, readonly Conversion[]>()
  app.addHook('onRoute', (route) => {
    const conversions = conversionsOf(route.schema?.querystring)
    if (conversions.length > 0)
      conversionsByRoute.set(route.url, [...(conversionsByRoute.get(route.url) ?? []), ...conversions])
  })
  app.addHook('preValidation', (request: FastifyRequest, _reply, done) => {
    if (queryHoldsNul(request.url))
      return done(new NodeError('malformed', 'the query string holds NUL, which no text can; take it out'))
    const conversions = conversionsByRoute.get(request.routeOptions.url ?? '')
    if (conversions !== undefined) apply(conversions, request.query as Record<string, unknown>)
    done()
  })
}

const queryHoldsNul = (url: string): boolean => {
  const nul = url.lastIndexOf('%00')
  return nul !== -1 && nul > url.indexOf('?') && url.includes('?')
}

const apply = (conversions: readonly Conversion[], query: Record<string, unknown>): void => {
  for (const [name, convert] of conversions) {
    const value = query[name]
    if (typeof value === 'string') query[name] = convert(value)
  }
}

const conversionsOf = (schema: unknown): readonly Conversion[] => {
  const conversions: Conversion[] = []
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    const convert = property.format === 'date-time' ? convertTime : CONVERT_BY_TYPE[property.type ?? '']
    if (convert !== undefined) conversions.push([name, convert])
  }
  return conversions
}

type Property = { readonly type?: string; readonly format?: string }
const propertiesOf = (schema: unknown): Readonly<Record<string, Property>> =>
  typeof schema === 'object' && schema !== null && 'properties' in schema
    ? (schema.properties as Readonly<Record<string, Property>>)
    : {}
