/**
 * Damaged, deleted and copied folders, and a process that is killed: noticed, named, and mended from the other peers.
 */
import { randomBytes } from 'node:crypto'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { mnemesh } from './command.ts'
import { flipBit } from './disk.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { allEvents, expecting, listIn, objectIn, textIn, type Json } from './http.ts'
import type { Peer } from './peer.ts'
import { until } from './until.ts'

const HEAL_MS = 20_000
/** LevelDB writes its log in blocks of this size, and at damage drops what is left of the block. */
const LOG_BLOCK_BYTES = 32_768

type Written = Json & { readonly content: string }

let fleet: Fleet
let a: Peer
let b: Peer
let c: Peer
beforeAll(async () => {
  fleet = await startFleet()
  a = fleet.peer(0)
  b = fleet.peer(1)
  c = fleet.peer(2)
}, 90_000)
afterAll(() => fleet?.dispose())
/** A test that failed half-way leaves its peers as they were. */
beforeEach(async () => {
  for (const peer of fleet.peers) if (!peer.running()) await peer.start()
  await fleet.linked(fleet.peers)
}, 60_000)

/** Of random bytes, so that no compression hides where it lies. */
const textOf = (what: string, i: number, bytes: number): string =>
  `${what} ${i} ${randomBytes(bytes / 2).toString('hex')}`
const writeOn = (peer: Peer, content: string): Promise<Written> =>
  expecting(201, peer.call('POST', '/memories', { body: { content, namespace: 'damage' } })).then((answer) => ({
    ...answer,
    content,
  }))
/** One commit each, so that one of them lies in the middle. */
const writeEach = async (peer: Peer, count: number, what: string, bytes: number): Promise<readonly Written[]> => {
  const written: Written[] = []
  for (let i = 0; i < count; i++) written.push(await writeOn(peer, textOf(what, i, bytes)))
  return written
}
const verifyFolder = (peer: Peer) => mnemesh(['verify', '--data', peer.dir])
const stopCleanly = async (peer: Peer): Promise<void> => {
  const { code, stderr } = await peer.stop()
  expect(code).toBe(0)
  // What it met and mended stands there too; nothing that failed does.
  expect(stderr).not.toMatch(/^\S+Z error /m)
}
const healed = async (peer: Peer): Promise<void> => {
  let seen = ''
  await until(
    `${peer.name} verifies`,
    HEAL_MS,
    async () => {
      const [health, verified] = [await peer.health(), await expecting(200, peer.call('POST', '/verify'))]
      seen = JSON.stringify([health['reasons'], verified])
      return health['status'] === 'ok' && verified['ok'] === true ? true : null
    },
    () => seen,
  )
}
/** Every memory, by id, is read on `peer` with its text. */
const holds = async (peer: Peer, written: readonly Written[]): Promise<void> => {
  for (const one of written)
    expect(
      objectIn(await expecting(200, peer.call('GET', `/memories/${textIn(one, 'id')}`)), 'memory')['content'],
    ).toBe(one.content)
}

const commitOf = (written: Json): string => textIn(objectIn(written, 'receipt'), 'commit')

type OneBit = {
  readonly what: string
  /** The file in which the commit's record lies. */ readonly file: RegExp
  readonly textBytes: number
  /** Opening moves what the write-ahead log holds into a table. */ readonly lookBefore: boolean
}

const assertNoticedAndMended = async ({ what, file, textBytes, lookBefore }: OneBit): Promise<void> => {
  const written = await writeEach(a, 21, what, textBytes)
  await fleet.agree()
  await stopCleanly(c)
  if (lookBefore) {
    const sound = await verifyFolder(c)
    expect([sound.code, sound.stderr]).toEqual([0, ''])
    expect(sound.stdout).toContain('all is well')
  }
  const victim = written[10]
  if (victim === undefined) throw new Error('the middle one')
  await flipBit(join(c.dir, 'log'), textIn(victim, 'event_id').slice(-12), file)
  // Looking twice changes nothing: what is lost is named until it has come again.
  for (const time of ['once', 'twice']) {
    const found = await mnemesh(['verify', '--data', c.dir, '--json'])
    expect(found.code, time).toBe(1)
    expect(found.stderr.trim().split('\n')).toHaveLength(1)
    expect(textIn(JSON.parse(found.stderr) as Json, 'message')).toMatch(
      /^commit [0-9a-f]{64} \(chain [0-9a-f]{32}, seq \d+\): /,
    )
    // What shared a block or a flush with it is lost with it, and named as well.
    const named = listIn(JSON.parse(found.stdout) as Json, 'problems').map(({ where: place }) => String(place))
    expect(
      named.filter((place) => place.includes(commitOf(victim))),
      named.join('; '),
    ).not.toEqual([])
  }

  await c.start()
  await healed(c)
  await fleet.agree()
  await holds(c, written)
  // It also takes what is written from now on, on top of what was mended.
  const after = await writeEach(a, 2, `${what}, afterwards`, 20)
  await fleet.agree()
  await stopCleanly(c)
  const mended = await verifyFolder(c)
  expect([mended.code, mended.stderr]).toEqual([0, ''])
  await c.start()
  await fleet.agree()
  await holds(c, [...written, ...after])
}

