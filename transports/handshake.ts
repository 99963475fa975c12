/**
 * The handshake (PROTOCOL HS1–HS11): three fixed-size frames, after which each side knows who the other is and both hold
 * fresh keys. No parser is met before it: every field has its place.
 *
 *   dialer → acceptor   hello   1 ‖ 1 ‖ offer 6 ‖ mesh 32 ‖ id 32 ‖ nonce 32 ‖ ephemeral 32 ‖ audience 32     168 bytes
 *   acceptor → dialer   answer  1 ‖ 2 ‖ offer 6 ‖ id 32 ‖ nonce 32 ‖ ephemeral 32 ‖ signature 64              168 bytes
 *   dialer → acceptor   proof   1 ‖ 3 ‖ signature 64                                                           66 bytes
 *
 * An offer is what its side speaks (`versions.ts`). Each signs (domain 'mnemesh/handshake/1') role ‖ mesh ‖ both nonces ‖ both ids ‖
 * both ephemerals ‖ audience ‖ both offers, the dialer's before the acceptor's. Audience is the peer the dialer expects, or zeros. A
 * pure state machine: randomness and time are arguments. Order of checks: versions, lengths and equality first, one signature after,
 * the nonce last.
 */
import { concat, sha256 } from '../crdt/hash.ts'
import { bytesToHex, hexToBytes, parsePeerId, type MeshId, type PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { equalBytes } from '../crdt/msgpack.ts'
import { ephemeralFromSeed, sessionKeys, STREAM_HEADER_BYTES, type EphemeralPair } from '../crdt/secret-stream.ts'
import { isUsablePublicKey, sign, verify, type KeyPair } from '../crdt/signature.ts'
import type { Nonces } from './nonces.ts'
import type { CloseReason } from './reasons.ts'
import type { SealKeys } from './seal.ts'
import { commonVersion, OFFER_BYTES, offerBytes, OWN_OFFER, rangeText, readOffer, type Offer } from './versions.ts'

export type Role = 'dialer' | 'acceptor'

export type HandshakeOptions = {
  readonly mesh: MeshId
  readonly self: KeyPair
  readonly nonces: Nonces
  /** 64 random bytes: our nonce, and the seed of our ephemeral key. */
  readonly random: Uint8Array
  readonly nowMs: number
  /** What we speak: this build's own when absent. */
  readonly offer?: Offer
}

/** The other side has proven that it holds `peer`'s key. Whether it is a member is another question. */
export type Authenticated = {
  readonly peer: PeerId
  readonly role: Role
  readonly seal: SealKeys
  /** Keys the frontier digests of this session: 32 bytes. */
  readonly digestKey: Uint8Array
  /** The protocol's version that both speak from here on. */
  readonly version: number
  /** What the other side said of itself, under its signature. */
  readonly offer: Offer
}

export type HandshakeStep =
  /** `theirs`: the range of versions of the other side, as it said, where that is the reason. */
  | { readonly kind: 'refused'; readonly reason: CloseReason; readonly theirs?: string }
  | { readonly kind: 'wait'; readonly send: Uint8Array }
  | { readonly kind: 'done'; readonly send: Uint8Array | null; readonly session: Authenticated }

export type Handshake = {
  /** To be sent at once; the acceptor has none. */
  readonly first: Uint8Array | null
  /** Takes the other side's next frame. After 'refused' or 'done' the machine is spent. */
  receive(frame: Uint8Array, nowMs: number): HandshakeStep
}

/** First byte of every frame before authentication, in every version. */
const MAGIC = 1
/** Where the first field behind the offer begins. */
const FIELDS_AT = 2 + OFFER_BYTES
const HELLO_BYTES = FIELDS_AT + 160
const ANSWER_BYTES = FIELDS_AT + 160
const PROOF_BYTES = 66
const ZERO_ID = new Uint8Array(32)

/** Whom a first frame names as its sender: 32 bytes, fewer of a frame that is no hello; nothing of it is proven. */
export const claimedIn = (hello: Uint8Array): Uint8Array => field(hello, 1)

/** What both sides sign and derive keys from. Every field has 32 bytes, an offer 6. */
type Transcript = {
  readonly mesh: Uint8Array
  readonly dialerNonce: Uint8Array
  readonly acceptorNonce: Uint8Array
  readonly dialer: Uint8Array
  readonly acceptor: Uint8Array
  readonly dialerEphemeral: Uint8Array
  readonly acceptorEphemeral: Uint8Array
  readonly audience: Uint8Array
  readonly dialerOffer: Offer
  readonly acceptorOffer: Offer
  readonly version: number
}

const signedBytes = (role: Role, t: Transcript): Uint8Array =>
  concat(
    role,
    t.mesh,
    t.dialerNonce,
    t.acceptorNonce,
    t.dialer,
    t.acceptor,
    t.dialerEphemeral,
    t.acceptorEphemeral,
    t.audience,
    offerBytes(t.dialerOffer),
    offerBytes(t.acceptorOffer),
  )

/** @param audience the peer that is expected at the other end, or null when only an address is known. */
export const dialHandshake = (options: HandshakeOptions & { readonly audience: PeerId | null }): Handshake => {
  const { nonce, ephemeral } = ownSecrets(options.random)
  const mesh = hexToBytes(options.mesh)
  const dialer = options.self.publicKey
  const audience = options.audience === null ? ZERO_ID : hexToBytes(options.audience)
  const dialerOffer = options.offer ?? OWN_OFFER
  return {
    first: concat(Uint8Array.of(MAGIC, 1), offerBytes(dialerOffer), mesh, dialer, nonce, ephemeral.publicKey, audience),
    receive: (frame, nowMs) => {
      const met = meet(frame, 2, ANSWER_BYTES, dialerOffer)
      if ('kind' in met) return met
      const [acceptor, acceptorNonce, acceptorEphemeral] = [field(frame, 0), field(frame, 1), field(frame, 2)]
      if (equalBytes(acceptor, dialer)) return refused('self_connection')
      if (options.audience !== null && !equalBytes(acceptor, audience)) return refused('wrong_audience')
      if (nowMs - options.nowMs > limits.nonce_ms_max) return refused('nonce_expired')
      const t: Transcript = {
        mesh,
        dialerNonce: nonce,
        acceptorNonce,
        dialer,
        acceptor,
        dialerEphemeral: ephemeral.publicKey,
        acceptorEphemeral,
        audience,
        dialerOffer,
        acceptorOffer: met.theirs,
        version: met.version,
      }
      const checked = check('acceptor', t, frame.subarray(ANSWER_BYTES - 64), acceptorNonce, options.nonces, nowMs)
      if (checked !== null) return refused(checked)
      const session = agree('dialer', t, ephemeral)
      if (session === null) return refused('bad_ephemeral')
      const signature = sign('mnemesh/handshake/1', signedBytes('dialer', t), options.self)
      return { kind: 'done', send: concat(Uint8Array.of(MAGIC, 3), signature), session }
    },
  }
}

export const acceptHandshake = (options: HandshakeOptions): Handshake => {
  const { nonce, ephemeral } = ownSecrets(options.random)
  const acceptor = options.self.publicKey
  const acceptorOffer = options.offer ?? OWN_OFFER
  let transcript: Transcript | null = null

  const onHello = (frame: Uint8Array): HandshakeStep => {
    const met = meet(frame, 1, HELLO_BYTES, acceptorOffer)
    if ('kind' in met) return met
    const [mesh, dialer, dialerNonce, dialerEphemeral, audience] = [
      field(frame, 0),
      field(frame, 1),
      field(frame, 2),
      field(frame, 3),
      field(frame, 4),
    ]
    if (!equalBytes(mesh, hexToBytes(options.mesh))) return refused('wrong_mesh')
    if (equalBytes(dialer, acceptor)) return refused('self_connection')
    if (!equalBytes(audience, ZERO_ID) && !equalBytes(audience, acceptor)) return refused('wrong_audience')
    if (!isUsablePublicKey(dialer)) return refused('bad_identity')
    transcript = {
      mesh,
      dialerNonce,
      acceptorNonce: nonce,
      dialer,
      acceptor,
      dialerEphemeral,
      acceptorEphemeral: ephemeral.publicKey,
      audience,
      dialerOffer: met.theirs,
      acceptorOffer,
      version: met.version,
    }
    const signature = sign('mnemesh/handshake/1', signedBytes('acceptor', transcript), options.self)
    return {
      kind: 'wait',
      send: concat(Uint8Array.of(MAGIC, 2), offerBytes(acceptorOffer), acceptor, nonce, ephemeral.publicKey, signature),
    }
  }

  const onProof = (frame: Uint8Array, t: Transcript, nowMs: number): HandshakeStep => {
    if (frame.length !== PROOF_BYTES || !isKind(frame, 3)) return refused('malformed_handshake')
    if (nowMs - options.nowMs > limits.nonce_ms_max) return refused('nonce_expired')
    const checked = check('dialer', t, frame.subarray(PROOF_BYTES - 64), t.dialerNonce, options.nonces, nowMs)
    if (checked !== null) return refused(checked)
    const session = agree('acceptor', t, ephemeral)
    return session === null ? refused('bad_ephemeral') : { kind: 'done', send: null, session }
  }

  return {
    first: null,
    receive: (frame, nowMs) => (transcript === null ? onHello(frame) : onProof(frame, transcript, nowMs)),
  }
}

/** Who has no version in common with us has a frame of any length: its offer is all that we know how to read. */
const meet = (
  frame: Uint8Array,
  kind: number,
  length: number,
  ours: Offer,
): { readonly theirs: Offer; readonly version: number } | HandshakeStep => {
  if (frame.length < FIELDS_AT || !isKind(frame, kind)) return refused('malformed_handshake')
  const theirs = readOffer(frame.subarray(2))
  const version = commonVersion(ours, theirs)
  if (version === null) return { kind: 'refused', reason: 'version_unsupported', theirs: rangeText(theirs) }
  return frame.length === length ? { theirs, version } : refused('malformed_handshake')
}

/** The other side's signature, and then, only then, its nonce. */
const check = (
  role: Role,
  t: Transcript,
  signature: Uint8Array,
  nonce: Uint8Array,
  nonces: Nonces,
  nowMs: number,
): CloseReason | null => {
  const signer = role === 'dialer' ? t.dialer : t.acceptor
  if (!isUsablePublicKey(signer)) return 'bad_identity'
  if (!verify('mnemesh/handshake/1', signedBytes(role, t), signature, bytesToHex(signer))) return 'bad_signature'
  return nonces.use(nonce, nowMs) ? null : 'nonce_reused'
}

/** Keys of the session. Stream headers and digest key come from the transcript, so they belong to this session alone. */
const agree = (role: Role, t: Transcript, own: EphemeralPair): Authenticated | null => {
  const keys = sessionKeys(role, own, role === 'dialer' ? t.acceptorEphemeral : t.dialerEphemeral)
  const peer = parsePeerId(bytesToHex(role === 'dialer' ? t.acceptor : t.dialer))
  if (keys === null || peer === null) return null
  const digest = sha256(signedBytes('dialer', t))
  const header = (sender: Role): Uint8Array => sha256('mnemesh/seal/1', sender, digest).subarray(0, STREAM_HEADER_BYTES)
  const other: Role = role === 'dialer' ? 'acceptor' : 'dialer'
  const seal: SealKeys = {
    send: { key: keys.send, header: header(role) },
    receive: { key: keys.receive, header: header(other) },
  }
  return {
    peer,
    role,
    seal,
    digestKey: sha256('mnemesh/digest/1', digest),
    version: t.version,
    offer: role === 'dialer' ? t.acceptorOffer : t.dialerOffer,
  }
}

const ownSecrets = (random: Uint8Array): { readonly nonce: Uint8Array; readonly ephemeral: EphemeralPair } => ({
  nonce: random.slice(0, 32),
  ephemeral: ephemeralFromSeed(random.slice(32, 64)),
})

const refused = (reason: CloseReason): HandshakeStep => ({ kind: 'refused', reason })
const isKind = (frame: Uint8Array, kind: number): boolean => frame[0] === MAGIC && frame[1] === kind
/** The n-th field of 32 bytes, copied: a frame's buffer may be the driver's to reuse. */
const field = (frame: Uint8Array, n: number): Uint8Array => frame.slice(FIELDS_AT + 32 * n, FIELDS_AT + 32 * (n + 1))
