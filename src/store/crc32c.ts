/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), as LevelDB puts it on its blocks; Node's `zlib.crc32` is another polynomial.
 *
 * Slicing by 8: eight table look-ups take eight bytes. Checked against the RFC's vectors in `table.test.ts`.
 */
const POLYNOMIAL = 0x82f63b78

/** `TABLES[k * 256 + byte]`: what `byte` contributes when k more bytes follow it. */
const TABLES = new Int32Array(8 * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  TABLES[byte] = crc
}
for (let at = 256; at < TABLES.length; at++) {
  const before = TABLES[at - 256]!
  TABLES[at] = (before >>> 8) ^ TABLES[before & 0xff]!
}

/** The checksum of `bytes[from … to)`, unsigned. */
export const crc32c = (bytes: Uint8Array, from = 0, to = bytes.length): number => {
  let crc = -1
  let at = from
  for (; at + 8 <= to; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    crc =
      TABLES[1792 + (low & 0xff)]! ^
      TABLES[1536 + ((low >>> 8) & 0xff)]! ^
      TABLES[1280 + ((low >>> 16) & 0xff)]! ^
      TABLES[1024 + (low >>> 24)]! ^
      TABLES[768 + bytes[at + 4]!]! ^
      TABLES[512 + bytes[at + 5]!]! ^
      TABLES[256 + bytes[at + 6]!]! ^
      TABLES[bytes[at + 7]!]!
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ TABLES[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}

/** As LevelDB stores it: rotated and shifted, so that a checksum of data with checksums in it stays a good one. */
export const maskedCrc = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
