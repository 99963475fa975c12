/**
 * A dishonest member: enrolled by the command line as anybody is, its key then read from its folder.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hexToBytes, type PeerId } from '../../crdt/ids.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import type { Fleet } from '../../deploy/local/fleet.ts'

export type Member = { readonly name: string; readonly dir: string; readonly keys: KeyPair; readonly peer: PeerId }

/** Invites and joins. @param role of the invite. */
export const enrol = async (fleet: Fleet, name: string, role: 'voter' | 'observer' = 'voter'): Promise<Member> => {
  const peer = await fleet.place(name)
  await fleet.join(peer, ['--role', role])
  return memberIn(name, peer.dir)
}

export const memberIn = async (name: string, dir: string): Promise<Member> => {
  const keys = keyPairFromSeed(hexToBytes(await textIn(join(dir, 'identity.json'), 'seed')))
  return { name, dir, keys, peer: publicKeyHex(keys) as PeerId }
}

export const textIn = async (path: string, name: string): Promise<string> => {
  const value = (JSON.parse(await readFile(path, 'utf8')) as Readonly<Record<string, unknown>>)[name]
  if (typeof value !== 'string') throw new Error(`${path} has no ${name}`)
  return value
}
