/**
 * Runs at most `limit` tasks at a time over `items` and yields their results in the items' order.
 *
 * A failing task ends the iteration with its error, once those before it are out; tasks already begun are awaited.
 */
export async function* inOrder<Item, Result>(items: Iterable<Item> | AsyncIterable<Item>, limit: number, task: (item: Item) => Promise<Result>): AsyncGenerator<Result, undefined> {
  const running: Promise<Result>[] = []
  try {
    for await (const item of items) {
      running.push(task(item))
      if (running.length < limit) continue
      const first = running[0]
      if (first !== undefined) yield await first
      running.shift()
    }
    while (running.length > 0) {
      const first = running[0]
      if (first !== undefined) yield await first
      running.shift()
    }
    return undefined
  } finally {
    await Promise.allSettled(running)
  }
}
