/** Differences: of versions, line by line; of a namespace between two times, whole by any page size, and the same on every peer. */
import { afterEach, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { applyPatch } from 'diff'
import { createRandom } from '../testing/random.ts'
import { createWorld, type World } from '../testing/world.ts'
import type { AgentId, Namespace, RecordId } from '../../crdt/ids.ts'
import type { Change, MemoryInput } from '../api.ts'
import { lineDiff } from './text-diff.ts'

const agent = 'ai:alice' as AgentId
const NS = 'team/api' as Namespace
const OTHER = 'team/web' as Namespace
let world: World
afterEach(() => world?.stopAll())

const pass = (ms: number): Promise<unknown> =>
  world.run(new Promise<void>((resolve) => void world.time.after(ms, resolve)))
const moment = async (): Promise<string> => {
  await pass(1_000)
  const at = new Date(world.time.now()).toISOString()
  await pass(1_000)
  return at
}
const changes = async (
  peer: number,
  from: string,
  to: string | undefined,
  limit: number,
): Promise<readonly Change[]> => {
  const all: Change[] = []
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page: { readonly rows: readonly Change[]; readonly next_cursor: string | null } = (await world.run(
      world
        .peer(peer)
        .node.diff(
          NS,
          { from, ...(to === undefined ? {} : { to }) },
          { limit, ...(cursor === undefined ? {} : { cursor }) },
        ),
    ))!
    expect(page.rows.length).toBeLessThanOrEqual(limit)
    all.push(...page.rows)
    cursor = page.next_cursor
  }
  return all
}

test('a diff of lines, applied to what was, gives what is; texts that differ by much are shown as replaced', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c d', '', 'ä'), { maxLength: 12 }).map((lines) => lines.join('\n'))
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = lineDiff(before, after)
      expect(lines === '').toBe(before === after)
      if (lines !== '') expect(applyPatch(before, `--- a\n+++ b\n${lines}`)).toBe(after)
    }),
  )
  const many = (word: string): string => Array.from({ length: 3_000 }, (_, n) => `${word} ${n}`).join('\n')
  const replaced = lineDiff(many('old'), many('new')).split('\n')
  expect([
    replaced[0],
    replaced.filter((line) => line.startsWith('-')).length,
    replaced.filter((line) => line.startsWith('+')).length,
  ]).toEqual(['@@ -1,3000 +1,3000 @@', 3_000, 3_000])
})

test(
  'each version of a history says which lines it changed, on whatever page it stands; of what was erased nothing',
  { timeout: 60_000 },
  async () => {
    world = await createWorld({ peers: 1, seed: 31 })
    const { node } = world.peer(0)
    const { id } = (await world.run(
      node.remember(NS, { content: 'one\ntwo\nthree', title: 'numbers' }, { agent, quorum: 1 }),
    ))!
    const steps: readonly MemoryInput[] = [
      { content: 'one\n2\nthree' },
      { title: 'figures' },
      { kind: 'fact' },
      { content: 'one\n2\nthree\nfour', metadata: { unit: 'none' } },
      { title: null },
    ]
    for (const step of steps) await world.run(node.patch(id, step, { agent, quorum: 1 }))
    const diffs = async (limit: number) => {
      const all: (Readonly<Record<string, string>> | undefined)[] = []
      for (let cursor: string | null | undefined; cursor !== null;) {
        const page: Awaited<ReturnType<typeof node.history>> = (await world.run(
          node.history(id, { limit, diff: true, ...(cursor === undefined ? {} : { cursor }) }),
        ))!
        all.push(...page.rows.map(({ diff }) => diff))
        cursor = page.next_cursor
      }
      return all
    }
    const whole = await diffs(100)
    expect(whole.map((diff) => Object.keys(diff!))).toEqual([
      ['title', 'content'],
      ['content'],
      ['title'],
      [],
      ['content', 'metadata'],
      ['title'],
    ])
    expect(whole[1]!['content']).toContain('\n-two\n+2\n')
    expect(applyPatch('one\n2\nthree', `--- a\n+++ b\n${whole[4]!['content']!}`)).toBe('one\n2\nthree\nfour')
    expect(whole[5]!['title']).toContain('-figures')
    for (const limit of [1, 2, 4]) expect(await diffs(limit)).toEqual(whole)
    expect((await world.run(node.history(id, {})))!.rows.some(({ diff }) => diff !== undefined)).toBe(false)
    await world.run(node.forget(id, { agent, erase: true, quorum: 1 }))
    expect((await diffs(100)).map((diff) => Object.keys(diff!).length)).toEqual([0, 0, 0, 0, 0, 0, 0])
  },
)

