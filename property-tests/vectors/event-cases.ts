/**
 * Bytes that are no event. Each breaks one rule: `mended` is the same without that one fault, and is an event, so that whoever
 * forgets the rule takes the bytes.
 */
import { decodeEvent, encodeEvent } from '../../crdt/event.ts'
import { bytesToHex, CONTROL_NAMESPACE } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { body, genesisOf, peerOfSeed, record, said } from '../../crdt/test-support.ts'

/** `reason` is agreed; `detail` names the field for people, null where there is none. */
export type RefusedEvents = readonly {
  readonly rule: string
  readonly name: string
  readonly bytes: string
  readonly reason: string
  readonly detail: string | null
  readonly mended: string
}[]

type Case = readonly [rule: string, name: string, mended: string, from: string, to: string]

const text = (event: Parameters<typeof encodeEvent>[0]): string => new TextDecoder().decode(encodeEvent(event))
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value)
const chain = (n: number): string => n.toString(16).padStart(32, '0')

const PATCH = text({
  ...said('memory.patch', 3),
  record: record(1),
  set: { title: null, priority: 9 },
  tags: { add: ['b'], remove: ['a'] },
})
const PUT = text({ ...said('memory.put', 1), record: record(1), set: { content: body('text'), title: body('title') } })
const LINK = text({ ...said('link.put', 7), record: record(9), from: record(1), to: record(2), relation: 'about' })
const EPISODE = text({ ...said('episode.append', 9), event_type: 'call', sender: 'a' })
const keys = [6, 7, 8].map((byte) => peerOfSeed(byte) as string)
const GENESIS = text(genesisOf(0xaa, { recovery: { threshold: 2, keys: keys as never } }))
const LEVEL = text({ ...said('mesh.level', 13, CONTROL_NAMESPACE), level: 2 })
const PAGE = text({ ...said('peer.cut', 12, CONTROL_NAMESPACE), peer: peerOfSeed(1), last: { [chain(1)]: 7 } })
/** A field that nobody knows takes any value: what is wrong with its spelling is nothing else's fault. */
const UNKNOWN = PATCH.replace('"v":1}', '"v":1,"weight":1}')
const chains = (count: number): string => `{${Array.from({ length: count }, (_, n) => `"${chain(n)}":1`).join(',')}}`
const tags = (count: number): string => `[${Array.from({ length: count }, (_, n) => `"t${n}"`).join(',')}]`

