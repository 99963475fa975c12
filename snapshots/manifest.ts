/**
 * The manifest of a backup: which files a peer's folder had at one moment, each cut into chunks that are named by their hashes, signed by
 * the peer's own key.
 *
 *   manifest = {"backup": canonical JSON of `Backup` as a string, "signature": 64 bytes in hex, under "mnemesh/backup/1"}
 *
 * A chunk's name is the SHA-256 of its stored bytes, encrypted or not, so what is stored is checked without a passphrase, and what two
 * backups have in common lies there once. Bytes from outside are read into fixed shapes within bounds, or refused with a sentence.
 */
import { canonicalize } from '../crdt/canonical.ts'
import { bytesToHex, hexToBytes, parseMeshId, parsePeerId, type MeshId, type PeerId } from '../crdt/ids.ts'
import { publicKeyHex, sign, verify, type KeyPair } from '../crdt/signature.ts'

/** Chunks are cut here: small enough to be held in memory, large enough that 10 GB take few files. */
export const CHUNK_BYTES_MAX = 4 * 1_048_576
/** Encryption adds its nonce and tag. */
export const STORED_BYTES_MAX = CHUNK_BYTES_MAX + 64
/** LevelDB's tables have 2 MiB: some 2 TB. */
const FILES_MAX = 1_000_000
export const MANIFEST_BYTES_MAX = 256 * 1_048_576

/** `chunks`: hex SHA-256 of the stored bytes, in order. `bytes`: of the file as it is restored. */
export type BackedUpFile = { readonly path: string; readonly bytes: number; readonly chunks: readonly string[] }
/** How chunks are encrypted: the passphrase's key by scrypt with this salt (hex) and cost. */
export type Sealing = { readonly salt: string; readonly cost: number }
export type Backup = {
  readonly v: 1
  readonly mesh: MeshId
  readonly peer: PeerId
  readonly name: string
  /** RFC 3339. */
  readonly made_at: string
  /** Commits in the log. */
  readonly commits: number
  readonly sealing: Sealing | null
  readonly files: readonly BackedUpFile[]
}

export const encodeManifest = (backup: Backup, keys: KeyPair): Uint8Array => {
  if (publicKeyHex(keys) !== backup.peer) throw new RangeError('a backup is signed by the peer that it is of')
  const text = canonicalize(backup)
  return utf8.encode(
    `${JSON.stringify({ backup: text, signature: bytesToHex(sign('mnemesh/backup/1', utf8.encode(text), keys)) })}\n`,
  )
}

/** The backup, its signature checked, or what is wrong with the bytes. */
export const decodeManifest = (bytes: Uint8Array): Backup | { readonly wrong: string } => {
  if (bytes.length > MANIFEST_BYTES_MAX) return { wrong: 'its manifest is too long' }
  const outer = parsed(bytes)
  const { backup: text, signature } = outer ?? {}
  if (typeof text !== 'string' || typeof signature !== 'string' || !/^[0-9a-f]{128}$/.test(signature))
    return { wrong: 'its manifest is cut or damaged' }
  const backup = backupOf(parsed(utf8.encode(text)))
  if (backup === null) return { wrong: 'its manifest is of another version, or damaged' }
  if (!verify('mnemesh/backup/1', utf8.encode(text), hexToBytes(signature), backup.peer))
    return { wrong: 'its manifest does not carry the signature of its peer' }
  return backup
}

const utf8 = new TextEncoder()

const parsed = (bytes: Uint8Array): Readonly<Record<string, unknown>> | null => {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

const HASH = /^[0-9a-f]{64}$/
const NAME_CHARS_MAX = 256
const COMMITS_MAX = Number.MAX_SAFE_INTEGER

const backupOf = (value: Readonly<Record<string, unknown>> | null): Backup | null => {
  if (value === null || value['v'] !== 1) return null
  const { mesh, peer, name, made_at, commits, sealing, files } = value
  const [meshId, peerId] = [
    typeof mesh === 'string' ? parseMeshId(mesh) : null,
    typeof peer === 'string' ? parsePeerId(peer) : null,
  ]
  if (meshId === null || peerId === null || typeof name !== 'string' || name.length > NAME_CHARS_MAX) return null
  if (
    typeof made_at !== 'string' ||
    Number.isNaN(Date.parse(made_at)) ||
    !isCount(commits, COMMITS_MAX) ||
    !Array.isArray(files) ||
    files.length === 0 ||
    files.length > FILES_MAX
  )
    return null
  const [read, sealed] = [files.map(fileOf), sealing === null ? null : sealingOf(sealing)]
  if (read.includes(null) || (sealing !== null && sealed === null)) return null
  const paths = new Set(read.map((file) => file!.path))
  return paths.size < read.length
    ? null
    : {
        v: 1,
        mesh: meshId,
        peer: peerId,
        name,
        made_at,
        commits,
        sealing: sealed,
        files: read as readonly BackedUpFile[],
      }
}

/** Below the folder, never beside it. */
const PATH = /^[A-Za-z0-9][\w.-]{0,127}(\/[A-Za-z0-9][\w.-]{0,127}){0,7}$/

const fileOf = (value: unknown): BackedUpFile | null => {
  if (typeof value !== 'object' || value === null) return null
  const { path, bytes, chunks } = value as Readonly<Record<string, unknown>>
  if (
    typeof path !== 'string' ||
    !PATH.test(path) ||
    path.includes('..') ||
    !isCount(bytes, Number.MAX_SAFE_INTEGER) ||
    !Array.isArray(chunks)
  )
    return null
  if (
    chunks.length !== Math.ceil(bytes / CHUNK_BYTES_MAX) ||
    !chunks.every((chunk) => typeof chunk === 'string' && HASH.test(chunk))
  )
    return null
  return { path, bytes, chunks: chunks as readonly string[] }
}

/** scrypt's cost, a power of two: 128 MB of memory at most. */
const COST_MAX = 2 ** 17

const sealingOf = (value: unknown): Sealing | null => {
  if (typeof value !== 'object' || value === null) return null
  const { salt, cost } = value as Readonly<Record<string, unknown>>
  return typeof salt === 'string' &&
    /^[0-9a-f]{32}$/.test(salt) &&
    isCount(cost, COST_MAX) &&
    cost >= 2 &&
    (cost & (cost - 1)) === 0
    ? { salt, cost }
    : null
}

const isCount = (value: unknown, most: number): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most
