/** What must not get in: refused by name, nothing changed, and others served meanwhile. */
import * as A from '@automerge/automerge'
import { parseAutomergeUrl } from '@automerge/automerge-repo'
import { deflateRawSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { concat, sha256 } from '../../crdt/hash.ts'
import { segmentId, type Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { LiveTimers } from './client.ts'
import { indexUrl, segmentUrl } from './document-id.ts'
import { mesh, openDoor, realTimers, until, type RawClient, type SegmentDoc, type TestDoor } from './testing/door.ts'
import { createTestSource, uuid } from './testing/source.ts'
import { liveLimits } from './limits.ts'

const ns = 'team/api' as Namespace
let door: TestDoor
const segment = segmentId(createTestSource().peer, 0)
const { documentId } = parseAutomergeUrl(segmentUrl(mesh, ns, segment))
beforeEach(async () => {
  door = await openDoor()
  door.source.put(ns, 0, 1)
})
afterEach(() => door.close())

const joined = async (): Promise<RawClient> => {
  const client = await door.raw()
  client.join()
  return client
}
const sync = (data: Uint8Array, id: string = documentId): Readonly<Record<string, unknown>> => ({
  type: 'sync',
  senderId: 'raw',
  targetId: 'door',
  documentId: id,
  data,
})
const junk = sha256('junk')
const nothing = A.encodeSyncMessage({ heads: [], need: [], have: [], changes: [] })

/** The longest that the process answered nobody while `attack` ran. */
const longestStall = async (attack: () => Promise<unknown>): Promise<number> => {
  let worst = 0
  let last = performance.now()
  const beat = setInterval(() => {
    worst = Math.max(worst, performance.now() - last)
    last = performance.now()
  }, 5)
  await attack()
  clearInterval(beat)
  return Math.max(worst, performance.now() - last)
}

describe('a frame that is none', () => {
  test.each([
    ['text', 'hello', 'not_binary'],
    ['junk', junk, 'bad_frame'],
    ['another map', { hello: 1 }, 'bad_frame'],
    ['words before a join', sync(nothing), 'not_joined'],
    [
      'another protocol',
      { type: 'join', senderId: 'raw', supportedProtocolVersions: ['7'] },
      'unsupported_protocol_version',
    ],
    ['one too large', new Uint8Array(liveLimits.live_message_bytes_max + 1), 'frame_too_large'],
  ] as const)('%s', async (_, frame, reason) => {
    const client = await door.raw()
    client.send(frame)
    expect(await client.closed).toBe(reason === 'frame_too_large' ? '1009' : reason)
    expect(door.door.refusals()).toEqual({ [reason]: 1 })
    expect(door.door.clients()).toBe(0)
  })
})

describe('a sync message that is none, or too much', () => {
  test.each([
    ['no document id', sync(nothing, 'not base58'), 'bad_frame'],
    ['junk', sync(junk), 'bad_sync_message'],
    ['cut short', sync(nothing.subarray(0, 2)), 'bad_sync_message'],
    [
      'more heads than anybody has',
      sync(
        A.encodeSyncMessage({
          heads: Array.from({ length: 5_000 }, (_, n) => n.toString(16).padStart(64, '0')),
          need: [],
          have: [],
          changes: [],
        }),
      ),
      'too_many_hashes',
    ],
  ])('%s', async (_, frame, reason) => {
    const client = await joined()
    client.send(frame)
    expect(await client.closed).toBe(reason)
    expect(door.door.refusals()).toEqual({ [reason]: 1 })
  })

  test('following 10,000 documents', async () => {
    const client = await joined()
    const frames = Array.from({ length: 10_000 }, (_, n) =>
      sync(nothing, parseAutomergeUrl(indexUrl(mesh, `n${n}` as Namespace)).documentId),
    )
    const stall = await longestStall(async () => {
      for (let n = 0; n < frames.length; n += 500) {
        frames.slice(n, n + 500).forEach((frame) => client.send(frame))
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(await client.closed).toBe('too_many_documents')
    })
    expect(stall).toBeLessThan(1_000)
    expect(door.source.listeners()).toBe(0)
  })

  test('talking without end', async () => {
    const client = await joined()
    for (let n = 0; n <= liveLimits.live_frames_per_interval_max; n++) client.send({ type: 'ephemeral' })
    expect(await client.closed).toBe('too_many_frames')
  })

  test('a ping is answered', async () => {
    const client = await joined()
    const answered = new Promise((resolve) => client.socket.once('pong', (data) => resolve(data.toString())))
    client.socket.ping('here?')
    expect(await answered).toBe('here?')
  })

  test('pings count like any other', async () => {
    const client = await joined()
    for (let n = 0; n <= liveLimits.live_frames_per_interval_max; n++) client.socket.ping()
    expect(await client.closed).toBe('too_many_frames')
  })
})

describe('changes of a client', () => {
  // A chunk as Automerge frames it: magic, checksum, type, length, content. Type 2 is a deflated change.
  const chunk = (type: number, content: Uint8Array): Uint8Array => {
    const length = []
    let rest = content.length
    for (; rest >= 0x80; rest >>= 7) length.push((rest & 0x7f) | 0x80)
    const body = concat(Uint8Array.of(type, ...length, rest), content)
    return concat(Uint8Array.of(0x85, 0x6f, 0x4a, 0x83), sha256(body).subarray(0, 4), body)
  }
  const withChanges = (...changes: Uint8Array[]): Uint8Array => {
    const parts: Uint8Array[] = [Uint8Array.of(0x43, 0, 0, 0, changes.length)]
    for (const change of changes)
      parts.push(
        Uint8Array.of((change.length & 0x7f) | 0x80, ((change.length >> 7) & 0x7f) | 0x80, change.length >> 14),
        change,
      )
    return concat(...parts)
  }

  test.each([
    ['a deflate bomb', withChanges(chunk(2, deflateRawSync(new Uint8Array(64 * 1024 * 1024))))],
    ['junk in a change’s place', withChanges(junk)],
    ['a whole document', withChanges(A.save(A.from({ memories: { forged: true } })))],
    ['a real change', withChanges(...A.getAllChanges(A.from({ memories: { forged: true } })))],
  ])('%s: stepped over in no time', async (_, data) => {
    const before = door.source.heads(ns, segment)
    const client = await joined()
    const stall = await longestStall(async () => {
      client.send(sync(data))
      // The door answers as if the changes had not been there.
      await new Promise<void>((resolve) => client.socket.on('message', () => client.received.length >= 2 && resolve()))
    })
    expect(stall).toBeLessThan(250)
    expect(door.source.heads(ns, segment)).toEqual(before)
    expect(
      Object.keys((await door.repo().find<SegmentDoc>(door.door.documentUrl(ns, segment))).doc().memories),
    ).toEqual([uuid(1)])
    expect(door.logged).toMatchObject([{ changes: 1 }])
  })
})

describe('while others attack', () => {
  test('a reader sees a change within 250 ms', async () => {
    const handle = await door.repo().find<SegmentDoc>(door.door.documentUrl(ns, segment))
    for (let n = 2; n <= 400; n++) door.source.put(ns, 0, n)
    await until(handle, ({ memories }) => uuid(400) in memories)
    const attackers = await Promise.all(Array.from({ length: 4 }, joined))
    let attacking = true
    // Each asks for the whole document again and again, as fast as it is answered.
    for (const { socket, send } of attackers) {
      socket.on('message', () => attacking && socket.readyState === socket.OPEN && send(sync(nothing)))
      for (let n = 0; n < 50; n++) send(sync(nothing))
    }
    const waits: number[] = []
    for (let n = 500; n < 505 || attackers.some(({ received }) => received.length < 20); n++) {
      const from = performance.now()
      door.source.put(ns, 0, n)
      await until(handle, ({ memories }) => uuid(n) in memories)
      waits.push(performance.now() - from)
    }
    attacking = false
    // The machine's other work is in here too, so the middle one counts.
    expect(waits.toSorted((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(250)
  })

  test('more clients than there is room for are told to come back', async () => {
    const clients = await Promise.all(Array.from({ length: liveLimits.live_clients_max }, () => joined()))
    const late = await door.raw()
    expect(await late.closed).toBe('too_many_clients')
    expect(door.door.clients()).toBe(liveLimits.live_clients_max)
    clients[0]!.socket.close()
    await clients[0]!.closed
    const next = await joined()
    await new Promise((resolve) => next.socket.once('message', resolve))
    expect(door.door.clients()).toBe(liveLimits.live_clients_max)
  })
})

describe('time', () => {
  /** The clock stands until it is told; what waits then runs, in order of time. */
  const handTimers = (): LiveTimers & { readonly pass: (ms: number) => void } => {
    let nowMs = 0
    const waiting = new Set<{ readonly atMs: number; readonly call: () => void }>()
    return {
      now: () => nowMs,
      after: (ms, call) => {
        const timer = { atMs: nowMs + ms, call }
        waiting.add(timer)
        return () => void waiting.delete(timer)
      },
      pass: (ms) => {
        const endMs = nowMs + ms
        for (;;) {
          const next = [...waiting].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
          if (next === undefined) break
          waiting.delete(next)
          nowMs = next.atMs
          next.call()
        }
        nowMs = endMs
      },
    }
  }
  const answered = (client: RawClient): Promise<unknown> =>
    new Promise((resolve) => client.socket.once('message', resolve))

  test('a socket that never joins is closed', async () => {
    const timers = handTimers()
    await door.close()
    door = await openDoor({ timers })
    const client = await door.raw()
    timers.pass(limits.handshake_ms_max)
    expect(await client.closed).toBe('not_joined')
  })

  test('one that is silent is closed, one that answers pings is not', async () => {
    const timers = handTimers()
    await door.close()
    door = await openDoor({ timers })
    const client = await door.raw()
    client.join()
    await answered(client)
    for (let n = 0; n < 5; n++) {
      const pinged = new Promise((resolve) => client.socket.once('ping', resolve))
      timers.pass(limits.ping_every_ms)
      await pinged
      // The pong travels ahead of this frame; the answer to it says that both have arrived.
      client.send(sync(nothing, parseAutomergeUrl(door.door.indexUrl(ns)).documentId))
      await answered(client)
    }
    expect(door.door.clients()).toBe(1)
    timers.pass(limits.silence_ms_max + limits.ping_every_ms)
    await client.closed
    expect(door.door.refusals()).toEqual({ silent: 1 })
  })

  test('one that reads nothing gets nothing queued, and is closed', async () => {
    const timers = handTimers()
    const { source } = door
    for (let n = 2; n <= 200; n++) source.put(ns, 0, n)
    await door.close()
    door = await openDoor({ timers, source })
    const client = await door.raw()
    client.join()
    await answered(client)
    client.socket.pause()
    let sent = 0
    const asking = setInterval(() => {
      for (let n = 0; n < 50 && sent < liveLimits.live_frames_per_interval_max; n++, sent++) client.send(sync(nothing))
    }, 1)
    // The kernel's buffers fill, then the door's own; from then on it leaves this client's frames where they are.
    await expect
      .poll(
        () => {
          timers.pass(limits.ping_every_ms / 10)
          return door.door.refusals()
        },
        { timeout: 15_000, interval: 20 },
      )
      .toEqual({ slow_reader: 1 })
    clearInterval(asking)
    expect(door.door.clients()).toBe(0)
  })
})

test('a source that fails ends the client it fails for, and no other', async () => {
  const { source } = door
  await door.close()
  let broken = false
  const failing = {
    ...source,
    heads: (...args: Parameters<typeof source.heads>) => {
      if (broken) throw new Error('the disk is gone')
      return source.heads(...args)
    },
  }
  door = await openDoor({ source: failing, timers: realTimers })
  const [one, other] = [await joined(), await joined()]
  broken = true
  one.send(sync(nothing))
  expect(await one.closed).toBe('internal')
  broken = false
  const reply = new Promise((resolve) => other.socket.on('message', () => other.received.length === 2 && resolve(null)))
  other.send(sync(nothing))
  await reply
  expect(door.door.clients()).toBe(1)
})
