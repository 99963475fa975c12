/**
 * Vectors of signatures by keys and points that no honest program makes, and of the ids that are made from hashes.
 */
import { createHash } from 'node:crypto'
import { sumOfPoints, littleEndian, L, SMALL_ORDER, fromLittleEndian } from '../../crdt/edwards.test-support.ts'
import { concat, sha256 } from '../../crdt/hash.ts'
import { bytesToHex, type AgentId } from '../../crdt/ids.ts'
import { sodium } from '../../crdt/sodium.ts'
import { isUsablePublicKey, keyPairFromSeed, publicKeyHex, sign, verify } from '../../crdt/signature.ts'
import { NS, record, seed } from '../../crdt/test-support.ts'
import { keyedEvent, keyedRecord, linkRecord } from '../../src/service/drafts.ts'

export type SignatureVectors = {
  /** Ed25519 over SHA-256(domain ‖ 00 ‖ message). `valid`: what every verifier answers. */
  readonly signatures: readonly {
    readonly rule: string
    readonly name: string
    readonly domain: 'mnemesh/commit/1' | 'mnemesh/ack/1'
    readonly message: string
    readonly key: string
    readonly signature: string
    readonly valid: boolean
  }[]
  /** Every encoding of a point of small order: no peer has such an id. */
  readonly small_order: readonly { readonly rule: string; readonly key: string; readonly usable: boolean }[]
}
export type NameVectors = {
  readonly names: readonly {
    readonly rule: string
    readonly name: string
    readonly domain: string
    readonly parts: readonly string[]
    readonly digest: string
    readonly uuid: string
  }[]
}

const KEYS = keyPairFromSeed(seed(1))
const MESSAGE = new TextEncoder().encode('what was said')
const GOOD = sign('mnemesh/commit/1', MESSAGE, KEYS)

/** R = identity, S = 0: the equation holds under the identity as key, whatever the message. */
const identity = littleEndian(1n)
const nothing = concat(identity, littleEndian(0n))

export const makeSignatureVectors = (): SignatureVectors => {
  const key = publicKeyHex(KEYS)
  const withS = (s: bigint): Uint8Array => concat(GOOD.subarray(0, 32), littleEndian(s))
  const of = (
    rule: string,
    name: string,
    signature: Uint8Array,
    by = key,
    domain: 'mnemesh/commit/1' | 'mnemesh/ack/1' = 'mnemesh/commit/1',
    message = MESSAGE,
  ) => ({
    rule,
    name,
    domain,
    message: bytesToHex(message),
    key: by,
    signature: bytesToHex(signature),
    valid: verify(domain, message, signature, by),
  })
  return {
    signatures: [
      of('PR4', 'honest', GOOD),
      of('PR4', 'for another purpose', GOOD, key, 'mnemesh/ack/1'),
      of(
        'PR4',
        'domain and message joined without the zero byte',
        sodium.sign(sha256('mnemesh/commit/1', MESSAGE), KEYS.secretKey),
      ),
      of('PR5', 'S + L', withS(fromLittleEndian(GOOD.subarray(32)) + L)),
      of(
        'PR5',
        'R plus a point of order 8',
        concat(
          sumOfPoints(
            GOOD.subarray(0, 32),
            SMALL_ORDER.find((point) => bytesToHex(point).startsWith('26e8'))!,
          ),
          GOOD.subarray(32),
        ),
      ),
      of('PR5', 'the identity as key and as R, S = 0', nothing, bytesToHex(identity)),
      of('PR5', 'y + p as key', nothing, bytesToHex(littleEndian(2n ** 255n - 18n))),
      of('PR5', 'R is the identity, S = k·a: the equation holds', holdsWithSmallR(), key),
    ],
    small_order: SMALL_ORDER.map((point) => ({
      rule: 'PR5',
      key: bytesToHex(point),
      usable: isUsablePublicKey(point),
    })),
  }
}

/** Whoever has the secret can make a signature with R = identity that satisfies S·B = R + k·A. */
const holdsWithSmallR = (): Uint8Array => {
  const digest = sha256('mnemesh/commit/1', Uint8Array.of(0), MESSAGE)
  const secret = sha512(KEYS.secretKey.subarray(0, 32)).subarray(0, 32)
  secret[0]! &= 248
  secret[31] = (secret[31]! & 127) | 64
  const k = fromLittleEndian(sha512(concat(identity, KEYS.publicKey, digest))) % L
  return concat(identity, littleEndian((k * (fromLittleEndian(secret) % L)) % L))
}

export const makeNameVectors = (): NameVectors => {
  const agent = 'ai:alice' as AgentId
  const of = (name: string, domain: string, parts: readonly string[], uuid: string) => ({
    rule: 'EV8',
    name,
    domain,
    parts,
    digest: bytesToHex(sha256(domain, JSON.stringify(parts))),
    uuid,
  })
  return {
    names: [
      of(
        'a link',
        'mnemesh/link/1',
        [NS, record(1), record(2), 'about'],
        linkRecord(NS, record(1), record(2), 'about'),
      ),
      of(
        'the other way round',
        'mnemesh/link/1',
        [NS, record(2), record(1), 'about'],
        linkRecord(NS, record(2), record(1), 'about'),
      ),
      of('a memory under a key', 'mnemesh/record/1', [NS, agent, 'é\u0001"'], keyedRecord(NS, agent, 'é\u0001"')),
      of('an event under a key', 'mnemesh/event-id/1', [NS, agent, 'é\u0001"'], keyedEvent(NS, agent, 'é\u0001"')),
    ],
  }
}

const sha512 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha512').update(bytes).digest())
