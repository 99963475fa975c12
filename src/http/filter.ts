/**
 * What list and recall narrow by, the same words in a query string and in a body.
 */
import type { Node } from '../api.ts'
import { agentFrom, namespaceOf } from '../input/ids.ts'
import { utc } from '../input/keywords.ts'
import { nameList, name, namespaceField, time } from './schemas.ts'
import type { JsonSchema } from './schemas.ts'

type MemoryFilter = Parameters<Node['list']>[0]

export type FilterInput = {
  readonly namespace?: string
  readonly kind?: string
  readonly kinds?: string | readonly string[]
  readonly tier?: string
  readonly tags?: string | readonly string[]
  readonly agent_id?: string
  readonly run_id?: string
  readonly since?: string
  readonly until?: string
  readonly stored_since?: string
  readonly stored_until?: string
}

const FIELD_BY_NAME: Readonly<Record<keyof FilterInput, JsonSchema>> = {
  namespace: { ...namespaceField, description: 'only this one; all when absent' },
  kind: name('only this kind'),
  kinds: nameList('any of these kinds'),
  tier: name('only this tier'),
  tags: nameList('all of these tags'),
  agent_id: { type: 'string', description: 'only what this agent wrote' },
  run_id: name('only this run'),
  since: time('happened then or later: by occurred_at where it is given, else by created_at'),
  until: time('happened before'),
  stored_since: time('stored then or later, whenever it happened'),
  stored_until: time('stored before'),
}

export const filterFields = (names: readonly (keyof FilterInput)[]): Readonly<Record<string, JsonSchema>> =>
  Object.fromEntries(names.map((field) => [field, FIELD_BY_NAME[field]]))

/** @param input fields that their schema has already checked. @throws NodeError malformed for a namespace or an agent id that is none. */
export const filterOf = (input: FilterInput): MemoryFilter => {
  const kinds = [...(input.kind === undefined ? [] : [input.kind]), ...names(input.kinds)]
  const tags = names(input.tags)
  return {
    ...(input.namespace === undefined ? {} : { namespace: namespaceOf(input.namespace) }),
    ...(kinds.length === 0 ? {} : { kinds }),
    ...(input.tier === undefined ? {} : { tier: input.tier }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(input.agent_id === undefined ? {} : { agent_id: agentFrom(input.agent_id, 'agent_id') }),
    ...(input.run_id === undefined ? {} : { run_id: input.run_id }),
    ...(input.since === undefined ? {} : { since: utc(input.since) }),
    ...(input.until === undefined ? {} : { until: utc(input.until) }),
    ...(input.stored_since === undefined ? {} : { stored_since: utc(input.stored_since) }),
    ...(input.stored_until === undefined ? {} : { stored_until: utc(input.stored_until) }),
  }
}

const names = (list: string | readonly string[] | undefined): readonly string[] =>
  typeof list === 'string'
    ? list
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
    : (list ?? [])
