/** The packed forms that prove themselves by their bytes: MessagePack, acks, tokens, invites, addresses. */
import { isGenuine, isGenuinePart, partOf, signAck } from '../../../crdt/ack.ts'
import { fromBase64Url, toBase64Url } from '../../../crdt/base64.ts'
import { encodeCanonical, parseCanonical } from '../../../crdt/canonical.ts'
import { sha256 } from '../../../crdt/hash.ts'
import { decodeToken, encodeToken } from '../../../crdt/frontier.ts'
import {
  bytesToHex,
  type ChainId,
  type CommitHash,
  type MeshId,
  type PeerId,
  type PublicKey,
} from '../../../crdt/ids.ts'
import {
  decodeInvite,
  decodeJoin,
  decodeLeaveBehind,
  decodeLevel,
  decodeRevoke,
  encodeInvite,
  encodeJoin,
  encodeLeaveBehind,
  encodeLevel,
  encodeRevoke,
  type Invite,
} from '../../../crdt/invite.ts'
import { limits } from '../../../crdt/limits.ts'
import { equalBytes, pack, unpack, type Packable } from '../../../crdt/msgpack.ts'
import { encodeReceipt, verifyReceipt, type ReceiptJson } from '../../../crdt/receipt.ts'
import { chainOfCommits, receiptOf, vouchOf } from '../../../crdt/receipt.test-support.ts'
import { keyPairFromSeed, publicKeyHex, sign } from '../../../crdt/signature.ts'
import { readAddress, signAddress } from '../../../transports/addresses.ts'
import { decode } from '../../../transports/decode.ts'
import { encode } from '../../../transports/messages.ts'
import { DEPTH_MAX, readStrictly, writeNode, type Node } from '../dumb/msgpack.ts'
import { mutateJson } from '../mutate-json.ts'
import { mutatePacked, mutateTree } from '../mutate-packed.ts'
import { makeHistory } from '../samples.ts'
import { ACCEPTED, judge, mutant, refused, type Target } from '../target.ts'
import type { Draw } from '../draw.ts'

const authority = keyPairFromSeed(sha256('fuzz: authority'))
const member = keyPairFromSeed(sha256('fuzz: member'))
const mesh = publicKeyHex(authority) as MeshId
const peer = publicKeyHex(member) as PeerId
const chain = (n: number): ChainId => bytesToHex(sha256('chain', String(n)).subarray(0, 16)) as ChainId
const encoder = new TextEncoder()
const decoder = new TextDecoder('latin1')

/** `unpack` against a reader written from the specification: the same answer on every input. */
const msgpack: Target = {
  name: 'msgpack',
  micros: 70,
  open: () => {
    const { commits } = makeHistory()
    const samples = [
      ...commits.flatMap((commit) => [commit.bytes, commit.headerBytes]),
      pack([
        0,
        127,
        128,
        255,
        256,
        65_536,
        2 ** 32,
        2 ** 53 - 1,
        'text',
        'é'.repeat(40),
        null,
        true,
        [[], [[]]],
        new Uint8Array(300),
      ]),
    ]
    return {
      make: (draw) => mutant(draw, samples, mutatePacked),
      feed: (input) => {
        const read = unpack(input)
        const again = readStrictly(input, limits.packed_values_max)
        // Both answer null for the bytes of nil, and `unpack` for refusals too.
        if (read === null) {
          judge(again === undefined || again === null, 'refused, though it is the one form of a value')
          return refused('not_one_form')
        }
        judge(
          depthOf(read) > DEPTH_MAX || (again !== undefined && equalTrees(read, again)),
          'read otherwise than the specification says',
        )
        judge(equalBytes(pack(read), input), 'packing it again gives other bytes')
        return ACCEPTED
      },
    }
  },
}

