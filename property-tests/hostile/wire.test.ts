/** A stranger at a real peer: after a real handshake over a real WebSocket (PROTOCOL MB1, SE4–SE9). */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { controlChainId } from '../../crdt/commit.ts'
import { hexToBytes, type MeshId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { pack } from '../../crdt/msgpack.ts'
import { keyPairFromSeed } from '../../crdt/signature.ts'
import { initMesh } from '../../src/membership/found.ts'
import { startNode, type RunningNode } from '../../src/node.ts'
import { TAGS } from '../../transports/messages.ts'
import { logTo } from '../../src/testing/log.ts'
import { authenticate, connect, type MeshLink } from './mesh-link.ts'

let dir = ''
let mesh = '' as MeshId
let node: RunningNode
const logged: string[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-hostile-'))
  const saying = {
    clock: { now: () => Date.now() },
    random: { bytes: (count: number) => new Uint8Array(randomBytes(count)) },
  }
  mesh = (await initMesh({ dir, name: 'attacked', ...saying })).mesh_id
  node = await startNode({
    dir,
    host: '127.0.0.1',
    port: 0,
    peers: [],
    projection: 'none',
    keys: [],
    log: logTo(logged),
  })
})
afterAll(async () => {
  await node.stop()
  await rm(dir, { recursive: true, force: true })
})

const stranger = async (): Promise<MeshLink> => {
  const link = await authenticate(
    await connect(`${node.url.replace('http', 'ws')}/mesh`),
    { mesh },
    keyPairFromSeed(new Uint8Array(randomBytes(32))),
  )
  link.fallSilent()
  return link
}

/** Repeats a few bytes: `times` values of the same form behind an array's head. */
const listOf = (times: number, value: readonly number[]): Uint8Array => {
  const head = [0xdd, times >>> 24, (times >>> 16) & 0xff, (times >>> 8) & 0xff, times & 0xff]
  const bytes = new Uint8Array(head.length + times * value.length)
  bytes.set(head)
  for (let at = head.length; at < bytes.length; at += value.length) bytes.set(value, at)
  return bytes
}
const frame = (...parts: readonly (number | Uint8Array)[]): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(0x90 | parts.length),
    ...parts.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : part)),
  ])
const inflatable = (inner: Uint8Array): Uint8Array =>
  pack([TAGS.deflated, inner.length, new Uint8Array(deflateRawSync(inner))])
const manyBodies = (bodies: number): Uint8Array => {
  const list = listOf(bodies + 2, [0xc4, 16, ...new Uint8Array(16)])
  const packed = Buffer.concat([
    list.subarray(0, 5),
    pack(new Uint8Array(100)),
    pack(bodies),
    list.subarray(5, 5 + 18 * bodies),
  ])
  return frame(TAGS.parcels, pack(hexToBytes(controlChainId(mesh))), pack(1), packed)
}

const FOUR_MIB = limits.frame_bytes_max - 16
/** What took a peer down or held it up, and what it answers now. */
const ATTACKS: Readonly<Record<string, { readonly send: () => Uint8Array; readonly answer: string }>> = {
  'MB1 a compressed frame with 230,000 bodies on the control chain': {
    send: () => inflatable(manyBodies(230_000)),
    answer: 'not_open',
  },
  'MB1 the same as it is': { send: () => manyBodies(230_000), answer: 'large_before_open' },
  'MB1 bodies on the control chain, few enough for its frames': {
    send: () => manyBodies(3_000),
    answer: 'malformed_frame',
  },
  'SE8 4 MiB of an extension that makes errors': {
    send: () => inflatable(listOf(Math.floor(FOUR_MIB / 6), [0xc7, 3, 0x65, 0x93, 0xc0, 0xc0])),
    answer: 'not_open',
  },
  'SE8 4 MiB of empty maps': { send: () => inflatable(listOf(FOUR_MIB, [0x80])), answer: 'not_open' },
  'SE8 big integers, as they are': {
    send: () => listOf(100_000, [0xd3, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    answer: 'malformed_frame',
  },
  'SE4 big integers where a cursor is due': {
    send: () => frame(TAGS.since, listOf(1_000, [0xd3, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
    answer: 'not_open',
  },
  'SE4 extensions where a seq is due': {
    send: () => frame(TAGS.control, Uint8Array.of(0xd6, 0xff, 0, 0, 0, 1)),
    answer: 'malformed_frame',
  },
  'SE4 a map where a frame is due': { send: () => Uint8Array.of(0x81, 1, 2), answer: 'malformed_frame' },
  'SE4 arrays within arrays': { send: () => new Uint8Array(60_000).fill(0x91), answer: 'malformed_frame' },
}

test.each(Object.entries(ATTACKS))(
  '%s ends that link by name, in no time, and nothing else',
  async (_, { send, answer }) => {
    const content = send()
    const peer = await stranger()
    const before = process.cpuUsage()
    peer.say(content)
    expect(await peer.closed()).toBe(answer)
    const { user, system } = process.cpuUsage(before)
    // Both ends of the link are this process, which seals and opens up to 4 MiB.
    expect((user + system) / 1_000).toBeLessThan(250)
    expect((await fetch(`${node.url}/api/v1/health`)).status).toBe(200)
    expect(logged.filter((line) => line.includes('mesh link'))).toEqual([])
  },
)

test('MB1 a stranger may still read the control log', async () => {
  const peer = await stranger()
  peer.tell([TAGS.control, 0])
  peer.tell([TAGS.want, [hexToBytes(controlChainId(mesh)), 1], [0, 1]])
  expect(await peer.await(TAGS.parcels)).toHaveLength(4)
  peer.end()
})
