/**
 * The messages around Automerge's: what automerge-repo's WebSocket adapters (protocol version "1") say to each other, as
 * CBOR maps. Source: `messages.ts` of `@automerge/automerge-repo` and of `-network-websocket`, 2.5.6.
 *
 * A client may join, ask for a document and report how far it is (`request`, `sync`); whatever else it says (presence,
 * gossip about heads, its own lack of a document) concerns other readers, and a reader here is alone with the door.
 */
import { Encoder } from 'cbor-x/encode'
import { readCbor, type CborValue } from './cbor.ts'
import { liveLimits } from './limits.ts'

export const PROTOCOL_VERSION = '1'

export type ClientMessage =
  | { readonly type: 'join'; readonly senderId: string; readonly versions: readonly string[] }
  /** `data` is an Automerge sync message, unread. */
  | { readonly type: 'request' | 'sync'; readonly documentId: string; readonly data: Uint8Array }
  /** Nothing the door takes part in. */
  | { readonly type: 'other' }

/** @returns null when the frame is none of a client's. */
export const readClientMessage = (frame: Uint8Array): ClientMessage | null => {
  const fields = readCbor(frame)?.value
  if (!isMap(fields)) return null
  const type = text(fields.get('type'))
  switch (type) {
    case null:
      return null
    case 'join':
      return readJoin(fields)
    case 'request':
    case 'sync': {
      const documentId = text(fields.get('documentId'))
      const data = fields.get('data')
      return documentId === null || !(data instanceof Uint8Array) ? null : { type, documentId, data }
    }
    default:
      return { type: 'other' }
  }
}

const readJoin = (fields: ReadonlyMap<string, CborValue>): ClientMessage | null => {
  const senderId = text(fields.get('senderId'))
  // Clients of before versions were named speak the first.
  const versions = fields.get('supportedProtocolVersions') ?? [PROTOCOL_VERSION]
  if (senderId === null || !Array.isArray(versions)) return null
  return { type: 'join', senderId, versions: versions.filter((version) => typeof version === 'string') }
}

const isMap = (value: CborValue | undefined): value is ReadonlyMap<string, CborValue> => value instanceof Map
const text = (value: CborValue | undefined): string | null =>
  typeof value === 'string' && value.length > 0 && value.length <= liveLimits.live_name_bytes_max ? value : null

/** Bytes without the library's tag for them, maps as maps: what automerge-repo itself writes. */
const encoder = new Encoder({ tagUint8Array: false, useRecords: false })
const encode = (message: object): Uint8Array => encoder.encode(message)

type Ends = { readonly senderId: string; readonly targetId: string }

/** The answer to a join. `isEphemeral` keeps the client from storing what it believes this door to know. */
export const peerFrame = (ends: Ends): Uint8Array =>
  encode({ type: 'peer', ...ends, peerMetadata: { isEphemeral: true }, selectedProtocolVersion: PROTOCOL_VERSION })
export const errorFrame = (ends: Ends, message: string): Uint8Array => encode({ type: 'error', ...ends, message })
export const syncFrame = (ends: Ends, documentId: string, data: Uint8Array): Uint8Array =>
  encode({ type: 'sync', ...ends, documentId, data })
export const unavailableFrame = (ends: Ends, documentId: string): Uint8Array =>
  encode({ type: 'doc-unavailable', ...ends, documentId })
