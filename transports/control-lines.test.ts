/** Lines of the control log on a link: who is behind asks for what it lacks, in one question a frame; who knows both is asked for neither. */
import { expect, test } from 'vitest'
import { ZERO_HASH, type CommitHash } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { decode } from './decode.ts'
import type { Message } from './messages.ts'
import { createTestWorld, dialRaw, HEARD, type RawPeer } from './test-world.ts'
import { peerOf } from './test-host.ts'

const NOBODYS = 'ab'.repeat(32) as CommitHash
const heardBy = (raw: RawPeer): readonly Message[] =>
  raw.frames.map((frame) => decode(frame, HEARD)).flatMap((decoded) => (decoded.ok ? [decoded.message] : []))
const answerPing = (raw: RawPeer, nowMs: number): void => {
  const ping = heardBy(raw).findLast((message) => message.type === 'ping')
  if (ping !== undefined) raw.say({ type: 'pong', id: ping.id, arrivals: 0, digest: new Uint8Array(16), clock: nowMs })
}
const typesOf = (raw: RawPeer): readonly string[] => heardBy(raw).map(({ type }) => type)

test('MB6 MB7 a line is told where the numbers differ, asked for behind what both hold, and once', () => {
  const world = createTestWorld(['a', 'b'])
  const a = world.add('a')
  const raw = dialRaw(world, 'b', a.url, true)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  world.time.advance(50)
  expect(typesOf(raw)).toEqual(['control'])
  raw.say({ type: 'control', seq: 5 })
  world.time.advance(50)
  // Told by length alone it asks for nothing of the chain.
  expect(typesOf(raw)).toEqual(['control', 'line'])
  raw.say({ type: 'statements', commits: [Uint8Array.of(1)] })
  raw.say({ type: 'line', place: 5, head: NOBODYS, others: [] })
  world.time.advance(50)
  const asked = heardBy(raw).at(-1)
  const { head } = a.host.controlLine()
  expect(asked).toEqual({ type: 'want_line', head: NOBODYS, known: a.host.controlLocator() })
  expect(asked).toMatchObject({ known: expect.arrayContaining([head]) })
  expect([a.mesh.counters()['statements_unasked'], a.received()]).toEqual([1, 0])
  // An answer that leads nowhere: it is not asked again before the line is told anew, and the link does not open.
  raw.say({ type: 'statements', commits: [Uint8Array.of(1), Uint8Array.of(2)] })
  world.time.advance(2_000)
  expect([typesOf(raw).filter((type) => type === 'want_line').length, typesOf(raw).includes('open')]).toEqual([
    1,
    false,
  ])
  raw.say({ type: 'line', place: 5, head: NOBODYS, others: [] })
  world.time.advance(50)
  expect(typesOf(raw).filter((type) => type === 'want_line').length).toBe(2)
  // The answer does not come: it is asked again.
  world.time.advance(11_000)
  expect(typesOf(raw).filter((type) => type === 'want_line').length).toBe(3)
})

test('MB7 MB9 who asks is told what it lacks, from the beginning where nothing is common; whose line is known is opened to', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const a = world.add('a')
  const raw = dialRaw(world, 'b', a.url, true)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  const all = a.parcelsOf(a.host.controlChain, 1, 3).map(({ bytes }) => bytes)
  const hashes = all.map((bytes) => a.host.statementHash(bytes)!)
  for (const known of [[], [NOBODYS], [NOBODYS, hashes[1]!, hashes[0]!], [hashes[2]!]])
    raw.say({ type: 'want_line', head: hashes[2]!, known })
  world.time.advance(50)
  const told = heardBy(raw).flatMap((message) => (message.type === 'statements' ? [message.commits] : []))
  expect(told.map((commits) => commits.length)).toEqual([3, 3, 1, 0])
  expect(told[2]).toEqual([all[2]])
  raw.say({ type: 'line', place: 1, head: ZERO_HASH as CommitHash, others: [] })
  world.time.advance(50)
  expect(typesOf(raw)).toContain('open')
})

test('MB6 a stranger is not closed by the length of its log before it has told its line', () => {
  const world = createTestWorld(['a', 'b'])
  const a = world.add('a')
  const raw = dialRaw(world, 'nobody', a.url, true)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  raw.say({ type: 'control', seq: 2 })
  world.time.advance(500)
  expect([raw.closed(), typesOf(raw)]).toEqual([null, ['control', 'line']])
  raw.say({ type: 'line', place: 2, head: a.host.controlLine().head, others: [] })
  world.time.advance(50)
  expect([raw.closed(), a.host.member(peerOf('nobody'))]).toEqual(['not_enrolled', 'unknown'])
})

test('MB7 on an open link a line to which no answer led is asked for again when control_ms_max has passed', () => {
  const world = createTestWorld(['a', 'b'])
  const a = world.add('a')
  const raw = dialRaw(world, 'b', a.url, true)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  const { place, head } = a.host.controlLine()
  const asked = (): number => typesOf(raw).filter((type) => type === 'want_line').length
  raw.say({ type: 'control', seq: 5 })
  raw.say({ type: 'line', place, head, others: [NOBODYS] })
  world.time.advance(50)
  expect([typesOf(raw).includes('open'), asked()]).toEqual([true, 1])
  raw.say({
    type: 'open',
    epoch: '00',
    arrivals: 0,
    digest: new Uint8Array(16),
    addresses: new Uint8Array(8),
    clock: world.time.now(),
  })
  raw.say({ type: 'statements', commits: [] })
  for (let waitedMs = 0; waitedMs < limits.control_ms_max - 5_000; waitedMs += 5_000) {
    world.time.advance(5_000)
    answerPing(raw, world.time.now())
  }
  expect([raw.closed(), asked()]).toEqual([null, 1])
  for (let n = 0; n < 3; n++) {
    world.time.advance(5_000)
    answerPing(raw, world.time.now())
  }
  expect([raw.closed(), asked()]).toEqual([null, 2])
})
