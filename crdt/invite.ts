/**
 * Invites and join requests: how a new peer's key gets into the control log without its secret ever leaving its folder.
 *
 * invite  = pack([1, mesh, authority, id (16 bytes), role, expires ms, [url…], signature]), signed by the authority's key under
 *           'mnemesh/invite/1' over pack of everything before the signature. As text: base64url. Single use: the enrolment
 *           names the id, and the control log takes each id once. Whether that key governs the mesh, its members know.
 * request = pack([1, invite, peer, name, signature]), signed by the new peer's key under 'mnemesh/join/1'.
 * revoke  = pack([1, mesh, peer, at ms, signature]), signed by the authority under 'mnemesh/revoke/1'; to leave behind what the peer
 *           sealed in the future, the same under 'mnemesh/leave-behind/1'.
 * level   = pack([1, mesh, level, at ms, signature]), signed by the authority under 'mnemesh/level/1'.
 */
import { fromBase64Url, toBase64Url } from './base64.ts'
import type { Role } from './control.ts'
import { bytesToHex, hexToBytes, type MeshId, type PeerId, type PublicKey } from './ids.ts'
import { FIRST_LEVEL, LEVELS_MAX } from './level.ts'
import { limits } from './limits.ts'
import { pack, type Packable } from './msgpack.ts'
import { readPacked } from './packed-reader.ts'
import { isUsablePublicKey, publicKeyHex, sign, verify, type Domain, type KeyPair } from './signature.ts'

export type Invite = {
  readonly mesh: MeshId
  /** The key that signed it. */
  readonly authority: PublicKey
  readonly id: string
  readonly role: Role
  readonly expiresMs: number
  /** HTTP addresses of peers that can enrol, when they are known. */
  readonly urls: readonly string[]
}

/** Addresses in one invite: as many as its length allows. */
const INVITE_URLS_MAX = 64

const inviteFields = (invite: Invite): readonly Packable[] => [
  1,
  hexToBytes(invite.mesh),
  hexToBytes(invite.authority),
  hexToBytes(invite.id),
  invite.role,
  invite.expiresMs,
  [...invite.urls],
]

export const encodeInvite = (invite: Omit<Invite, 'authority'>, authority: KeyPair): string =>
  toBase64Url(
    signed('mnemesh/invite/1', inviteFields({ ...invite, authority: publicKeyHex(authority) as PublicKey }), authority),
  )

/** The invite, if the key it names signed it. That key, expiry and use are for the reader to judge. */
export const decodeInvite = (text: string): Invite | null => {
  const bytes = text.length <= limits.invite_bytes_max ? fromBase64Url(text.trim()) : null
  const read =
    bytes &&
    readPacked(bytes, (reader) => {
      reader.list(8, 8)
      reader.uint(1, 1)
      const [mesh, authority, id, role] = [
        reader.hex(32) as MeshId,
        reader.hex(32) as PublicKey,
        reader.hex(16),
        reader.text(16),
      ]
      const expiresMs = reader.uint(0, Number.MAX_SAFE_INTEGER)
      const urls: string[] = []
      for (let left = reader.list(0, INVITE_URLS_MAX); left > 0; left--) urls.push(reader.text(limits.invite_bytes_max))
      return { mesh, authority, id, role, expiresMs, urls, signature: reader.bin(64) }
    })
  if (!read?.ok) return null
  const { signature, role, ...rest } = read.value
  if (role !== 'voter' && role !== 'observer') return null
  const invite: Invite = { ...rest, role }
  return verify('mnemesh/invite/1', pack(inviteFields(invite)), signature, invite.authority) ? invite : null
}

export const encodeJoin = (invite: string, name: string, keys: KeyPair): Uint8Array =>
  signed('mnemesh/join/1', [1, invite, keys.publicKey, name], keys)

