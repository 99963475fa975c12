/**
 * Large files in bounded memory: an export of conversations and a CSV that are made as they are read, and nothing of them is kept.
 *
 * A gigabyte by hand: MNEMESH_LARGE_MB=1024 npx vitest run src/cli/import/large.test.ts
 */
import { expect, test } from 'vitest'
import type { FileBytes } from './archive.ts'
import { conversationsSource } from './conversations.ts'
import { csvSource } from './csv.ts'
import type { ImportSource } from './item.ts'

const MEGABYTES = Number(process.env['MNEMESH_LARGE_MB'] ?? 8)
/** What is read ahead of what has come out: chunks under way, whatever the file's size. */
const AHEAD_BYTES_MAX = 1024 ** 2
/** What may be added to what the process has. A small file cannot show it, so what is read ahead is measured as well. */
const ADDED_BYTES_MAX = 200 * 1024 ** 2
const ENTRY_BYTES = 8_000
const long = 'x'.repeat(ENTRY_BYTES)

let pulled = 0
const made = (name: string, head: string, entry: (n: number) => string, tail: string): FileBytes => ({
  name,
  size: MEGABYTES * 1024 ** 2,
  open: () =>
    Promise.resolve(
      (async function* () {
        yield Buffer.from(head)
        for (let n = 0; n * ENTRY_BYTES < MEGABYTES * 1024 ** 2; n++) {
          pulled += ENTRY_BYTES
          yield Buffer.from(entry(n))
        }
        yield Buffer.from(tail)
      })(),
    ),
})

const read = async (
  source: ImportSource,
): Promise<{ readonly memories: number; readonly added: number; readonly ahead: number }> => {
  const before = process.memoryUsage.rss()
  let [memories, added, ahead] = [0, 0, 0]
  pulled = 0
  for await (const item of source.memories()) {
    if (item.kind !== 'memory') throw new Error(item.message)
    memories++
    ahead = Math.max(ahead, pulled - memories * ENTRY_BYTES)
    if (memories % 500 === 0) added = Math.max(added, process.memoryUsage.rss() - before)
  }
  return { memories, added, ahead }
}

const assertBounded = ({ memories, added, ahead }: Awaited<ReturnType<typeof read>>): void => {
  expect(memories).toBeGreaterThan(MEGABYTES * 100)
  expect(ahead).toBeLessThan(AHEAD_BYTES_MAX)
  expect(added).toBeLessThan(ADDED_BYTES_MAX)
}

test('conversations', async () => {
  const file = made(
    'conversations.json',
    '[',
    (n) =>
      `${n === 0 ? '' : ','}${JSON.stringify({ uuid: `k${n}`, name: 'A', chat_messages: [{ uuid: 'm', sender: 'human', text: `${n} ${long}` }] })}`,
    ']',
  )
  assertBounded(await read(conversationsSource([file], new Map())))
})

test('CSV', async () => {
  assertBounded(
    await read(
      csvSource(
        made('a.csv', 'id,text\n', (n) => `${n},"${n} ${long}"\n`, ''),
        ',',
      ),
    ),
  )
})
