/** What reads as of a time take. */
import type { Node } from '../api.ts'
import { utc } from '../input/keywords.ts'
import { time } from './schemas.ts'

type Past = Pick<Parameters<Node['get']>[1], 'as_of'>
export type PastQuery = { readonly as_of?: string }

export const pastField = {
  as_of: time(
    'as of then: what was said by this time and nothing since, but that a text was destroyed; now when absent',
  ),
}

/** What the node takes of it. */
export const pastOf = ({ as_of }: PastQuery): Past => (as_of === undefined ? {} : { as_of: utc(as_of) })