const ack: Target = {
  name: 'ack',
  micros: 170,
  open: () => {
    const sampleOf = (count: number): Uint8Array => {
      const watermarks = Array.from({ length: count }, (_, n) => ({
        chain: chain(n),
        seq: n * 1_000 + 1,
        hash: bytesToHex(sha256(String(n))) as CommitHash,
        whole: n % 2 === 0,
      }))
      return encode({ type: 'ack', ack: signAck({ mesh, voter: peer, watermarks }, member) })
    }
    const samples = [1, 2, 3, 256].map(sampleOf)
    return {
      make: (draw) => mutant(draw, samples, mutatePacked),
      feed: (input) => {
        const decoded = decode(input, { from: 'open', controlChain: chain(1), compression: null })
        if (!decoded.ok || decoded.message.type !== 'ack') return refused('malformed')
        judge(equalBytes(encode(decoded.message), input), 'encoding it again gives other bytes')
        const { ack: said } = decoded.message
        const part = partOf(said, said.watermarks[0]!.chain)!
        const [isSigned, isPartSigned] = [isGenuine(said, mesh), isGenuinePart(part, mesh)]
        judge(isSigned === isPartSigned, 'a part of it and the whole are judged otherwise')
        if (!isSigned) return refused('not_signed')
        judge(
          samples.some((sample) => equalBytes(input, sample)),
          'an ack that nobody signed verifies',
        )
        return ACCEPTED
      },
    }
  },
}

/** What shows that voters hold a commit, as JSON: no text but the canonical one of what was signed verifies. */
const receipt: Target = {
  name: 'receipt',
  micros: 400,
  open: () => {
    const commits = chainOfCommits(mesh, authority, 9)
    const vouches = [vouchOf(mesh, member, commits, 4, 4, 3), vouchOf(mesh, authority, commits, 4, 9, 1)]
    const samples = [vouches, vouches.slice(0, 1), vouches.slice(1), []].map((acks) =>
      encodeCanonical(encodeReceipt(receiptOf(commits, 4, acks)) as never),
    )
    return {
      make: (draw) => mutant(draw, samples, mutateJson),
      feed: (input) => {
        const parsed = parseCanonical(input)
        if (!parsed.ok) return refused('not_canonical')
        const shown = verifyReceipt(parsed.value, mesh)
        if (!shown.ok) return refused(shown.fault)
        // Acks may be left out and stand in any order; what is there was signed.
        const { acks } = parsed.value as ReceiptJson
        const known = (JSON.parse(decoder.decode(samples[0])) as ReceiptJson).acks.map((one) => JSON.stringify(one))
        judge(
          shown.seq === 4 &&
            shown.commit === commits[3]!.hash &&
            acks.every((one) => known.includes(JSON.stringify(one))),
          'a receipt that nobody signed verifies',
        )
        return ACCEPTED
      },
    }
  },
}

const token: Target = {
  name: 'token',
  micros: 100,
  open: () => {
    const positions = (count: number) => Array.from({ length: count }, (_, n) => ({ chain: chain(n), seq: n + 1 }))
    const samples = [0, 1, 5, 256].map((count) => encoder.encode(encodeToken(mesh, positions(count))))
    return {
      make: (draw) => mutantText(draw, samples),
      feed: (input) => {
        const text = decoder.decode(input)
        const decoded = decodeToken(mesh, text)
        if (decoded === null) return refused('malformed')
        judge(encodeToken(mesh, decoded) === text, 'encoding it again gives another token')
        judge(
          decoded.length <= limits.token_chains_max && decoded.every(({ seq }) => seq <= limits.seq_max),
          'out of bounds',
        )
        return ACCEPTED
      },
    }
  },
}

const invite: Target = {
  name: 'invite',
  micros: 110,
  open: () => {
    const given: Omit<Invite, 'authority'> = {
      mesh,
      id: 'ab'.repeat(16),
      role: 'voter',
      expiresMs: 1_800_000_000_000,
      urls: ['http://127.0.0.1:7701'],
    }
    const samples = [given, { ...given, urls: [], role: 'observer' as const }].map((one) =>
      encoder.encode(encodeInvite(one, authority)),
    )
    const signedByHolder = (draw: Draw): Uint8Array => resigned(draw, samples, 'mnemesh/invite/1')
    return {
      make: (draw) => (draw.chance(4) ? signedByHolder(draw) : mutantText(draw, samples)),
      feed: (input) => {
        const text = decoder.decode(input)
        const decoded = decodeInvite(text)
        if (decoded === null) return refused('not_an_invite')
        judge(decoded.authority === publicKeyHex(authority), 'an invite of a key that signed nothing')
        judge(encodeInvite(decoded, authority) === text.trim(), 'encoding it again gives another invite')
        return ACCEPTED
      },
    }
  },
}