test(
  'a namespace between two times: what was added, changed and removed, by lists as of both, by any page, on both peers',
  { timeout: 60_000 },
  async () => {
    world = await createWorld({ peers: 2, seed: 32 })
    const random = createRandom(32)
    const draw = (below: number): number => random.bytes(1)[0]! % below
    const ids: RecordId[] = []
    const moments: string[] = [await moment()]
    const put = async (): Promise<void> => {
      const made = await world.run(
        world
          .peer(draw(2))
          .node.remember(
            draw(4) === 0 ? OTHER : NS,
            {
              content: `text ${ids.length}\nsecond line`,
              title: `t${ids.length}`,
              ...(draw(6) === 0 ? { expires_at: new Date(world.time.now() + 5_000).toISOString() } : {}),
            },
            { agent, quorum: 2 },
          ),
      )
      ids.push(made!.id)
    }
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 10; n++) {
        const id = ids[draw(Math.max(1, ids.length))]
        const { node } = world.peer(draw(2))
        const what = draw(6)
        const acting =
          id === undefined || what < 2
            ? put()
            : what < 4
              ? world.run(
                  node.patch(
                    id,
                    what === 2 ? { content: `changed ${round}.${n}\nsecond line` } : { priority: 1 + draw(10) },
                    { agent, quorum: 2 },
                  ),
                )
              : what === 4
                ? world.run(node.forget(id, { agent, erase: draw(3) === 0, quorum: 2 }))
                : world.run(node.restore(id, { agent, quorum: 2 }))
        await acting.catch(() => undefined)
      }
      moments.push(await moment())
    }
    await world.agree()
    const listed = async (as_of: string) =>
      new Map(
        (await world.run(world.peer(0).node.list({ namespace: NS }, { limit: 1000, as_of }, {})))!.rows.map((row) => [
          row.id,
          row,
        ]),
      )
    const seen = { added: 0, changed: 0, removed: 0 }
    for (const [i, from] of moments.entries())
      for (const to of moments.slice(i)) {
        const [before, after] = [await listed(from), await listed(to)]
        const wanted = [...new Set([...before.keys(), ...after.keys()])].filter(
          (id) => before.get(id)?.version !== after.get(id)?.version,
        )
        const whole = await changes(0, from, to, 100)
        expect(new Set(whole.map(({ id }) => id))).toEqual(new Set(wanted))
        expect(whole).toHaveLength(wanted.length)
        for (const { id, change, fields, diff } of whole) {
          expect([id, change]).toEqual([id, before.has(id) ? (after.has(id) ? 'changed' : 'removed') : 'added'])
          const [was, is] = [before.get(id)?.content ?? '', after.get(id)?.content ?? '']
          expect(fields.includes('content')).toBe(
            (before.get(id)?.content ?? null) !== (after.get(id)?.content ?? null),
          )
          if (diff['content'] !== undefined) expect(applyPatch(was, `--- a\n+++ b\n${diff['content']}`)).toBe(is)
          seen[change]++
        }
        expect(await changes(1, from, to, 3)).toEqual(whole)
      }
    for (const [what, many] of Object.entries(seen)) expect(many, what).toBeGreaterThanOrEqual(2)
    expect(await changes(0, moments[0]!, undefined, 2)).toHaveLength(
      (await changes(0, moments[0]!, new Date(world.time.now()).toISOString(), 100)).length,
    )
    await expect(
      world.run(world.peer(0).node.diff(NS, { from: moments[1]!, to: moments[0]! }, {})),
    ).rejects.toMatchObject({ code: 'malformed' })
    await expect(world.run(world.peer(0).node.diff(NS, { from: moments[0]! }, { cursor: 'x' }))).rejects.toMatchObject({
      code: 'malformed',
    })
  },
)
