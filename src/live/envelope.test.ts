/** The envelope of the live door's messages: what a stock client sends is read, anything else is refused. */
import * as cbor from '@automerge/automerge-repo/helpers/cbor.js'
import { describe, expect, test } from 'vitest'
import { readCbor } from './cbor.ts'
import { peerFrame, readClientMessage, syncFrame } from './envelope.ts'
import { liveLimits } from './limits.ts'

// As the socket hands it over, but of the plain type, which compares with others.
const encode = (value: unknown): Uint8Array => Uint8Array.from(cbor.encode(value))

describe('CBOR as automerge-repo writes it', () => {
  test('is read as it was meant', () => {
    const read = (value: unknown) => readCbor(encode(value))?.value
    for (const value of [
      0,
      23,
      24,
      255,
      256,
      65_536,
      2 ** 40,
      -1,
      -500,
      1.5,
      -0.25,
      true,
      false,
      null,
      '',
      'text with ünïcode 🌍',
      'x'.repeat(300),
    ])
      expect(read(value)).toEqual(value)
    expect(read(undefined)).toBeNull()
    expect(read(Uint8Array.of(1, 2, 3))).toEqual(Uint8Array.of(1, 2, 3))
    expect(read([1, ['a']])).toEqual([1, ['a']])
    expect(read({ a: { b: [] } })).toEqual(new Map([['a', new Map([['b', []]])]]))
  })

  test('what no client writes is refused', () => {
    const refused = (...bytes: number[]) => expect(readCbor(Uint8Array.from(bytes))).toBeNull()
    refused()
    refused(0xa1, 0x01, 0x01) // a key that is a number
    refused(0xa2, 0x61, 0x61, 1, 0x61, 0x61, 2) // a key twice
    refused(0xc1, 0x00) // a tag
    refused(0x9f, 0xff) // an indefinite length
    refused(0x9a, 0xff, 0xff, 0xff, 0xff) // four billion items
    refused(0xba, 0x7f, 0xff, 0xff, 0xff) // two billion pairs
    refused(0x5b, 0, 0, 1, 0, 0, 0, 0, 0) // a terabyte
    refused(0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) // 2^64 - 1
    refused(0x62, 0xc3, 0x28) // no UTF-8
    refused(0x00, 0x00) // something behind the end
    refused(...Array.from({ length: liveLimits.live_envelope_depth_max + 1 }, () => 0x81), 0x00) // one level too many
    refused(...Array.from({ length: 50_000 }, () => 0x81), 0x00) // 50,000 levels
    expect(readCbor(encode(Array.from({ length: liveLimits.live_envelope_values_max }, () => 0)))).toBeNull()
  })
})

describe('messages', () => {
  test('of a client: joins, words on a document, and others', () => {
    expect(
      readClientMessage(
        encode({ type: 'join', senderId: 'me', peerMetadata: { isEphemeral: true }, supportedProtocolVersions: ['1'] }),
      ),
    ).toEqual({ type: 'join', senderId: 'me', versions: ['1'] })
    expect(readClientMessage(encode({ type: 'join', senderId: 'old' }))).toEqual({
      type: 'join',
      senderId: 'old',
      versions: ['1'],
    })
    const data = Uint8Array.of(1)
    expect(readClientMessage(encode({ type: 'sync', senderId: 'me', targetId: 'you', documentId: 'd', data }))).toEqual(
      { type: 'sync', documentId: 'd', data },
    )
    expect(readClientMessage(encode({ type: 'ephemeral', documentId: 'd', data, count: 1, sessionId: 's' }))).toEqual({
      type: 'other',
    })
    for (const bad of [
      null,
      'join',
      [],
      {},
      { type: 7 },
      { type: '' },
      { type: 'join' },
      { type: 'join', senderId: 'x'.repeat(257) },
      { type: 'join', senderId: 'a', supportedProtocolVersions: '1' },
      { type: 'sync', documentId: 'd' },
      { type: 'request', documentId: 'd', data: 'text' },
    ]) {
      expect(readClientMessage(encode(bad))).toBeNull()
    }
  })

  test('of the door are what the stock adapter expects', () => {
    const ends = { senderId: 'door', targetId: 'me' }
    expect(cbor.decode(peerFrame(ends))).toEqual({
      type: 'peer',
      senderId: 'door',
      targetId: 'me',
      peerMetadata: { isEphemeral: true },
      selectedProtocolVersion: '1',
    })
    expect(cbor.decode(syncFrame(ends, 'd', Uint8Array.of(9)))).toMatchObject({
      type: 'sync',
      documentId: 'd',
      targetId: 'me',
    })
  })
})