const join: Target = {
  name: 'join and revoke',
  micros: 120,
  open: () => {
    const given = encodeInvite(
      { mesh, id: 'cd'.repeat(16), role: 'voter', expiresMs: 1_800_000_000_000, urls: [] },
      authority,
    )
    const samples = [
      encodeJoin(given, 'eve', member),
      encodeRevoke(mesh, peer, 1_700_000_000_000, authority),
      encodeLeaveBehind(mesh, peer, 1_700_000_000_000, authority),
      encodeLevel(mesh, 2, 1_700_000_000_000, authority),
    ]
    return {
      make: (draw) => mutant(draw, samples, mutatePacked),
      feed: (input) => {
        const key = publicKeyHex(authority) as PublicKey
        const read = [
          decodeJoin(input),
          decodeRevoke(input, mesh, key),
          decodeLeaveBehind(input, mesh, key),
          decodeLevel(input, mesh, key),
        ].filter((each) => each !== null)
        judge(read.length <= 1, 'one request is read as two')
        if (read.length === 0) return refused('not_signed')
        judge(
          samples.some((sample) => equalBytes(sample, input)),
          'a request that nobody signed is taken',
        )
        return ACCEPTED
      },
    }
  },
}

const address: Target = {
  name: 'address',
  micros: 80,
  open: () => {
    const samples = [['ws://127.0.0.1:7701/mesh'], ['wss://a.example/mesh', 'ws://[::1]:9/mesh'], []].map((urls, n) =>
      signAddress(mesh, { peer, atMs: 1_700_000_000_000 + n, urls }, member),
    )
    return {
      make: (draw) => mutant(draw, samples, mutatePacked),
      feed: (input) => {
        const record = readAddress(input, mesh)
        if (record === null) return refused('not_signed')
        judge(
          samples.some((sample) => equalBytes(sample, input)),
          'an address that its peer did not sign',
        )
        return ACCEPTED
      },
    }
  },
}

export const packedTargets: readonly Target[] = [msgpack, ack, receipt, token, invite, join, address]

/** Samples that are base64url: the bytes inside are mutated, or the text. */
const mutantText = (draw: Draw, samples: readonly Uint8Array[]): Uint8Array => {
  const inside = (sample: Uint8Array): Uint8Array => fromBase64Url(decoder.decode(sample)) ?? sample
  return draw.chance(4)
    ? mutant(draw, samples, (_, sample) => sample)
    : encoder.encode(toBase64Url(mutant(draw, samples.map(inside), mutatePacked)))
}

/** What the holder of the key might sign by mistake: fields of any shape under a good signature. */
const resigned = (draw: Draw, samples: readonly Uint8Array[], domain: Parameters<typeof sign>[0]): Uint8Array => {
  const fields = (
    unpack(fromBase64Url(decoder.decode(draw.pick(samples))) ?? new Uint8Array()) as readonly Packable[]
  ).slice(0, -1)
  const tree = mutateTree(draw, fields)
  const changed: readonly Node[] = Array.isArray(tree) ? tree : fields
  return encoder.encode(toBase64Url(writeNode([...changed, sign(domain, writeNode(changed), authority)])))
}

const depthOf = (value: Packable): number => {
  let depth = 0
  for (let level: readonly Packable[] = [value]; level.length > 0; depth++)
    level = level.flatMap((item) => (Array.isArray(item) ? (item as readonly Packable[]) : []))
  return depth
}

const equalTrees = (a: Packable, b: Node): boolean => {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item: Packable, i) => equalTrees(item, b[i] as Node))
  return a instanceof Uint8Array ? b instanceof Uint8Array && equalBytes(a, b) : a === b
}
