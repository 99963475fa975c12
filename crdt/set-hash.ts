/**
 * A hash of a set that is kept up to date: adding or removing one element costs the same whatever the size of the set, and
 * the order of the additions does not matter.
 *
 * Construction: LtHash (Bellare and Micciancio 1997; parameters of Lewi, Kim, Maykov and Weis 2019, "Securing Update
 * Propagation with Homomorphic Hashing"): each element is stretched by SHAKE128 to 1,024 numbers of 16 bits, which are added
 * to the state modulo 2^16. Finding two sets of one hash is as hard as a short-vector problem in a lattice (over 200 bits).
 *
 * Invariant: the state is a function of the multiset alone. Whoever adds an element twice must remove it twice.
 */
import { sha256Hex, stretch } from './hash.ts'

/** Bytes of a state, and of each stretched element. */
export const SET_HASH_BYTES = 2_048

/** 1,024 little-endian numbers of 16 bits. */
export type SetHash = Uint8Array

/** The state of the empty set. */
export const emptySetHash = (): SetHash => new Uint8Array(SET_HASH_BYTES)

/** Changes `state` in place. @param element any bytes, hashed here; give them a domain of their own. */
export const addToSet = (state: SetHash, element: Uint8Array | string): void => combine(state, element, 1)

/** Changes `state` in place. The element must have been added before. */
export const removeFromSet = (state: SetHash, element: Uint8Array | string): void => combine(state, element, -1)

/** Changes `state` in place: the union of two multisets. */
export const addSet = (state: SetHash, other: SetHash): void => {
  for (let at = 0; at < SET_HASH_BYTES; at += 2) put(state, at, get(state, at) + get(other, at))
}

/** 64 hex digits. */
export const setDigest = (state: SetHash): string => sha256Hex('mnemesh/set/1', state)

const combine = (state: SetHash, element: Uint8Array | string, sign: 1 | -1): void => {
  const numbers = stretch(element, SET_HASH_BYTES)
  for (let at = 0; at < SET_HASH_BYTES; at += 2) put(state, at, get(state, at) + sign * get(numbers, at))
}

const get = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8)
const put = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value & 0xff
  bytes[at + 1] = (value >> 8) & 0xff
}
