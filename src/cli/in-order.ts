/**
 * Runs at most `limit` tasks at a time over `items` and yields their results in the items' order.
 *
 * A failing task ends the iteration with its error, once the results before it are out; no task is left running.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  limit: number,
  task: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, undefined> {
  const running: Promise<Result>[] = []
  try {
    for await (const item of items) {
      const begun = task(item)
      // It is awaited in its turn; until then a failure must not count as unhandled.
      begun.catch(() => undefined)
      running.push(begun)
      const first = running.length < limit ? undefined : running.shift()
      if (first !== undefined) yield await first
    }
    for (let first = running.shift(); first !== undefined; first = running.shift()) yield await first
    return undefined
  } finally {
    await Promise.allSettled(running)
  }
}
