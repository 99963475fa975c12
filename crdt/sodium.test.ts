/**
 * Both builds of libsodium give the same answer to the same bytes: a mesh in which some peers check with one and some with the other
 * admits one set of commits. Where it matters most is what only an attacker makes.
 */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test, type TestContext } from 'vitest'
import { fromLittleEndian, L, littleEndian, P, SMALL_ORDER, sumOfPoints } from './edwards.test-support.ts'
import { bytesToHex, hexToBytes } from './ids.ts'
import { sessionKeys } from './secret-stream.ts'
import { nativeSodium } from './sodium-native.ts'
import type { Sodium } from './sodium-port.ts'
import { wasmSodium } from './sodium-wasm.ts'

const wasm = await wasmSodium()
const found = await nativeSodium()
const builds: readonly Sodium[] = 'sodium' in found ? [wasm, found.sodium] : [wasm]

/** The test of both, or a word on why there is but one. */
const ofBoth =
  (check: (native: Sodium) => void) =>
  ({ skip }: TestContext): void =>
    'missing' in found
      ? skip(`the native build does not load here (${found.missing}): the one in WebAssembly is the only one`)
      : check(found.sodium)

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const hash512 = (...parts: readonly Uint8Array[]): Uint8Array =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha512')).digest()

/** What the seed's key signs with (RFC 8032 §5.1.5, step 2). */
const scalarOf = (seed: Uint8Array): bigint => {
  const half = hash512(seed).slice(0, 32)
  half[0]! &= 248
  half[31] = (half[31]! & 127) | 64
  return fromLittleEndian(half)
}

/** R ‖ S for a key and an R, each moved by a point of small order: S·B = R + k·A holds up to such points. */
const movedSignature = (
  seed: Uint8Array,
  nonce: Uint8Array,
  message: Uint8Array,
  byKey: Uint8Array,
  byNonce: Uint8Array,
): { readonly signature: Uint8Array; readonly key: Uint8Array } => {
  const key = sumOfPoints(wasm.signKeys(seed).publicKey, byKey)
  const r = sumOfPoints(wasm.signKeys(nonce).publicKey, byNonce)
  const k = fromLittleEndian(hash512(r, key, message)) % L
  return { key, signature: Uint8Array.from([...r, ...littleEndian((scalarOf(nonce) + k * scalarOf(seed)) % L)]) }
}

const CANONICAL = SMALL_ORDER.filter((key) => fromLittleEndian(key) % 2n ** 255n < P)
/** Points of small order of X25519 (RFC 7748 §6.1 and what leads to them beyond p). */
const SMALL_X25519 = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
].map(hexToBytes)

