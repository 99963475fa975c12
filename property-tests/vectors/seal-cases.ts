/**
 * Vectors of what travels behind the handshake: the seal of both directions, each from the keys of `handshake.json`'s first handshake;
 * and of the requests that a token lets one make.
 */
import { encodeInvite, encodeJoin, encodeLevel, encodeRevoke, decodeInvite, decodeJoin } from '../../crdt/invite.ts'
import { bytesToHex, hexToBytes, type MeshId, type PeerId } from '../../crdt/ids.ts'
import { fromBase64Url, toBase64Url } from '../../crdt/base64.ts'
import { pack, unpack, type Packable } from '../../crdt/msgpack.ts'
import { createNonces } from '../../transports/nonces.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { meshOf, seed } from '../../crdt/test-support.ts'
import { createSeal, type SealKeys } from '../../transports/seal.ts'
import { acceptHandshake, dialHandshake, type HandshakeStep } from '../../transports/handshake.ts'
import { OWN_OFFER } from '../../transports/versions.ts'

export type SealVectors = {
  /** Of `handshake.json`: the handshake whose keys these are. */
  readonly handshake: string
  readonly streams: readonly {
    readonly rule: string
    /** Who seals. */
    readonly sender: 'dialer' | 'acceptor'
    readonly key: string
    readonly header: string
    /** In their order: each opens only as the next. */
    readonly frames: readonly { readonly content: string; readonly sealed: string }[]
  }[]
  /** What the other side receives, in this order; the last does not open. */
  readonly refused: readonly {
    readonly rule: string
    readonly name: string
    readonly sender: 'dialer' | 'acceptor'
    readonly frames: readonly string[]
  }[]
}
export type EnrolVectors = {
  readonly mesh: string
  readonly authority_seed: string
  readonly peer_seed: string
  readonly invites: readonly {
    readonly rule: string
    readonly name: string
    readonly id: string
    readonly role: string
    readonly expires_ms: number
    readonly urls: readonly string[]
    readonly token: string
  }[]
  readonly joins: readonly {
    readonly rule: string
    readonly token: string
    readonly name: string
    readonly request: string
  }[]
  readonly levels: readonly {
    readonly rule: string
    readonly level: number
    readonly at_ms: number
    readonly request: string
  }[]
  readonly revokes: readonly {
    readonly rule: string
    readonly peer: string
    readonly at_ms: number
    readonly request: string
  }[]
  readonly refused_tokens: readonly { readonly rule: string; readonly name: string; readonly token: string }[]
  readonly refused_joins: readonly { readonly rule: string; readonly name: string; readonly request: string }[]
}

const NOW = 1_700_000_000_000
const filled = (count: number, byte: number): Uint8Array => new Uint8Array(count).fill(byte)

/** Both sides' keys, from the inputs that `handshake.json` has. */
export const sealKeysOf = (inputs: {
  readonly mesh: string
  readonly dialer_seed: string
  readonly acceptor_seed: string
  readonly dialer_random: string
  readonly acceptor_random: string
}): { readonly dialer: SealKeys; readonly acceptor: SealKeys } => {
  const options = (seedHex: string, random: string) => ({
    mesh: inputs.mesh as MeshId,
    self: keyPairFromSeed(hexToBytes(seedHex)),
    nonces: createNonces(4, 1_000),
    random: hexToBytes(random),
    nowMs: NOW,
    offer: OWN_OFFER,
  })
  const dialer = dialHandshake({ ...options(inputs.dialer_seed, inputs.dialer_random), audience: null })
  const acceptor = acceptHandshake(options(inputs.acceptor_seed, inputs.acceptor_random))
  const done = dialer.receive(sent(acceptor.receive(dialer.first!, NOW)), NOW)
  const ended = acceptor.receive(sent(done), NOW)
  if (done.kind !== 'done' || ended.kind !== 'done') throw new Error('the handshake of the seal vectors came to no end')
  return { dialer: done.session.seal, acceptor: ended.session.seal }
}
const sent = (step: HandshakeStep): Uint8Array => {
  if (step.kind === 'refused' || step.send === null)
    throw new Error('the handshake of the seal vectors has no next frame')
  return step.send
}

