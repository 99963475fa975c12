/** The keys of a collection that only grows, ascending: sorted once, and then only as far as it grew. */
export type SortedKeys<Key extends string> = {
  of(collection: { readonly size: number; keys(): Iterable<Key> }): readonly Key[]
  /** The collection was emptied. */
  clear(): void
}

/** So many new keys are put where they belong one by one; more are sorted with all. */
const INSERTED_MAX = 16

export const createSortedKeys = <Key extends string>(): SortedKeys<Key> => {
  let sorted: Key[] = []
  const insert = (key: Key): void => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sorted[middle]! < key) low = middle + 1
      else high = middle
    }
    sorted.splice(low, 0, key)
  }
  return {
    of: (collection) => {
      if (collection.size === sorted.length) return sorted
      const fresh: Key[] = []
      let skipped = sorted.length
      // A collection gives what came last, last.
      for (const key of collection.keys()) if (--skipped < 0) fresh.push(key)
      if (fresh.length <= INSERTED_MAX) for (const key of fresh) insert(key)
      else sorted = [...sorted, ...fresh].sort()
      return sorted
    },
    clear: () => {
      sorted = []
    },
  }
}
