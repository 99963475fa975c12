/** Sealed frames of a stranger: whoever has done the handshake under a key of his own making. */
import { deflateRawSync } from 'node:zlib'
import { Packr } from 'msgpackr'
import { controlChainId } from '../../../crdt/commit.ts'
import { hexToBytes } from '../../../crdt/ids.ts'
import { TAGS } from '../../../transports/messages.ts'
import { writeNode, type Node } from '../../fuzz/dumb/msgpack.ts'
import type { Attack, Stage } from '../attack.ts'
import { joined } from '../../hostile/mesh-link.ts'

const MIB = 1024 * 1024
/** What a link that broke the rules may be told; a stranger's is closed by one of these whatever came first. */
const NAMED = /^(malformed_frame|bad_compression|not_open|large_before_open|work_overrun)$/

const frame =
  (make: (stage: Stage) => Uint8Array) =>
  async (stage: Stage): Promise<string> => {
    const link = await stage.dial(stage.stranger())
    link.fallSilent()
    link.say(make(stage))
    return link.closed()
  }
const message = (node: Node) => frame(() => writeNode(node))

/** `[19, length, deflated]` around content. @param told the length that is announced. */
const deflated = (content: Uint8Array, told = content.length): Uint8Array =>
  writeNode([TAGS.deflated, told, deflateRawSync(content)])

/** An array of `count` times `item`, as MessagePack. */
const repeated = (item: Uint8Array, bytes: number, prefix: Uint8Array = new Uint8Array(0)): Uint8Array => {
  const count = Math.floor((bytes - 5 - prefix.length) / item.length)
  const content = new Uint8Array(prefix.length + 5 + count * item.length)
  content.set(prefix)
  content.set([0xdd, count >>> 24, (count >>> 16) & 0xff, (count >>> 8) & 0xff, count & 0xff], prefix.length)
  for (let at = prefix.length + 5; at < content.length; at += item.length) content.set(item, at)
  return content
}

/** A `parcels` frame on the control chain whose one commit has so many bodies of salt alone. */
const manyBodies = (stage: Stage, count: number): Uint8Array => {
  const body = joined(Uint8Array.of(0xc4, 16), new Uint8Array(16))
  const head = joined(Uint8Array.of(0x94, TAGS.parcels, 0xc4, 16), controlChain(stage), Uint8Array.of(1))
  const list = joined(
    Uint8Array.of(0xdd),
    word(count + 2),
    Uint8Array.of(0xc4, 1, 0, 0xce),
    word(count),
    repeatedBytes(body, count),
  )
  return joined(head, list)
}
const word = (value: number): Uint8Array =>
  Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
const repeatedBytes = (bytes: Uint8Array, count: number): Uint8Array => {
  const all = new Uint8Array(bytes.length * count)
  for (let n = 0; n < count; n++) all.set(bytes, n * bytes.length)
  return all
}
const controlChain = (stage: Stage): Uint8Array => hexToBytes(controlChainId(stage.facts.mesh))

const exotic = new Packr({ structuredClone: true, moreTypes: true })
const ERROR_EXTENSION = new Uint8Array(exotic.pack(new Error('')))
const BIG_INTEGER = Uint8Array.from(Buffer.from('cfffffffffffffffff', 'hex'))