/** @param inputs as in `handshake.json`. */
export const makeSealVectors = (inputs: Parameters<typeof sealKeysOf>[0], handshake: string): SealVectors => {
  const keys = sealKeysOf(inputs)
  const contents = [pack([1, 7]), pack([3, 1, 0, filled(16, 0)]), new Uint8Array(0), filled(1_000, 0x5a), pack([1, 7])]
  const stream = (sender: 'dialer' | 'acceptor') => {
    const { seal } = createSeal(keys[sender])
    return {
      rule: 'SE1',
      sender,
      key: bytesToHex(keys[sender].send.key),
      header: bytesToHex(keys[sender].send.header),
      frames: contents.map((content) => ({ content: bytesToHex(content), sealed: bytesToHex(seal(content)) })),
    }
  }
  const [dialer, acceptor] = [stream('dialer'), stream('acceptor')]
  const [first, second] = dialer.frames.map(({ sealed }) => sealed) as [string, string]
  const bit = (hex: string, at: number): string => bytesToHex(hexToBytes(hex).with(at, hexToBytes(hex)[at]! ^ 1))
  const refused = (name: string, ...frames: readonly string[]) => ({
    rule: 'SE3',
    name,
    sender: 'dialer' as const,
    frames,
  })
  return {
    handshake,
    streams: [dialer, acceptor],
    refused: [
      refused('the same again', first, first),
      refused('the second first', second),
      refused('what the other side seals', acceptor.frames[0]!.sealed),
      refused('a bit of its tag is another', bit(first, 0)),
      refused('a bit of its content is another', bit(first, 1)),
      refused('a bit of its end is another', bit(first, first.length / 2 - 1)),
      refused('a byte less', first.slice(0, -2)),
      refused('16 bytes', first.slice(0, 32)),
    ],
  }
}

export const makeEnrolVectors = (): EnrolVectors => {
  const mesh = meshOf(1).id
  const [authority, peer, other] = [keyPairFromSeed(seed(0xaa)), keyPairFromSeed(seed(5)), keyPairFromSeed(seed(6))]
  const invite = (name: string, role: 'voter' | 'observer', urls: readonly string[]) => {
    const fields = { mesh, id: '0f'.repeat(16), role, expiresMs: NOW, urls }
    return { rule: 'IN1', name, id: fields.id, role, expires_ms: NOW, urls, token: encodeInvite(fields, authority) }
  }
  const invites = [
    invite('a voter, two addresses', 'voter', ['http://127.0.0.1:4100', 'http://[::1]:4100']),
    invite('an observer, no address', 'observer', []),
  ]
  const token = invites[0]!.token
  const parts = (text: string): Packable[] => unpack(fromBase64Url(text)!) as Packable[]
  const without = (at: number, value: Packable): string => toBase64Url(pack(parts(token).with(at, value)))
  const join = encodeJoin(token, 'laptop', peer)
  const joined = (at: number, value: Packable): string => bytesToHex(pack((unpack(join) as Packable[]).with(at, value)))
  const refusedTokens: readonly (readonly [string, string])[] = [
    ['version 2', without(0, 2)],
    ['another mesh', without(1, filled(32, 1))],
    ['another authority', without(2, other.publicKey)],
    ['another id', without(3, filled(16, 1))],
    ['another role', without(4, 'observer')],
    [
      'a role that is none',
      encodeInvite({ mesh, id: '0f'.repeat(16), role: 'owner' as never, expiresMs: NOW, urls: [] }, authority),
    ],
    ['later', without(5, NOW + 1)],
    ['another address', without(6, ['http://127.0.0.1:4101'])],
    ['padded', `${token}==`],
  ]
  const refusedJoins: readonly (readonly [string, string])[] = [
    ['version 2', joined(0, 2)],
    ['another token', joined(1, invites[1]!.token)],
    ['another peer', joined(2, other.publicKey)],
    ['another name', joined(3, 'desktop')],
    ['the authority signed it', bytesToHex(encodeJoinAs(token, peer.publicKey, authority))],
  ]
  return {
    mesh,
    authority_seed: bytesToHex(seed(0xaa)),
    peer_seed: bytesToHex(seed(5)),
    invites,
    joins: [{ rule: 'IN2', token, name: 'laptop', request: bytesToHex(join) }],
    levels: [{ rule: 'IN3', level: 2, at_ms: NOW, request: bytesToHex(encodeLevel(mesh, 2, NOW, authority)) }],
    revokes: [
      {
        rule: 'IN3',
        peer: publicKeyHex(peer),
        at_ms: NOW,
        request: bytesToHex(encodeRevoke(mesh, publicKeyHex(peer) as PeerId, NOW, authority)),
      },
    ],
    refused_tokens: refusedTokens.map(([name, text]) => {
      if (decodeInvite(text) !== null) throw new Error(`${name} is an invite: mend the case`)
      return { rule: 'IN1', name, token: text }
    }),
    refused_joins: refusedJoins.map(([name, request]) => {
      if (decodeJoin(hexToBytes(request)) !== null) throw new Error(`${name} is a join request: mend the case`)
      return { rule: 'IN2', name, request }
    }),
  }
}

const encodeJoinAs = (token: string, peer: Uint8Array, by: Parameters<typeof encodeJoin>[2]): Uint8Array =>
  encodeJoin(token, 'laptop', { publicKey: peer, secretKey: by.secretKey })
