/**
 * What a dishonest member can do that a stranger cannot: make a commit consistent with itself again after changing it, and
 * sign it with its own key. Commits are taken apart by the fuzzers' own reader, so that nothing is lost that the product's would refuse.
 */
import { eventsRoot } from '../../crdt/commit.ts'
import { hexToBytes } from '../../crdt/ids.ts'
import { sign, type KeyPair } from '../../crdt/signature.ts'
import { readStrictly, writeNode, type Node } from './dumb/msgpack.ts'

/** Places in the header (`crdt/commit.ts`). */
const DEPS = 11
const EVENTS_ROOT = 12
const EVENT_COUNT = 13
const CHANGE_HASH = 14
const VALUES_MAX = 200_000

/** The commit's parts, as far as they have the right types; null for what is no commit at all. */
type Parts = {
  readonly header: readonly Node[]
  readonly events: readonly Uint8Array[]
  readonly attestations: readonly (Uint8Array | null)[]
  readonly signature: Node
  readonly votes: Node
}

const takeApart = (bytes: Uint8Array): Parts | null => {
  const outer = listOf(readStrictly(bytes, VALUES_MAX))
  const [headerBytes, events, attestations, signature, votes] = outer ?? []
  const header = headerBytes instanceof Uint8Array ? listOf(readStrictly(headerBytes, VALUES_MAX)) : null
  const [eventList, attestationList] = [listOf(events), listOf(attestations)]
  if (
    outer?.length !== 5 ||
    header?.length !== 15 ||
    eventList === null ||
    attestationList === null ||
    signature === undefined ||
    votes === undefined
  )
    return null
  if (
    !eventList.every((event) => event instanceof Uint8Array) ||
    !attestationList.every((one) => one === null || one instanceof Uint8Array)
  )
    return null
  return { header, events: eventList, attestations: attestationList, signature, votes }
}

const putTogether = ({ header, events, attestations, signature, votes }: Parts): Uint8Array =>
  writeNode([writeNode(header), events, attestations, signature, votes])

const mended = (parts: Parts): Parts => {
  const attestations = parts.events.map((_, i) => parts.attestations[i] ?? null)
  const root = hexToBytes(eventsRoot(parts.events.map((bytes, i) => ({ bytes, attestation: attestations[i]! }))))
  return { ...parts, attestations, header: parts.header.with(EVENTS_ROOT, root).with(EVENT_COUNT, parts.events.length) }
}

/** The commit with root, count and attestations that match its events; the bytes as they are when they are no commit. */
export const mendRoot = (bytes: Uint8Array): Uint8Array => {
  const parts = takeApart(bytes)
  return parts === null ? bytes : putTogether(mended(parts))
}

/**
 * The commit consistent with itself and signed by `keys`.
 * @param changeHashOf what the header shall state, from the deps it names and its events; null leaves it as it is.
 */
export const resign = (
  bytes: Uint8Array,
  keys: KeyPair,
  changeHashOf: (deps: readonly Uint8Array[], events: readonly Uint8Array[]) => Uint8Array | null,
): Uint8Array => {
  const parts = takeApart(bytes)
  if (parts === null) return bytes
  const whole = mended(parts)
  const deps = (listOf(whole.header[DEPS]) ?? []).filter((dep) => dep instanceof Uint8Array)
  const changeHash = changeHashOf(deps, whole.events)
  const header = changeHash === null ? whole.header : whole.header.with(CHANGE_HASH, changeHash)
  return putTogether({ ...whole, header, signature: sign('mnemesh/commit/1', writeNode(header), keys) })
}

const listOf = (node: Node | undefined): readonly Node[] | null =>
  Array.isArray(node) ? (node as readonly Node[]) : null
