/**
 * Where members can be reached, by their own signed word (PROTOCOL ADDR1–ADDR5).
 *
 * record = pack([pack([1, mesh, peer, at_ms, [urls]]), signature]), signed under 'mnemesh/address/1'. The newest `at_ms` of a
 * peer wins. Anybody may pass a record on: it proves itself. Only members' records are kept.
 */
import { sha256 } from '../crdt/hash.ts'
import { hexToBytes, parsePeerId, type MeshId, type PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { pack } from '../crdt/msgpack.ts'
import { readPacked, type PackedReader } from '../crdt/packed-reader.ts'
import { sign, verify, type KeyPair } from '../crdt/signature.ts'
import type { MemberState } from './host.ts'
import { ADDRESS_DIGEST_BYTES } from './messages.ts'

export type AddressRecord = { readonly peer: PeerId; readonly atMs: number; readonly urls: readonly string[] }

/** @param urls at most `limits.addresses_per_peer_max`, each as `isMeshUrl` wants it: others would be refused everywhere. */
export const signAddress = (mesh: MeshId, record: AddressRecord, keys: KeyPair): Uint8Array => {
  const signed = pack([1, hexToBytes(mesh), hexToBytes(record.peer), record.atMs, record.urls])
  return pack([signed, sign('mnemesh/address/1', signed, keys)])
}

/** The record, if it is well formed, of this mesh and signed by its peer; else null. */
export const readAddress = (bytes: Uint8Array, mesh: MeshId): AddressRecord | null => {
  const claimed = parseAddress(bytes, mesh)
  return claimed !== null && isGenuine(claimed) ? claimed.record : null
}

type Claimed = { readonly record: AddressRecord; readonly signed: Uint8Array; readonly signature: Uint8Array }

const isGenuine = ({ record, signed, signature }: Claimed): boolean =>
  verify('mnemesh/address/1', signed, signature, record.peer)

/** What the bytes say, whoever wrote them. */
const parseAddress = (bytes: Uint8Array, mesh: MeshId): Claimed | null => {
  if (bytes.length > limits.address_record_bytes_max) return null
  const outer = readPacked(bytes, (reader) => {
    reader.list(2, 2)
    return { signed: reader.bin(0, limits.address_record_bytes_max), signature: reader.bin(64) }
  })
  const inner = outer.ok ? readPacked(outer.value.signed, readSigned) : null
  if (!outer.ok || !inner?.ok || inner.value.mesh !== mesh) return null
  const { atMs, urls } = inner.value
  const peer = parsePeerId(inner.value.peer)
  return peer !== null && urls.every(isMeshUrl) ? { record: { peer, atMs, urls }, ...outer.value } : null
}

const readSigned = (
  reader: PackedReader,
): { readonly mesh: string; readonly peer: string; readonly atMs: number; readonly urls: readonly string[] } => {
  reader.list(5, 5)
  reader.uint(1, 1)
  const [mesh, peer, atMs] = [reader.hex(32), reader.hex(32), reader.uint(0, Number.MAX_SAFE_INTEGER)]
  const urls: string[] = []
  for (let left = reader.list(0, limits.addresses_per_peer_max); left > 0; left--)
    urls.push(reader.text(limits.address_url_bytes_max))
  return { mesh, peer, atMs, urls }
}

/** `ws://host:port/mesh` or `wss://…`, without credentials, query or fragment. */
export const isMeshUrl = (text: string): boolean => {
  if (text.length > limits.address_url_bytes_max || !URL.canParse(text)) return false
  const url = new URL(text)
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  return plain && (url.protocol === 'ws:' || url.protocol === 'wss:') && url.hostname !== '' && url.pathname === '/mesh'
}

export type AddressBook = {
  /** Takes a record; the peer it told us something new about, or null. */
  offer(bytes: Uint8Array, nowMs: number): PeerId | null
  recordOf(peer: PeerId): Uint8Array | null
  records(): readonly Uint8Array[]
  /** Learned addresses of current members. */
  targets(): readonly { readonly peer: PeerId; readonly url: string }[]
  /** Equal on two peers that hold the same records; 8 bytes. */
  digest(): Uint8Array
}

export const createAddressBook = (mesh: MeshId, member: (peer: PeerId) => MemberState): AddressBook => {
  const entryByPeer = new Map<PeerId, { readonly record: AddressRecord; readonly bytes: Uint8Array }>()
  const isMember = (peer: PeerId): boolean => member(peer) === 'voter' || member(peer) === 'observer'
  const current = (): { readonly record: AddressRecord; readonly bytes: Uint8Array }[] =>
    [...entryByPeer.values()].filter(({ record }) => isMember(record.peer))
  return {
    offer: (bytes, nowMs) => {
      const claimed = parseAddress(bytes, mesh)
      if (claimed === null) return null
      const { record } = claimed
      if (!isMember(record.peer) || record.atMs > nowMs + limits.address_ahead_ms_max) return null
      const known = entryByPeer.get(record.peer)
      // Every link brings every record again: only news is worth a signature check.
      if ((known !== undefined && known.record.atMs >= record.atMs) || !isGenuine(claimed)) return null
      entryByPeer.set(record.peer, { record, bytes })
      return record.peer
    },
    recordOf: (peer) => entryByPeer.get(peer)?.bytes ?? null,
    records: () => current().map(({ bytes }) => bytes),
    targets: () => current().flatMap(({ record }) => record.urls.map((url) => ({ peer: record.peer, url }))),
    digest: () => {
      const facts = current().map(({ record }) => `${record.peer} ${record.atMs}\n`)
      return sha256('mnemesh/addresses/1', facts.sort().join('')).subarray(0, ADDRESS_DIGEST_BYTES)
    },
  }
}
