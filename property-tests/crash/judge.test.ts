/** The judge itself: a loss that nobody tells is found, and so is a byte that was never written. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lay, replace, type Image } from './image.ts'
import { judge, type Expected } from './judge.ts'
import { record, type Recording } from './recording.ts'

let recording: Recording
beforeAll(async () => {
  recording = await record('small', [3, 3])
})
const folders: string[] = []
afterAll(() => folders.forEach((dir) => rmSync(dir, { recursive: true })))

const judged = (image: Image, expected: Partial<Expected>) => {
  const dir = mkdtempSync(join(tmpdir(), 'mnemesh-crash-'))
  folders.push(dir)
  lay(image, dir)
  return judge(dir, { kind: 'small', acknowledged: 6, begun: 6, after: 'damage', ...expected }, true)
}
const after = (batches: number): Image =>
  recording.moments.findLast(({ acknowledged }) => acknowledged === batches)!.image

test('the whole history is whole, and goes on', async () => {
  expect(await judged(after(6), { after: 'crash', exactly: 6 })).toBe('whole')
})

test('a folder rolled back with its mark is a loss that nobody tells', async () => {
  await expect(judged(after(5), {})).rejects.toThrow('5 batches of 6 acknowledged are there, and nothing is said')
})

test('with the mark of the end it is told, which is enough after damage and not after a crash', async () => {
  const image = replace(after(5), 'mark', after(6).get('mark')!)
  expect(await judged(image, {})).toBe('told')
  await expect(judged(image, { after: 'crash' })).rejects.toThrow('after a crash: 5 batches of 6, tail 1')
})

test('bytes of another history are no history', async () => {
  await expect(judged(after(6), { kind: 'large' })).rejects.toThrow(/is not what was written/)
})

test('a folder that does not open must say why, and must open after a crash', async () => {
  const image = replace(after(6), 'db/CURRENT', Buffer.from('junk'))
  const outcome = await judged(image, {}).catch((error: unknown) => error)
  expect(['told', 'refused']).toContain(outcome)
  await expect(judged(image, { after: 'crash' })).rejects.toThrow(/after a crash/)
})

test('a table cut short is nothing to tell of after a crash, unless the manifest is torn too: then both are told, and all is there', async () => {
  const half = replace(after(6), 'db/000099.ldb', Buffer.alloc(300))
  expect(await judged(half, { after: 'crash', exactly: 6 })).toBe('whole')
  const manifest = `db/${after(6).get('db/CURRENT')!.toString().trim()}`
  const record = after(6).get(manifest)!
  const torn = replace(half, manifest, Buffer.concat([record.subarray(0, -4), Buffer.alloc(4, 1)]))
  expect(await judged(torn, { after: 'crash', exactly: 6, mayNeedRepair: true })).toBe('told')
  await expect(judged(torn, { after: 'crash', exactly: 6 })).rejects.toThrow(/unusable.*repaired/)
})
