/** The harness, tried: one round of a full disk on real peers; and that its judge finds what is wrong. */
import { createServer, type Server } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { callsTo } from '../local/http.ts'
import { playCampaign } from './campaign.ts'
import { check } from './checker.ts'
import { whyNoDisks } from './disk.ts'
import { forgotten, replaced, stored, wordOf, type Entry } from './ledger.ts'
import type { ChaosPeer } from './peers.ts'

/** A machine that runs all tests is slow, which is no violation here; what never heals is. */
const HANG_MS = 60_000

const refusal = whyNoDisks()
if (refusal !== null) process.stderr.write(`SKIPPED: the round on a full disk needs to mount a tmpfs, and that failed: ${refusal}\n`)

test.skipIf(refusal !== null)('a log filled to the last byte under load: refused truly, and with room all equal, writing and searching', async () => {
  const results = await playCampaign({
    faults: ['disk'], rounds: 1, seed: 1, port: null, healedMsMax: HANG_MS, onRound: () => undefined,
    script: [{ kind: 'disk', where: 'log', leftMiB: 0, how: 'mid-flush', restart: false, holdMs: 1_500 }],
  })
  expect(results).toHaveLength(1)
  expect(results[0]).toMatchObject({ proof: expect.stringMatching(/^0\.0 MiB free, [1-9]\d* × 507$/), faults: [] })
  expect(results[0]?.acknowledged).toBeGreaterThan(10)
}, 120_000)

describe('what clients were told, and what is shown', () => {
  const servers: Server[] = []
  afterEach(() => servers.splice(0).forEach((server) => server.close()))

  /** A peer that shows these texts. */
  const showing = async (name: string, contents: readonly string[]): Promise<ChaosPeer> => {
    const memories = contents.map((content, i) => ({ id: `${i}`, content, version: 'v', title: null, tags: [] }))
    const server = createServer((_, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ memories, next_cursor: null })))
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    return { name, call: callsTo(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`) } as ChaosPeer
  }
  const entry = (key: string, presence: Entry['presence']): Entry => ({ key, presence, contents: [`${key} text`], id: null, told: [] })

  test('all as told is no fault', async () => {
    const peers = [await showing('a', ['k1 text', 'k3 text']), await showing('b', ['k1 text', 'k3 text'])]
    expect(await check(peers, [entry('k1', 'must'), entry('k2', 'must not'), entry('k3', 'may'), entry('k4', 'may')])).toEqual({ seen: 2, faults: [] })
  })

  test('lost, doubled, resurrected, another text, another peer, made up, nothing at all: each is found', async () => {
    const faultsOf = async (shown: readonly string[], entries: readonly Entry[], other = shown) => (await check([await showing('a', shown), await showing('b', other)], entries)).faults.join('\n')
    expect(await faultsOf(['k1 text'], [entry('k1', 'must'), entry('k2', 'must')])).toMatch(/k2 was acknowledged and is gone/)
    expect(await faultsOf(['k1 text', 'k1 text'], [entry('k1', 'must')])).toMatch(/k1 is there 2 times/)
    expect(await faultsOf(['k1 text', 'k2 text'], [entry('k1', 'must'), entry('k2', 'must not')])).toMatch(/k2 was refused or forgotten and is there/)
    expect(await faultsOf(['k1 other'], [entry('k1', 'must')])).toMatch(/k1 shows another text/)
    expect(await faultsOf(['k1 text'], [entry('k1', 'must'), entry('k2', 'may')], ['k1 text', 'k2 text'])).toMatch(/b shows other memories than a/)
    expect(await faultsOf(['k1 text', 'k9 text'], [entry('k1', 'must')])).toMatch(/k9 was never written/)
    expect(await faultsOf([], [])).toMatch(/no memory was there[\s\S]*nothing was acknowledged/)
  })

  test('every word is taken for true', () => {
    expect(wordOf(201, {})).toBe('done')
    expect(wordOf(409, {})).toBe('not done')
    expect(wordOf(503, { local_committed: true })).toBe('done')
    expect(wordOf(507, { local_committed: false })).toBe('not done')
    expect(wordOf(507, { local_committed: false, may_be_elsewhere: true })).toBe('unknown')
    expect(wordOf(500, {})).toBe('no word')
    expect(wordOf(null, {})).toBe('unknown')
  })

  test('a refusal after an acknowledgement takes nothing back, and one after silence promises nothing', () => {
    const acked = entry('k', 'must not')
    stored(acked, 'done')
    stored(acked, 'not done')
    expect(acked.presence).toBe('must')
    const unheard = entry('k', 'must not')
    stored(unheard, 'unknown')
    stored(unheard, 'not done')
    expect(unheard.presence).toBe('may')
    replaced(acked, 'new', 'unknown')
    expect(acked.contents).toEqual(['k text', 'new'])
    replaced(acked, 'newest', 'done')
    expect(acked.contents).toEqual(['newest'])
    forgotten(acked, 'not done')
    expect(acked.presence).toBe('must')
    forgotten(acked, 'done')
    expect(acked.presence).toBe('must not')
  })
})
