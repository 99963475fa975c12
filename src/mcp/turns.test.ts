/** Who reads and then writes takes its turn; a failure passes it on, and too many are refused. */
import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

test('of one key one works at a time, in order; of another at once; a failure harms nobody behind it', async () => {
  const turns = createTurns()
  const happened: string[] = []
  const work =
    (name: string, fails = false) =>
    async () => {
      happened.push(`${name} begins`)
      await new Promise((resolve) => setTimeout(resolve, 5))
      happened.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    }
  const all = await Promise.allSettled([
    turns.take('k', work('a', true)),
    turns.take('k', work('b')),
    turns.take('other', work('c')),
  ])
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
  expect(happened.filter((line) => !line.startsWith('c'))).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
  expect(happened.indexOf('c begins')).toBeLessThan(happened.indexOf('a ends'))
})

test('beyond 256 that wait, one is refused, and there is room again afterwards', async () => {
  const turns = createTurns()
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  const waiting = Array.from({ length: 256 }, () => turns.take('k', () => held))
  await expect(turns.take('k', () => held)).rejects.toThrow(/changes wait for their turn/)
  release()
  await Promise.all(waiting)
  expect(await turns.take('k', async () => 1)).toBe(1)
})
