/** edwards25519 (RFC 8032 §5.1) by its definition, in whole numbers: for keys and signatures that no honest program makes. */
import { hexToBytes } from './ids.ts'

/** Little-endian numbers of 32 bytes, as Ed25519 writes them. */
export const littleEndian = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
export const fromLittleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)

export const P = 2n ** 255n - 19n
/** The order of the main subgroup. */
export const L = 2n ** 252n + 27742317777372353535851937790883648493n
const SIGN_BIT = 2n ** 255n
/** y of a point of order 8; the other one is its negative. */
const Y8 = fromLittleEndian(hexToBytes('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'))
/** Every encoding of the eight points of small order, canonical or not: y and y + p where that fits, with either sign. */
export const SMALL_ORDER = [0n, 1n, P - 1n, Y8, P - Y8]
  .flatMap((y) => [y, y + P].filter((each) => each < SIGN_BIT).flatMap((each) => [each, each + SIGN_BIT]))
  .map(littleEndian)

type Point = { readonly x: bigint; readonly y: bigint }

const mod = (value: bigint): bigint => ((value % P) + P) % P
const power = (base: bigint, exponent: bigint): bigint => {
  let [result, square] = [1n, mod(base)]
  for (let left = exponent; left > 0n; left >>= 1n, square = mod(square * square))
    if (left & 1n) result = mod(result * square)
  return result
}
const inverse = (value: bigint): bigint => power(value, P - 2n)
const D = mod(-121665n * inverse(121666n))

/** The point of a canonical encoding (§5.1.3); throws for what is none. */
const pointOf = (encoded: Uint8Array): Point => {
  const number = fromLittleEndian(encoded)
  const y = number % SIGN_BIT
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n))
  let x = power(square, (P + 3n) / 8n)
  if (mod(x * x) !== square) x = mod(x * power(2n, (P - 1n) / 4n))
  if (mod(x * x) !== square) throw new Error('no point')
  return { x: (x & 1n) === number / SIGN_BIT ? x : mod(-x), y }
}

/** The sum of two points (§5.1.4), both canonically encoded, as its result. */
export const sumOfPoints = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const [p, q] = [pointOf(a), pointOf(b)]
  const product = D * p.x * q.x * p.y * q.y
  const x = mod((p.x * q.y + q.x * p.y) * inverse(1n + product))
  const y = mod((p.y * q.y + p.x * q.x) * inverse(1n - product))
  return littleEndian(y + (x & 1n ? SIGN_BIT : 0n))
}
