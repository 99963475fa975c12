/** Before anybody is known: junk, lies, recordings and floods at the mesh's door. */
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { connect as connectTcp } from 'node:net'
import { fromLittleEndian, L, littleEndian, SMALL_ORDER } from '../../../crdt/edwards.test-support.ts'
import { hexToBytes } from '../../../crdt/ids.ts'
import { sign, type KeyPair } from '../../../crdt/signature.ts'
import { dialHandshake } from '../../../transports/handshake.ts'
import { createNonces } from '../../../transports/nonces.ts'
import { offerBytes } from '../../../transports/versions.ts'
import type { Attack, Stage } from '../attack.ts'
import { authenticate, connect, joined, type RawLink } from '../../hostile/mesh-link.ts'

/** Why the quick form leaves a row out. */
const FLOOD = 'a flood: takes seconds of processor'
const door = (stage: Stage): string => `${stage.victim.url.replace('http', 'ws')}/mesh`
const knock = async (stage: Stage): Promise<RawLink> => {
  const raw = await connect(door(stage))
  stage.later(raw.end)
  return raw
}
const firstFrame =
  (frame: (stage: Stage) => Uint8Array | string) =>
  async (stage: Stage): Promise<string> => {
    const raw = await knock(stage)
    raw.send(frame(stage))
    return raw.closed()
  }

const ZERO = new Uint8Array(32)
type Hello = {
  readonly version?: number
  readonly mesh?: Uint8Array
  readonly id?: Uint8Array
  readonly nonce?: Uint8Array
  readonly ephemeral?: Uint8Array
  readonly audience?: Uint8Array
}
const hello = (
  stage: Stage,
  {
    version = 1,
    mesh = hexToBytes(stage.facts.mesh),
    id = stage.stranger().publicKey,
    nonce = randomBytes(32),
    ephemeral = randomBytes(32),
    audience = ZERO,
  }: Hello,
): Uint8Array =>
  joined(
    Uint8Array.of(1, 1),
    offerBytes({ min: version, max: version, abilities: 1 }),
    mesh,
    id,
    nonce,
    ephemeral,
    audience,
  )

type Frames = {
  readonly hello: Uint8Array
  readonly answer: Uint8Array
  readonly proof: Uint8Array
  readonly raw: RawLink
}
/** An honest handshake up to the proof, which is not sent. */
const upToProof = async (
  stage: Stage,
  keys: KeyPair,
  random = randomBytes(64),
  knocked = knock(stage),
): Promise<Frames> => {
  const raw = await knocked
  const handshake = dialHandshake({
    mesh: stage.facts.mesh,
    self: keys,
    audience: null,
    nonces: createNonces(16, 1_000),
    random,
    nowMs: Date.now(),
  })
  raw.send(handshake.first!)
  const answer = await raw.next()
  const step = handshake.receive(answer, Date.now())
  if (step.kind !== 'done') throw new Error(`the answer was no answer: ${step.kind}`)
  return { hello: handshake.first!, answer, proof: step.send!, raw }
}
const withSignature =
  (change: (signature: Uint8Array, frames: Frames) => Uint8Array) =>
  async (stage: Stage): Promise<string> => {
    const frames = await upToProof(stage, stage.stranger())
    frames.raw.send(joined(frames.proof.subarray(0, 2), change(frames.proof.slice(2), frames)))
    return frames.raw.closed()
  }

/** S + L: the same signature in a form that a careless verifier takes as another. */
const malleated = (signature: Uint8Array): Uint8Array =>
  joined(signature.subarray(0, 32), littleEndian(fromLittleEndian(signature.subarray(32)) + L))