export const frameAttacks: readonly Attack[] = [
  {
    id: 'fr-230000-bodies',
    who: 'stranger',
    what: 'parcels with 230,000 bodies of 16 bytes, deflated: 10 KB',
    expect: NAMED,
    run: frame((stage) => deflated(manyBodies(stage, 230_000))),
  },
  {
    id: 'fr-230000-bodies-plain',
    who: 'stranger',
    what: 'the same, not deflated',
    expect: NAMED,
    run: frame((stage) => manyBodies(stage, 230_000)),
  },
  {
    id: 'fr-error-extensions',
    who: 'stranger',
    what: '4 MiB of error extensions, deflated to 4 KB',
    expect: NAMED,
    run: frame(() => deflated(repeated(ERROR_EXTENSION, 4 * MIB, Uint8Array.of(0x92, TAGS.parcels)))),
  },
  {
    id: 'fr-empty-maps',
    who: 'stranger',
    what: '4 MiB of empty maps, deflated',
    expect: NAMED,
    run: frame(() => deflated(repeated(Uint8Array.of(0x80), 4 * MIB, Uint8Array.of(0x92, TAGS.bodies)))),
  },
  {
    id: 'fr-empty-maps-plain',
    who: 'stranger',
    what: '1 MiB of empty maps',
    expect: NAMED,
    run: frame(() => repeated(Uint8Array.of(0x80), MIB)),
  },
  {
    id: 'fr-big-integers',
    who: 'stranger',
    what: '4 MiB of integers beyond 2^63, deflated',
    expect: NAMED,
    run: frame(() => deflated(repeated(BIG_INTEGER, 4 * MIB, Uint8Array.of(0x92, TAGS.parcels)))),
  },
  {
    id: 'fr-empty-arrays',
    who: 'stranger',
    what: '4 MiB of empty arrays, deflated',
    expect: NAMED,
    run: frame(() => deflated(repeated(Uint8Array.of(0x90), 4 * MIB, Uint8Array.of(0x92, TAGS.bodies)))),
  },
  {
    id: 'fr-depth',
    who: 'stranger',
    what: '200,000 arrays within one another',
    expect: NAMED,
    run: frame(() => new Uint8Array(200_001).fill(0x91, 0, 200_000)),
  },
  {
    id: 'fr-depth-maps',
    who: 'stranger',
    what: '200,000 maps within one another',
    expect: NAMED,
    run: frame(() => repeatedBytes(Uint8Array.of(0x81, 0xa0), 200_000)),
  },
  {
    id: 'fr-false-length',
    who: 'stranger',
    what: 'an array that claims 2^32 - 1 elements',
    expect: NAMED,
    run: frame(() => Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)),
  },
  {
    id: 'fr-deflate-bomb',
    who: 'stranger',
    what: '64 KB that inflate to 64 MiB',
    expect: NAMED,
    run: frame(() => deflated(new Uint8Array(64 * MIB), 4 * MIB)),
  },
  {
    id: 'fr-deflate-length',
    who: 'stranger',
    what: 'a deflated frame of another length than it tells',
    expect: NAMED,
    run: frame(() => deflated(new Uint8Array(5_000), 4_999)),
  },
  {
    id: 'fr-deflate-nested',
    who: 'stranger',
    what: 'a deflated frame inside a deflated frame',
    expect: NAMED,
    run: frame(() => deflated(deflated(writeNode([TAGS.bodies, []])))),
  },
  {
    id: 'fr-deflate-junk',
    who: 'stranger',
    what: '1 MiB of zeros as a deflated stream',
    expect: NAMED,
    run: frame(() => writeNode([TAGS.deflated, 4 * MIB, new Uint8Array(MIB)])),
  },
  { id: 'fr-unknown-tag', who: 'stranger', what: 'a frame of tag 99', expect: NAMED, run: message([99, 0]) },
  { id: 'fr-no-array', who: 'stranger', what: 'a frame that is a number', expect: NAMED, run: message(5) },
  {
    id: 'fr-empty',
    who: 'stranger',
    what: 'an empty sealed frame',
    expect: NAMED,
    run: frame(() => new Uint8Array(0)),
  },
  {
    id: 'fr-proto-keys',
    who: 'stranger',
    what: 'a map with the key __proto__',
    expect: NAMED,
    run: frame(() => joined(Uint8Array.of(0x81, 0xa9), new TextEncoder().encode('__proto__'), Uint8Array.of(0x80))),
  },
  {
    id: 'fr-since',
    who: 'stranger',
    what: 'a question for the log before membership',
    expect: 'not_open',
    run: message([TAGS.since, 0]),
  },
  {
    id: 'fr-frontier-ask',
    who: 'stranger',
    what: 'a question for the frontier before membership',
    expect: 'not_open',
    run: message([TAGS.frontier_ask, [new Uint8Array(0)]]),
  },
  {
    id: 'fr-want-data',
    who: 'stranger',
    what: 'a want of a data chain before membership',
    expect: 'not_open',
    run: message([TAGS.want, [new Uint8Array(16).fill(9), 1], [0, 1]]),
  },
  {
    id: 'fr-want-bodies',
    who: 'stranger',
    what: 'a want of texts before membership',
    expect: 'not_open',
    run: message([TAGS.want_bodies, new Uint8Array(32)]),
  },
  {
    id: 'fr-forks',
    who: 'stranger',
    what: 'fork proofs before membership',
    expect: 'not_open',
    run: message([TAGS.forks, [new Uint8Array(300)]]),
  },
  {
    id: 'fr-ack',
    who: 'stranger',
    what: 'an ack before membership',
    expect: 'not_open',
    run: message([TAGS.ack, new Uint8Array(100), new Uint8Array(64)]),
  },
  {
    id: 'fr-not-enrolled',
    who: 'stranger',
    what: 'an honest handshake by nobody',
    expect: 'not_enrolled',
    run: async (stage) => (await stage.dial(stage.stranger())).closed(),
  },
  {
    id: 'fr-control-claim',
    who: 'stranger',
    what: 'a control log of 2^48 statements, claimed',
    expect: /^(not_enrolled|control_timeout)$/,
    slow: 'lasts as long as a fetch of the control log may',
    run: async (stage) => {
      // It answers pings and says it again, so that it is not for its silence that the link ends.
      const link = await stage.dial(stage.stranger())
      for (let n = 0; n < 12 && link.reason() === null; n++) {
        link.tell([TAGS.control, 2 ** 48])
        await stage.pause(5_000)
      }
      return link.closed(1_000)
    },
  },
  {
    id: 'fr-flipped',
    who: 'member',
    what: 'a sealed frame with one bit flipped',
    expect: 'seal_broken',
    run: async (stage) => {
      const link = await stage.open()
      const sealed = link.seal(writeNode([TAGS.ping, 1, 0, new Uint8Array(16)]))
      sealed[5]! ^= 1
      link.sendSealed(sealed)
      return link.closed()
    },
  },
  {
    id: 'fr-replayed',
    who: 'member',
    what: 'a sealed frame sent twice',
    expect: 'seal_broken',
    run: async (stage) => {
      const link = await stage.open()
      const sealed = link.seal(writeNode([TAGS.ping, 1, 0, new Uint8Array(16)]))
      link.sendSealed(sealed)
      link.sendSealed(sealed)
      return link.closed()
    },
  },
  {
    id: 'fr-skipped',
    who: 'member',
    what: 'a sealed frame left out',
    expect: 'seal_broken',
    run: async (stage) => {
      const link = await stage.open()
      link.seal(writeNode([TAGS.ping, 1, 0, new Uint8Array(16)]))
      link.tell([TAGS.ping, 2, 0, new Uint8Array(16)])
      return link.closed()
    },
  },
  {
    id: 'fr-swapped',
    who: 'member',
    what: 'two sealed frames in the wrong order',
    expect: 'seal_broken',
    run: async (stage) => {
      const link = await stage.open()
      const [first, second] = [1, 2].map((id) => link.seal(writeNode([TAGS.ping, id, 0, new Uint8Array(16)]))) as [
        Uint8Array,
        Uint8Array,
      ]
      link.sendSealed(second)
      link.sendSealed(first)
      return link.closed()
    },
  },
  {
    id: 'fr-other-session',
    who: 'member',
    what: 'a frame sealed for another session',
    expect: 'seal_broken',
    run: async (stage) => {
      const [one, other] = [await stage.dial(stage.stranger()), await stage.open()]
      other.sendSealed(one.seal(writeNode([TAGS.ping, 1, 0, new Uint8Array(16)])))
      return other.closed()
    },
  },
  {
    id: 'fr-too-large',
    who: 'member',
    what: 'a sealed frame of 4 MiB + 18',
    expect: /^(malformed_frame|code 1009|lost.*)$/,
    run: async (stage) => {
      const link = await stage.open()
      link.say(new Uint8Array(4 * MIB + 1))
      return link.closed()
    },
  },
  {
    id: 'fr-large-reconnecting',
    who: 'stranger',
    what: '4 MiB frames of empty maps, 20 links one after the other',
    expect: 'all closed by name',
    run: async (stage) => {
      const content = deflated(repeated(Uint8Array.of(0x80), 4 * MIB, Uint8Array.of(0x92, TAGS.bodies)))
      const reasons = new Set<string>()
      for (let n = 0; n < 20 && !stage.over(); n++) {
        const link = await stage.dial(stage.stranger()).catch(() => null)
        link?.say(content)
        reasons.add((await link?.closed()) ?? 'not_open')
        link?.end()
      }
      return [...reasons].every((reason) => NAMED.test(reason)) ? 'all closed by name' : [...reasons].join(', ')
    },
  },
]
