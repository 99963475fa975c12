/**
 * A peer's folder: who it is (`identity.json`) and which mesh it belongs to (`mesh.json`). All that lies in it is its owner's alone.
 *
 * The keys are written first and the mesh last, when the key is enrolled and the log is there: a folder with `mesh.json` is whole, and
 * one without is gone on with, under the same key, which may be enrolled already.
 */
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { bytesToHex, hexToBytes, parseMeshId, type MeshId, type PeerId, type PublicKey } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { NodeError } from '../errors.ts'
import type { Random } from '../ports/clock.ts'
import { quoted } from './quote.ts'
import { flush } from './flush.ts'
import { makeFolder } from './make-folder.ts'
import { finishMove } from './moving.ts'

export type Identity = {
  readonly dir: string
  readonly mesh: MeshId
  readonly meshName: string
  readonly name: string
  readonly peer: PeerId
  readonly keys: KeyPair
  /** The key that governs the mesh, in the folder where the mesh was made. */
  readonly authority: KeyPair | null
  /** Where other members were when this one joined: `ws://host:port/mesh`. */
  readonly peers: readonly string[]
}

type Keys = Pick<Identity, 'keys' | 'authority'>

/** The keys with which the folder begins: those of an attempt that was cut short, else fresh ones. @param by `init` makes a mesh, and so its authority's key too. */
export const beginIdentity = async (dir: string, random: Random, by: 'init' | 'join'): Promise<Keys> => {
  const begun = await readJson(join(dir, SECRET))
  if (begun !== null) {
    const [keys, authority] = [keysFrom(begun['seed']), keysFrom(begun['authority_seed'])]
    if (keys === null)
      throw new NodeError('malformed', `${dir} holds a damaged identity.json: delete it, or take another folder`)
    if ((authority !== null) !== (by === 'init'))
      throw new NodeError(
        'conflict',
        `${dir} was begun with \`mesh ${authority === null ? 'join' : 'init'}\` and not finished: finish that, or take another folder`,
      )
    return { keys, authority }
  }
  await makeFolder(dir, 0o700).catch((error: NodeJS.ErrnoException) => {
    throw new NodeError(
      'internal',
      `cannot make the folder ${dir} (${error.code ?? error.message}): take another place, or see to its rights`,
    )
  })
  const [seed, authoritySeed] = [random.bytes(32), by === 'init' ? random.bytes(32) : null]
  const keys = keyPairFromSeed(seed)
  await writeDurably(join(dir, SECRET), {
    peer_id: publicKeyHex(keys),
    seed: bytesToHex(seed),
    ...(authoritySeed && { authority_seed: bytesToHex(authoritySeed) }),
  })
  return { keys, authority: authoritySeed && keyPairFromSeed(authoritySeed) }
}

/** The folder is whole from here on. */
export const finishIdentity = (
  dir: string,
  { mesh, meshName, name, peers }: Pick<Identity, 'mesh' | 'meshName' | 'name' | 'peers'>,
): Promise<void> => writeDurably(join(dir, MESH), { mesh_id: mesh, mesh_name: meshName, name, peers })

const RECOVERING = 'recovering.json'
const SECRET = 'identity.json'
const MESH = 'mesh.json'
const ADDRESSES = 'addresses.json'

/** The key that is to govern when a recovery is in force, from when that is prepared on. @param random makes one where there is none; null: only looks. */
export async function recoveringKey(dir: string, random: Random): Promise<KeyPair>
export async function recoveringKey(dir: string, random: null): Promise<KeyPair | null>
export async function recoveringKey(dir: string, random: Random | null): Promise<KeyPair | null> {
  const begun = keysFrom((await readJson(join(dir, RECOVERING)))?.['authority_seed'])
  if (begun !== null || random === null) return begun
  const seed = random.bytes(32)
  await writeDurably(join(dir, RECOVERING), { authority_seed: bytesToHex(seed) })
  return keyPairFromSeed(seed)
}

/** The recovery that names the key is in this folder's log: from here on it is the folder's authority's. Done again it changes nothing. */
export const finishRecovering = async (dir: string, authority: PublicKey): Promise<void> => {
  const seed = (await readJson(join(dir, RECOVERING)))?.['authority_seed']
  const keys = keysFrom(seed)
  if (keys === null || publicKeyHex(keys) !== authority) return
  await writeDurably(join(dir, SECRET), { ...(await readJson(join(dir, SECRET))), authority_seed: seed })
  await rm(join(dir, RECOVERING), { force: true })
}

