/**
 * base64url without padding (RFC 4648 §5), by libsodium: for tokens and receipts in JSON.
 */
import sodium from 'libsodium-wrappers'

await sodium.ready

export const toBase64Url = (bytes: Uint8Array): string =>
  sodium.to_base64(bytes, sodium.base64_variants.URLSAFE_NO_PADDING)

/** Null for text that `toBase64Url` never writes. */
export const fromBase64Url = (text: string): Uint8Array | null => {
  try {
    const bytes = sodium.from_base64(text, sodium.base64_variants.URLSAFE_NO_PADDING)
    return toBase64Url(bytes) === text ? bytes : null
  } catch {
    return null
  }
}
