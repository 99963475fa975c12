/**
 * Where members can be reached, by their own signed word (PROTOCOL ADDR1–ADDR5).
 *
 * record = pack([pack([1, mesh, peer, at_ms, [urls]]), signature]), signed under 'mnemesh/address/1'. The newest `at_ms` of a
 * peer wins. Anybody may pass a record on: it proves itself. Only members' records are kept.
 */
import { sha256 } from '../crdt/hash.ts'
import { bytesToHex, hexToBytes, parsePeerId, type MeshId, type PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { pack, unpack } from '../crdt/msgpack.ts'
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

const isGenuine = ({ record, signed, signature }: Claimed): boolean => verify('mnemesh/address/1', signed, signature, record.peer)

/** What the bytes say, whoever wrote them. */
const parseAddress = (bytes: Uint8Array, mesh: MeshId): Claimed | null => {
  if (bytes.length > limits.address_record_bytes_max) return null
  const outer = unpack(bytes)
  if (!Array.isArray(outer) || outer.length !== 2) return null
  const [signed, signature] = outer
  if (!(signed instanceof Uint8Array) || !(signature instanceof Uint8Array)) return null
  const inner = unpack(signed)
  if (!Array.isArray(inner) || inner.length !== 5 || inner[0] !== 1) return null
  const [, meshBytes, peerBytes, atMs, list] = inner
  if (!(meshBytes instanceof Uint8Array) || bytesToHex(meshBytes) !== mesh || !(peerBytes instanceof Uint8Array)) return null
  const peer = parsePeerId(bytesToHex(peerBytes))
  if (peer === null || !Number.isSafeInteger(atMs) || !Array.isArray(list) || list.length > limits.addresses_per_peer_max) return null
  const urls = list.filter((url): url is string => typeof url === 'string' && isMeshUrl(url))
  return urls.length === list.length ? { record: { peer, atMs: atMs as number, urls }, signed, signature } : null
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
  const current = (): { readonly record: AddressRecord; readonly bytes: Uint8Array }[] => [...entryByPeer.values()].filter(({ record }) => isMember(record.peer))
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
      return sha256('mnemesh/addresses/1', ...facts.sort()).subarray(0, ADDRESS_DIGEST_BYTES)
    },
  }
}