const CASES: readonly Case[] = [
  ['PR1', 'a duplicate key', PATCH, '"v":1', '"v":1,"v":1'],
  ['PR1', 'white space', PATCH, '"v":1', '"v": 1'],
  [
    'PR1',
    'keys in another order',
    PATCH,
    '"agent":"ai:alice","at":"2026-01-01T00:00:00.000Z"',
    '"at":"2026-01-01T00:00:00.000Z","agent":"ai:alice"',
  ],
  ['PR1', '1.0', UNKNOWN, '"weight":1', '"weight":1.0'],
  ['PR1', 'minus zero', UNKNOWN, '"weight":1', '"weight":-0'],
  ['PR1', 'beyond doubles', UNKNOWN, '"weight":1', '"weight":1e400'],
  ['PR1', 'a big integer', UNKNOWN, '"weight":1', '"weight":9007199254740993'],
  ['PR1', 'a lone surrogate', UNKNOWN, '"weight":1', '"weight":"\\ud800"'],
  [
    'PR1',
    'too deep',
    UNKNOWN,
    '"weight":1',
    `"weight":${'['.repeat(limits.json_depth_max)}${']'.repeat(limits.json_depth_max)}`,
  ],
  ['EV1', 'too large', UNKNOWN, '"weight":1', `"weight":"${'b'.repeat(limits.event_bytes_max)}"`],
  ['EV1', 'a missing field', PATCH, ',"v":1', ''],
  ['EV1', 'version 2', PATCH, '"v":1', '"v":2'],
  ['EV1', 'a kind of one part', PATCH, 'memory.patch', 'delete'],
  ['EV1', 'a kind in upper case', PATCH, 'memory.patch', 'Memory.patch'],
  ['EV1', 'a kind of 65 bytes', PATCH, 'memory.patch', `memory.${'x'.repeat(58)}`],
  ['EV3', 'a memory in the control log', PATCH, 'team/api', '_mesh'],
  ['EV3', 'a statement outside it', LEVEL, '_mesh', 'team/api'],
  ['ID11', 'a namespace that climbs', PATCH, 'team/api', '../api'],
  ['ID9', 'an id in upper case', PATCH, '0000000e-', '0000000E-'],
  ['ID10', 'an agent with a space', PATCH, 'ai:alice', 'ai alice'],
  ['PR7', 'a day that does not exist', PATCH, '2026-01-01', '2026-02-29'],
  ['PR7', 'the year 0', PATCH, '2026-01-01', '0000-01-01'],
  ['PR7', 'seconds without ms', PATCH, '.000Z', 'Z'],
  ['PR7', 'a leap second', PATCH, '00:00:00.000Z', '23:59:60.000Z'],
  ['EV2', 'a put without content', PUT, `"content":{"ref":"${body('text').ref}"},`, ''],
  ['EV2', 'a title cleared by a put', PUT, `"title":{"ref":"${body('title').ref}"}`, '"title":null'],
  ['EV2', 'a link without its end', LINK, `,"to":"${record(2)}"`, ''],
  ['EV2', 'a sender of 129 bytes', EPISODE, '"sender":"a"', `"sender":"${'a'.repeat(129)}"`],
  ['EV2', 'level 1 raised', LEVEL, '"level":2', '"level":1'],
  ['EV2', 'level 17', LEVEL, '"level":2', '"level":17'],
  ['EV2', 'a genesis without a voter', GENESIS, '"role":"voter"', '"role":"observer"'],
  ['EV2', 'seq 0 of a revoked chain', PAGE, `"${chain(1)}":7`, `"${chain(1)}":0`],
  ['EV2', '129 revoked chains', PAGE, `{"${chain(1)}":7}`, chains(129)],
  ['EV4', 'priority 11', PATCH, '"priority":9', '"priority":11'],
  ['EV4', 'priority 1.5', PATCH, '"priority":9', '"priority":1.5'],
  ['EV4', 'confidence 1.5', PATCH, '"priority":9', '"confidence":1.5'],
  ['EV4', 'content cleared', PATCH, '"set":{"priority":9,', '"set":{"content":null,"priority":9,'],
  ['EV4', 'kind cleared', PATCH, '"set":{"priority":9,', '"set":{"kind":null,"priority":9,'],
  ['EV4', 'a name of 257 bytes', LINK, '"about"', `"${'a'.repeat(257)}"`],
  ['EV4', 'an empty name', LINK, '"about"', '""'],
  ['EV4', 'a NUL in a name', LINK, '"about"', '"\\u0000"'],
  ['EV4', 'a ref with more beside it', PATCH, '"title":null', `"title":{"more":1,"ref":"${body('x').ref}"}`],
  ['EV5', 'a tag on both sides', PATCH, '"add":["b"]', '"add":["a"]'],
  ['EV5', 'a tag twice', PATCH, '["b"]', '["b","b"]'],
  ['EV5', 'a tag of 129 bytes', PATCH, '["b"]', `["${'b'.repeat(129)}"]`],
  ['EV5', 'a NUL in a tag', PATCH, '["b"]', '["\\u0000"]'],
  ['EV5', '65 tags', PATCH, '["b"]', tags(65)],
  [
    'EV6',
    'half of the recovery keys are enough',
    GENESIS,
    `["${keys.join('","')}"],"threshold":2`,
    `["${keys.slice(0, 2).join('","')}"],"threshold":1`,
  ],
  ['EV6', 'a recovery key twice', GENESIS, keys[1]!, keys[0]!],
  ['EV6', 'a threshold without keys', GENESIS, `["${keys.join('","')}"],"threshold":2`, '[],"threshold":1'],
]

export const makeRefusedEvents = (): RefusedEvents =>
  CASES.map(([rule, name, mended, from, to]) => {
    if (mended.split(from).length !== 2)
      throw new Error(`${name}: ${from} does not stand once in the event; mend the case`)
    const bytes = utf8(mended.replace(from, () => to))
    const decoded = decodeEvent(bytes)
    if (decoded.ok) throw new Error(`${name} is a valid event: mend the case`)
    if (!decodeEvent(utf8(mended)).ok) throw new Error(`${name}: without its fault it is none either; mend the case`)
    const [reason, detail] = decoded.reason.split(': ') as [string, string?]
    return { rule, name, bytes: bytesToHex(bytes), reason, detail: detail ?? null, mended: bytesToHex(utf8(mended)) }
  })