describe('a bit that flips is found by verify, which names the commit, and is mended from the others', () => {
  test(
    'in a table',
    () => assertNoticedAndMended({ what: 'in a table', file: /db\/\d+\.ldb$/, textBytes: 200, lookBefore: true }),
    60_000,
  )
  test(
    'in the write-ahead log, whose end is lost with it',
    () => assertNoticedAndMended({ what: 'near the end', file: /db\/\d+\.log$/, textBytes: 20, lookBefore: false }),
    60_000,
  )
  test(
    'in the write-ahead log, out of whose middle a block is lost',
    () =>
      assertNoticedAndMended({
        what: 'in the middle',
        file: /db\/\d+\.log$/,
        textBytes: LOG_BLOCK_BYTES / 4,
        lookBefore: false,
      }),
    60_000,
  )
})

test('a log that was deleted is fetched again, and the peer goes on under a new incarnation', async () => {
  const before = await writeOn(c, 'before the log was deleted')
  await fleet.agree()
  await stopCleanly(c)
  await rm(join(c.dir, 'log'), { recursive: true })
  await c.start()
  await fleet.linked()
  await fleet.agree()
  const after = await writeOn(c, 'after the log was deleted')
  expect(objectIn(after, 'receipt')['chain']).not.toBe(objectIn(before, 'receipt')['chain'])
  await fleet.agree()
  for (const peer of [a, b, c])
    for (const one of [before, after]) await expecting(200, peer.call('GET', `/memories/${textIn(one, 'id')}`))
  const events = (peer: Peer) =>
    allEvents(peer.call).then((all) => all.map(({ event_id }) => String(event_id)).toSorted())
  expect(await events(c)).toEqual(await events(a))
  await healed(c)
}, 60_000)

test('a copied folder that runs beside the first makes no fork: the others stay equal', async () => {
  await stopCleanly(c)
  const copy = await fleet.place('c-copy')
  await cp(c.dir, copy.dir, { recursive: true })
  await Promise.all([c.start(), copy.start()])
  const [fromFirst, fromCopy] = await Promise.all(
    [c, copy].map((peer) =>
      peer
        .call('POST', '/memories?quorum=1', { body: { content: `by ${peer.name}`, namespace: 'damage' } })
        .then((answer) => expecting(201, Promise.resolve(answer))),
    ),
  )
  expect(objectIn(fromFirst ?? {}, 'receipt')['chain']).not.toBe(objectIn(fromCopy ?? {}, 'receipt')['chain'])
  // Both write under one name, in chains of their own: whatever reaches the others fits together.
  await until('what the copy wrote has come to the others', HEAL_MS, async () =>
    (await a.call('GET', `/memories/${textIn(fromCopy ?? {}, 'id')}`)).status === 200 ? true : null,
  )
  await stopCleanly(copy)
  await fleet.linked([a, b, c])
  await fleet.agree([a, b, c])
  for (const peer of [a, b, c]) {
    expect(await (await fetch(`${peer.url}/metrics`)).text()).toMatch(/^mnemesh_forks_seen 0$/m)
    for (const one of [fromFirst, fromCopy])
      await expecting(200, peer.call('GET', `/memories/${textIn(one ?? {}, 'id')}`))
  }
}, 60_000)

test('killed while it was writing, a peer comes back with everything it acknowledged', async () => {
  const written: Written[] = []
  const writing = (async () => {
    for (;;) {
      const content = `by the killed ${written.length}`
      const answer = await b
        .call('POST', '/memories?quorum=1', { body: { content, namespace: 'damage' } })
        .catch(() => null)
      if (answer === null) return
      expect(answer.status).toBe(201)
      written.push({ ...answer.body, content })
    }
  })()
  await until('b has acknowledged some', HEAL_MS, async () => (written.length >= 10 ? true : null))
  await b.kill()
  await writing
  expect(written.length).toBeGreaterThanOrEqual(10)
  const verified = await verifyFolder(b)
  // Slow machines are told how far it is; an error would say so.
  expect([verified.code, verified.stderr.includes('error')]).toEqual([0, false])
  await b.start()
  await fleet.linked([a, b, c])
  await fleet.agree([a, b, c])
  for (const peer of [a, b, c]) await holds(peer, written)
}, 60_000)
