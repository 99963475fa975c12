/**
 * Tasks under way together, results in order, failures in their turn.
 */
import { expect, test } from 'vitest'
import { inOrder } from './in-order.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const collect = async <T>(results: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const result of results) all.push(result)
  return all
}

test('the limit is reached and never passed, and order is kept though later ones finish first', async () => {
  let open = 0
  let most = 0
  const results = await collect(
    inOrder([5, 1, 4, 0, 3, 2], 3, async (turns) => {
      most = Math.max(most, ++open)
      for (let i = 0; i < turns; i++) await turn()
      open--
      return turns
    }),
  )
  expect(results).toEqual([5, 1, 4, 0, 3, 2])
  expect(most).toBe(3)
})

test('a failure waits for its turn, and ends it once all that was begun is over', async () => {
  let open = 0
  const begun: number[] = []
  const results = inOrder([0, 1, 2, 3, 4], 2, async (n) => {
    begun.push(n)
    open++
    if (n !== 1) for (let i = 0; i < 5; i++) await turn()
    open--
    if (n === 1) throw new Error('second')
    return n
  })
  const seen: number[] = []
  await expect(
    (async () => {
      for await (const result of results) seen.push(result)
    })(),
  ).rejects.toThrow('second')
  expect([seen, open, begun]).toEqual([[0], 0, [0, 1, 2]])
})
