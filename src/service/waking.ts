/**
 * Questions for rows while the search index's database rests: it is opened and caught up first, and the question is answered then, within
 * `projection_wake_ms`. Reads by id and writes need no rows, and do not wait.
 */
import { limits } from '../../crdt/limits.ts'
import type { Node } from '../api.ts'
import type { LogPlace, ProjectionCursor, Rest } from '../ports/projection.ts'

type Fed = {
  lag(): number
  cursor(): ProjectionCursor | null
  place(): LogPlace
  waitFor(place: LogPlace, ms: number): Promise<boolean>
}

export const wakingFirst = (node: Node, rest: Rest, feed: Fed): Node => {
  const awake = async (): Promise<void> => {
    const wasAway = rest.isResting() || feed.cursor() === null
    // Why it cannot be opened the question itself is told.
    await rest.wake().catch(() => undefined)
    if (wasAway && feed.lag() > 0) await feed.waitFor(feed.place(), limits.projection_wake_ms)
  }
  const first =
    <A, B, R>(ask: (one: A, two: B) => Promise<R>) =>
    async (one: A, two: B): Promise<R> => {
      await awake()
      return ask(one, two)
    }
  const [recall, graph] = [first(node.recall), first(node.graph)]
  return {
    ...node,
    // What was then is read from the log.
    list: (filter, page, options) =>
      (page.as_of === undefined ? awake() : Promise.resolve()).then(() => node.list(filter, page, options)),
    recall: (query, options) => (query.as_of === undefined ? recall(query, options) : node.recall(query, options)),
    graph: (query, options) => (query.as_of === undefined ? graph(query, options) : node.graph(query, options)),
    episodes: first(node.episodes),
    namespaces: (options) => awake().then(() => node.namespaces(options)),
    stats: (options) => awake().then(() => node.stats(options)),
    digests: (options) => awake().then(() => node.digests(options)),
    rebuild: (onProgress) => awake().then(() => node.rebuild(onProgress)),
    forget: async (id, options) => {
      const answer = await node.forget(id, options)
      // The text is to go from the database's files as well, and soon.
      if (options.erase) void rest.wake().catch(() => undefined)
      return answer
    },
  }
}

/** Wakes it when much has come meanwhile, so that the next question need not catch up with all of it. @param from arrivals at the start. */
export const wakeBefore = (
  rest: Rest,
  feed: { cursor(): ProjectionCursor | null },
  onGrown: (listener: (arrivals: number) => void) => () => void,
  from: number,
): (() => void) =>
  onGrown((arrivals) => {
    if (rest.isResting() && arrivals - (feed.cursor()?.arrival ?? from) > limits.projection_rest_arrivals_max)
      void rest.wake().catch(() => undefined)
  })
