/**
 * Builds one version apart, as what peers of a world run: `PAST` reads level 1 and does not know a memory's `scope`; `FUTURE` has it at level 2,
 * with a kind and a field besides, and tells another hello. This program has the code for all of it, so a world plays an upgrade without a fork of it.
 */
import { FIRST_LEVEL } from '../../crdt/level.ts'
import { OWN_READS, type Field, type Kinds } from '../../crdt/event-schema.ts'
import { abilitiesOf, OWN_OFFER } from '../../transports/versions.ts'
import type { Build } from '../peer.ts'

export const FUTURE_LEVEL = FIRST_LEVEL + 1
/** Of an agent's episode, under another name: it stands in log-only commits. */
export const FUTURE_KIND = 'note.append'
/** A bit that nobody here has a meaning for. */
const FUTURE_ABILITY = 2 ** 20

const first = OWN_READS.kinds
const setWithout = (kind: 'memory.put' | 'memory.patch', later: boolean): Kinds[string] => {
  const { schema } = first[kind]!
  const { scope, ...others } = fieldsOf(schema.required['set']!).optional
  const set = {
    fields: {
      ...fieldsOf(schema.required['set']!),
      optional: others,
      ...(later && { later: { scope: { level: FUTURE_LEVEL, field: scope! } } }),
    },
  }
  return { level: FIRST_LEVEL, schema: { ...schema, required: { ...schema.required, set } } }
}
const fieldsOf = (field: Field) => {
  if (typeof field === 'function') throw new Error('a set is an object of fields')
  return field.fields
}

const past: Kinds = {
  ...first,
  'memory.put': setWithout('memory.put', false),
  'memory.patch': setWithout('memory.patch', false),
}
const episode = first['episode.append']!.schema
const future: Kinds = {
  ...first,
  'memory.put': setWithout('memory.put', true),
  'memory.patch': setWithout('memory.patch', true),
  'episode.append': {
    level: FIRST_LEVEL,
    schema: {
      ...episode,
      later: { mood: { level: FUTURE_LEVEL, field: (value) => typeof value === 'string' && value.length <= 64 } },
    },
  },
  [FUTURE_KIND]: { level: FUTURE_LEVEL, schema: episode },
}

export const PAST: Build = { reads: { level: FIRST_LEVEL, kinds: past }, offer: OWN_OFFER }
export const FUTURE: Build = {
  reads: { level: FUTURE_LEVEL, kinds: future },
  offer: {
    min: OWN_OFFER.min,
    max: OWN_OFFER.max + 1,
    abilities: OWN_OFFER.abilities | abilitiesOf(FUTURE_LEVEL) | FUTURE_ABILITY,
  },
}
/** Two versions on: it speaks to `FUTURE` and to nobody older. */
export const FAR: Build = { reads: FUTURE.reads, offer: { ...FUTURE.offer, min: OWN_OFFER.max + 1 } }