/** Null when the folder belongs to no mesh yet. @throws NodeError when its files are damaged or cannot be read. */
export const readIdentity = async (dir: string): Promise<Identity | null> => {
  const mesh = await readJson(join(dir, MESH))
  if (mesh === null) return null
  const secret = await readJson(join(dir, SECRET))
  const meshId = typeof mesh['mesh_id'] === 'string' ? parseMeshId(mesh['mesh_id']) : null
  const keys = keysFrom(secret?.['seed'])
  if (meshId === null || keys === null)
    throw new NodeError(
      'malformed',
      `${dir} holds a damaged identity.json or mesh.json: restore both from a backup, or join again in another folder`,
    )
  const peers = Array.isArray(mesh['peers'])
    ? mesh['peers'].filter((url): url is string => typeof url === 'string')
    : []
  return {
    dir,
    mesh: meshId,
    meshName: textOf(mesh['mesh_name']),
    name: textOf(mesh['name']),
    peer: publicKeyHex(keys) as PeerId,
    keys,
    authority: keysFrom(secret?.['authority_seed']),
    peers,
  }
}

/** Ends a move into another mesh that was cut short. @throws NodeError when the folder belongs to no mesh. */
export const requireIdentity = async (dir: string): Promise<Identity> => {
  await finishMove(dir)
  const identity = await readIdentity(dir)
  if (identity === null && (await readJson(join(dir, SECRET))) !== null)
    throw new NodeError(
      'not_found',
      `${dir} was on its way into a mesh when that was cut short: run the same \`mnemesh mesh init\` or \`mnemesh mesh join\` again`,
    )
  if (identity === null)
    throw new NodeError(
      'not_found',
      `${dir} belongs to no mesh: run \`mnemesh mesh init --data ${dir} --name NAME\`, or \`mnemesh mesh join TOKEN --data ${dir} --name NAME\``,
    )
  return identity
}

/** @throws NodeError when the key that governs the mesh is not in this folder. */
export const requireAuthority = (identity: Pick<Identity, 'dir' | 'authority'>): NonNullable<Identity['authority']> => {
  if (identity.authority === null)
    throw new NodeError(
      'forbidden',
      `${identity.dir} does not hold the mesh's authority key: do this with the folder in which \`mesh init\` was run`,
    )
  return identity.authority
}

/** Where this peer and other members are reached, by HTTP, as it knew last: what invites tell. */
export type KnownAddresses = {
  readonly own: readonly string[]
  readonly others: readonly string[]
  /** Words behind `serve --data DIR` with which it was started last. */ readonly started: readonly string[]
}

export const knownAddresses = async (dir: string): Promise<KnownAddresses> => {
  const file = await readJson(join(dir, ADDRESSES))
  const list = (value: unknown): readonly string[] =>
    Array.isArray(value)
      ? value.filter(
          (url): url is string =>
            typeof url === 'string' && /^https?:/.test(url) && url.length <= limits.address_url_bytes_max,
        )
      : []
  const started = file?.['started']
  return {
    own: list(file?.['own']),
    others: list(file?.['others']),
    started: Array.isArray(started) ? started.filter((word): word is string => typeof word === 'string') : [],
  }
}
/** What a person types to start the peer of this folder, as it was started last. */
export const startLine = async (dir: string): Promise<string> =>
  [
    'mnemesh serve --data',
    dir,
    ...(await knownAddresses(dir).then(
      ({ started }) => started,
      () => [],
    )),
  ]
    .map((word, at) => (at === 0 ? word : quoted(word)))
    .join(' ')

export const keepAddresses = (dir: string, known: KnownAddresses): Promise<void> =>
  writeDurably(join(dir, ADDRESSES), known)

/** Where the running peer of this folder can be reached, as it said when it started. */
export const runningUrl = async (dir: string): Promise<string | null> => (await readRunning(dir))?.url ?? null
/** The same with its process, 0 where it did not say. A file that is left over says it too: ask who answers there (`prove.ts`). */
export const readRunning = async (dir: string): Promise<{ readonly url: string; readonly pid: number } | null> => {
  const run = await readJson(join(dir, 'run.json'))
  if (typeof run?.['url'] !== 'string') return null
  return {
    url: run['url'],
    pid: typeof run['pid'] === 'number' && Number.isSafeInteger(run['pid']) && run['pid'] > 0 ? run['pid'] : 0,
  }
}
export const sayRunning = (dir: string, url: string, pid: number): Promise<void> =>
  writeDurably(join(dir, 'run.json'), { url, pid })

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const keysFrom = (seed: unknown): KeyPair | null =>
  typeof seed === 'string' && /^[0-9a-f]{64}$/.test(seed) ? keyPairFromSeed(hexToBytes(seed)) : null

const readJson = async (path: string): Promise<Record<string, unknown> | null> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw new NodeError('internal', `cannot read ${path}: ${error.code ?? error.message}`)
  })
  if (text === null) return null
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Written beside, synced, renamed, and the folder synced: a crash leaves the old file or the new one, and the new one once this is done. */
const writeDurably = async (path: string, value: unknown): Promise<void> => {
  // A file of that name may be left over, with other rights.
  await rm(`${path}.new`, { force: true })
  const file = await open(`${path}.new`, 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(value, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  await flush(dirname(path))
}
