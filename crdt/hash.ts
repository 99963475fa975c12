/**
 * SHA-256 (FIPS 180-4), the one hash of the formats.
 *
 * The only file of the core that touches `node:`: libsodium-wrappers carries no SHA-256, and a pure function is no
 * ambient state. Replace this one function to run the core elsewhere.
 */
import { hash } from 'node:crypto'

const utf8 = new TextEncoder()

/** The digest (32 bytes) of the parts' concatenation; strings count as UTF-8. */
export const sha256 = (...parts: readonly (Uint8Array | string)[]): Uint8Array => {
  // Taken as text and copied: half the time of having a Buffer made (0.6 against 1.2 µs).
  const text = hash('sha256', whole(parts), 'binary')
  const digest = new Uint8Array(32)
  for (let i = 0; i < 32; i++) digest[i] = text.charCodeAt(i)
  return digest
}

export const sha256Hex = (...parts: readonly (Uint8Array | string)[]): string => hash('sha256', whole(parts), 'hex')

const whole = (parts: readonly (Uint8Array | string)[]): Uint8Array | string => (parts.length === 1 ? parts[0]! : concat(...parts))

export const concat = (...parts: readonly (Uint8Array | string)[]): Uint8Array => {
  const chunks = parts.map((part) => (typeof part === 'string' ? utf8.encode(part) : part))
  const out = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}