export const handshakeAttacks: readonly Attack[] = [
  {
    id: 'hs-junk',
    who: 'stranger',
    what: '168 random bytes as the first frame',
    expect: 'malformed_handshake',
    run: firstFrame(() => randomBytes(168)),
  },
  {
    id: 'hs-empty',
    who: 'stranger',
    what: 'an empty frame first',
    expect: 'malformed_handshake',
    run: firstFrame(() => new Uint8Array(0)),
  },
  {
    id: 'hs-length',
    who: 'stranger',
    what: 'a hello one byte too long',
    expect: 'malformed_handshake',
    run: firstFrame((stage) => joined(hello(stage, {}), Uint8Array.of(0))),
  },
  {
    id: 'hs-version',
    who: 'stranger',
    what: 'a hello of version 2',
    expect: 'version_unsupported 1-1',
    run: firstFrame((stage) => hello(stage, { version: 2 })),
  },
  {
    id: 'hs-proof-first',
    who: 'stranger',
    what: 'a proof before any hello',
    expect: 'malformed_handshake',
    run: firstFrame(() => joined(Uint8Array.of(1, 3), randomBytes(64))),
  },
  {
    id: 'hs-sealed-first',
    who: 'stranger',
    what: 'a MessagePack frame before any hello',
    expect: 'malformed_handshake',
    run: firstFrame(() => Uint8Array.of(0x92, 5, 0)),
  },
  { id: 'hs-text', who: 'stranger', what: 'a text message', expect: 'malformed_frame', run: firstFrame(() => 'hello') },
  {
    id: 'hs-wrong-mesh',
    who: 'stranger',
    what: 'a hello for another mesh',
    expect: 'wrong_mesh',
    run: firstFrame((stage) => hello(stage, { mesh: randomBytes(32) })),
  },
  {
    id: 'hs-wrong-audience',
    who: 'stranger',
    what: 'a hello meant for another peer',
    expect: 'wrong_audience',
    run: firstFrame((stage) => hello(stage, { audience: randomBytes(32) })),
  },
  {
    id: 'hs-self',
    who: 'stranger',
    what: "a hello in the peer's own name",
    expect: 'self_connection',
    run: firstFrame((stage) => hello(stage, { id: hexToBytes(stage.facts.victim) })),
  },
  {
    id: 'hs-small-order-id',
    who: 'stranger',
    what: 'hellos with all 14 encodings of small-order keys',
    expect: 'bad_identity ×14',
    run: async (stage) => {
      const reasons = new Set<string>()
      for (const id of SMALL_ORDER) {
        const raw = await knock(stage)
        raw.send(hello(stage, { id }))
        reasons.add(await raw.closed())
      }
      return `${[...reasons].join(', ')} ×${SMALL_ORDER.length}`
    },
  },
  {
    id: 'hs-small-order-ephemeral',
    who: 'stranger',
    what: 'a session key of small order, truly signed',
    expect: 'bad_ephemeral',
    run: async (stage) => {
      const keys = stage.stranger()
      const raw = await knock(stage)
      const nonce = randomBytes(32)
      raw.send(hello(stage, { id: keys.publicKey, nonce, ephemeral: ZERO }))
      const answer = await raw.next()
      const [acceptor, acceptorNonce, acceptorEphemeral] = [
        answer.subarray(8, 40),
        answer.subarray(40, 72),
        answer.subarray(72, 104),
      ]
      const signed = joined(
        new TextEncoder().encode('dialer'),
        hexToBytes(stage.facts.mesh),
        nonce,
        acceptorNonce,
        keys.publicKey,
        acceptor,
        ZERO,
        acceptorEphemeral,
        ZERO,
        offerBytes({ min: 1, max: 1, abilities: 1 }),
        answer.subarray(2, 8),
      )
      raw.send(joined(Uint8Array.of(1, 3), sign('mnemesh/handshake/1', signed, keys)))
      return raw.closed()
    },
  },
  {
    id: 'hs-flipped-signature',
    who: 'stranger',
    what: 'a proof with one bit flipped',
    expect: 'bad_signature',
    run: withSignature((signature) => signature.map((byte, i) => (i === 40 ? byte ^ 1 : byte))),
  },
  {
    id: 'hs-malleated-signature',
    who: 'stranger',
    what: 'a proof whose S has the group order added',
    expect: 'bad_signature',
    run: withSignature(malleated),
  },
  {
    id: 'hs-reflected',
    who: 'stranger',
    what: "the peer's own signature sent back as proof",
    expect: 'bad_signature',
    run: withSignature((_, { answer }) => answer.slice(104)),
  },
  {
    id: 'hs-foreign-domain',
    who: 'member',
    what: "a commit's signature as proof",
    expect: 'bad_signature',
    run: async (stage) => {
      const frames = await upToProof(stage, stage.member.keys)
      frames.raw.send(joined(Uint8Array.of(1, 3), sign('mnemesh/commit/1', frames.answer, stage.member.keys)))
      return frames.raw.closed()
    },
  },
  {
    id: 'hs-stolen-name',
    who: 'stranger',
    what: "a member's id, signed by another key",
    expect: 'bad_signature',
    run: async (stage) => {
      const frames = await upToProof(stage, {
        publicKey: stage.member.keys.publicKey,
        secretKey: joined(stage.stranger().secretKey.subarray(0, 32), stage.member.keys.publicKey),
      })
      frames.raw.send(frames.proof)
      return frames.raw.closed()
    },
  },
  {
    id: 'hs-replayed',
    who: 'stranger',
    what: "a member's handshake, recorded and sent again",
    expect: 'bad_signature',
    run: async (stage) => {
      const recorded = await upToProof(stage, stage.member.keys)
      recorded.raw.send(recorded.proof)
      await stage.pause(50)
      const again = await knock(stage)
      again.send(recorded.hello)
      await again.next()
      again.send(recorded.proof)
      return again.closed()
    },
  },
  {
    id: 'hs-replayed-restarted',
    who: 'stranger',
    what: "a member's handshake, recorded, sent again after a restart",
    expect: 'bad_signature',
    slow: 'restarts a peer',
    onSpare: true,
    run: async (stage) => {
      const patient = await stage.spare()
      const at = async (): Promise<RawLink> => {
        const raw = await connect(`${patient.url.replace('http', 'ws')}/mesh`)
        stage.later(raw.end)
        return raw
      }
      const recorded = await upToProof(stage, stage.member.keys, randomBytes(64), at())
      recorded.raw.send(recorded.proof)
      await patient.stop()
      await patient.start({ projection: 'none' })
      const again = await at()
      again.send(recorded.hello)
      await again.next()
      again.send(recorded.proof)
      return again.closed()
    },
  },
  {
    id: 'hs-nonce-reused',
    who: 'member',
    what: 'a second handshake under the nonce of the first',
    expect: 'nonce_reused',
    run: async (stage) => {
      const random = randomBytes(64)
      const first = await upToProof(stage, stage.member.keys, random)
      first.raw.send(first.proof)
      await stage.pause(50)
      const second = await upToProof(stage, stage.member.keys, random)
      second.raw.send(second.proof)
      return second.raw.closed()
    },
  },
  {
    id: 'hs-twice',
    who: 'stranger',
    what: 'a second hello behind the handshake',
    expect: 'seal_broken',
    run: async (stage) => {
      const link = await stage.dial(stage.stranger())
      link.sendSealed(hello(stage, {}))
      return link.closed()
    },
  },
  {
    id: 'hs-silent',
    who: 'stranger',
    what: 'a socket that never speaks',
    expect: 'handshake_timeout',
    slow: 'takes the whole 10 s of a handshake',
    run: async (stage) => (await knock(stage)).closed(20_000),
  },
  {
    id: 'hs-huge-frame',
    who: 'stranger',
    what: 'a frame of 5 MiB before any hello',
    expect: /^(malformed_handshake|code 1009|lost.*)$/,
    run: firstFrame(() => new Uint8Array(5 * 1024 * 1024)),
  },
  {
    id: 'hs-junk-flood',
    who: 'stranger',
    what: '200 junk handshakes, 30 at a time',
    expect: '200 refused, an honest peer links in time',
    slow: FLOOD,
    run: (stage) =>
      flood(stage, 200, async () => {
        const raw = await connect(door(stage))
        raw.send(randomBytes(168))
        await raw.closed()
        raw.end()
      }),
  },
  {
    id: 'hs-fresh-keys-flood',
    who: 'stranger',
    what: '100 whole handshakes of fresh keys, 30 at a time',
    expect: '100 refused, an honest peer links in time',
    slow: FLOOD,
    run: (stage) => flood(stage, 100, () => strangerComesAndGoes(stage)),
  },
  {
    id: 'hs-fresh-keys-flood-9000',
    who: 'stranger',
    what: '9,000 tries at a whole handshake with fresh keys',
    expect: '9000 refused, an honest peer links in time',
    slow: 'takes a minute',
    run: (stage) => flood(stage, 9_000, () => strangerComesAndGoes(stage)),
  },
  {
    id: 'hs-held-sockets',
    who: 'stranger',
    what: '400 sockets held without a word',
    expect: 'an honest peer links in time',
    slow: FLOOD,
    run: async (stage) => {
      for (let n = 0; n < 400 && !stage.over(); n += 40)
        await Promise.all(Array.from({ length: 40 }, () => knock(stage).catch(() => null)))
      return honestLinks(stage)
    },
  },
  {
    id: 'hs-refused-held',
    who: 'stranger',
    what: '600 upgrades that are refused, their own side kept open',
    expect: 'an honest peer links in time',
    slow: FLOOD,
    run: async (stage) => {
      const { hostname, port } = new URL(stage.victim.url)
      for (let n = 0; n < 600 && !stage.over(); n += 50)
        await Promise.all(
          Array.from(
            { length: 50 },
            () =>
              new Promise<void>((answered) => {
                const socket = connectTcp({ port: Number(port), host: hostname, allowHalfOpen: true }, () =>
                  socket.write(
                    'GET /mesh HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
                  ),
                )
                stage.later(() => socket.destroy())
                socket.on('error', () => answered())
                socket.once('data', () => answered())
                socket.once('close', () => answered())
              }),
          ),
        )
      return honestLinks(stage)
    },
  },
  {
    id: 'hs-headers',
    who: 'stranger',
    what: 'an upgrade with 2,000 headers',
    expect: '431',
    run: (stage) =>
      upgradeStatus(stage, '/mesh', Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`x-${n}`, '1']))),
  },
  {
    id: 'hs-headers-100',
    who: 'stranger',
    what: 'an upgrade with 90 headers',
    expect: '431',
    run: (stage) =>
      upgradeStatus(stage, '/mesh', Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`x-${n}`, '1']))),
  },
  {
    id: 'hs-path',
    who: 'stranger',
    what: 'an upgrade of a path that is none',
    expect: '404',
    run: (stage) => upgradeStatus(stage, '/mesh/../api/v1/health', {}),
  },
  {
    id: 'hs-no-key',
    who: 'stranger',
    what: 'an upgrade without a WebSocket key',
    expect: '400',
    run: (stage) => upgradeStatus(stage, '/mesh', { 'sec-websocket-key': '' }),
  },
  {
    id: 'hs-ws-pings',
    who: 'stranger',
    what: '20,000 WebSocket pings',
    expect: 'unanswered',
    slow: FLOOD,
    run: async (stage) => {
      const raw = await knock(stage)
      let pongs = 0
      raw.ws.on('pong', () => pongs++)
      for (let n = 0; n < 20_000; n++) raw.ws.ping()
      await stage.pause(300)
      return pongs === 0 ? 'unanswered' : `${pongs} answered`
    },
  },
]