export const decodeJoin = (
  bytes: Uint8Array,
): { readonly invite: Invite; readonly peer: PeerId; readonly name: string } | null => {
  if (bytes.length > 2 * limits.invite_bytes_max) return null
  const read = readPacked(bytes, (reader) => {
    reader.list(5, 5)
    reader.uint(1, 1)
    return {
      text: reader.text(limits.invite_bytes_max),
      peer: reader.bin(32),
      name: reader.text(limits.invite_bytes_max),
      signature: reader.bin(64),
    }
  })
  if (!read.ok) return null
  const { text, peer, name, signature } = read.value
  const invite = decodeInvite(text)
  if (invite === null || !isUsablePublicKey(peer)) return null
  return verify('mnemesh/join/1', pack([1, text, peer, name]), signature, bytesToHex(peer))
    ? { invite, peer: bytesToHex(peer) as PeerId, name }
    : null
}

type AboutMember = { readonly peer: PeerId; readonly atMs: number }

export const encodeRevoke = (mesh: MeshId, peer: PeerId, atMs: number, authority: KeyPair): Uint8Array =>
  encodeAbout('mnemesh/revoke/1', mesh, peer, atMs, authority)
export const encodeLeaveBehind = (mesh: MeshId, peer: PeerId, atMs: number, authority: KeyPair): Uint8Array =>
  encodeAbout('mnemesh/leave-behind/1', mesh, peer, atMs, authority)

/** @param authority the key that governs the mesh; null: nobody's does. */
export const decodeRevoke = (bytes: Uint8Array, mesh: MeshId, authority: PublicKey | null): AboutMember | null =>
  decodeAbout('mnemesh/revoke/1', bytes, mesh, authority)
export const decodeLeaveBehind = (bytes: Uint8Array, mesh: MeshId, authority: PublicKey | null): AboutMember | null =>
  decodeAbout('mnemesh/leave-behind/1', bytes, mesh, authority)

const encodeAbout = (domain: Domain, mesh: MeshId, peer: PeerId, atMs: number, authority: KeyPair): Uint8Array =>
  signed(domain, [1, hexToBytes(mesh), hexToBytes(peer), atMs], authority)

const decodeAbout = (
  domain: Domain,
  bytes: Uint8Array,
  mesh: MeshId,
  authority: PublicKey | null,
): AboutMember | null => {
  if (bytes.length > limits.invite_bytes_max) return null
  const read = readPacked(bytes, (reader) => {
    reader.list(5, 5)
    reader.uint(1, 1)
    return {
      mesh: reader.hex(32),
      peer: reader.hex(32) as PeerId,
      atMs: reader.uint(0, Number.MAX_SAFE_INTEGER),
      signature: reader.bin(64),
    }
  })
  if (!read.ok || read.value.mesh !== mesh || authority === null) return null
  const { peer, atMs, signature } = read.value
  return verify(domain, pack([1, hexToBytes(mesh), hexToBytes(peer), atMs]), signature, authority)
    ? { peer, atMs }
    : null
}

/** A request that raises the mesh's format level. */
export const encodeLevel = (mesh: MeshId, level: number, atMs: number, authority: KeyPair): Uint8Array =>
  signed('mnemesh/level/1', [1, hexToBytes(mesh), level, atMs], authority)

/** @param authority the key that governs the mesh; null: nobody's does. */
export const decodeLevel = (
  bytes: Uint8Array,
  mesh: MeshId,
  authority: PublicKey | null,
): { readonly level: number; readonly atMs: number } | null => {
  if (bytes.length > limits.invite_bytes_max) return null
  const read = readPacked(bytes, (reader) => {
    reader.list(5, 5)
    reader.uint(1, 1)
    return {
      mesh: reader.hex(32),
      level: reader.uint(FIRST_LEVEL + 1, LEVELS_MAX),
      atMs: reader.uint(0, Number.MAX_SAFE_INTEGER),
      signature: reader.bin(64),
    }
  })
  if (!read.ok || read.value.mesh !== mesh || authority === null) return null
  const { level, atMs, signature } = read.value
  return verify('mnemesh/level/1', pack([1, hexToBytes(mesh), level, atMs]), signature, authority)
    ? { level, atMs }
    : null
}

const signed = (domain: Domain, fields: readonly Packable[], keys: KeyPair): Uint8Array =>
  pack([...fields, sign(domain, pack(fields), keys)])
