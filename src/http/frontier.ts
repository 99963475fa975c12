/**
 * The frontier of an answer, whole or as a token.
 *
 * A frontier names every chain of every namespace: 110 KB at 5,000 namespaces. What most readers ask of it is whether two answers
 * show the same and which shows more, and for that a token does: `f1.` how many commits, in base 36 `.` a digest of 128 bits, base64url.
 */
import { createHash } from 'node:crypto'

import type { ListAnswer } from '../ports/projection.ts'
import type { JsonSchema } from './schemas.ts'

type Frontier = ListAnswer['frontier']
export type FrontierForm = { readonly frontier?: 'token' | 'full' }

export const frontierField: JsonSchema = { type: 'string', enum: ['token', 'full'], default: 'token', description: 'how the answer says what it reflects: a short token, equal where the same commits are shown, or all chains' }
export const shownFrontier: JsonSchema = { type: ['string', 'object'], additionalProperties: true, description: 'what the answer reflects: a token, or with frontier=full how far each chain of each namespace is' }
export const lagField: JsonSchema = { type: 'integer', description: 'commits of this peer that the answer does not reflect yet' }

/** Equal for equal frontiers, whatever the order of their keys. */
export const frontierIn = (form: FrontierForm['frontier'], frontier: Frontier): Frontier | string => {
  if (form === 'full') return frontier
  const hash = createHash('sha256')
  let commits = 0
  for (const namespace of Object.keys(frontier).sort()) {
    const seqByChain = frontier[namespace as keyof Frontier]!
    hash.update(`${namespace}\n`)
    for (const chain of Object.keys(seqByChain).sort()) {
      const seq = seqByChain[chain as keyof typeof seqByChain]!
      commits += seq
      hash.update(`${chain} ${seq}\n`)
    }
  }
  return `f1.${commits.toString(36)}.${hash.digest().subarray(0, 16).toString('base64url')}`
}
