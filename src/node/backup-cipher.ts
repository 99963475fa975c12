/**
 * Encryption of a backup's chunks under a passphrase: scrypt makes the key, AES-256-GCM seals each chunk.
 *
 *   stored = nonce (12) ‖ ciphertext ‖ tag (16)        nonce = HMAC-SHA-256(key for nonces, chunk)[0:12]
 *
 * The nonce follows from the chunk, so a chunk that two backups have in common is stored once; two different chunks under one nonce
 * would take some 2⁴⁸ of them. Who sees the folder learns which backups share chunks, and their sizes, and nothing of the texts.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, scrypt } from 'node:crypto'
import { hexToBytes } from '../../crdt/ids.ts'
import type { Sealing } from '../../snapshots/manifest.ts'
import { NodeError } from '../errors.ts'

export type Cipher = {
  seal(chunk: Uint8Array): Uint8Array
  /** @throws NodeError when it is another key's, or damaged. */ open(stored: Uint8Array): Uint8Array
}

/** 64 MB and some 0.2 s a guess. */
export const SCRYPT_COST = 2 ** 16
const [BLOCK, PARALLEL, KEY_BYTES, NONCE_BYTES, TAG_BYTES] = [8, 1, 32, 12, 16]
const MEMORY_BYTES_MAX = 256 * 1_048_576

export const openCipher = async (passphrase: string, { salt, cost }: Sealing): Promise<Cipher> => {
  const master = await new Promise<Buffer>((resolve, reject) => {
    scrypt(
      passphrase.normalize('NFKC'),
      hexToBytes(salt),
      KEY_BYTES,
      { N: cost, r: BLOCK, p: PARALLEL, maxmem: MEMORY_BYTES_MAX },
      (error, key) => (error === null ? resolve(key) : reject(error)),
    )
  })
  const derived = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', master, new Uint8Array(0), purpose, KEY_BYTES))
  const [key, nonceKey] = [derived('mnemesh/backup/chunk/1'), derived('mnemesh/backup/nonce/1')]
  return {
    seal: (chunk) => {
      const nonce = createHmac('sha256', nonceKey).update(chunk).digest().subarray(0, NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      return Buffer.concat([nonce, cipher.update(chunk), cipher.final(), cipher.getAuthTag()])
    },
    open: (stored) => {
      const bytes = Buffer.from(stored)
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
          authTagLength: TAG_BYTES,
        })
        decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES))
        return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES)), decipher.final()])
      } catch {
        throw new NodeError('forbidden', 'the passphrase is not the one that this backup was made with')
      }
    },
  }
}
