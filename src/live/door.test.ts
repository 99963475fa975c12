/** Stock clients over real sockets: what they see, and that what they write goes nowhere. */
import { afterEach, describe, expect, test } from 'vitest'
import { request } from 'node:http'
import { encodeHeads, parseAutomergeUrl, type DocHandle } from '@automerge/automerge-repo'
import type { Namespace } from '../../crdt/ids.ts'
import { openDoor, until, urlIn, type Index, type SegmentDoc, type TestDoor } from './testing/door.ts'
import { createTestSource, uuid } from './testing/source.ts'

const ns = 'team/api' as Namespace
let opened: TestDoor[] = []
const open = async (...options: Parameters<typeof openDoor>): Promise<TestDoor> => {
  const door = await openDoor(...options)
  opened.push(door)
  return door
}
afterEach(async () => {
  await Promise.all(opened.map((door) => door.close()))
  opened = []
})

describe('a stock automerge-repo client', () => {
  test('finds the index, then the segment, and sees a memory appear live', async () => {
    const { door, source, repo } = await open()
    const segment = source.put(ns, 0, 1)
    const reader = repo()
    const index = (await reader.find<Index>(door.indexUrl(ns))).doc()
    expect(String(index.namespace)).toBe(ns)
    expect(Object.keys(index.segments)).toEqual([segment])
    expect(urlIn(index, segment)).toBe(door.documentUrl(ns, segment))

    const handle = await reader.find<SegmentDoc>(urlIn(index, segment))
    expect(Object.keys(handle.doc().memories)).toEqual([uuid(1)])
    source.put(ns, 0, 2)
    const doc = await until(handle, ({ memories }) => uuid(2) in memories)
    expect(Object.keys(doc.memories)).toEqual([uuid(1), uuid(2)])
    source.patch(ns, 0, 1, 9)
    await until(handle, ({ memories }) => memories[uuid(1)]?.['priority'] === 9)
    expect(handle.heads()).toEqual(encodeHeads([...source.heads(ns, segment)!]))
  })

  test('sees a new segment come into the index, and a namespace that was empty when it asked', async () => {
    const { door, source, repo } = await open()
    const reader = repo()
    await expect(reader.find(door.indexUrl(ns))).rejects.toThrow('unavailable')
    const first = source.put(ns, 0, 1)
    const handle = reader.handles[parseAutomergeUrl(door.indexUrl(ns)).documentId] as DocHandle<Index>
    await until(handle, ({ segments }) => first in segments)
    const second = source.put(ns, 1, 2)
    const index = await until(handle, ({ segments }) => second in segments)
    expect(Object.keys((await reader.find<SegmentDoc>(urlIn(index, second))).doc().memories)).toEqual([uuid(2)])
  })

  test('goes on after a cut connection, and at another peer of the mesh', async () => {
    const { door, source, repo, cut } = await open()
    const segment = source.put(ns, 0, 1)
    const reader = repo()
    const handle = await reader.find<SegmentDoc>(door.documentUrl(ns, segment))
    cut()
    source.put(ns, 0, 2)
    await until(handle, ({ memories }) => uuid(2) in memories)

    // The other peer's door serves the same documents under the same ids; a document that was carried over takes up there.
    const elsewhere = await open({ source })
    const other = elsewhere.repo()
    const carried = other.import<SegmentDoc>((await reader.export(handle.documentId))!, { docId: handle.documentId })
    source.put(ns, 0, 3)
    await until(carried, ({ memories }) => uuid(3) in memories)
    expect(carried.heads()).toEqual(encodeHeads([...source.heads(ns, segment)!]))
  })

  test('writes what it likes, and nobody hears of it', async () => {
    const { door, source, repo, logged } = await open()
    const segment = source.put(ns, 0, 1)
    const before = source.heads(ns, segment)
    const [writer, reader] = [repo(), repo()]
    const written = await writer.find<SegmentDoc>(door.documentUrl(ns, segment))
    const read = await reader.find<SegmentDoc>(door.documentUrl(ns, segment))
    written.change((doc) => {
      doc.memories[uuid(666)] = { forged: true }
    })
    written.broadcast({ hello: 'all' })
    const heard: unknown[] = []
    read.on('ephemeral-message', (message) => heard.push(message))
    // Both are told of the next change, the writer on top of its own: by then everything it sent has been dealt with.
    source.put(ns, 0, 2)
    await until(written, ({ memories }) => uuid(2) in memories && uuid(666) in memories)
    const doc = await until(read, ({ memories }) => uuid(2) in memories)
    expect(Object.keys(doc.memories)).toEqual([uuid(1), uuid(2)])
    expect(source.changesSince(ns, segment, before!)).toHaveLength(1)
    expect(read.heads()).toEqual(encodeHeads([...source.heads(ns, segment)!]))
    expect(heard).toEqual([])
    expect(logged).toEqual([])
    // One that comes later does not find it either.
    expect(Object.keys((await repo().find<SegmentDoc>(written.url)).doc().memories)).toEqual([uuid(1), uuid(2)])
  })

  test('is given a hundred changes made at once', async () => {
    const { door, source, repo } = await open()
    const segment = source.put(ns, 0, 1)
    const handle = await repo().find<SegmentDoc>(door.documentUrl(ns, segment))
    for (let n = 2; n <= 101; n++) source.put(ns, 0, n)
    await until(handle, ({ memories }) => uuid(101) in memories)
    expect(Object.keys(handle.doc().memories)).toHaveLength(101)
  })

  test('is told again when the document was rebuilt without some commits', async () => {
    const { door, source, repo } = await open()
    const segment = source.put(ns, 0, 1)
    const handle = await repo().find<SegmentDoc>(door.documentUrl(ns, segment))
    source.empty(ns, 0)
    source.put(ns, 0, 7)
    await until(handle, ({ memories }) => uuid(7) in memories)
    expect(Object.keys((await repo().find<SegmentDoc>(handle.url)).doc().memories)).toEqual([uuid(7)])
  })
})