describe('the native build and the one in WebAssembly', () => {
  test(
    "make the same keys and the same signatures, and verify each other's",
    ofBoth((native) => {
      fc.assert(
        fc.property(bytes(32), fc.uint8Array({ maxLength: 200 }), (seed, message) => {
          const keys = native.signKeys(seed)
          expect(keys).toEqual(wasm.signKeys(seed))
          const signature = native.sign(message, keys.secretKey)
          expect(signature).toEqual(wasm.sign(message, keys.secretKey))
          for (const sodium of [native, wasm]) expect(sodium.verify(signature, message, keys.publicKey)).toBe(true)
        }),
      )
    }),
  )

  test(
    'refuse what was changed, whatever was',
    ofBoth((native) => {
      fc.assert(
        fc.property(bytes(32), bytes(32), fc.nat(127), fc.integer({ min: 1, max: 255 }), (seed, message, at, by) => {
          const { publicKey, secretKey } = wasm.signKeys(seed)
          const all = Uint8Array.from([...wasm.sign(message, secretKey), ...message, ...publicKey])
          all[at]! ^= by
          const verdicts = [native, wasm].map((sodium) =>
            sodium.verify(all.subarray(0, 64), all.subarray(64, 96), all.subarray(96)),
          )
          expect(verdicts).toEqual([false, false])
        }),
        { numRuns: 300 },
      )
    }),
  )

  test(
    'agree on signatures and keys moved by points of small order, of which some pass',
    ofBoth((native) => {
      const verdicts = { yes: 0, no: 0 }
      expect(CANONICAL.length).toBeGreaterThanOrEqual(8)
      for (let n = 1; n <= 6; n++) {
        const [seed, nonce, message] = [new Uint8Array(32).fill(n), new Uint8Array(32).fill(100 + n), Uint8Array.of(n)]
        for (const byKey of CANONICAL) {
          for (const byNonce of CANONICAL) {
            const { signature, key } = movedSignature(seed, nonce, message, byKey, byNonce)
            const verdict = wasm.verify(signature, message, key)
            expect(native.verify(signature, message, key), `${bytesToHex(key)} ${bytesToHex(signature)}`).toBe(verdict)
            expect(native.isInMainSubgroup(key)).toBe(wasm.isInMainSubgroup(key))
            verdicts[verdict ? 'yes' : 'no']++
          }
        }
      }
      expect(Math.min(verdicts.yes, verdicts.no)).toBeGreaterThan(20)
    }),
  )

  test(
    'agree on keys: of small order, and any bytes',
    ofBoth((native) => {
      for (const key of SMALL_ORDER)
        expect([native, wasm].map((sodium) => sodium.isInMainSubgroup(key))).toEqual([false, false])
      fc.assert(
        fc.property(bytes(32), (key) => {
          expect(native.isInMainSubgroup(key)).toBe(wasm.isInMainSubgroup(key))
        }),
        { numRuns: 300 },
      )
      for (const r of SMALL_ORDER) {
        for (const key of SMALL_ORDER) {
          const forged = Uint8Array.from([...r, ...new Uint8Array(32)])
          expect([native, wasm].map((sodium) => sodium.verify(forged, Uint8Array.of(1), key))).toEqual([false, false])
        }
      }
    }),
  )

  test(
    'agree with one another on session keys, and with nobody on a key of small order',
    ofBoth((native) => {
      fc.assert(
        fc.property(bytes(32), bytes(32), (one, other) => {
          const [client, server] = [native.agreementKeys(one), wasm.agreementKeys(other)]
          expect(client).toEqual(wasm.agreementKeys(one))
          const agreed = native.agree('client', client, server.publicKey)
          expect(agreed).toEqual(wasm.agree('client', client, server.publicKey))
          expect(wasm.agree('server', server, client.publicKey)).toEqual({
            receive: agreed!.send,
            send: agreed!.receive,
          })
          expect(native.agree('server', server, client.publicKey)).toEqual({
            receive: agreed!.send,
            send: agreed!.receive,
          })
        }),
      )
      const own = native.agreementKeys(new Uint8Array(32))
      for (const key of SMALL_X25519)
        for (const side of ['client', 'server'] as const)
          expect([native.agree(side, own, key), wasm.agree(side, own, key)]).toEqual([null, null])
    }),
  )

  test(
    "open each other's streams, in order, and nothing else",
    ofBoth((native) => {
      fc.assert(
        fc.property(
          bytes(24),
          bytes(32),
          fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 6 }),
          fc.boolean(),
          (header, key, messages, swapped) => {
            const [from, to] = swapped ? [native, wasm] : [wasm, native]
            const [seal, same, open] = [from.sealer(header, key), to.sealer(header, key), to.opener(header, key)]
            for (const message of messages) {
              const sealed = seal(message)
              expect(sealed).toEqual(same(message))
              expect(open(sealed.with(0, sealed[0]! ^ 1))).toBeNull()
              expect(open(sealed)).toEqual(message)
              expect(open(sealed)).toBeNull()
            }
          },
        ),
      )
    }),
  )
})

describe('a build', () => {
  test.each(builds.map((build, i) => [i === 0 ? 'in WebAssembly' : 'native', build] as const))(
    '%s throws for what is no key, and does not take it for a refused one',
    (_name, build) => {
      expect(() => build.isInMainSubgroup(new Uint8Array(31))).toThrow(/key|length/i)
      expect(() => build.agree('client', build.agreementKeys(new Uint8Array(32)), new Uint8Array(31))).toThrow(
        /pk|length/i,
      )
    },
  )

  test("that does not load says why: in the loader's words and in the system's", async () => {
    const error = new Error("Cannot load addon 'file:///here.node'\nat length", {
      cause: new Error("libm.so.6: version `GLIBC_2.38' not found"),
    })
    expect(await nativeSodium(() => Promise.reject(error))).toEqual({
      missing: "Cannot load addon 'file:///here.node': libm.so.6: version `GLIBC_2.38' not found",
    })
  })

  test('is not asked about a session key of another length', () =>
    expect(sessionKeys('dialer', wasm.agreementKeys(new Uint8Array(32)), new Uint8Array(31))).toBeNull())
})
