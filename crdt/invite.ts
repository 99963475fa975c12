/**
 * Invites and join requests: how a new peer's key gets into the control log without its secret ever leaving its folder.
 *
 * invite  = pack([1, mesh, id (16 bytes), role, expires ms, [url…], folder, signature]), signed by the authority under
 *           'mnemesh/invite/1' over pack of everything before the signature. As text: base64url. Single use: the enrolment
 *           names the id, and the control log takes each id once.
 * request = pack([1, invite, peer, name, signature]), signed by the new peer's key under 'mnemesh/join/1'.
 * revoke  = pack([1, mesh, peer, at ms, signature]), signed by the authority under 'mnemesh/revoke/1'.
 */
import { fromBase64Url, toBase64Url } from './base64.ts'
import type { Role } from './control.ts'
import { bytesToHex, hexToBytes, type MeshId, type PeerId } from './ids.ts'
import { limits } from './limits.ts'
import { pack, unpack, type Packable } from './msgpack.ts'
import { isUsablePublicKey, sign, verify, type Domain, type KeyPair } from './signature.ts'

export type Invite = {
  readonly mesh: MeshId
  readonly id: string
  readonly role: Role
  readonly expiresMs: number
  /** HTTP addresses of peers that can enrol, when they are known. */
  readonly urls: readonly string[]
  /** The inviting peer's folder: a join on the same machine may enrol there while that peer is stopped. */
  readonly folder: string
}

export const encodeInvite = (invite: Invite, authority: KeyPair): string => toBase64Url(signed('mnemesh/invite/1', [1, hexToBytes(invite.mesh), hexToBytes(invite.id), invite.role, invite.expiresMs, [...invite.urls], invite.folder], authority))

/** The invite, if the authority it names signed it. Expiry and use are for the reader to judge. */
export const decodeInvite = (text: string): Invite | null => {
  const bytes = text.length <= limits.invite_bytes_max ? fromBase64Url(text.trim()) : null
  const fields = bytes && unsigned('mnemesh/invite/1', bytes, ([, mesh]) => keyOf(mesh))
  if (fields?.length !== 7) return null
  const [, mesh, id, role, expiresMs, urls, folder] = fields
  if (!(id instanceof Uint8Array) || id.length !== 16 || (role !== 'voter' && role !== 'observer') || typeof expiresMs !== 'number' || typeof folder !== 'string') return null
  if (!Array.isArray(urls) || !urls.every((url) => typeof url === 'string')) return null
  return { mesh: keyOf(mesh) as MeshId, id: bytesToHex(id), role, expiresMs, urls, folder }
}

export const encodeJoin = (invite: string, name: string, keys: KeyPair): Uint8Array => signed('mnemesh/join/1', [1, invite, keys.publicKey, name], keys)

export const decodeJoin = (bytes: Uint8Array): { readonly invite: Invite; readonly peer: PeerId; readonly name: string } | null => {
  const fields = bytes.length <= 2 * limits.invite_bytes_max ? unsigned('mnemesh/join/1', bytes, ([, , peer]) => keyOf(peer)) : null
  if (fields?.length !== 4) return null
  const [, text, peer, name] = fields
  const invite = typeof text === 'string' ? decodeInvite(text) : null
  if (invite === null || typeof name !== 'string' || !(peer instanceof Uint8Array) || !isUsablePublicKey(peer)) return null
  return { invite, peer: bytesToHex(peer) as PeerId, name }
}

export const encodeRevoke = (mesh: MeshId, peer: PeerId, atMs: number, authority: KeyPair): Uint8Array => signed('mnemesh/revoke/1', [1, hexToBytes(mesh), hexToBytes(peer), atMs], authority)

export const decodeRevoke = (bytes: Uint8Array, mesh: MeshId): { readonly peer: PeerId; readonly atMs: number } | null => {
  const fields = bytes.length <= limits.invite_bytes_max ? unsigned('mnemesh/revoke/1', bytes, ([, authority]) => keyOf(authority)) : null
  if (fields?.length !== 4 || keyOf(fields[1]) !== mesh || keyOf(fields[2]) === null || typeof fields[3] !== 'number') return null
  return { peer: keyOf(fields[2]) as PeerId, atMs: fields[3] }
}

const signed = (domain: Domain, fields: readonly Packable[], keys: KeyPair): Uint8Array => pack([...fields, sign(domain, pack(fields), keys)])

const unsigned = (domain: Domain, bytes: Uint8Array, signerOf: (fields: readonly Packable[]) => string | null): readonly Packable[] | null => {
  const value = unpack(bytes)
  if (!Array.isArray(value) || value[0] !== 1) return null
  const fields = value.slice(0, -1) as Packable[]
  const signature = value.at(-1)
  const signer = signerOf(fields)
  if (!(signature instanceof Uint8Array) || signer === null) return null
  return verify(domain, pack(fields), signature, signer) ? fields : null
}

const keyOf = (value: Packable | undefined): string | null => (value instanceof Uint8Array && value.length === 32 ? bytesToHex(value) : null)
