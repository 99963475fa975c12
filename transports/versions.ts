/**
 * Versions and abilities (PROTOCOL HS2, HS11): what each side speaks, told first and signed with all else, and which version both take.
 *
 * Invariant: the first eight bytes of a hello and of an answer mean the same in every version, whatever follows them.
 */
import { FORMAT_LEVEL, LEVELS_MAX } from '../crdt/level.ts'

/** Versions of this protocol from `min` to `max`, each 1 … 255; `abilities` is a set of 32 bits. */
export type Offer = { readonly min: number; readonly max: number; readonly abilities: number }

/** Bits 0 … 15: bit n − 1 for each format level n that the build reads (FORMAT §11). Those above 16 are zero, and are not looked at. */
export const abilitiesOf = (level: number): number => 2 ** level - 1

/** Bit 16: takes the frame `refused`. A build that does not know a frame closes the link by which it comes. */
const TAKES_REFUSED = 2 ** 16
export const takesRefused = (abilities: number): boolean => Math.floor(abilities / TAKES_REFUSED) % 2 === 1

/** Bit 17: tells and asks by lines of the control log (MB6), not by its length. */
const TAKES_LINE = 2 ** 17
export const takesLine = (abilities: number): boolean => Math.floor(abilities / TAKES_LINE) % 2 === 1

/** Bit 18: takes the frame `dropped_bodies` (AE16). */
const TAKES_DROPPED = 2 ** 18
export const takesDropped = (abilities: number): boolean => Math.floor(abilities / TAKES_DROPPED) % 2 === 1

export const OWN_OFFER: Offer = {
  min: 1,
  max: 1,
  abilities: abilitiesOf(FORMAT_LEVEL) + TAKES_REFUSED + TAKES_LINE + TAKES_DROPPED,
}
export const OFFER_BYTES = 6

/** The highest format level up to which every one is among the abilities; 0 for none. */
export const levelIn = (abilities: number): number => {
  let level = 0
  while (level < LEVELS_MAX && Math.floor(abilities / 2 ** level) % 2 === 1) level++
  return level
}

/** The highest version that both speak, or null. */
export const commonVersion = (ours: Offer, theirs: Offer): number | null => {
  const highest = Math.min(ours.max, theirs.max)
  return theirs.min >= 1 && highest >= Math.max(ours.min, theirs.min) ? highest : null
}

/** min ‖ max ‖ abilities, big endian. */
export const offerBytes = ({ min, max, abilities }: Offer): Uint8Array => {
  const bytes = new Uint8Array(OFFER_BYTES)
  bytes.set([min, max])
  new DataView(bytes.buffer).setUint32(2, abilities)
  return bytes
}

/** @param bytes at least `OFFER_BYTES` of them. */
export const readOffer = (bytes: Uint8Array): Offer => ({
  min: bytes[0]!,
  max: bytes[1]!,
  abilities: new DataView(bytes.buffer, bytes.byteOffset).getUint32(2),
})

/** As it stands behind `version_unsupported` in a close reason. */
export const rangeText = ({ min, max }: Pick<Offer, 'min' | 'max'>): string => `${min}-${max}`

/** For `last_error`: both ranges, and what to do. */
export const unsupportedText = (ours: string, theirs: string): string =>
  `this peer speaks versions ${ours} of the mesh protocol, the other ${theirs}: upgrade the older of the two`
