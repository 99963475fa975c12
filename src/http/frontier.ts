/**
 * What an answer reflects, whole or as a token.
 *
 * A frontier names every chain of every namespace: 110 KB at 5,000 namespaces. What most readers ask of it is whether two answers
 * show the same and which shows more, and for that a token does (`crdt/frontier-token.ts`).
 */
import type { ReadOptions } from '../api.ts'
import type { FrontierForm } from '../ports/projection.ts'
import type { JsonSchema } from './schemas.ts'

export type FrontierQuery = { readonly frontier?: FrontierForm }

export const frontierField: JsonSchema = {
  type: 'string',
  enum: ['token', 'full'],
  default: 'token',
  description:
    'how the answer says what it reflects: a short token, equal where the same commits are shown, or all chains',
}
export const shownFrontier: JsonSchema = {
  type: ['string', 'object'],
  additionalProperties: true,
  description: 'what the answer reflects: a token, or with frontier=full how far each chain of each namespace is',
}
export const lagField: JsonSchema = {
  type: 'integer',
  description: 'commits of this peer that the answer does not reflect yet',
}

/** The options of a read, and in which form it says what it reflects. */
export const inForm = (options: ReadOptions, form: FrontierForm | undefined): ReadOptions =>
  form === 'full' ? { ...options, frontier: form } : options
