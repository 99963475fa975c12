/** What a member says of itself and of others: acks, claims, floods, addresses; and what it is told when it is no longer one. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { signAck, type SignedAck, type Watermark } from '../../../crdt/ack.ts'
import { bytesToHex, hexToBytes, type ChainId, type CommitHash, type PeerId } from '../../../crdt/ids.ts'
import { signAddress } from '../../../transports/addresses.ts'
import { TAGS } from '../../../transports/messages.ts'
import { expecting, listIn } from '../../../deploy/local/http.ts'
import type { Node } from '../../fuzz/dumb/msgpack.ts'
import type { Attack, Stage } from '../attack.ts'
import { frontierOf, OPEN, settled, type MeshLink } from '../../hostile/mesh-link.ts'
import { metric } from '../snapshot.ts'

/** Why the quick form leaves a row out. */
const FLOOD = 'a flood: takes seconds of processor'
const DIGEST = new Uint8Array(16)
const saying =
  (...messages: readonly Node[]) =>
  async (stage: Stage): Promise<string> => {
    const link = await stage.open()
    for (const message of messages) link.tell(message)
    return link.closed()
  }

/** Says so many of them, and then whether it is still well. */
const flooding =
  (count: number, message: (n: number) => Node) =>
  async (stage: Stage): Promise<string> => {
    const link = await stage.open()
    for (let n = 0; n < count && link.reason() === null && !stage.over(); n++) {
      link.tell(message(n))
      if (n % 100 === 99) await stage.pause(0)
    }
    return (
      (await settled(link, 20_000).then(
        () => 'borne',
        () => link.reason(),
      )) ?? 'unanswered'
    )
  }

const chainBytes = (): Uint8Array => randomBytes(16)
const hash = (): CommitHash => bytesToHex(randomBytes(32)) as CommitHash
const watermarks = (count: number): readonly Watermark[] =>
  Array.from({ length: count }, () => ({
    chain: bytesToHex(chainBytes()) as ChainId,
    seq: 7,
    hash: hash(),
    whole: true,
  }))
const ackOf = (stage: Stage, marks: readonly Watermark[], voter: PeerId = stage.member.peer): Node => {
  return frameOf(signAck({ mesh: stage.facts.mesh, voter, watermarks: marks }, stage.member.keys))
}
const frameOf = ({ voter, watermarks: marks, signature }: SignedAck): Node => [
  TAGS.ack,
  hexToBytes(voter),
  marks.flatMap((mark) => [hexToBytes(mark.chain), mark.seq, hexToBytes(mark.hash), mark.whole]),
  signature,
]
const withAck =
  (ack: (stage: Stage) => Node, then: (stage: Stage, link: MeshLink) => Promise<string>) =>
  async (stage: Stage): Promise<string> => {
    const link = await stage.open()
    link.tell(ack(stage))
    return then(stage, link)
  }
/** The victim's chains as it tells them. */
const victimsChains = async (
  link: MeshLink,
): Promise<readonly (readonly [chain: string, seq: number, hash: string])[]> =>
  [...(await frontierOf(link))].map(([chain, { seq, hash: head }]) => [chain, seq, head])

