/** The readers, tried: a list without what its peer acknowledged is found, an answer behind its token too; what is being changed is judged by nobody. */
import { expect, test } from 'vitest'
import type { Answer, Call, Json } from '../local/http.ts'
import { until } from '../local/until.ts'
import { newEntry, textState, told, type Entry } from './ledger.ts'
import type { ChaosPeer } from './peers.ts'
import { startReaders } from './readers.ts'

const SEEN_MS = 15_000
const answering = (body: Json, status = 200): ChaosPeer => {
  const call: Call = async () => ({ status, headers: new Headers(), body }) satisfies Answer
  return { name: 'a', call } as ChaosPeer
}
const stored = (key: string): Entry => {
  const entry = newEntry(key, 'n')
  entry.asked = 2
  told(entry, textState(`${key} text`), 'done', 'a')
  return entry
}
const listing = async (
  entries: readonly Entry[],
  shown: readonly string[],
  forgetful: readonly string[] = [],
): Promise<readonly string[]> => {
  const readings = startReaders(
    [answering({ memories: shown.map((content) => ({ content })), next_cursor: null })],
    'n',
    entries,
    new Set(forgetful),
  )
  if (forgetful.length === 0)
    await until('a list was read', SEEN_MS, async () => (readings.count().lists > 0 ? true : null))
  await readings.stop()
  return readings.partial
}

test('a list without what its peer had acknowledged is partial', async () => {
  expect(await listing([stored('k1'), stored('k2')], ['k1 text'])).toEqual([
    expect.stringMatching(/^a lists 1 memories, of k2 nothing, and had acknowledged text k2 text/),
  ])
  expect(await listing([stored('k1')], ['k1 older'])).toEqual([expect.stringContaining('of k1 "k1 older"')])
  expect(await listing([stored('k1')], ['k1 text', 'k9 text'])).toEqual([])
})

test('what is being changed, or lies on a disk that forgets, is judged by nobody', async () => {
  const changing = stored('k1')
  changing.asked++
  expect(await listing([changing], [])).toEqual([])
  expect(await listing([stored('k1')], [], ['a'])).toEqual([])
})

test('an answer behind its token is stale; a refusal to answer is none', async () => {
  const read = async (body: Json, status: number) => {
    const readings = startReaders([], 'n', [], new Set())
    await readings.byToken(answering(body, status), stored('k1'), 'token')
    await readings.stop()
    return readings.stale.length
  }
  expect(await read({ memory: { content: 'k1 text' } }, 200)).toBe(0)
  expect(await read({ memory: { content: 'k1 older' } }, 200)).toBe(1)
  expect(await read({ error: 'not_found' }, 404)).toBe(1)
  expect(await read({ error: 'not_yet_here' }, 504)).toBe(0)
})