describe('the door', () => {
  test('listens to the source only while somebody is here', async () => {
    const { source, raw, door } = await open()
    expect(source.listeners()).toBe(0)
    const client = await raw()
    client.join()
    await new Promise((resolve) => client.socket.once('message', resolve))
    expect(source.listeners()).toBe(1)
    client.socket.close()
    await client.closed
    expect(door.clients()).toBe(0)
    expect(source.listeners()).toBe(0)
  })

  test('wants a key where there are keys: in the address or in a header', async () => {
    const { door, source, repo, url } = await open({ keys: ['first', 'second'] })
    const segment = source.put(ns, 0, 1)
    expect(
      Object.keys((await repo('?key=second').find<SegmentDoc>(door.documentUrl(ns, segment))).doc().memories),
    ).toEqual([uuid(1)])
    expect(await statusOf(url, {})).toBe(401)
    expect(await statusOf(`${url}?key=third`, {})).toBe(401)
    expect(await statusOf(url, { authorization: 'Bearer first' })).toBe(101)
    expect(await statusOf(url, { 'x-api-key': 'second' })).toBe(101)
    expect(await statusOf(url, { 'x-api-key': 'second', origin: 'https://elsewhere.example' })).toBe(101)
  })

  test('without keys keeps pages of other origins and pointed names out', async () => {
    const { url } = await open()
    expect(await statusOf(url, { origin: 'https://elsewhere.example' })).toBe(403)
    expect(await statusOf(url, { host: 'elsewhere.example' })).toBe(403)
    expect(await statusOf(url, { origin: new URL(url).origin.replace('ws', 'http') })).toBe(101)
  })

  test('says goodbye, then refuses', async () => {
    const { door, raw, url } = await open({ source: createTestSource(2) })
    const client = await raw()
    await door.close()
    expect(await client.closed).toBe('going_away')
    expect(await statusOf(url, {})).toBe(503)
  })
})

const statusOf = (url: string, headers: Readonly<Record<string, string>>): Promise<number> => {
  return new Promise((resolve, reject) => {
    const asked = request(url.replace('ws:', 'http:'), {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        ...headers,
      },
    })
    asked.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve(response.statusCode ?? 0)
    })
    asked.on('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.on('error', reject)
    asked.end()
  })
}
