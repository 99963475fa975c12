/**
 * Recovery keys: what brings a mesh back whose authority's key, or a majority of whose voters, is lost. Made when the mesh is, shown once,
 * kept offline by people; the genesis holds their public halves and how many of them must sign together.
 *
 * As text: `mnemesh-recovery-<64 hex of the seed>-<8 hex>`, the last being the beginning of the text's hash, for what is copied by hand.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '../../crdt/hash.ts'
import { bytesToHex, hexToBytes, type PublicKey } from '../../crdt/ids.ts'
import type { Recovery } from '../../crdt/event.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { NodeError } from '../errors.ts'
import type { Random } from '../ports/clock.ts'
import { makeFolder } from './make-folder.ts'
import type { RecoveryPlan } from './recovery-plan.ts'

/** `secrets` in the order of the public keys. */
export type MadeRecovery = { readonly recovery: Recovery; readonly secrets: readonly string[] }

export const makeRecovery = ({ threshold, count }: RecoveryPlan, random: Random): MadeRecovery => {
  const seeds = Array.from({ length: count }, () => random.bytes(32))
  return {
    recovery: { threshold, keys: seeds.map((seed) => publicKeyHex(keyPairFromSeed(seed)) as PublicKey) },
    secrets: seeds.map(textOfSeed),
  }
}

/** @throws NodeError when the text is no recovery key, or not as it was shown. */
export const readRecoveryKey = (text: string): KeyPair => {
  const [, seed] = /^mnemesh-recovery-([0-9a-f]{64})-[0-9a-f]{8}$/.exec(text.trim()) ?? []
  if (seed === undefined)
    throw new NodeError(
      'malformed',
      'this is no recovery key: give the one line `mnemesh-recovery-…` that `mnemesh mesh init` printed, whole',
    )
  if (textOfSeed(hexToBytes(seed)) !== text.trim())
    throw new NodeError(
      'malformed',
      'the recovery key is mistyped: its end does not fit the rest; compare it with what `mnemesh mesh init` printed',
    )
  return keyPairFromSeed(hexToBytes(seed))
}

/** One file a key, for its owner alone to read; files that are there are not written over. */
export const writeRecoveryKeys = async (dir: string, secrets: readonly string[]): Promise<readonly string[]> => {
  const failed = (error: NodeJS.ErrnoException): never => {
    throw new NodeError(
      'internal',
      `cannot write recovery keys into ${dir} (${error.code ?? error.message}): take another folder with --recovery-out`,
    )
  }
  await makeFolder(dir, 0o700).catch(failed)
  const paths = secrets.map((_, i) => join(dir, `recovery-${i + 1}.key`))
  for (const [i, path] of paths.entries())
    await writeFile(path, `${secrets[i]}\n`, { flag: 'wx', mode: 0o600, flush: true }).catch(failed)
  return paths
}

const textOfSeed = (seed: Uint8Array): string =>
  `mnemesh-recovery-${bytesToHex(seed)}-${bytesToHex(sha256('mnemesh-recovery', seed)).slice(0, 8)}`
