/** Automerge's sync messages, read within bounds and without Automerge. */
import * as A from '@automerge/automerge'
import { describe, expect, test } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import { readSyncMessage, writeSyncMessage, type Said } from './sync-message.ts'

const hash = (n: number): string => n.toString(16).padStart(64, '0')
const saidBy = (bytes: Uint8Array): Said => {
  const said = readSyncMessage(bytes)
  if ('refused' in said) throw new Error(said.refused)
  return said
}

describe('reading what Automerge writes', () => {
  test('first words, a reply, local changes, a reset', () => {
    let theirs = A.from<Record<string, number>>({ a: 1 })
    let mine = A.init<Record<string, number>>()
    const [opening, first] = A.generateSyncMessage(mine, A.initSyncState())
    let mineState = opening
    expect(saidBy(first!)).toEqual({
      heads: [],
      need: [],
      common: [],
      version: 1,
      speaksVersion2: true,
      namesCapabilities: true,
      reset: false,
      changes: 0,
    })

    const [, hello] = A.generateSyncMessage(theirs, A.initSyncState())
    ;[mine, mineState] = A.receiveSyncMessage(mine, mineState, hello!)
    const [, wants] = A.generateSyncMessage(mine, mineState)
    expect(saidBy(wants!)).toMatchObject({ version: 2, heads: [], need: A.getHeads(theirs) })

    theirs = A.change(theirs, (doc) => void (doc['b'] = 2))
    let state = A.initSyncState()
    ;[theirs, state] = A.receiveSyncMessage(theirs, state, first!)
    const [, full] = A.generateSyncMessage(theirs, state)
    expect(saidBy(full!)).toMatchObject({ heads: A.getHeads(theirs), need: [], changes: 1 })
  })

  test('any lists of hashes, filters and changes, in both versions', () => {
    for (const [version, type] of [
      [1, 'v1'],
      [2, 'v2'],
    ] as const) {
      const changes = A.getAllChanges(A.from({ x: 'a value long enough that its length takes two bytes, '.repeat(10) }))
      const decoded = {
        heads: [hash(1), hash(2)],
        need: [hash(3)],
        have: [{ lastSync: [hash(4)], bloom: new Uint8Array() }],
        changes,
        type,
      }
      expect(saidBy(A.encodeSyncMessage(decoded))).toEqual({
        heads: decoded.heads,
        need: decoded.need,
        common: [hash(4)],
        version,
        speaksVersion2: version === 2,
        namesCapabilities: false,
        reset: false,
        changes: 1,
      })
    }
    expect(saidBy(Uint8Array.of(0x42, 0, 0, 0, 0, 1, 0x81)).reset).toBe(true)
  })
})

describe('writing what Automerge reads', () => {
  test('heads and changes, and that the door is read-only', () => {
    const doc = A.change(A.from<Record<string, number>>({ a: 1 }), (draft) => void (draft['b'] = 2))
    for (const speaksVersion2 of [false, true]) {
      const bytes = writeSyncMessage({
        heads: A.getHeads(doc),
        chunks: A.getAllChanges(doc),
        to: { speaksVersion2, namesCapabilities: true },
      })
      expect(A.decodeSyncMessage(bytes)).toMatchObject({
        heads: A.getHeads(doc),
        need: [],
        have: [],
        supportedCapabilities: ['read-only', 'supports-sync-reset'],
      })
      const [reader, state] = A.receiveSyncMessage(A.init(), A.initSyncState(), bytes)
      expect(reader).toEqual(doc)
      expect(state.peerReadOnly).toBe(true)
    }
  })

  test('a saved document in version 2', () => {
    const doc = A.from({ a: 1 })
    const bytes = writeSyncMessage({
      heads: A.getHeads(doc),
      chunks: [A.save(doc)],
      to: { speaksVersion2: true, namesCapabilities: false },
    })
    expect(A.receiveSyncMessage(A.init(), A.initSyncState(), bytes)[0]).toEqual(doc)
  })
})

describe('bytes that are no message', () => {
  test('are refused by name, whatever they claim', () => {
    const refusal = (...bytes: number[]) => readSyncMessage(Uint8Array.from(bytes))
    expect(refusal()).toEqual({ refused: 'bad_sync_message' })
    expect(refusal(0x41, 0, 0, 0, 0)).toEqual({ refused: 'bad_sync_message' })
    expect(refusal(0x42, 1, 7)).toEqual({ refused: 'bad_sync_message' })
    // Ten million changes claimed, none there.
    expect(refusal(0x42, 0, 0, 0, 0x80, 0xad, 0xe2, 0x04)).toEqual({ refused: 'bad_sync_message' })
    // 200,000 changes of no byte each: none is so small.
    expect(readSyncMessage(new Uint8Array([0x42, 0, 0, 0, 0xc0, 0x9a, 0x0c, ...new Uint8Array(200_000)]))).toEqual({
      refused: 'bad_sync_message',
    })
    // A length of 2^35 and more; bytes behind the end.
    expect(refusal(0x42, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 1)).toEqual({ refused: 'bad_sync_message' })
    expect(refusal(0x42, 0, 0, 0, 0, 0, 9)).toEqual({ refused: 'bad_sync_message' })
    expect(refusal(0x42, 0, 0, limits.live_haves_max + 1)).toEqual({ refused: 'too_many_haves' })
    // 10^5 heads nobody knows.
    const heads = Array.from({ length: 100_000 }, (_, n) => hash(n))
    expect(readSyncMessage(A.encodeSyncMessage({ heads, need: [], have: [], changes: [] }))).toEqual({
      refused: 'too_many_hashes',
    })
  })

  test('every cut and every flipped byte of a real message is read or refused, never thrown', () => {
    const real = A.encodeSyncMessage({
      heads: [hash(1)],
      need: [hash(2)],
      have: [{ lastSync: [hash(3)], bloom: new Uint8Array() }],
      changes: A.getAllChanges(A.from({ a: 1 })),
    })
    for (let at = 0; at < real.length; at++) {
      readSyncMessage(real.subarray(0, at))
      for (let bit = 0; bit < 8; bit++)
        expect(readSyncMessage(real.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte)))).toBeDefined()
    }
  })
})
