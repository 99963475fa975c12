/**
 * A lenient MessagePack reader for what the fuzzers wrapped themselves (which sample, which bytes) and then mutated: any value, or undefined.
 * The product reads nothing with it.
 */
import { Packr } from 'msgpackr'

const packr = new Packr({
  useRecords: false,
  mapsAsObjects: false,
  int64AsType: 'number',
  copyBuffers: true,
  bundleStrings: false,
})

export const unpackLoose = (bytes: Uint8Array): unknown => {
  try {
    return packr.unpack(bytes)
  } catch {
    return undefined
  }
}