export const memberAttacks: readonly Attack[] = [
  { id: 'mb-open-twice', who: 'member', what: 'open, twice', expect: 'already_open', run: saying(OPEN) },
  {
    id: 'mb-ping-flood',
    who: 'member',
    what: '40 pings at once',
    expect: 'ping_flood',
    run: saying(...Array.from({ length: 40 }, (_, id): Node => [TAGS.ping, id, 0, DIGEST])),
  },
  {
    id: 'mb-credit',
    who: 'member',
    what: 'credit for more than was ever owed',
    expect: 'credit_overrun',
    run: saying([TAGS.credit, 4 * 1024 * 1024]),
  },
  {
    id: 'mb-credit-zero',
    who: 'member',
    what: 'credit for no byte',
    expect: 'malformed_frame',
    run: saying([TAGS.credit, 0]),
  },
  {
    id: 'mb-want-millions',
    who: 'member',
    what: 'a want list of 500,000 runs',
    expect: 'malformed_frame',
    slow: FLOOD,
    run: (stage) =>
      saying([TAGS.want, [chainBytes(), 1], Array.from({ length: 1_000_000 }, (_, i) => (i % 2 === 0 ? 0 : 1))])(stage),
  },
  {
    id: 'mb-want-seq',
    who: 'member',
    what: 'a want of 2^48 commits of one chain',
    expect: /^(borne|want_overrun)$/,
    run: flooding(1, () => [TAGS.want, [chainBytes(), 1], [0, 2 ** 48]]),
  },
  {
    id: 'mb-want-flood',
    who: 'member',
    what: '2,000 wants of chains that are not',
    expect: /^(borne|want_overrun|too_costly)$/,
    slow: FLOOD,
    run: flooding(2_000, () => [TAGS.want, [chainBytes(), 1], [0, 4]]),
  },
  {
    id: 'mb-want-bodies',
    who: 'member',
    what: 'wants of texts that are not, 200 frames',
    expect: /^(borne|want_overrun|work_overrun)$/,
    slow: FLOOD,
    run: flooding(200, () => [TAGS.want_bodies, randomBytes(32 * 100)]),
  },
  {
    id: 'mb-want-headers',
    who: 'member',
    what: '2,000 frames that want headers',
    expect: /^(borne|want_overrun|work_overrun)$/,
    slow: FLOOD,
    run: flooding(2_000, () => [TAGS.want_headers, randomBytes(32 * 256)]),
  },
  {
    id: 'mb-headers-unasked',
    who: 'member',
    what: 'headers that nobody asked for, 500 frames',
    expect: /^(borne|work_overrun)$/,
    run: flooding(500, () => [TAGS.headers, [randomBytes(300), randomBytes(300)]]),
  },
  {
    id: 'mb-since-flood',
    who: 'member',
    what: '2,000 questions for the whole log',
    expect: /^(borne|slow_reader|work_overrun)$/,
    slow: FLOOD,
    run: flooding(2_000, () => [TAGS.since, 0]),
  },
  {
    id: 'mb-frontier-flood',
    who: 'member',
    what: '2,000 questions for 256 parts of the frontier each',
    expect: /^(borne|slow_reader|work_overrun)$/,
    slow: FLOOD,
    run: flooding(2_000, () => [
      TAGS.frontier_ask,
      Array.from({ length: 256 }, (_, n) => Uint8Array.of(n >> 4, n & 15)),
    ]),
  },
  {
    id: 'mb-have-lie',
    who: 'member',
    what: "'I have everything up to 2^48'",
    expect: 'borne',
    run: flooding(1, () => [TAGS.have, 2 ** 48]),
  },
  {
    id: 'mb-digest-lies',
    who: 'member',
    what: 'pongs with digests of nothing, 300 of them',
    expect: /^(borne|work_overrun)$/,
    run: flooding(300, (n) => [TAGS.pong, n, 1_000_000 + n, randomBytes(16), Date.now()]),
  },
  {
    id: 'mb-runs-lies',
    who: 'member',
    what: '20,480 runs of chains that are not',
    expect: /^(borne|too_many_chains|work_overrun)$/,
    slow: FLOOD,
    run: flooding(20, () => [
      TAGS.runs,
      Array.from({ length: 2_048 }, (_, i) => (i % 2 === 0 ? chainBytes() : 1)),
      Array.from({ length: 2_048 }, (_, i) => (i % 2 === 0 ? i / 2 : 5)),
      9_999,
      false,
      DIGEST,
    ]),
  },
  {
    id: 'mb-frontier-lies',
    who: 'member',
    what: '40,960 chains that are not, as a frontier',
    expect: /^(borne|too_many_chains|work_overrun)$/,
    slow: FLOOD,
    run: flooding(10, () => [
      TAGS.frontier,
      Array.from(
        { length: 256 },
        (_, n) =>
          [
            n === 0 ? new Uint8Array(0) : Uint8Array.of(n >> 4, n & 15),
            true,
            Array.from({ length: 16 }, () => [chainBytes(), 2 ** 40, randomBytes(32)] as const).flat(),
          ] as const,
      ).flat(),
      50_000,
    ]),
  },
  {
    id: 'mb-frontier-differs',
    who: 'member',
    what: '500 answers that every part of its frontier is another',
    expect: /^(borne|too_many_chains|work_overrun)$/,
    slow: FLOOD,
    run: flooding(500, () => [
      TAGS.frontier,
      Array.from(
        { length: 256 },
        (_, n) => [n === 0 ? new Uint8Array(0) : Uint8Array.of(n >> 4, n & 15), false, randomBytes(128)] as const,
      ).flat(),
      50_000,
    ]),
  },
  {
    id: 'mb-absent-flood',
    who: 'member',
    what: '5,000 times: I do not have that',
    expect: /^(borne|work_overrun)$/,
    slow: FLOOD,
    run: flooding(5_000, () => [TAGS.absent, chainBytes(), 1]),
  },
  {
    id: 'mb-fork-flood',
    who: 'member',
    what: '9,000 proofs of nothing',
    expect: /^(fork_flood|malformed_frame|work_overrun)$/,
    run: flooding(40, () => [TAGS.forks, Array.from({ length: 256 }, () => randomBytes(40))]),
  },
  {
    id: 'mb-bodies-unasked',
    who: 'member',
    what: 'texts that nobody names, 200 frames of 16 KiB',
    expect: /^(borne|credit_overrun|work_overrun)$/,
    run: flooding(200, () => [TAGS.bodies, [randomBytes(16 * 1024)]]),
  },
  {
    id: 'mb-overrun',
    who: 'member',
    what: '24 MiB of texts at once, beyond all credit',
    expect: /^(credit_overrun|borne)$/,
    slow: FLOOD,
    run: flooding(8, () => [TAGS.bodies, Array.from({ length: 48 }, () => randomBytes(64 * 1024))]),
  },

  {
    id: 'mb-ack-foreign',
    who: 'member',
    what: "an ack in the peer's own name",
    expect: 'forged_ack',
    run: withAck(
      (stage) => ackOf(stage, watermarks(1), stage.facts.victim),
      (_, link) => link.closed(),
    ),
  },
  {
    id: 'mb-ack-other-mesh',
    who: 'member',
    what: 'an ack for another mesh',
    expect: 'borne',
    run: withAck(
      (stage) => {
        return frameOf(
          signAck(
            {
              mesh: bytesToHex(randomBytes(32)) as typeof stage.facts.mesh,
              voter: stage.member.peer,
              watermarks: watermarks(1),
            },
            stage.member.keys,
          ),
        )
      },
      async (_, link) =>
        (await settled(link).then(
          () => 'borne',
          () => link.reason(),
        )) ?? 'unanswered',
    ),
  },
  {
    id: 'mb-ack-by-observer',
    who: 'member',
    what: "an observer's true acks, for a write that a dead voter is needed for",
    expect: '503 quorum_not_met',
    writes: true,
    role: 'observer',
    slow: 'needs three peers, of which one is killed',
    run: async (stage) => {
      const dead = stage.peers[2]
      if (dead === undefined) return 'needs three peers'
      await dead.kill()
      stage.later(() => dead.start())
      const link = await stage.open()
      const write = stage.victim.call('POST', `/memories?quorum=${stage.peers.length}`, {
        body: { content: 'needs a voter that is dead', namespace: 'unmet' },
      })
      for (let n = 0; n < 30 && !stage.over(); n++) {
        for (const [chain, seq, head] of await victimsChains(link))
          link.tell(ackOf(stage, [{ chain: chain as ChainId, seq, hash: head as CommitHash, whole: true }]))
        await stage.pause(50)
      }
      const { status, body } = await write
      return `${status} ${String(body['error'])}`
    },
  },
  {
    id: 'mb-ack-by-voter',
    who: 'member',
    what: "a voter's acks of another commit in the same place, doubled, for a write that needs it",
    expect: '503 quorum_not_met',
    writes: true,
    spends: true,
    slow: 'enrols a voter',
    run: async (stage) => {
      const link = await stage.open()
      const voters = listIn(await expecting(200, stage.victim.call('GET', '/peers')), 'peers').filter(
        ({ role }) => role === 'voter',
      ).length
      const write = stage.victim.call('POST', `/memories?quorum=${voters}`, {
        body: { content: 'needs the voter that lies', namespace: 'unmet' },
      })
      for (let n = 0; n < 20 && !stage.over(); n++) {
        for (const [chain, seq] of await victimsChains(link))
          for (const times of [1, 2])
            link.tell(ackOf(stage, [{ chain: chain as ChainId, seq: seq + (times - 1), hash: hash(), whole: true }]))
        await stage.pause(50)
      }
      const { status, body } = await write
      return `${status} ${String(body['error'])}`
    },
  },
  {
    id: 'mb-ack-ahead',
    who: 'member',
    what: "acks of the peer's own chains far ahead of it, 10 times",
    expect: 'borne, no chain more',
    run: async (stage) => {
      const link = await stage.open()
      const before = await metric(stage.victim, 'mnemesh_log_chains')
      for (let n = 1; n <= 10; n++) {
        for (const [chain, seq] of await victimsChains(link))
          link.tell(ackOf(stage, [{ chain: chain as ChainId, seq: seq + 1_000 * n, hash: hash(), whole: true }]))
        await stage.pause(100)
      }
      const more = (await metric(stage.victim, 'mnemesh_log_chains')) - before
      return more === 0 ? `${link.reason() ?? 'borne'}, no chain more` : `${more} chains more`
    },
  },
  {
    id: 'mb-ack-unknown-chains',
    who: 'member',
    what: 'acks over 51,200 chains that are not',
    expect: /^(borne|too_many_chains|work_overrun)$/,
    slow: FLOOD,
    run: async (stage) => flooding(200, () => ackOf(stage, watermarks(256)))(stage),
  },
  {
    id: 'mb-ack-300000-chains',
    who: 'member',
    what: 'acks over 300,000 chains that are not',
    expect: /^(borne|too_many_chains|work_overrun)$/,
    slow: 'takes half a minute to sign',
    run: async (stage) => flooding(1_200, () => ackOf(stage, watermarks(256)))(stage),
  },
  {
    id: 'mb-ack-bad-signature',
    who: 'member',
    what: 'an ack whose signature is junk',
    expect: /^(borne|forged_ack)$/,
    run: withAck(
      (stage) => [...(ackOf(stage, watermarks(1)) as readonly Node[]).slice(0, 3), randomBytes(64)],
      async (_, link) =>
        (await settled(link).then(
          () => 'borne',
          () => link.reason(),
        )) ?? 'unanswered',
    ),
  },
  {
    id: 'mb-ack-replayed',
    who: 'member',
    what: 'one ack 3,000 times',
    expect: /^(borne|work_overrun)$/,
    slow: FLOOD,
    run: async (stage) => {
      const ack = ackOf(stage, watermarks(16))
      return flooding(3_000, () => ack)(stage)
    },
  },

  {
    id: 'mb-addresses-foreign',
    who: 'member',
    what: "an address in the peer's name, signed by us",
    expect: 'no dial',
    run: async (stage) =>
      dialed(stage, (url) => [
        signAddress(stage.facts.mesh, { peer: stage.facts.victim, atMs: Date.now(), urls: [url] }, stage.member.keys),
      ]),
  },
  {
    id: 'mb-addresses-thousand',
    who: 'member',
    what: 'one record of 1,000 addresses',
    expect: 'no dial',
    run: async (stage) =>
      dialed(stage, (url) => [
        signAddress(
          stage.facts.mesh,
          { peer: stage.member.peer, atMs: Date.now(), urls: Array.from({ length: 1_000 }, () => url) },
          stage.member.keys,
        ),
      ]),
  },
  {
    id: 'mb-addresses-flood',
    who: 'member',
    what: '513 address records of junk',
    expect: 'malformed_frame',
    run: saying([TAGS.addresses, Array.from({ length: 513 }, () => new Uint8Array(8))]),
  },
  {
    id: 'mb-addresses-odd',
    who: 'member',
    what: 'addresses of other schemes, paths and with credentials',
    expect: 'borne',
    run: async (stage) => {
      const urls = [
        'file:///etc/passwd',
        'ws://127.0.0.1:1/other',
        'ws://user:pass@127.0.0.1:1/mesh',
        'http://127.0.0.1:1/mesh',
        'ws://127.0.0.1:99999/mesh',
        `ws://${'a'.repeat(300)}:1/mesh`,
      ]
      return flooding(urls.length, (n) => [
        TAGS.addresses,
        [
          signAddress(
            stage.facts.mesh,
            { peer: stage.member.peer, atMs: Date.now() + n, urls: [urls[n]!] },
            stage.member.keys,
          ),
        ],
      ])(stage)
    },
  },

  {
    id: 'mb-revoked',
    who: 'member',
    what: 'frames from a member that is revoked in mid-session',
    expect: 'revoked within 5 s',
    spends: true,
    writes: true,
    run: async (stage) => {
      const link = await stage.open()
      const revoking = stage.revoke()
      const chatter = (async (): Promise<void> => {
        while (link.reason() === null && !stage.over()) {
          link.tell([TAGS.have, 1])
          await stage.pause(50)
        }
      })()
      await revoking
      const fromMs = performance.now()
      const reason = await link.closed(10_000)
      await chatter
      return performance.now() - fromMs <= 5_000 ? `${reason} within 5 s` : `${reason} late`
    },
  },
  {
    id: 'mb-revoked-again',
    who: 'member',
    what: 'a member that was revoked dials again',
    expect: 'revoked',
    spends: true,
    writes: true,
    run: async (stage) => {
      await stage.revoke()
      const link = await stage.dial(stage.member.keys)
      return link.closed()
    },
  },
  {
    id: 'mb-never-reads',
    who: 'member',
    what: 'asks for everything and reads nothing',
    expect: /^(borne|slow_reader|want_overrun|work_overrun)$/,
    slow: FLOOD,
    run: async (stage) => {
      const link = await stage.open()
      const chains = await victimsChains(link)
      link.ws.pause()
      for (let n = 0; n < 100 && !stage.over(); n++)
        for (const [chain, seq] of chains) link.tell([TAGS.want, [hexToBytes(chain), 1], [0, seq]])
      await stage.pause(500)
      link.ws.resume()
      await stage.pause(200)
      return link.reason() ?? 'borne'
    },
  },
  {
    id: 'mb-links',
    who: 'member',
    what: 'the same member dials 30 times at once',
    expect: 'the last link is up',
    slow: FLOOD,
    run: async (stage) => {
      const links = await Promise.all(Array.from({ length: 30 }, () => stage.open().catch(() => null)))
      await stage.pause(300)
      const last = await stage.open()
      await expecting(200, stage.victim.call('GET', '/peers'))
      return last.reason() === null && links.filter((link) => link?.reason() === null).length === 0
        ? 'the last link is up'
        : `${links.filter((link) => link?.reason() === null).length} others are up`
    },
  },
]

/** Whether the victim dials the address that the records name. */
const dialed = async (stage: Stage, records: (url: string) => readonly Uint8Array[]): Promise<string> => {
  let dials = 0
  const server = createServer((socket) => {
    dials++
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stage.later(() => server.close())
  const { port } = server.address() as { readonly port: number }
  const link = await stage.open()
  link.tell([TAGS.addresses, records(`ws://127.0.0.1:${port}/mesh`)])
  await stage.pause(700)
  return dials === 0 ? 'no dial' : `${dials} dials`
}