const WIDTH = 30
const HONEST_MS_MAX = 2_000

const flood = async (stage: Stage, count: number, one: () => Promise<void>): Promise<string> => {
  let left = count
  const work = async (): Promise<void> => {
    while (left-- > 0 && !stage.over()) await one().catch(() => undefined)
  }
  const flooding = Promise.all(Array.from({ length: WIDTH }, work))
  const linked = await honestLinks(stage)
  await flooding
  return `${count} refused, ${linked}`
}

/** Its refusal is the answer to its control message. */
const strangerComesAndGoes = async (stage: Stage): Promise<void> => {
  const raw = await connect(door(stage))
  try {
    const link = await authenticate(raw, stage.facts, stage.stranger())
    await link.closed(5_000)
  } finally {
    raw.end()
  }
}

/** A member dials as an honest one would: it must be let in, whatever others do. */
const honestLinks = async (stage: Stage): Promise<string> => {
  const fromMs = performance.now()
  const link = await stage.open()
  const tookMs = performance.now() - fromMs
  link.end()
  return tookMs <= HONEST_MS_MAX ? 'an honest peer links in time' : `an honest peer waited ${tookMs.toFixed(0)} ms`
}

export const upgradeStatus = (stage: Stage, path: string, headers: Readonly<Record<string, string>>): Promise<string> =>
  new Promise((resolve, reject) => {
    const sent = request(`${stage.victim.url}${path}`, {
      path,
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
        ...headers,
      },
    })
    sent.once('response', (response) => {
      response.resume()
      resolve(String(response.statusCode))
    })
    sent.once('upgrade', (response, socket) => {
      socket.destroy()
      resolve(String(response.statusCode))
    })
    sent.once('error', reject)
    sent.end()
  })
